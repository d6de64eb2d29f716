//! Money: what the wallet holds, how it is filled, and what was paid.

use askama::Template;
use schema::{AccountId, MicroUsd, Result, Timestamp};
use serde::Deserialize;

use super::{
    super::{
        Frame, PageOr,
        shown::{Usd, When},
    },
    cents,
    offers::{self, Choice, Exit, Share, Unlimited},
    seen,
};
use crate::{
    cx::Cx,
    domain::{
        auto_top_up::{Paused, State, View},
        offer::Offers,
        payment::{self, Payment},
    },
    services::{
        accounts, auto_top_up,
        payments::{self, Known},
        subscriptions,
    },
};

/// Payments that the page shows.
const PAYMENT_ROWS: u32 = 20;

/// Where somebody comes back from.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Back {
    /// A checkout at Stripe that is over.
    session_id: Option<String>,
    /// The checkout of a subscription that is over.
    subscribed: Option<String>,
    /// A checkout was left.
    checkout: Option<String>,
    /// Whether a card was left.
    card: Option<String>,
}

/// Something to say above everything else.
struct Note {
    kind: &'static str,
    text: String,
    link: Option<(String, &'static str)>,
}

/// One payment, as a row.
struct Paid {
    at: When,
    what: String,
    price: Usd,
    credit: Usd,
    state: &'static str,
    /// Where it is still to be paid.
    url: Option<String>,
}

struct Auto {
    enabled: bool,
    /// Where it stands, if that is more than on or off.
    said: Option<String>,
    fields: [Field; 3],
}

struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "dashboard/wallet.html")]
pub struct Wallet {
    frame: Frame,
    notes: Vec<Note>,
    username: String,
    balance: Usd,
    held: Usd,
    available: Usd,
    packs: Vec<Choice>,
    unlimited: Option<Unlimited>,
    auto: Option<Auto>,
    share: Option<Share>,
    exit: Option<Exit>,
    payments: Vec<Paid>,
}

pub async fn read(cx: Cx, at: Back) -> Result<PageOr<Wallet>> {
    seen(cx, async |cx, account| wallet(cx, account, &at).await).await
}

async fn wallet(cx: &Cx, account: AccountId, at: &Back) -> Result<Wallet> {
    let mut notes = notes(cx, account, at).await?;
    let offers = offers::of(cx, account).await?;
    let auto = match cx.config.payments() {
        Ok(_) => Some(auto_top_up::read(cx, account).await?),
        Err(_) => None,
    };
    if let Some(view) = &auto {
        notes.extend(to_approve(cx, account, view)?);
    }
    let description = accounts::describe(cx, account).await?;
    let mut payments = payments::list(cx, account, None, PAYMENT_ROWS).await?;
    payments.truncate(usize::try_from(PAYMENT_ROWS).unwrap_or(usize::MAX));
    let wallet = description.wallet;
    // Who has just paid, or comes back from paying, is not asked again.
    let comes_back = at.session_id.is_some() || at.subscribed.is_some();
    Ok(Wallet {
        frame: Frame::of(cx),
        notes,
        username: description.profile.username,
        balance: cents(wallet.balance_micro_usd),
        held: Usd(wallet.held_micro_usd),
        available: cents(wallet.available_micro_usd),
        packs: offers.packs,
        unlimited: offers.unlimited,
        auto: auto.map(|view| auto_of(&view, cx.now)),
        share: offers.share,
        exit: offers.exit.filter(|_| !comes_back),
        payments: payments.into_iter().map(|it| paid_row(&cx.config.offers, it)).collect(),
    })
}

fn paid_row(offers: &Offers, payment: Payment) -> Paid {
    let url = payment.url.filter(|_| payment.state == payment::State::Open);
    // What is offered no more is known by its id.
    let named = |id: String| offers.find(&id).map_or(id, |offer| offer.name.clone());
    Paid {
        at: payment.created_at.into(),
        what: payment.offer.map_or_else(|| "Automatic top-up".to_owned(), named),
        price: Usd(payment.price_usd),
        credit: Usd(payment.credit),
        state: words(payment.state),
        url,
    }
}

/// How a payment stands, for who made it.
const fn words(state: payment::State) -> &'static str {
    match state {
        payment::State::Wished | payment::State::Open => "waits for you",
        payment::State::Processing => "on its way",
        payment::State::Paid => "paid",
        payment::State::Failed => "declined",
        payment::State::Expired => "not paid",
        payment::State::PartlyRefunded => "partly refunded",
        payment::State::Refunded => "refunded",
        payment::State::Disputed => "disputed",
        payment::State::Lost => "taken back",
    }
}

