//! Reconciliation: three books kept by different hands are laid side by side. What was wished and
//! booked here, what Stripe says of the money, and what was used. A difference is written down with
//! its reason and never mended here: what mends books must not be what checks them.

use std::collections::BTreeMap;

use schema::{
    AccountId, MicroUsd, PaymentId, Timestamp,
    stripe::{IntentStatus, PaymentIntent},
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

use super::payment::{Booked, Payment};

mod run;
#[cfg(test)]
mod tests;

pub use run::{Phase, Run};

/// How long a day is left alone after its end: webhooks, the sweeper and sums come late.
pub const LAG_MS: i64 = HOUR_MS;
/// How far back payments and refunds are looked at: a bank may take a fortnight.
pub const LOOK_BACK_MS: i64 = 15 * DAY_MS;
/// How far back disputes are looked at: they last for months.
pub const DISPUTES_BACK_MS: i64 = 180 * DAY_MS;

/// Why two books differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The ledger has a credit, and Stripe no money.
    CreditWithoutPayment,
    /// Stripe has the money, and the ledger no credit.
    PaymentWithoutCredit,
    /// The credit is another than was promised.
    CreditDiffers,
    /// What went back to the customer, and what was taken from the wallet for it.
    RefundDiffers,
    /// What the customer's bank took or holds back, and what was taken from the wallet for it.
    DisputeDiffers,
    /// The directory's sum of an hour, and the rows that it is of.
    UsageDiffers,
}

impl Reason {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreditWithoutPayment => "credit_without_payment",
            Self::PaymentWithoutCredit => "payment_without_credit",
            Self::CreditDiffers => "credit_differs",
            Self::RefundDiffers => "refund_differs",
            Self::DisputeDiffers => "dispute_differs",
            Self::UsageDiffers => "usage_differs",
        }
    }
}

/// Two books differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub reason: Reason,
    pub account: AccountId,
    /// A payment at Stripe, or an hour with its model and route.
    pub subject: String,
    /// What it should be.
    pub expected: MicroUsd,
    /// What it is.
    pub found: MicroUsd,
    /// What a person should know to mend it.
    pub detail: String,
}

/// What one hour's calls of a model on a route came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSum {
    pub hour: i64,
    pub model: String,
    pub route: String,
    pub requests: i64,
    pub input: i64,
    pub output: i64,
    pub charged: i64,
}

/// What an account's object is asked for its books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Payments that were credited, and what was used, from one moment to before another.
    Books { from: Timestamp, until: Timestamp },
    /// What was wished and what was booked for a payment at Stripe.
    Payment { intent: String, payment: Option<PaymentId> },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Books { intents: Vec<String>, usage: Vec<UsageSum> },
    Payment { wish: Option<Box<Payment>>, rows: Vec<(String, MicroUsd)> },
}

/// The three books of one payment.
#[derive(Debug, Clone, Copy)]
pub struct Books<'a> {
    pub account: AccountId,
    /// Stripe's name of the payment.
    pub intent: &'a str,
    /// What was promised for it.
    pub wish: Option<&'a Payment>,
    /// What the ledger has.
    pub booked: &'a Booked,
    /// What Stripe says; nothing if it knows of no such payment.
    pub stripe: Option<&'a PaymentIntent>,
}

