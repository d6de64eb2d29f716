//! The slice of Stripe that we read, and nothing else of it.
//!
//! Stripe adds fields and words without notice, so all of it is open: what is not named here is
//! passed over, a word that is not known is [`Unknown`](IntentStatus::Unknown), and what may be
//! null or absent is an `Option`. What money depends on (an identifier, an amount, a currency, a
//! status) is required: an answer without it is no answer, never an amount of nothing.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};

mod back;
mod event;
mod subscription;
#[cfg(test)]
mod tests;

pub use back::{Dispute, DisputeStatus, Refund, RefundStatus, Stands};
pub use event::{Event, Hint};
pub use subscription::{Invoice, InvoiceStatus, Subscription, SubscriptionStatus};

/// The version of Stripe's API that all of this is written against; every call says it.
pub const VERSION: &str = "2026-10-28.endive";

/// What we noted on an object: our names, our values.
pub type Metadata = HashMap<String, String>;

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// What is on the page.
    pub data: Vec<T>,
    /// Whether there is another page, after the last one here.
    pub has_more: bool,
}

/// A customer, of whom the identifier is all that we read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
}

/// What a checkout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One payment.
    Payment,
    /// A payment each month.
    Subscription,
    /// To keep a card; nothing is paid.
    Setup,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// How far a checkout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It may still be paid.
    Open,
    /// The customer has done their part. Whether money came is another question.
    Complete,
    /// It cannot be paid any more.
    Expired,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// Whether a checkout's money came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// It came.
    Paid,
    /// It did not, or not yet.
    Unpaid,
    /// Nothing was to be paid.
    NoPaymentRequired,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// A page of Stripe's on which a customer pays, subscribes or leaves a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckoutSession {
    /// `cs_…`
    pub id: String,
    /// What it is for.
    pub mode: Mode,
    /// Nothing where the page does not say.
    #[serde(default)]
    pub status: Option<SessionStatus>,
    /// Whether the money came.
    pub payment_status: PaymentStatus,
    /// Where the customer goes; none once it is over.
    #[serde(default)]
    pub url: Option<String>,
    /// The account that we said it is for.
    #[serde(default)]
    pub client_reference_id: Option<String>,
    /// Who pays.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// What is to be paid, in the currency's smallest unit.
    #[serde(default)]
    pub amount_total: Option<i64>,
    /// Lower-case ISO code.
    #[serde(default)]
    pub currency: Option<String>,
    /// The payment, once there is one.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
    /// The card that was left, once there is one.
    #[serde(default, deserialize_with = "id_of")]
    pub setup_intent: Option<String>,
    /// The subscription, once there is one.
    #[serde(default, deserialize_with = "id_of")]
    pub subscription: Option<String>,
    /// The subscription's first bill, once there is one.
    #[serde(default, deserialize_with = "id_of")]
    pub invoice: Option<String>,
    /// What we noted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: Metadata,
    /// Seconds since the epoch.
    pub created: i64,
    /// Seconds since the epoch.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// Whether it is about real money.
    #[serde(default, deserialize_with = "or_nothing")]
    pub livemode: bool,
}

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    /// It has no card, or the last one was refused.
    RequiresPaymentMethod,
    /// It was not sent yet.
    RequiresConfirmation,
    /// The customer's bank asks the customer.
    RequiresAction,
    /// The bank takes days.
    Processing,
    /// The money is reserved and was not taken.
    RequiresCapture,
    /// It will not be paid.
    Canceled,
    /// The money came.
    Succeeded,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentIntent {
    /// `pi_…`
    pub id: String,
    /// How far it has come.
    pub status: IntentStatus,
    /// What was asked for, in the currency's smallest unit.
    pub amount: i64,
    /// What came, in the currency's smallest unit.
    pub amount_received: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// Who pays.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// The card.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_method: Option<String>,
    /// `off_session` where the card may be charged later while its owner is elsewhere.
    #[serde(default)]
    pub setup_future_usage: Option<String>,
    /// The newest try to take the money.
    #[serde(default)]
    pub latest_charge: Option<Latest>,
    /// Why the last try failed.
    #[serde(default)]
    pub last_payment_error: Option<PaymentError>,
    /// What we noted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: Metadata,
    /// Seconds since the epoch.
    pub created: i64,
    /// Whether it is about real money.
    #[serde(default, deserialize_with = "or_nothing")]
    pub livemode: bool,
    /// Disputes about it, where it was read with them: Stripe lists them elsewhere.
    #[serde(default, skip_deserializing)]
    pub disputes: Vec<Dispute>,
}

