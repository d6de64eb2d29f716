//! What is paid each month, and its bills.

use serde::{Deserialize, Serialize};

use super::{List, Metadata, event::Parent, id_of, or_nothing};

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// Paid.
    Active,
    /// Not to be paid yet.
    Trialing,
    /// The first payment has not come.
    Incomplete,
    /// The first payment never came.
    IncompleteExpired,
    /// A later payment has not come, and is tried again.
    PastDue,
    /// A later payment never came.
    Unpaid,
    /// It stands still.
    Paused,
    /// It is over.
    Canceled,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// A payment each month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// Who pays.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// What is paid for; the periods are theirs.
    pub items: List<Item>,
    /// Whether it ends with the period.
    #[serde(default, deserialize_with = "or_nothing")]
    pub cancel_at_period_end: bool,
    /// Seconds since the epoch.
    #[serde(default)]
    pub ended_at: Option<i64>,
    /// The newest bill.
    #[serde(default, deserialize_with = "id_of")]
    pub latest_invoice: Option<String>,
    /// What we noted.
    #[serde(default, deserialize_with = "or_nothing")]
    pub metadata: Metadata,
    /// Seconds since the epoch.
    pub created: i64,
    /// Whether it is about real money.
    #[serde(default, deserialize_with = "or_nothing")]
    pub livemode: bool,
}

impl Subscription {
    /// When the running period began, in seconds since the epoch.
    pub fn period_start(&self) -> Option<i64> {
        self.items.data.iter().map(|item| item.current_period_start).max()
    }

    /// When the running period ends, in seconds since the epoch.
    pub fn period_end(&self) -> Option<i64> {
        self.items.data.iter().map(|item| item.current_period_end).max()
    }
}

/// One thing that a subscription pays for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// `si_…`
    pub id: String,
    /// Seconds since the epoch.
    pub current_period_start: i64,
    /// Seconds since the epoch.
    pub current_period_end: i64,
    /// What it costs.
    #[serde(default)]
    pub price: Option<Price>,
}

/// What something costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// `price_…`
    pub id: String,
    /// In the currency's smallest unit; none where it is no whole number of them.
    #[serde(default)]
    pub unit_amount: Option<i64>,
    /// Lower-case ISO code.
    pub currency: String,
}

/// How a bill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// It is being written.
    Draft,
    /// It is to be paid.
    Open,
    /// It is paid.
    Paid,
    /// It will not be paid.
    Uncollectible,
    /// It was called off.
    Void,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// A bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// `in_…`
    pub id: String,
    /// How it stands.
    #[serde(default)]
    pub status: Option<InvoiceStatus>,
    /// What was paid, in the currency's smallest unit.
    pub amount_paid: i64,
    /// What is to be paid, in the currency's smallest unit.
    pub amount_due: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// Who pays.
    #[serde(default, deserialize_with = "id_of")]
    pub customer: Option<String>,
    /// Why it was written, such as `subscription_cycle`.
    #[serde(default)]
    pub billing_reason: Option<String>,
    /// Where the customer pays it.
    #[serde(default)]
    pub hosted_invoice_url: Option<String>,
    /// What it was written for.
    #[serde(default)]
    parent: Option<Parent>,
    /// Seconds since the epoch.
    pub created: i64,
}

impl Invoice {
    /// The subscription that it was written for.
    pub fn subscription(&self) -> Option<&str> {
        self.parent.as_ref()?.subscription_details.as_ref()?.subscription.as_deref()
    }

    /// What we noted on the subscription that it was written for.
    pub fn metadata(&self) -> Option<&Metadata> {
        Some(&self.parent.as_ref()?.subscription_details.as_ref()?.metadata)
    }
}
