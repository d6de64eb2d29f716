//! What an account's object may be told about its payments, and what it answers.

use schema::{Code, Error, PaymentId, Result, Timestamp, agent::Wallet};
use serde::{Deserialize, Serialize};

use super::{Payment, State};

/// What an account's object may be told about its payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Writes a wish down, before Stripe hears of it.
    Wish(Box<Wish>),
    /// Has Stripe make the page on which a payment is paid, if there is none.
    Open { payment: PaymentId },
    /// Reads a payment at Stripe and books what is missing.
    Settle { payment: PaymentId, hint: Hint },
    /// One payment.
    Read { payment: PaymentId },
    /// The payment of a checkout.
    OfSession { session: String },
    /// Payments before one, newest first.
    List { before: Option<PaymentId>, limit: u32 },
    /// Which offers that are there once have been taken.
    Taken,
    /// Whether the share credit was claimed.
    Share,
    /// Credits it, once.
    ClaimShare { amount: schema::MicroUsd },
}

/// What somebody wants to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// As it would be; it is another if the same was wished before.
    pub payment: Payment,
    /// The `Idempotency-Key` that came with it.
    pub key: Option<String>,
    /// Whether an account may take the offer once only.
    pub once: bool,
}

/// Where to look for a payment at Stripe, besides what is known of it. Nothing of it is believed
/// before what is found there says the same.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hint {
    pub session: Option<String>,
    pub intent: Option<String>,
}

/// What came of such a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Payment(Option<Box<Payment>>),
    Settled(Box<Settled>),
    Payments(Vec<Payment>),
    Taken(Vec<String>),
    Share { claimed_at: Option<Timestamp>, wallet: Wallet, replayed: bool },
}

/// A payment as Stripe last said that it is, and the wallet with all that follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    pub payment: Payment,
    pub wallet: Wallet,
}

impl Hint {
    /// Whether all of it is known of the payment.
    pub fn says_nothing_new(&self, known: &Payment) -> bool {
        let same = |hint: &Option<String>, known: &Option<String>| hint.is_none() || hint == known;
        same(&self.session, &known.session) && same(&self.intent, &known.intent)
    }
}

impl Wish {
    /// What becomes of a wish: the payment that was wished before, or nothing, and it is new. A key
    /// names one wish for ever; what may be taken once is paid once.
    pub fn meet(&self, keyed: Option<&Payment>, of_offer: &[Payment]) -> Result<Option<Payment>> {
        if let Some(known) = keyed {
            if known.is_again(&self.payment) {
                return Ok(Some(known.clone()));
            }
            let message = "This Idempotency-Key has been used for another payment. Send a new one.";
            return Err(Error::new(Code::IdempotencyKeyReused, message));
        }
        if !self.once {
            return Ok(None);
        }
        if of_offer.iter().any(|it| it.state.was_paid() || it.state == State::Processing) {
            let message = "You have taken this offer; it is there once. Choose a pack instead.";
            return Err(Error::new(Code::Conflict, message));
        }
        let open = |it: &&Payment| matches!(it.state, State::Wished | State::Open);
        Ok(of_offer.iter().find(open).cloned())
    }
}
