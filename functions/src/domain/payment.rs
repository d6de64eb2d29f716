//! A payment from the wish to the end of every dispute, and THE decision of what a wallet gets for
//! it: what Stripe says of a payment now, less what the ledger has booked for it.
//!
//! An event is a hint to read again; a reading says everything. So a decision never adds up events:
//! it books the difference between what should be booked and what is. The same reading twice books
//! nothing the second time, and whatever was missed on the way is in the next reading.

use std::collections::HashMap;

use schema::{
    AccountId, MicroUsd, PaymentId, Timestamp,
    stripe::{CheckoutSession, IntentStatus, PaymentIntent, PaymentStatus, SessionStatus},
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

use super::{ledger, offer::Money};

mod command;
#[cfg(test)]
mod tests;

pub use command::{Command, Hint, Outcome, Settled, Wish};

/// What a payment is for; also the word that stands in the metadata of what we make at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A customer bought credit.
    WalletTopup,
    /// Their wallet did so by itself.
    AutoTopup,
}

impl Purpose {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WalletTopup => "wallet_topup",
            Self::AutoTopup => "auto_topup",
        }
    }
}

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Written down, and not known to be at Stripe.
    Wished,
    /// At Stripe, and waits for the customer.
    Open,
    /// The bank takes days.
    Processing,
    /// The money came.
    Paid,
    /// It was refused. A later try may succeed.
    Failed,
    /// It cannot be paid any more.
    Expired,
    /// Some of the money went back.
    PartlyRefunded,
    /// All of it went back.
    Refunded,
    /// The customer's bank holds it back.
    Disputed,
    /// The customer's bank has taken it for good.
    Lost,
}

impl State {
    /// As it is shown and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wished => "wished",
            Self::Open => "open",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::PartlyRefunded => "partly_refunded",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::Lost => "lost",
        }
    }

    /// Whether money came, whatever became of it.
    pub const fn was_paid(self) -> bool {
        match self {
            Self::Paid | Self::PartlyRefunded | Self::Refunded | Self::Disputed | Self::Lost => {
                true
            }
            Self::Wished | Self::Open | Self::Processing | Self::Failed | Self::Expired => false,
        }
    }

    /// Milliseconds until it is worth another look though nobody said anything, after so many looks
    /// that found it in this state. What waits is looked at within minutes and then ever more
    /// rarely, for longer than any page of Stripe's stays open; what was paid may go back for
    /// months. Nothing once no more is to be expected.
    pub fn look_again_ms(self, looks: u32) -> Option<i64> {
        const MINUTE_MS: i64 = 60_000;
        let doubled = |first: i64| first.saturating_mul(1 << looks.min(16));
        match self {
            // Two minutes, doubled up to six hours: twelve days in all.
            Self::Wished | Self::Open | Self::Processing | Self::Failed => {
                (looks < 56).then(|| doubled(2 * MINUTE_MS).min(6 * HOUR_MS))
            }
            // A day, doubled up to 64: 127 days.
            Self::Paid | Self::PartlyRefunded | Self::Refunded | Self::Lost => {
                (looks < 7).then(|| doubled(DAY_MS))
            }
            // A dispute ends within months; one look a day at most.
            Self::Disputed => (looks < 180).then(|| doubled(HOUR_MS).min(DAY_MS)),
            Self::Expired => (looks < 2).then(|| doubled(DAY_MS)),
        }
    }
}

