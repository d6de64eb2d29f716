//! What takes money back: refunds, which we give, and disputes, which a customer's bank opens.

use serde::{Deserialize, Serialize};

use super::{id_of, or_nothing};

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// The customer has to say where it shall go.
    RequiresAction,
    /// It is back.
    Succeeded,
    /// It came back to us.
    Failed,
    /// It was called off.
    Canceled,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// Money that was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// How far it has come.
    #[serde(default)]
    pub status: Option<RefundStatus>,
    /// The payment that it undoes.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
    /// Seconds since the epoch.
    pub created: i64,
}

impl Refund {
    /// Whether the money has left us, or is leaving.
    pub const fn counts(&self) -> bool {
        !matches!(self.status, Some(RefundStatus::Failed | RefundStatus::Canceled))
    }
}

/// How far a dispute has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// The bank only asks.
    WarningNeedsResponse,
    /// The bank only asks, and was answered.
    WarningUnderReview,
    /// The bank only asked.
    WarningClosed,
    /// The bank took the money back and waits for what we say.
    NeedsResponse,
    /// The bank reads what we said.
    UnderReview,
    /// The money is ours again.
    Won,
    /// The money is gone.
    Lost,
    /// It was settled before it began.
    Prevented,
    /// It was lost, and may be fought for.
    AppealNeedsResponse,
    /// It was lost, and is fought for.
    AppealUnderReview,
    /// A word that is not known here.
    #[serde(other)]
    Unknown,
}

/// What a dispute means for the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It is ours.
    Ours,
    /// It is held back, and whose it will be is not known.
    Open,
    /// It is gone.
    Lost,
}

impl DisputeStatus {
    /// What it means for the money. A status that is not known holds it back: it may be gone.
    pub const fn stands(self) -> Stands {
        match self {
            Self::WarningNeedsResponse
            | Self::WarningUnderReview
            | Self::WarningClosed
            | Self::Won
            | Self::Prevented => Stands::Ours,
            Self::NeedsResponse | Self::UnderReview | Self::Unknown => Stands::Open,
            Self::Lost | Self::AppealNeedsResponse | Self::AppealUnderReview => Stands::Lost,
        }
    }
}

/// A customer's bank wants a payment back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// `dp_…` or `du_…`
    pub id: String,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// Lower-case ISO code.
    pub currency: String,
    /// How far it has come.
    pub status: DisputeStatus,
    /// The bank's reason.
    #[serde(default, deserialize_with = "or_nothing")]
    pub reason: String,
    /// The payment that is contested.
    #[serde(default, deserialize_with = "id_of")]
    pub payment_intent: Option<String>,
    /// Seconds since the epoch.
    pub created: i64,
}
