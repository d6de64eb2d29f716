//! A wish to pay, and the page at Stripe on which it is paid. The wish is written down twice before
//! Stripe hears of it: in the account's object, which decides, and in the directory, by which the
//! sweeper finds it. Whatever fails after that is done again with the same words under the same
//! key.

use schema::{AccountId, Error, PaymentId, Result};

use super::{back_off_ms, payment, settle, tell};
use crate::{
    cx::{self, Cx, fault},
    domain::{
        offer::{Offer, USD},
        payment::{Bargain, Hint, Page, Payment, Purpose, State, Wish},
    },
    services::customers,
    store,
};

/// How often an offer that is there once is wished anew because its last page has run out.
const WISHES_MAX: usize = 3;

/// What a customer wants to pay.
pub struct Wanted {
    /// The offer's id.
    pub offer: String,
    /// A code in lower case; dollars unless told.
    pub currency: Option<String>,
    /// Whether the card may be kept for later.
    pub keep_card: bool,
}

/// Opens a checkout for an offer; again under the same key gives the same one.
pub async fn checkout(cx: &Cx, account: AccountId, wanted: Wanted) -> Result<Payment> {
    let offer = cx.config.offers.find(&wanted.offer).ok_or_else(|| {
        let message = format!("there is no pack `{}`: see `GET /api/v1/plans`", wanted.offer);
        Error::field("plan", message)
    })?;
    cx.config.payments()?;
    let customer = customers::of(cx, account).await?.id;
    let key = cx.idempotency_key.as_ref().map(|key| format!("checkout:{key}"));
    let mut before = None;
    for _ in 0..WISHES_MAX {
        let payment = payment(cx, account, offer, &wanted, &customer)?;
        let own = payment.id;
        let wish = Wish { payment, key: key.clone(), once: offer.is_once() };
        let known = wish_for(cx, account, wish).await?;
        fault::at("wish:written");
        let opened = open(cx, known).await?;
        if opened.id == own {
            return Ok(opened);
        }
        // It was wished before: its page may be paid, or have run out.
        let read = settle(cx, account, opened.id, Hint::default()).await?.payment;
        if read.state == State::Open || before == Some(read.id) {
            return Ok(read);
        }
        before = Some(read.id);
    }
    Err(Error::unavailable("a page runs out faster than it is made"))
}

/// A payment with the page on which it is paid: made when it is first asked for. What became of it
/// is read where there is a page already.
pub async fn page(cx: &Cx, account: AccountId, id: PaymentId) -> Result<Payment> {
    let known = tell(cx, account, payment::Command::Read { payment: id }).await?;
    let payment::Outcome::Payment(Some(known)) = known else {
        return Err(Error::not_found("payment", id));
    };
    if known.session.is_none() {
        return open(cx, *known).await;
    }
    Ok(settle(cx, account, id, Hint::default()).await?.payment)
}

/// The payment as it would be.
fn payment(
    cx: &Cx,
    account: AccountId,
    offer: &Offer,
    wanted: &Wanted,
    customer: &str,
) -> Result<Payment> {
    let currency = wanted.currency.as_deref().unwrap_or(USD);
    let price = cx.config.currencies.price(offer.price_cents, currency).ok_or_else(|| {
        let codes = cx.config.currencies.codes().join(", ");
        Error::field("currency", format!("`{currency}` is not taken here; these are: {codes}"))
    })?;
    let page = Page {
        name: format!("{} {}", cx.config.brand, offer.name),
        customer: customer.to_owned(),
        keep_card: wanted.keep_card,
        origin: cx.origin()?,
    };
    let bargain = Bargain {
        purpose: Purpose::WalletTopup,
        offer: Some(offer.id.clone()),
        price,
        price_usd: schema::MicroUsd::from_cents(offer.price_cents),
        credit: offer.credit(),
    };
    Ok(Payment::wished(cx::new_id(cx.now)?, account, bargain, Some(page), cx.now))
}

async fn wish_for(cx: &Cx, account: AccountId, wish: Wish) -> Result<Payment> {
    match tell(cx, account, payment::Command::Wish(Box::new(wish))).await? {
        payment::Outcome::Payment(Some(payment)) => Ok(*payment),
        other => Err(Error::internal(format!("{other:?} instead of a payment"))),
    }
}

/// Has Stripe make the page of a payment that has none.
async fn open(cx: &Cx, payment: Payment) -> Result<Payment> {
    if payment.session.is_some() {
        return Ok(payment);
    }
    store::payments::add(&cx.env, &payment, cx.now.plus_millis(back_off_ms(1))).await?;
    fault::at("wish:listed");
    let command = payment::Command::Open { payment: payment.id };
    let payment::Outcome::Payment(Some(opened)) = tell(cx, payment.account, command).await? else {
        return Err(Error::internal("an account forgot a payment"));
    };
    fault::at("page:stored");
    super::note(cx, &opened, 0).await?;
    Ok(*opened)
}