/// A payment as its account's object keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub account: AccountId,
    pub purpose: Purpose,
    /// The offer that was taken, where it was one.
    pub offer: Option<String>,
    /// What is to be paid.
    pub price: Money,
    /// The same in dollars.
    pub price_usd: MicroUsd,
    /// What the wallet gets for it.
    pub credit: MicroUsd,
    /// The page on which it is paid, where a customer pays it.
    #[serde(default)]
    pub page: Option<Page>,
    /// The checkout, once Stripe has made it.
    pub session: Option<String>,
    /// Where the customer pays.
    pub url: Option<String>,
    /// Stripe's payment, once there is one.
    pub intent: Option<String>,
    pub state: State,
    /// What went back, in the price's currency.
    #[serde(default)]
    pub refunded: i64,
    /// What the customer's bank holds back or has taken, in the price's currency.
    #[serde(default)]
    pub disputed: i64,
    /// Why the last try was refused.
    #[serde(default)]
    pub failure: Option<String>,
    /// Why a person has to look: nothing is credited by a guess.
    #[serde(default)]
    pub problem: Option<String>,
    pub created_at: Timestamp,
    /// When Stripe was last read.
    #[serde(default)]
    pub read_at: Option<Timestamp>,
}

/// What is wished: so much paid for so much credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bargain {
    pub purpose: Purpose,
    /// The offer that is taken, where it is one.
    pub offer: Option<String>,
    pub price: Money,
    /// The same in dollars.
    pub price_usd: MicroUsd,
    pub credit: MicroUsd,
}

impl Payment {
    /// A payment that Stripe has not heard of.
    pub fn wished(
        id: PaymentId,
        account: AccountId,
        bargain: Bargain,
        page: Option<Page>,
        now: Timestamp,
    ) -> Self {
        let Bargain { purpose, offer, price, price_usd, credit } = bargain;
        Self {
            id,
            account,
            purpose,
            offer,
            price,
            price_usd,
            credit,
            page,
            session: None,
            url: None,
            intent: None,
            state: State::Wished,
            refunded: 0,
            disputed: 0,
            failure: None,
            problem: None,
            created_at: now,
            read_at: None,
        }
    }

    /// Whether this is the same wish.
    fn is_again(&self, other: &Self) -> bool {
        let keeps = |it: &Self| it.page.as_ref().map(|page| page.keep_card);
        (self.purpose, &self.offer, &self.price.currency, keeps(self))
            == (other.purpose, &other.offer, &other.price.currency, keeps(other))
    }
}

/// What a checkout is made with. It is kept, so that asking Stripe for it again asks for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// What the customer reads that they pay for.
    pub name: String,
    /// The customer at Stripe.
    pub customer: String,
    /// Whether their card is kept for later.
    pub keep_card: bool,
    /// Where they come back to: `https://…`.
    pub origin: String,
}

/// The names under which we note things on what we make at Stripe.
pub mod note {
    pub const ACCOUNT: &str = "account_id";
    pub const PAYMENT: &str = "payment_id";
    pub const PURPOSE: &str = "purpose";
}

/// What we note on what we make at Stripe, so that it is known again.
pub fn metadata(account: AccountId, payment: PaymentId, purpose: Purpose) -> Vec<(String, String)> {
    let note = |name: &str, value: String| (name.to_owned(), value);
    vec![
        note(note::ACCOUNT, account.to_string()),
        note(note::PAYMENT, payment.to_string()),
        note(note::PURPOSE, purpose.as_str().to_owned()),
    ]
}

/// Whose payment something at Stripe is, by what we noted on it; nothing for what is not ours.
pub fn ours(metadata: &HashMap<String, String>) -> Option<(AccountId, PaymentId)> {
    let account = metadata.get(note::ACCOUNT)?.parse().ok()?;
    Some((account, metadata.get(note::PAYMENT)?.parse().ok()?))
}

/// What Stripe says of one payment, read at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    pub session: Option<CheckoutSession>,
    pub intent: Option<PaymentIntent>,
}

/// What the ledger has for a payment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Booked {
    /// The credit, if it was given.
    pub credit: Option<MicroUsd>,
    /// What was taken back for refunds, below zero, and by how many rows.
    pub refunds: (MicroUsd, u32),
    /// The same for disputes.
    pub disputes: (MicroUsd, u32),
}

/// A row of the ledger to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub kind: ledger::Kind,
    /// What is never booked twice.
    pub source: String,
    pub amount: MicroUsd,
    pub note: String,
}

/// What follows from a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The payment as it is now.
    pub payment: Payment,
    /// What the ledger lacks.
    pub rows: Vec<Row>,
}