impl Books<'_> {
    /// Where the books differ; nowhere, if all is well.
    pub fn differences(&self) -> Vec<Difference> {
        let Self { wish, booked, stripe, .. } = *self;
        let came = stripe.filter(|it| it.status == IntentStatus::Succeeded);
        match (came, booked.credit) {
            (None, None) => Vec::new(),
            (None, Some(credit)) => {
                let said = match stripe.map(|it| it.status) {
                    Some(status) => format!("Stripe says that it is {}.", word(status)),
                    None => "Stripe knows of no such payment.".to_owned(),
                };
                vec![self.differ(Reason::CreditWithoutPayment, MicroUsd::ZERO, credit, said)]
            }
            (Some(intent), None) => {
                let (received, currency) = (intent.amount_received, &intent.currency);
                let promised = wish.map(|wish| wish.credit);
                let why = wish.and_then(|wish| wish.problem.clone());
                let why = why.unwrap_or_else(|| "Nothing was credited for it.".to_owned());
                let detail = format!("{received} {currency} came. {why}");
                let expected = promised.or_else(|| plain(intent)).unwrap_or(MicroUsd::ZERO);
                let missing = Reason::PaymentWithoutCredit;
                vec![self.differ(missing, expected, MicroUsd::ZERO, detail)]
            }
            (Some(intent), Some(credit)) => self.of_paid(intent, credit),
        }
    }

    /// The same for a payment that came and was credited.
    fn of_paid(&self, intent: &PaymentIntent, credit: MicroUsd) -> Vec<Difference> {
        let (price, currency) = (intent.amount_received, &intent.currency);
        let promised = self.wish.map(|wish| wish.credit).or_else(|| plain(intent));
        let Some(promised) = promised else {
            let detail = format!("{price} {currency} came, and nobody promised anything for it.");
            return vec![self.differ(Reason::CreditDiffers, MicroUsd::ZERO, credit, detail)];
        };
        let refunded = intent.refunded();
        let gone = refunded.saturating_add(intent.contested()).saturating_add(intent.lost());
        let back = part(promised, refunded, price);
        let held = part(promised, gone, price).minus(back);
        let mut found = Vec::new();
        let mut compare = |reason, expected: MicroUsd, booked: MicroUsd, detail: String| {
            if expected != booked {
                found.push(self.differ(reason, expected, booked, detail));
            }
        };
        let detail = format!("{price} {currency} came.");
        compare(Reason::CreditDiffers, promised, credit, detail);
        let detail = format!("{refunded} of {price} {currency} went back.");
        compare(Reason::RefundDiffers, back.negated(), self.booked.refunds.0, detail);
        let detail = format!("{} of {price} {currency} are contested or lost.", gone - refunded);
        compare(Reason::DisputeDiffers, held.negated(), self.booked.disputes.0, detail);
        found
    }

    fn differ(
        &self,
        reason: Reason,
        expected: MicroUsd,
        found: MicroUsd,
        detail: String,
    ) -> Difference {
        let (account, subject) = (self.account, self.intent.to_owned());
        Difference { reason, account, subject, expected, found, detail }
    }
}

/// Where the directory's sums of an account and the rows that they are of differ.
pub fn usage(account: AccountId, ours: &[UsageSum], told: &[UsageSum]) -> Vec<Difference> {
    let mut sums = BTreeMap::new();
    for sum in ours {
        sums.entry(name(sum)).or_insert((None, None)).0 = Some(sum);
    }
    for sum in told {
        sums.entry(name(sum)).or_insert((None, None)).1 = Some(sum);
    }
    let figures = |sum: Option<&UsageSum>| {
        sum.map_or((0, 0, 0, 0), |it| (it.requests, it.input, it.output, it.charged))
    };
    let differ = |(subject, (ours, told)): (String, (Option<&UsageSum>, Option<&UsageSum>))| {
        let (ours, told) = (figures(ours), figures(told));
        (ours != told).then(|| Difference {
            reason: Reason::UsageDiffers,
            account,
            subject,
            expected: MicroUsd::new(ours.3),
            found: MicroUsd::new(told.3),
            detail: format!(
                "{} calls with {} tokens in and {} out are booked, and {}, {} and {} are summed.",
                ours.0, ours.1, ours.2, told.0, told.1, told.2
            ),
        })
    };
    sums.into_iter().filter_map(differ).collect()
}

/// `2026-11-20T05 gpt-5.5 openai`.
fn name(sum: &UsageSum) -> String {
    let at = Timestamp::from_millis(sum.hour.saturating_mul(HOUR_MS));
    let hour = (at.millis().rem_euclid(DAY_MS)) / HOUR_MS;
    format!("{}T{hour:02} {} {}", at.date(), sum.model, sum.route)
}

/// What a payment is worth of which no promise is known: a dollar for a dollar, and of another
/// currency nothing is guessed.
fn plain(intent: &PaymentIntent) -> Option<MicroUsd> {
    (intent.currency == "usd").then(|| MicroUsd::from_cents(intent.amount_received))
}

/// The part of a credit that goes with a part of its price, rounded half up to a micro-dollar.
fn part(credit: MicroUsd, part: i64, price: i64) -> MicroUsd {
    let price = i128::from(price.max(1));
    let part = i128::from(part).clamp(0, price);
    let share = (i128::from(credit.micros()) * part * 2 + price) / (price * 2);
    MicroUsd::new(i64::try_from(share).unwrap_or(i64::MAX))
}

const fn word(status: IntentStatus) -> &'static str {
    match status {
        IntentStatus::RequiresPaymentMethod => "without a card",
        IntentStatus::RequiresConfirmation => "not sent",
        IntentStatus::RequiresAction => "waiting for the customer",
        IntentStatus::Processing => "on its way",
        IntentStatus::RequiresCapture => "reserved only",
        IntentStatus::Canceled => "called off",
        IntentStatus::Succeeded => "paid",
        IntentStatus::Unknown => "something that we do not know",
    }
}
