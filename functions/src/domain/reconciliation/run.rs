//! A run: one day's books, looked through a page at a time, so that it may stop and go on.

use schema::{Timestamp, time::DAY_MS};

use super::{DISPUTES_BACK_MS, LAG_MS, LOOK_BACK_MS};

/// What is being looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Stripe's payments: is each credited?
    Payments,
    /// Stripe's refunds: is each booked?
    Refunds,
    /// Stripe's disputes: is each booked?
    Disputes,
    /// Our accounts: has each credit its payment, and each sum its rows?
    Accounts,
    /// Nothing any more.
    Done,
}

impl Phase {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Refunds => "refunds",
            Self::Disputes => "disputes",
            Self::Accounts => "accounts",
            Self::Done => "done",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Payments, Self::Refunds, Self::Disputes, Self::Accounts, Self::Done];
        all.into_iter().find(|phase| phase.as_str() == text)
    }

    const fn next(self) -> Self {
        match self {
            Self::Payments => Self::Refunds,
            Self::Refunds => Self::Disputes,
            Self::Disputes => Self::Accounts,
            Self::Accounts | Self::Done => Self::Done,
        }
    }
}

/// How far the books of a day have been looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Days since the epoch.
    pub day: i64,
    pub phase: Phase,
    /// After which thing of the phase it goes on.
    pub cursor: Option<String>,
    /// How many things have been looked at.
    pub looked: i64,
}

impl Run {
    /// The run that is to begin, if one is: of the first day that was not looked at and is over. A
    /// system that stood still looks at each day that it missed; one that is new begins yesterday.
    pub fn due(last_day: Option<i64>, now: Timestamp) -> Option<Self> {
        let over = now.plus_millis(-LAG_MS).millis().div_euclid(DAY_MS) - 1;
        let day = last_day.map_or(over, |last| last + 1);
        let begun = Self { day, phase: Phase::Payments, cursor: None, looked: 0 };
        (day <= over).then_some(begun)
    }

    /// The run after a page of so many things; `cursor` is where the next page begins, if there is
    /// one.
    pub fn after(&self, looked: usize, cursor: Option<String>) -> Self {
        let phase = if cursor.is_some() { self.phase } else { self.phase.next() };
        let looked = self.looked.saturating_add(i64::try_from(looked).unwrap_or(0));
        Self { day: self.day, phase, cursor, looked }
    }

    /// When the day began.
    pub const fn from(&self) -> Timestamp {
        Timestamp::from_millis(self.day.saturating_mul(DAY_MS))
    }

    /// When the day ended.
    pub const fn until(&self) -> Timestamp {
        self.from().plus_millis(DAY_MS)
    }

    /// Since when Stripe is looked through in this phase.
    pub const fn since(&self) -> Timestamp {
        let back = match self.phase {
            Phase::Disputes => DISPUTES_BACK_MS,
            Phase::Payments | Phase::Refunds | Phase::Accounts | Phase::Done => LOOK_BACK_MS,
        };
        self.until().plus_millis(-back)
    }
}
