//! What a person is told of their account, and what becomes of it. Each notice has one template
//! (`domain::letter` words it), and an event is told once on each channel.

use schema::{AccountId, MicroUsd, NoticeId, Timestamp, time::DAY_MS};
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
    /// All of them.
    pub const ALL: [Self; 2] = [Self::LowBalance, Self::FairUse];

    /// The topic of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }

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

/// How one try ended, with what the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The server will see to it.
    Accepted(String),
    /// It never will.
    Refused(String),
    /// Not now, or not with these settings.
    Later(String),
    /// It had all of it and said nothing.
    Unconfirmed(String),
}

impl Ending {
    /// What a provider's answer means that takes messages by HTTP. Whoever is asked twice under one
    /// `Idempotency-Key` does it once, so what is not known is asked again.
    pub fn of_status(status: u16, said: &str) -> Self {
        let said = format!("{status} {said}");
        match status {
            200..=299 => Self::Accepted(said),
            400 | 404 | 410 | 413 | 422 => Self::Refused(said),
            _ => Self::Later(said),
        }
    }

    /// What was said.
    pub fn said(&self) -> &str {
        let (Self::Accepted(said)
        | Self::Refused(said)
        | Self::Later(said)
        | Self::Unconfirmed(said)) = self;
        said
    }

    /// The state it leaves behind, if it is not tried again.
    pub const fn state(&self) -> State {
        match self {
            Self::Accepted(_) => State::Sent,
            Self::Refused(_) | Self::Later(_) => State::Failed,
            Self::Unconfirmed(_) => State::Unconfirmed,
        }
    }
}

/// Who wants no more of what: signed, it stands in a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub account: AccountId,
    pub topic: Topic,
}

/// What such a link is signed for, and how long it is good.
pub const STOP: &str = "unsubscribe";
pub const STOP_MS: i64 = 400 * DAY_MS;
/// Under which name an account's facts hold the topics that its person wants no more of.
pub const UNWANTED: &str = "unwanted";

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
    /// Records before one of them, newest first, one more than `limit`.
    List { before: Option<NoticeId>, limit: u32 },
    /// The person wants no more of a topic, or wants it again.
    Want { topic: Topic, on: bool },
    /// What they want no more of.
    Unwanted,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Records(Vec<Record>),
    Unwanted(Vec<Topic>),
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

    /// Whether it goes to the person's phone, too. What opens an account never does: nobody has
    /// shown that the number is theirs.
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

/// One notice of each template, for previews.
pub fn samples(origin: &str, now: Timestamp) -> Vec<Notice> {
    let link = |path: &str| format!("{origin}/{path}");
    let (amount, balance) = (MicroUsd::new(50_000_000), MicroUsd::new(61_250_000));
    vec![
        Notice::SignedUp,
        Notice::VerifyEmail { link: link("verify?token=sample") },
        Notice::ResetPassword { link: link("reset?token=sample") },
        Notice::PasswordChanged,
        Notice::EmailChanged { to: "new@example.com".to_owned() },
        Notice::AddressTaken { link: link("sign-in") },
        Notice::SignupPending,
        Notice::SignupApproved,
        Notice::SignupRejected,
        Notice::ToppedUp { amount, balance },
        Notice::Refunded { amount, balance },
        Notice::LowBalance {
            balance: MicroUsd::new(1_900_000),
            threshold: MicroUsd::new(2_000_000),
            link: link("wallet"),
        },
        Notice::FairUse {
            window: "5 hours".to_owned(),
            used_percent: 90,
            resets_at: now.plus_millis(5_400_000),
        },
        Notice::PaymentFailed {
            amount,
            reason: "Your card was declined.".to_owned(),
            link: link("wallet"),
        },
        Notice::ActionRequired { amount, link: link("wallet") },
        Notice::AutoTopUpPaused,
        Notice::SubscriptionStarted,
        Notice::SubscriptionEnded,
        Notice::OrderDelivered {
            order: "G2G-0001".to_owned(),
            text: "export GANTRY_API_KEY=cdx_sk_sample".to_owned(),
        },
    ]
}
