//! What a customer is offered: packs, the plan, credit for sharing, and a last word for who leaves.

use schema::{AccountId, MicroUsd, Result};

use super::super::shown::Usd;
use crate::{
    cx::Cx,
    domain::{
        fair_use::Meter,
        offer::{Audience, Offer},
    },
    services::{payments, subscriptions},
};

/// All of it; nothing where nothing is sold.
#[derive(Default)]
pub struct Offers {
    pub packs: Vec<Choice>,
    pub unlimited: Option<Unlimited>,
    pub share: Option<Share>,
    pub exit: Option<Exit>,
}

pub struct Choice {
    pub id: String,
    pub price: String,
    pub credit: String,
}

/// How the account stands with the plan.
pub struct Unlimited {
    pub covers: bool,
    pub price: String,
    pub until: String,
    pub fallback: bool,
    pub meters: Vec<Used>,
}

/// A window of fair use.
pub struct Used {
    pub label: String,
    pub percent: i64,
    pub resets_at: String,
}

/// Credit for telling others, once.
pub struct Share {
    pub amount: String,
}

/// Shown once to who is about to leave.
pub struct Exit {
    pub id: String,
    pub price: String,
    pub credit: String,
}

pub async fn of(cx: &Cx, account: AccountId) -> Result<Offers> {
    let share = share(cx, account).await?;
    if cx.config.payments().is_err() {
        return Ok(Offers { share, ..Offers::default() });
    }
    let taken = payments::taken(cx, account).await?;
    let shown: Vec<&Offer> = cx.config.offers.shown(Some(&taken)).collect();
    let is_exit = |offer: &&&Offer| offer.audience == Audience::Exit;
    let exit = shown.iter().find(is_exit).map(|offer| {
        let Choice { id, price, credit } = choice(offer);
        Exit { id, price, credit }
    });
    let packs = shown.iter().filter(|offer| !is_exit(offer)).map(|offer| choice(offer)).collect();
    let unlimited = Some(unlimited(cx, account).await?);
    Ok(Offers { packs, unlimited, share, exit })
}

fn choice(offer: &Offer) -> Choice {
    let price = Usd(MicroUsd::from_cents(offer.price_cents)).to_string();
    Choice { id: offer.id.clone(), price, credit: Usd(offer.credit()).to_string() }
}

async fn share(cx: &Cx, account: AccountId) -> Result<Option<Share>> {
    let shared = payments::share(cx, account).await?;
    let open = shared.amount > MicroUsd::ZERO && shared.claimed_at.is_none();
    Ok(open.then(|| Share { amount: Usd(shared.amount).to_string() }))
}

async fn unlimited(cx: &Cx, account: AccountId) -> Result<Unlimited> {
    let (plan, state) = subscriptions::state(cx, account).await?;
    let used = |meter: &Meter| Used {
        label: format!("In any {}", meter.span.words()),
        percent: meter.basis_points() / 100,
        resets_at: schema::Timestamp::from_millis(meter.resets_at.saturating_mul(1_000))
            .to_second(),
    };
    let ends = state.subscription.as_ref().is_some_and(|it| it.ends_with_period);
    let word = if ends { "Ends" } else { "Paid until" };
    Ok(Unlimited {
        covers: state.covers,
        price: Usd(MicroUsd::from_cents(plan.price_cents)).to_string(),
        until: format!("{word} {}.", state.until.date()),
        fallback: state.fallback,
        meters: state.meters.iter().map(used).collect(),
    })
}
