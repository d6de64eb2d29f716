//! A change of a wallet from outside a call: booked once for its source, however often it is sent.

use schema::MicroUsd;
use serde::Deserialize;

use super::ledger::{Entry, Kind};

/// What a wallet shall be changed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// So much is added, or taken if it is negative.
    By(MicroUsd),
    /// The balance becomes this.
    To(MicroUsd),
}

/// A change, and what it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub source: String,
    pub change: Change,
    pub note: String,
}

/// What was booked under a source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Booked {
    pub kind: Kind,
    pub amount: MicroUsd,
    /// The balance after it.
    pub balance: MicroUsd,
    pub note: Option<String>,
}

impl From<&Entry> for Booked {
    fn from(entry: &Entry) -> Self {
        let Entry { kind, amount, balance, .. } = *entry;
        Self { kind, amount, balance, note: Some(entry.note.clone()) }
    }
}

impl Booking {
    /// The row's kind and amount, for a wallet of that balance.
    pub const fn row(&self, balance: MicroUsd) -> (Kind, MicroUsd) {
        match self.change {
            Change::By(amount) => (Kind::Credit, amount),
            Change::To(target) => (Kind::Correction, target.minus(balance)),
        }
    }

    /// Whether this is what was booked, sent again; otherwise its source has been used for
    /// something else.
    pub fn is_again(&self, booked: &Booked) -> bool {
        let same = match self.change {
            Change::By(amount) => booked.kind == Kind::Credit && booked.amount == amount,
            Change::To(balance) => booked.kind == Kind::Correction && booked.balance == balance,
        };
        same && booked.note.as_deref().unwrap_or_default() == self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: MicroUsd = MicroUsd::from_cents(1_000);
    const TWO: MicroUsd = MicroUsd::from_cents(200);

    fn booking(change: Change, note: &str) -> Booking {
        Booking { source: "s".to_owned(), change, note: note.to_owned() }
    }

    #[track_caller]
    fn check(booking: &Booking, booked: &Booked, again: bool) {
        assert_eq!(booking.is_again(booked), again, "{booking:?} {booked:?}");
    }

    #[test]
    fn the_same_change_is_known_again_and_no_other_is_taken_for_it() {
        let credit = Booked { kind: Kind::Credit, amount: TEN, balance: TWO, note: None };
        check(&booking(Change::By(TEN), ""), &credit, true);
        check(&booking(Change::By(TWO), ""), &credit, false);
        check(&booking(Change::By(TEN), "why"), &credit, false);
        check(&booking(Change::To(TWO), ""), &credit, false);
        let note = Some("why".to_owned());
        let set = Booked { kind: Kind::Correction, amount: TEN, balance: TWO, note };
        check(&booking(Change::To(TWO), "why"), &set, true);
        check(&booking(Change::To(TEN), "why"), &set, false);
        check(&booking(Change::By(TEN), "why"), &set, false);
    }

    #[test]
    fn a_balance_is_reached_by_what_is_missing() {
        assert_eq!(booking(Change::To(TEN), "").row(TWO), (Kind::Correction, TEN.minus(TWO)));
        assert_eq!(booking(Change::By(TEN), "").row(TWO), (Kind::Credit, TEN));
    }
}