/// What came of what somebody comes back from. A checkout is read at Stripe, as everywhere: the
/// address proves nothing.
async fn notes(cx: &Cx, account: AccountId, at: &Back) -> Result<Vec<Note>> {
    let note = |kind, text: &str| Note { kind, text: text.to_owned(), link: None };
    let mut notes = Vec::new();
    if at.checkout.is_some() {
        notes.push(note("", "Nothing was paid."));
    }
    match at.card.as_deref() {
        Some("kept") => {
            notes.push(note("good", "Your card is kept. The wallet fills itself from now on."))
        }
        Some(_) => notes.push(note("", "No card was kept.")),
        None => {}
    }
    if let Some(session) = &at.session_id {
        notes.push(paid(cx, account, session).await);
    }
    if let Some(session) = &at.subscribed {
        notes.push(match subscriptions::came_back(cx, account, session).await {
            Ok(()) => note("good", "Thank you. What your plan covers stands below."),
            Err(error) => Note { kind: "bad", text: error.message, link: None },
        });
    }
    Ok(notes)
}

async fn paid(cx: &Cx, account: AccountId, session: &str) -> Note {
    let settled = payments::settle_known(cx, account, &Known::Session(session.to_owned())).await;
    let (kind, text) = match settled.map(|settled| settled.payment) {
        Ok(it) if it.problem.is_some() => (
            "bad",
            "Your payment arrived and somebody has to look at it. We will be in touch.".to_owned(),
        ),
        Ok(it) if it.state.was_paid() => {
            let credit = it.credit.dollars_and_cents();
            ("good", format!("Thank you: ${credit} are in your wallet."))
        }
        Ok(it) if it.state == payment::State::Failed => (
            "bad",
            it.failure.unwrap_or_else(|| "The payment was declined. Try another card.".to_owned()),
        ),
        Ok(_) => {
            ("", "Your payment is on its way. The credit appears as soon as it arrives.".to_owned())
        }
        Err(error) => ("bad", error.message),
    };
    let link = kind.is_empty().then(|| ("/wallet".to_owned(), "Look again."));
    Note { kind, text, link }
}

/// A payment of its own that waits for the customer and their bank.
fn to_approve(cx: &Cx, account: AccountId, view: &View) -> Result<Option<Note>> {
    let Some(link) = auto_top_up::approve_url(cx, account, view)? else { return Ok(None) };
    let amount = view.machine.flight().map(|attempt| attempt.price).unwrap_or_default();
    let amount = amount.dollars_and_cents();
    let text = format!("Your bank wants you to approve ${amount} that fill up your wallet.");
    Ok(Some(Note { kind: "warn", text, link: Some((link, "Approve the payment.")) }))
}

/// What is to be known of where it stands.
fn said(view: &View, now: Timestamp) -> Option<String> {
    let why = view.machine.last_failure().unwrap_or("The payment was declined.");
    match view.machine.state(now) {
        State::Idle if !view.has_card => {
            Some("Your card is missing. Save once more to leave one.".to_owned())
        }
        State::Off | State::Idle => None,
        State::Charging => Some("The wallet is being filled.".to_owned()),
        State::NeedsAction => Some("A payment waits for you to approve it.".to_owned()),
        State::Waiting => Some(format!("{why} It is tried again later.")),
        State::Capped => Some("This month's limit is reached.".to_owned()),
        State::Paused if view.machine.paused() == Some(Paused::Operator) => {
            Some("It was stopped by whoever runs this service. Ask them.".to_owned())
        }
        State::Paused => Some(format!("It has stopped. {why} Save once more to let it go on.")),
    }
}

fn auto_of(view: &View, now: Timestamp) -> Auto {
    let terms = view.machine.terms();
    let value =
        |amount: Option<MicroUsd>| amount.map(MicroUsd::dollars_and_cents).unwrap_or_default();
    let field = |name, label, amount| Field { name, label, value: value(amount) };
    Auto {
        enabled: terms.is_some(),
        said: said(view, now),
        fields: [
            field(
                "thresholdUsd",
                "When it falls below (US dollars)",
                terms.as_ref().map(|it| it.threshold),
            ),
            field("targetUsd", "Fill it up to", terms.as_ref().map(|it| it.target)),
            field(
                "monthlyCapUsd",
                "Charge at most in a month",
                terms.as_ref().map(|it| it.monthly_cap),
            ),
        ],
    }
}
