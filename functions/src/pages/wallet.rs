//! A customer's own page: what the wallet holds, how it is filled, and how the CLI is pointed here.

use askama::Template;
use schema::{AccountId, Error, MicroUsd, Result, Timestamp, agent::UsageTransaction};
use serde::Deserialize;

use super::{Frame, Page, PageOr};
use crate::{
    cx::Cx,
    domain::{
        auto_top_up::{Paused, State, View},
        fair_use::Meter,
        offer::Offer,
        payment,
    },
    services::{
        accounts, admission, auto_top_up,
        payments::{self, Known},
        people, setup, subscriptions, wallets,
    },
};

/// Charges that the page shows.
const USAGE_ROWS: u32 = 20;

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

struct Choice {
    id: String,
    label: String,
}

struct Unlimited {
    covers: bool,
    price: String,
    until: String,
    meters: Vec<Used>,
}

struct Used {
    label: String,
    percent: i64,
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
#[template(path = "wallet.html")]
pub struct Wallet {
    frame: Frame,
    name: Option<String>,
    notes: Vec<Note>,
    username: String,
    balance: String,
    held: String,
    available: String,
    packs: Vec<Choice>,
    unlimited: Option<Unlimited>,
    auto: Option<Auto>,
    commands: Vec<(&'static str, String)>,
    usage: Vec<UsageTransaction>,
}

/// Whoever is not signed in signs in first, and comes back.
pub async fn read(cx: Cx, at: Back) -> Result<PageOr<Wallet>> {
    let Some(account) = admission::visitor(&cx).await? else {
        return Ok(PageOr::Go("/sign-in".to_owned()));
    };
    let mut notes = notes(&cx, account, &at).await?;
    let sells = cx.config.payments().is_ok();
    let auto = match sells {
        true => Some(auto_top_up::read(&cx, account).await?),
        false => None,
    };
    if let Some(view) = &auto {
        notes.extend(to_approve(&cx, account, view)?);
    }
    let (person, description) =
        (people::of(&cx, account).await?, accounts::describe(&cx, account).await?);
    let usage = wallets::token_usage(&cx, account, None, USAGE_ROWS).await?;
    let key = people::wallet_key(&cx, account, "shown on the customer's own page").await?;
    let cents = MicroUsd::dollars_and_cents;
    let wallet = description.wallet;
    Ok(PageOr::Page(Page(Wallet {
        frame: Frame::of(&cx),
        name: person.name,
        notes,
        username: description.profile.username,
        balance: cents(wallet.balance_micro_usd),
        held: cents(wallet.held_micro_usd),
        available: cents(wallet.available_micro_usd),
        packs: if sells { packs(&cx, account).await? } else { Vec::new() },
        unlimited: if sells { Some(unlimited(&cx, account).await?) } else { None },
        auto: auto.map(|view| auto_of(&view, cx.now)),
        commands: commands(&cx, &key)?,
        usage: usage.transactions,
    })))
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

async fn packs(cx: &Cx, account: AccountId) -> Result<Vec<Choice>> {
    let taken = payments::taken(cx, account).await?;
    let choice = |offer: &Offer| {
        let price = MicroUsd::from_cents(offer.price_cents).dollars_and_cents();
        let credit = offer.credit().dollars_and_cents();
        let label = if price == credit {
            format!("${price}")
        } else {
            format!("Pay ${price}, get ${credit}")
        };
        Choice { id: offer.id.clone(), label }
    };
    Ok(cx.config.offers.shown(Some(&taken)).map(choice).collect())
}

async fn unlimited(cx: &Cx, account: AccountId) -> Result<Unlimited> {
    let (plan, state) = subscriptions::state(cx, account).await?;
    let used = |meter: &Meter| Used {
        label: format!("In any {}", meter.span.words()),
        percent: meter.basis_points() / 100,
    };
    let ends = state.subscription.as_ref().is_some_and(|it| it.ends_with_period);
    let word = if ends { "Ends" } else { "Paid until" };
    Ok(Unlimited {
        covers: state.covers,
        price: format!("${}", MicroUsd::from_cents(plan.price_cents).dollars_and_cents()),
        until: format!("{word} {}.", state.until.date()),
        meters: state.meters.iter().map(used).collect(),
    })
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

fn commands(cx: &Cx, key: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let cli = setup::with_key(cx, key)?;
    Ok(vec![
        ("Install", cli.official_install_command),
        ("Start, on Linux, macOS and WSL", cli.logged_in_override_command),
        ("Ask once, on Linux, macOS and WSL", cli.logged_in_override_exec_smoke_test_command),
        ("Go on with the last conversation", cli.resume_last_command),
        ("Set up, in PowerShell", cli.windows_setup_command),
        ("Start, in PowerShell", cli.windows_start_command),
    ])
}