/// What a source of a payment's rows begins with.
pub fn source(intent: &str) -> String {
    format!("stripe:{intent}")
}

/// The payment at Stripe that a row of the ledger is of, by the row's source.
pub fn intent_of(source: &str) -> Option<&str> {
    source.strip_prefix("stripe:")?.split(':').next()
}

impl Booked {
    /// Takes a row of the ledger into account, by its source.
    pub fn add(&mut self, intent: &str, row_source: &str, amount: MicroUsd) {
        let Some(rest) = row_source.strip_prefix(&source(intent)) else { return };
        let mut parts = rest.split(':');
        let sum = match (parts.next(), parts.next()) {
            (Some(""), None) => return self.credit = Some(amount),
            (Some(""), Some("refund")) => &mut self.refunds,
            (Some(""), Some("dispute")) => &mut self.disputes,
            // Another payment, whose identifier only begins as this one's.
            _ => return,
        };
        *sum = (sum.0.plus(amount), sum.1 + 1);
    }
}

impl Payment {
    /// What follows from a reading, for a ledger that has booked so much.
    pub fn decide(&self, booked: &Booked, reading: &Reading, now: Timestamp) -> Decision {
        let mut payment = self.clone();
        payment.read_at = Some(now);
        let ours =
            |session: &&CheckoutSession| ours(&session.metadata) == Some((self.account, self.id));
        if let Some(session) = reading.session.as_ref().filter(ours) {
            payment.session = Some(session.id.clone());
            payment.url.clone_from(&session.url);
        }
        payment.problem = self.problem(reading);
        let Some(intent) = reading.intent.as_ref() else {
            payment.state = without_intent(reading.session.as_ref(), self.state);
            return Decision { payment, rows: Vec::new() };
        };
        if !self.owns(intent) {
            return Decision { payment, rows: Vec::new() };
        }
        payment.intent = Some(intent.id.clone());
        payment.state = with_intent(intent, reading.session.as_ref(), &self.price);
        payment.refunded = intent.refunded();
        payment.disputed = intent.contested().saturating_add(intent.lost());
        payment.failure = failure(intent).filter(|_| !payment.state.was_paid());
        let earned = payment.state.was_paid() && payment.problem.is_none();
        if !earned && booked.credit.is_none() {
            return Decision { payment, rows: Vec::new() };
        }
        let rows = rows(&payment, booked, &intent.id);
        Decision { payment, rows }
    }

    /// Whether an intent says that it is this payment, and no other was this payment before.
    fn owns(&self, intent: &PaymentIntent) -> bool {
        let known = self.intent.as_ref().is_none_or(|known| *known == intent.id);
        known && ours(&intent.metadata) == Some((self.account, self.id))
    }

    /// Why this is not the payment that was wished, if it is not.
    fn problem(&self, reading: &Reading) -> Option<String> {
        if let Some(session) = &reading.session
            && reading.intent.is_none()
            && session.status == Some(SessionStatus::Complete)
            && session.payment_status == PaymentStatus::NoPaymentRequired
        {
            return Some("The checkout was completed without a payment.".to_owned());
        }
        let intent = reading.intent.as_ref()?;
        if !self.owns(intent) {
            return Some(format!("{} came, and does not say that it is this payment.", intent.id));
        }
        let Money { amount, currency } = &self.price;
        if intent.currency != *currency {
            let (other, came) = (&intent.currency, intent.amount_received);
            return Some(format!("{came} {other} came, and {amount} {currency} was the price."));
        }
        if intent.status == IntentStatus::Succeeded && intent.amount_received != *amount {
            let came = intent.amount_received;
            return Some(format!("{came} {currency} came, and {amount} was the price."));
        }
        None
    }
}

