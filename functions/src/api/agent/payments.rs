//! What a customer buys: packs, checkouts, and what became of them.

use schema::{
    Error, MicroUsd, Result,
    agent::{
        Checkout, CheckoutOpened, Confirm, MonthlyPlan, Pack, Payment, Plans, Received, Settled,
        ShareCredit, TopUp,
    },
    page::{Page, PageQuery},
};

use crate::{
    api::{paging, system::Nothing},
    cx::Cx,
    domain::{
        offer::{Offer, USD},
        payment::{self, Purpose},
        unlimited,
    },
    http::{Created, Json, body},
    services::{
        admission,
        payments::{self, Known, Shared, Wanted},
        subscriptions,
    },
};

pub async fn plans(cx: Cx, _: Nothing) -> Result<Json<Plans>> {
    // Who is signed in also sees what is for them alone.
    let taken = match admission::visitor(&cx).await? {
        Some(account) => Some(payments::taken(&cx, account).await?),
        None => None,
    };
    let packs = cx.config.offers.shown(taken.as_deref()).map(pack).collect();
    let currencies = cx.config.currencies.codes().into_iter().map(str::to_owned).collect();
    let price_cents = subscriptions::plan(&cx).await?.price_cents;
    let unlimited = MonthlyPlan {
        id: unlimited::PLAN.to_owned(),
        price_cents,
        price_usd: MicroUsd::from_cents(price_cents).dollars_and_cents(),
    };
    Ok(Json(Plans { packs, currencies, unlimited }))
}

pub async fn checkout(cx: Cx, _: Nothing, body: Checkout) -> Result<Created<CheckoutOpened>> {
    if body.plan == unlimited::PLAN {
        if body.currency.is_some_and(|currency| currency != USD) {
            return Err(Error::field("currency", "this plan is paid in dollars"));
        }
        let session = subscriptions::checkout(&cx, cx.account()?).await?;
        let (url, session_id) = (session.url, Some(session.id));
        return Ok(Created(CheckoutOpened { url, session_id, payment: None }));
    }
    let wanted = Wanted { offer: body.plan, currency: body.currency, keep_card: body.save_card };
    let opened = payments::checkout(&cx, cx.account()?, wanted).await?;
    let (url, session_id) = (opened.url.clone(), opened.session.clone());
    Ok(Created(CheckoutOpened { url, session_id, payment: Some(payment(&opened)) }))
}

pub async fn confirm(cx: Cx, _: Nothing, body: Confirm) -> Result<Json<Settled>> {
    settle(&cx, &Known::Session(body.session_id)).await
}

pub async fn top_up(cx: Cx, _: Nothing, body: TopUp) -> Result<Json<Settled>> {
    let known = match (body.session_id, body.payment_id) {
        (Some(session), None) => Known::Session(session),
        (None, Some(id)) => Known::Payment(id),
        (None, None) | (Some(_), Some(_)) => {
            let message = "send this or `paymentId`: what was paid, never how much";
            return Err(Error::field("sessionId", message));
        }
    };
    settle(&cx, &known).await
}

pub async fn list(cx: Cx, at: PageQuery) -> Result<Json<Page<Payment>>> {
    let rows = payments::list(&cx, cx.account()?, paging::after(&at)?, at.size()).await?;
    let rows = rows.iter().map(payment).collect();
    Ok(Json(Page::of(rows, at.size(), |payment: &Payment| payment.id.to_string())))
}

pub async fn webhook(cx: Cx, request: web_sys::Request) -> Result<Json<Received>> {
    let bytes = body::bytes(&request).await?;
    payments::receive(&cx, &bytes, &cx.header("stripe-signature")).await?;
    Ok(Json(Received { received: true }))
}

pub async fn share(cx: Cx, _: Nothing) -> Result<Json<ShareCredit>> {
    let shared = payments::share(&cx, cx.account()?).await?;
    Ok(Json(share_credit(&shared)))
}

pub async fn claim_share(cx: Cx, _: Nothing, _: Nothing) -> Result<Json<ShareCredit>> {
    let shared = payments::claim_share(&cx, cx.account()?).await?;
    Ok(Json(share_credit(&shared)))
}

async fn settle(cx: &Cx, known: &Known) -> Result<Json<Settled>> {
    let settled = payments::settle_known(cx, cx.account()?, known).await?;
    let it = &settled.payment;
    let credited = it.state.was_paid() && it.problem.is_none();
    Ok(Json(Settled { credited, payment: payment(it), wallet: settled.wallet }))
}

/// A payment as its customer sees it.
pub fn payment(it: &payment::Payment) -> Payment {
    Payment {
        id: it.id,
        state: it.state.as_str().to_owned(),
        plan: it.offer.clone(),
        automatic: it.purpose == Purpose::AutoTopup,
        amount: it.price.amount,
        currency: it.price.currency.clone(),
        credit_micro_usd: it.credit,
        refunded_amount: it.refunded,
        disputed_amount: it.disputed,
        failure: it.failure.clone(),
        in_review: it.problem.is_some(),
        created_at: it.created_at.to_string(),
    }
}

fn pack(offer: &Offer) -> Pack {
    Pack {
        id: offer.id.clone(),
        name: offer.name.clone(),
        price_cents: offer.price_cents,
        price_usd: MicroUsd::from_cents(offer.price_cents).dollars_and_cents(),
        credit_micro_usd: offer.credit(),
        credit_usd: offer.credit().dollars_and_cents(),
        audience: offer.audience.as_str().to_owned(),
    }
}

fn share_credit(shared: &Shared) -> ShareCredit {
    ShareCredit {
        amount_micro_usd: shared.amount,
        amount_usd: shared.amount.dollars_and_cents(),
        available: shared.claimed_at.is_none() && shared.amount > MicroUsd::ZERO,
        claimed_at: shared.claimed_at.map(|at| at.to_string()),
        replayed: shared.replayed,
        wallet: shared.wallet.clone(),
    }
}