impl PaymentIntent {
    /// The customer and the card that they left with this payment for later ones.
    pub fn kept_card(&self) -> Option<(&str, &str)> {
        let kept = self.setup_future_usage.as_deref() == Some("off_session");
        let card = self.payment_method.as_deref().filter(|_| kept)?;
        Some((self.customer.as_deref()?, card))
    }

    /// The newest try to take the money, where it was read in full.
    pub fn charge(&self) -> Option<&Charge> {
        match self.latest_charge.as_ref()? {
            Latest::Charge(charge) => Some(charge),
            Latest::Id(_) => None,
        }
    }

    /// What was given back, in the currency's smallest unit; a refund that failed is not in it.
    pub fn refunded(&self) -> i64 {
        self.charge().map_or(0, |charge| charge.amount_refunded)
    }

    /// What the customer's bank has taken back for good, in the currency's smallest unit.
    pub fn lost(&self) -> i64 {
        self.disputes
            .iter()
            .filter(|it| it.status.stands() == Stands::Lost)
            .map(|it| it.amount)
            .sum()
    }

    /// What the customer's bank holds back while a dispute is open, in the currency's smallest
    /// unit.
    pub fn contested(&self) -> i64 {
        self.disputes
            .iter()
            .filter(|it| it.status.stands() == Stands::Open)
            .map(|it| it.amount)
            .sum()
    }
}

/// A charge, in full or by its identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Latest {
    /// By its identifier.
    Id(String),
    /// In full.
    Charge(Box<Charge>),
}

/// One try to take money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// `ch_…`
    pub id: String,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// What was given back, in the currency's smallest unit.
    pub amount_refunded: i64,
    /// Whether there is a dispute, of whatever outcome.
    pub disputed: bool,
    /// Whether the money was taken.
    pub paid: bool,
    /// Lower-case ISO code.
    pub currency: String,
    /// The payment that it belongs to.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
    /// Who pays.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// The receipt that Stripe shows.
    #[serde(default)]
    pub receipt_url: Option<String>,
    /// Seconds since the epoch.
    pub created: i64,
}

/// Why a card was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PaymentError {
    /// A word such as `card_declined` or `authentication_required`.
    #[serde(default)]
    pub code: Option<String>,
    /// The bank's own word, such as `insufficient_funds`.
    #[serde(default)]
    pub decline_code: Option<String>,
    /// A sentence that the customer may read.
    #[serde(default)]
    pub message: Option<String>,
}

/// A card that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupIntent {
    /// `seti_…`
    pub id: String,
    /// `succeeded` once the card may be charged without its owner.
    pub status: String,
    /// Whose card it is.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// The card.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_method: Option<String>,
    /// What we noted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: Metadata,
}

/// What Stripe says instead of doing something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The failure itself.
    pub error: FailureBody,
}

/// What Stripe says of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FailureBody {
    /// `card_error`, `idempotency_error`, `invalid_request_error`, `api_error`.
    #[serde(default, deserialize_with = "or_nothing")]
    pub r#type: String,
    /// A word such as `card_declined` or `resource_missing`.
    #[serde(default)]
    pub code: Option<String>,
    /// The bank's own word.
    #[serde(default)]
    pub decline_code: Option<String>,
    /// A sentence.
    #[serde(default)]
    pub message: Option<String>,
    /// The payment that failed.
    #[serde(default)]
    pub payment_intent: Option<PaymentIntent>,
}

/// The identifier of what may stand there in full, by its identifier, or not at all.
fn id_of<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Id(String),
        Full { id: String },
    }
    Ok(Option::<Either>::deserialize(from)?.map(|either| match either {
        Either::Id(id) | Either::Full { id } => id,
    }))
}

/// What stands there, or nothing where null does.
fn or_nothing<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}
