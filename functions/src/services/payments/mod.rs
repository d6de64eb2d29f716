//! Payments: wished, opened at Stripe, and settled. [`settle`] is the one road to credit, whoever
//! takes it: a webhook, a customer who comes back, the sweeper, a wallet that fills itself. It has
//! the account's object read the payment at Stripe and book what the ledger lacks.

mod checkout;
pub mod events;
mod share;
mod sweep;

pub use checkout::{Wanted, checkout, page};
pub use events::{heard, receive};
pub use share::{Shared, claim_share, share};
pub use sweep::sweep;

use schema::{AccountId, Error, PaymentId, Result, admin, time::HOUR_MS};

use super::accounts::unexpected;
use crate::{
    cx::{Cx, fault},
    domain::{
        account::{Command, Outcome},
        payment::{self, Hint, Payment, Settled},
    },
    objects::stub,
    remote::stripe,
    store,
};

/// What a customer knows a payment by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Payment(PaymentId),
    Session(String),
}

/// Settles the payment that a payment at Stripe is, whoever of our customers it belongs to. Nothing
/// for one that is not ours.
pub async fn settle_intent(cx: &Cx, intent: &str) -> Result<Option<Settled>> {
    let owner = match store::payments::of_intent(&cx.env, intent).await? {
        Some(owner) => Some(owner),
        // It may be ours, and not be known by this name yet.
        None => named(cx, intent).await?,
    };
    let Some((account, id)) = owner else { return Ok(None) };
    let hint = Hint { session: None, intent: Some(intent.to_owned()) };
    settle(cx, account, id, hint).await.map(Some)
}

/// Reads a payment at Stripe and books what its state says. What it then is, is noted in the
/// directory.
pub async fn settle(cx: &Cx, account: AccountId, id: PaymentId, hint: Hint) -> Result<Settled> {
    let settled = settle_at(cx, account, id, hint).await?;
    note(cx, &settled.payment, 0).await?;
    Ok(settled)
}

/// The payment that a customer of ours means, settled.
pub async fn settle_known(cx: &Cx, account: AccountId, known: &Known) -> Result<Settled> {
    let id = match known {
        Known::Payment(id) => *id,
        Known::Session(session) => {
            let command = payment::Command::OfSession { session: session.clone() };
            let payment::Outcome::Payment(found) = tell(cx, account, command).await? else {
                return Err(Error::internal("an account has no word for a checkout"));
            };
            found.ok_or_else(|| Error::not_found("checkout", session))?.id
        }
    };
    settle(cx, account, id, Hint::default()).await
}

/// Payments of an account before one, newest first, one more than `limit`.
pub async fn list(
    cx: &Cx,
    account: AccountId,
    before: Option<PaymentId>,
    limit: u32,
) -> Result<Vec<Payment>> {
    match tell(cx, account, payment::Command::List { before, limit }).await? {
        payment::Outcome::Payments(payments) => Ok(payments),
        other => Err(unexpected(&Outcome::Payment(other))),
    }
}

/// Payments of whomever that wait for a person, newest first, one more than `limit`.
pub async fn problems(
    cx: &Cx,
    before: Option<PaymentId>,
    limit: u32,
) -> Result<Vec<admin::Problem>> {
    store::payments::problems(&cx.env, before, limit).await
}

/// Which offers that are there once an account has taken.
pub async fn taken(cx: &Cx, account: AccountId) -> Result<Vec<String>> {
    match tell(cx, account, payment::Command::Taken).await? {
        payment::Outcome::Taken(taken) => Ok(taken),
        other => Err(unexpected(&Outcome::Payment(other))),
    }
}

async fn settle_at(cx: &Cx, account: AccountId, id: PaymentId, hint: Hint) -> Result<Settled> {
    match tell(cx, account, payment::Command::Settle { payment: id, hint }).await? {
        payment::Outcome::Settled(settled) => {
            fault::at("payment:settled");
            Ok(*settled)
        }
        other => Err(unexpected(&Outcome::Payment(other))),
    }
}

/// Notes a payment after so many looks at its state.
async fn note(cx: &Cx, payment: &Payment, looks: u32) -> Result<()> {
    let wait = payment.state.look_again_ms(looks);
    let due_at = wait.map(|ms| cx.now.plus_millis(ms));
    store::payments::note(&cx.env, payment, looks, due_at).await?;
    fault::at("payment:noted");
    Ok(())
}

/// Whose payment a payment at Stripe is, by what we noted on it there.
async fn named(cx: &Cx, intent: &str) -> Result<Option<(AccountId, PaymentId)>> {
    let read = stripe::intent(cx.config.payments()?, intent).await?;
    let Some((account, id)) = payment::ours(&read.metadata) else { return Ok(None) };
    owned(cx, account, id).await
}

/// The same, if the directory says so too.
async fn owned(
    cx: &Cx,
    account: AccountId,
    id: PaymentId,
) -> Result<Option<(AccountId, PaymentId)>> {
    let owner = store::payments::account_of(&cx.env, id).await?;
    Ok(owner.filter(|owner| *owner == account).map(|account| (account, id)))
}

async fn tell(cx: &Cx, account: AccountId, command: payment::Command) -> Result<payment::Outcome> {
    match stub::ask(&cx.env, account, Command::Payment(command)).await? {
        Outcome::Payment(outcome) => Ok(outcome),
        other => Err(unexpected(&other)),
    }
}

/// Milliseconds until what failed so often is tried again: a minute, doubled up to six hours.
fn back_off_ms(tries: u32) -> i64 {
    60_000_i64.saturating_mul(1 << tries.min(16)).min(6 * HOUR_MS)
}
