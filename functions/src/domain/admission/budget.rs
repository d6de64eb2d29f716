//! What a project's cap leaves of a call's money, and why it leaves too little.

use schema::{Code, Error, MicroUsd, Timestamp};

use super::{Live, Wish};
use crate::domain::cap::Purpose;

/// What a cap leaves.
pub(super) struct Capped {
    /// What a call may take now.
    pub room: MicroUsd,
    /// What it could take if no other call of the project ran.
    pub worth: MicroUsd,
    /// Whether calls of the project run whose part may come back.
    pub may_come_back: bool,
}

impl Capped {
    /// Without a limit.
    pub const FREE: Self = Self { room: MicroUsd::MAX, worth: MicroUsd::MAX, may_come_back: false };
}

impl Live {
    pub(super) fn capped(&self, purpose: &Purpose) -> Capped {
        let held = self.ledger.held_for(purpose);
        Capped {
            room: self.ledger.caps.room(purpose, held).unwrap_or(MicroUsd::MAX),
            worth: self.ledger.caps.worth(purpose).unwrap_or(MicroUsd::MAX),
            may_come_back: held.project > MicroUsd::ZERO,
        }
    }

    /// Nothing that a call could do with is left. Whoever watches the project hears of it.
    pub(super) fn over_budget(&mut self, wish: &Wish, now: Timestamp) -> Error {
        if let Some(purpose) = &wish.purpose {
            self.ledger.caps.exhaust(purpose);
        }
        let needs = wish.quote.floor;
        let message =
            format!("{} This call needs at least ${needs}. {RAISE}", self.spent(wish, now));
        Error::new(Code::BudgetExceeded, message)
    }

    /// What is left is reserved by other calls of the project.
    pub(super) fn reserved(&self, wish: &Wish, now: Timestamp) -> Error {
        let spent = self.spent(wish, now);
        let message = format!("{spent} Calls that run have reserved what is left of it. {RAISE}");
        Error::new(Code::BudgetExceeded, message)
    }

    fn spent(&self, wish: &Wish, now: Timestamp) -> String {
        let meter = wish.purpose.as_ref().and_then(|purpose| {
            let held = self.ledger.held_for(purpose);
            self.ledger.caps.meter(Purpose::clone(purpose), held, now)
        });
        let spent = meter.and_then(|meter| meter.tightest());
        let Some((what, spent, limit)) = spent else {
            return "The budget of this project is used up.".to_owned();
        };
        format!("The budget of this {what} is used up: ${spent} of ${limit}.")
    }
}

/// What to do about it.
pub const RAISE: &str = "Raise `maxCostMicroUsd`, or begin another turn.";
