//! What a person is told of their account, and what becomes of it. Each notice has one template
//! (`domain::letter` words it), and an event is told once on each channel.

use schema::{MicroUsd, NoticeId, Timestamp};
use serde::{Deserialize, Serialize};

/// What a person is told: one variant for each template, with what it says. Links are whole, and
/// are secrets: they are sealed while they wait, and forgotten once they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Welcome.
    SignedUp,
    /// Show that this address is yours.
    VerifyEmail {
        link: String,
    },
    /// Choose another password.
    ResetPassword {
        link: String,
    },
    /// The password is another one now.
    PasswordChanged,
    /// The address is another one now. Told before it changes, so that the old address hears of it.
    EmailChanged {
        to: String,
    },
    /// Somebody wanted to sign up with an address that has an account.
    AddressTaken {
        link: String,
    },
    /// An operator will look at it.
    SignupPending,
    SignupApproved,
    SignupRejected,
    /// Paid, and in the wallet.
    ToppedUp {
        amount: MicroUsd,
        balance: MicroUsd,
    },
    /// Paid back, and out of the wallet.
    Refunded {
        amount: MicroUsd,
        balance: MicroUsd,
    },
    /// The wallet fell to one of the thresholds.
    LowBalance {
        balance: MicroUsd,
        threshold: MicroUsd,
        link: String,
    },
    /// A window of fair use (`5 hours`, `3 days`) is used up, or nearly.
    FairUse {
        window: String,
        used_percent: u32,
        resets_at: Timestamp,
    },
    PaymentFailed {
        amount: MicroUsd,
        reason: String,
        link: String,
    },
    /// The bank wants its customer to agree.
    ActionRequired {
        amount: MicroUsd,
        link: String,
    },
    AutoTopUpPaused,
    SubscriptionStarted,
    SubscriptionEnded,
    /// What a marketplace's customer bought: the text holds a key.
    OrderDelivered {
        order: String,
        text: String,
    },
}

/// What somebody can have no more of. Whatever has none is essential: who has an account is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    LowBalance,
    FairUse,
}

impl Topic {
    /// As it stands in links and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LowBalance => "low_balance",
            Self::FairUse => "fair_use",
        }
    }
}

/// The way to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Mail,
    Whatsapp,
}

impl Channel {
    /// As it stands in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Whatsapp => "whatsapp",
        }
    }
}

/// Where a notice stands on one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Will be tried, for the first time or again.
    Waiting,
    /// Is being handed over: what a restart finds like this, nobody can tell the end of.
    Handed,
    /// Accepted by the server.
    Sent,
    /// Handed over without a word of its acceptance. It is not sent again: at most once.
    Unconfirmed,
    /// Refused for good, or tried as often as is tried.
    Failed,
    /// Not sent on purpose: there is no address, or no wish for it.
    Suppressed,
}

impl State {
    /// As it stands in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Handed => "handed",
            Self::Sent => "sent",
            Self::Unconfirmed => "unconfirmed",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }
}

/// What became of a notice on one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: NoticeId,
    pub event: String,
    pub channel: Channel,
    pub template: String,
    /// The address or number at the time it was told.
    pub recipient: Option<String>,
    pub state: State,
    pub attempts: u32,
    pub created_at: Timestamp,
    pub tried_at: Option<Timestamp>,
    pub next_at: Option<Timestamp>,
    /// What the last server said, or why nothing was sent.
    pub answer: Option<String>,
}

/// What an account's object is asked about notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Tells the person, at most once for each event.
    Tell { event: String, notice: Notice },
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
}

impl Notice {
    /// The template, as it stands in rows and answers.
    pub const fn template(&self) -> &'static str {
        match self {
            Self::SignedUp => "signed_up",
            Self::VerifyEmail { .. } => "verify_email",
            Self::ResetPassword { .. } => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged { .. } => "email_changed",
            Self::AddressTaken { .. } => "address_taken",
            Self::SignupPending => "signup_pending",
            Self::SignupApproved => "signup_approved",
            Self::SignupRejected => "signup_rejected",
            Self::ToppedUp { .. } => "topped_up",
            Self::Refunded { .. } => "refunded",
            Self::LowBalance { .. } => "low_balance",
            Self::FairUse { .. } => "fair_use",
            Self::PaymentFailed { .. } => "payment_failed",
            Self::ActionRequired { .. } => "action_required",
            Self::AutoTopUpPaused => "auto_top_up_paused",
            Self::SubscriptionStarted => "subscription_started",
            Self::SubscriptionEnded => "subscription_ended",
            Self::OrderDelivered { .. } => "order_delivered",
        }
    }

    /// What somebody who wants no more of it would be rid of.
    pub const fn topic(&self) -> Option<Topic> {
        match self {
            Self::LowBalance { .. } => Some(Topic::LowBalance),
            Self::FairUse { .. } => Some(Topic::FairUse),
            Self::SignedUp
            | Self::VerifyEmail { .. }
            | Self::ResetPassword { .. }
            | Self::PasswordChanged
            | Self::EmailChanged { .. }
            | Self::AddressTaken { .. }
            | Self::SignupPending
            | Self::SignupApproved
            | Self::SignupRejected
            | Self::ToppedUp { .. }
            | Self::Refunded { .. }
            | Self::PaymentFailed { .. }
            | Self::ActionRequired { .. }
            | Self::AutoTopUpPaused
            | Self::SubscriptionStarted
            | Self::SubscriptionEnded
            | Self::OrderDelivered { .. } => None,
        }
    }

    /// Whether it goes to the person's phone, too. What opens an account never does: a number is not
    /// known to be theirs.
    pub const fn is_for_phones(&self) -> bool {
        matches!(
            self,
            Self::SignedUp
                | Self::ToppedUp { .. }
                | Self::LowBalance { .. }
                | Self::FairUse { .. }
                | Self::PaymentFailed { .. }
        )
    }
}