/// The part of a credit that goes with a part of its price, rounded half up to a micro-dollar. It
/// is always taken of the sum so far, so that parts add up to the whole: however many refunds there
/// were, all of the price takes all of the credit.
fn share(credit: MicroUsd, part: i64, price: i64) -> MicroUsd {
    let (price, part) = (i128::from(price.max(1)), i128::from(part.clamp(0, price.max(0))));
    let shared = (i128::from(credit.micros()) * part * 2 + price) / (price * 2);
    i64::try_from(shared).map_or(credit, MicroUsd::new)
}

/// What the ledger lacks. Refunds come first; what a dispute takes is what is left beyond them, so
/// that the same money is never taken for both.
fn rows(payment: &Payment, booked: &Booked, intent: &str) -> Vec<Row> {
    let price = payment.price.amount;
    let credit = booked.credit.unwrap_or(payment.credit);
    let refunded = share(credit, payment.refunded, price);
    let gone = share(credit, payment.refunded.saturating_add(payment.disputed), price);
    let mut rows = Vec::new();
    if booked.credit.is_none() {
        let note = match &payment.offer {
            Some(offer) => format!("paid: {offer}"),
            None => "paid".to_owned(),
        };
        let (kind, source) = (ledger::Kind::Credit, source(intent));
        rows.push(Row { kind, source, amount: credit, note });
    }
    let mut correct = |why: &str, wanted: MicroUsd, (sum, count): (MicroUsd, u32), note: &str| {
        let amount = wanted.minus(sum);
        if amount != MicroUsd::ZERO {
            let source = format!("{}:{why}:{}", source(intent), count + 1);
            let (kind, note) = (ledger::Kind::Correction, note.to_owned());
            rows.push(Row { kind, source, amount, note });
        }
    };
    let back =
        if refunded < booked.refunds.0.negated() { "a refund came back" } else { "refunded" };
    correct("refund", refunded.negated(), booked.refunds, back);
    let taken = gone.minus(refunded).negated();
    let why = match payment.state {
        State::Lost => "the payment's dispute was lost",
        _ if taken < booked.disputes.0 => "the payment is disputed",
        _ => "the payment's dispute was won",
    };
    correct("dispute", taken, booked.disputes, why);
    rows
}

/// How far a payment is of which Stripe has no intent, or none yet.
fn without_intent(session: Option<&CheckoutSession>, before: State) -> State {
    match session.map(|session| session.status) {
        None => before,
        Some(Some(SessionStatus::Expired)) => State::Expired,
        Some(_) => State::Open,
    }
}

fn with_intent(intent: &PaymentIntent, session: Option<&CheckoutSession>, price: &Money) -> State {
    let waiting = || match session.and_then(|session| session.status) {
        Some(SessionStatus::Expired) => State::Expired,
        Some(SessionStatus::Open) => State::Open,
        _ if intent.last_payment_error.is_some() => State::Failed,
        _ => State::Open,
    };
    match intent.status {
        IntentStatus::Succeeded => paid(intent, price),
        IntentStatus::Processing => State::Processing,
        IntentStatus::Canceled => match session.and_then(|session| session.status) {
            Some(SessionStatus::Expired) => State::Expired,
            _ => State::Failed,
        },
        IntentStatus::RequiresPaymentMethod
        | IntentStatus::RequiresConfirmation
        | IntentStatus::RequiresAction
        | IntentStatus::RequiresCapture
        | IntentStatus::Unknown => waiting(),
    }
}

fn paid(intent: &PaymentIntent, price: &Money) -> State {
    match (intent.lost() > 0, intent.contested() > 0, intent.refunded()) {
        (true, _, _) => State::Lost,
        (_, true, _) => State::Disputed,
        (_, _, back) if back >= price.amount => State::Refunded,
        (_, _, back) if back > 0 => State::PartlyRefunded,
        _ => State::Paid,
    }
}

/// Why the last try was refused, in the bank's words.
fn failure(intent: &PaymentIntent) -> Option<String> {
    let error = intent.last_payment_error.as_ref()?;
    let word = error.decline_code.clone().or_else(|| error.code.clone());
    error.message.clone().or(word).or_else(|| Some("the payment was refused".to_owned()))
}
