//! The ledger: immutable rows, holds that resolve once, and a balance that never goes below what is
//! held.
//!
//! Two signed columns say everything: `amount` is what a row does to the balance, `held` what it
//! does to the reserved part. Available is the sum of the first less the sum of the second. This is
//! the live end of it: the sums, the open holds, and the rows that storage has not got yet.

use std::collections::HashMap;

use schema::{CallId, MicroUsd, Timestamp, openai::Usage};
use serde::{Deserialize, Serialize};

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Money in.
    Credit,
    /// A mistake put right, either way.
    Correction,
    /// Money reserved for a call.
    Hold,
    /// More of it.
    Extend,
    /// The call's charge; its hold is over.
    Post,
    /// The call cost nothing; its hold is over.
    Void,
    /// Nobody said what the call cost; its hold is over and the cost is ours.
    Expire,
}

impl Kind {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Correction => "correction",
            Self::Hold => "hold",
            Self::Extend => "extend",
            Self::Post => "post",
            Self::Void => "void",
            Self::Expire => "expire",
        }
    }
}

/// How the tokens of a charge are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The provider reported them.
    Reported,
    /// The provider did not; what went by was counted.
    Counted,
    /// Neither: the hold itself was charged.
    Held,
}

impl Basis {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Held => "held",
        }
    }
}

/// What a charge is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub model: String,
    pub route: String,
    pub holder: String,
    pub conversation: Option<String>,
    pub response_id: Option<String>,
    /// The turn, where codex pays by itself and no response is seen.
    pub turn: Option<String>,
    pub usage: Usage,
    pub billed_input: u64,
    pub price: i64,
    pub basis: Basis,
    /// What the call cost; the row carries what the wallet paid.
    pub cost: MicroUsd,
}

impl Charge {
    /// What is never charged twice.
    pub fn source(&self) -> Option<String> {
        let response = self.response_id.as_ref().map(|id| format!("response:{id}"));
        response.or_else(|| self.turn.as_ref().map(|id| format!("turn:{id}")))
    }
}

/// One row. Rows are never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub seq: i64,
    pub kind: Kind,
    pub call: Option<CallId>,
    /// Unique where it is there: the same thing is never booked twice.
    pub source: Option<String>,
    pub amount: MicroUsd,
    pub held: MicroUsd,
    pub balance: MicroUsd,
    pub at: Timestamp,
    pub note: String,
    pub charge: Option<Box<Charge>>,
}

/// Money reserved for a call. Not `Clone`: whoever spends it gives it up.
#[derive(Debug, PartialEq, Eq)]
pub struct Hold {
    pub call: CallId,
    pub amount: MicroUsd,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    amount: MicroUsd,
    seq: i64,
    deadline: Timestamp,
    /// Whether what it pays for goes on without this object.
    is_remote: bool,
}

/// What the row of a hold says whose call goes on without this object: a turn on a machine.
pub const REMOTE: &str = "a turn on a machine";

/// A hold is open no longer than this; then the alarm ends it. Above the longest stream, which is
/// cut before.
pub const HOLD_LIFETIME_MS: i64 = 16 * 60_000;

/// The live end of a ledger.
#[derive(Debug, Default)]
pub struct Ledger {
    balance: MicroUsd,
    held: MicroUsd,
    open: HashMap<CallId, Open>,
    seq: i64,
    unstored: Vec<Entry>,
}

impl Ledger {
    /// The ledger whose last stored row and sums are given. Open holds follow by
    /// [`Ledger::reopen`].
    pub fn resume(seq: i64, balance: MicroUsd) -> Self {
        Self { balance, seq, ..Self::default() }
    }

    /// Puts back a hold that storage knows as open, with the note that its row has.
    pub fn reopen(
        &mut self,
        call: CallId,
        amount: MicroUsd,
        seq: i64,
        opened_at: Timestamp,
        note: Option<&str>,
    ) {
        self.held = self.held.plus(amount);
        let (deadline, is_remote) = (opened_at.plus_millis(HOLD_LIFETIME_MS), note == Some(REMOTE));
        self.open.insert(call, Open { amount, seq, deadline, is_remote });
    }

    /// Credits less charges.
    pub const fn balance(&self) -> MicroUsd {
        self.balance
    }

    /// What open holds reserve.
    pub const fn held(&self) -> MicroUsd {
        self.held
    }

    /// What a new hold may take.
    pub const fn available(&self) -> MicroUsd {
        self.balance.minus(self.held)
    }

    /// Whether money is reserved that may come back.
    pub fn has_open_holds(&self) -> bool {
        !self.open.is_empty()
    }

    /// What one call has reserved.
    pub fn held_by(&self, call: CallId) -> Option<MicroUsd> {
        self.open.get(&call).map(|open| open.amount)
    }

    /// Every row up to this one belongs to no open hold.
    pub fn settled_through(&self) -> i64 {
        self.open.values().map(|open| open.seq - 1).min().unwrap_or(self.seq)
    }

    /// The earliest moment at which a hold runs out.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.open.values().map(|open| open.deadline).min()
    }

    /// Reserves exactly `amount`, if it is available and the call has no hold yet.
    pub fn hold(&mut self, call: CallId, amount: MicroUsd, now: Timestamp) -> Option<Hold> {
        let free = !self.open.contains_key(&call) && amount <= self.available();
        if !free || amount <= MicroUsd::ZERO {
            return None;
        }
        self.held = self.held.plus(amount);
        let seq = self.row(Kind::Hold, Some(call), MicroUsd::ZERO, amount, now).seq;
        let deadline = now.plus_millis(HOLD_LIFETIME_MS);
        self.open.insert(call, Open { amount, seq, deadline, is_remote: false });
        Some(Hold { call, amount })
    }

    /// Lets a hold that was taken in this turn outlive this object: what it pays for goes on
    /// elsewhere, and whoever has it at the end settles it.
    pub fn entrust(&mut self, hold: Hold) {
        let Some(open) = self.open.get_mut(&hold.call) else { return };
        open.is_remote = true;
        if let Some(row) = self.unstored.iter_mut().find(|row| row.seq == open.seq) {
            REMOTE.clone_into(&mut row.note);
        }
    }

    /// Charges a call whose hold may have run out meanwhile: then as much as is available.
    pub fn post_late(&mut self, call: CallId, charge: Charge, now: Timestamp) -> MicroUsd {
        let (amount, seq, is_remote) = (MicroUsd::ZERO, self.seq + 1, true);
        let open = Open { amount, seq, deadline: now, is_remote };
        self.open.entry(call).or_insert(open);
        self.post(call, charge, now).unwrap_or(MicroUsd::ZERO)
    }

    /// Reserves up to `by` more for a call, as much as is available; says how much it came to.
    pub fn extend(&mut self, call: CallId, by: MicroUsd, now: Timestamp) -> MicroUsd {
        let by = by.min(self.available()).or_zero();
        let Some(open) = self.open.get_mut(&call).filter(|_| by > MicroUsd::ZERO) else {
            return MicroUsd::ZERO;
        };
        open.amount = open.amount.plus(by);
        self.held = self.held.plus(by);
        self.row(Kind::Extend, Some(call), MicroUsd::ZERO, by, now);
        by
    }

    /// Ends a hold with its charge, and says what the wallet paid. A wallet pays no more than is
    /// held; what the hold did not foresee is taken from what is available and, beyond that, is
    /// ours to bear. A hold that is over already is not charged again.
    pub fn post(&mut self, call: CallId, charge: Charge, now: Timestamp) -> Option<MicroUsd> {
        let cost = charge.cost.or_zero();
        let held = self.held_by(call)?;
        self.extend(call, cost.minus(held), now);
        let open = self.open.remove(&call)?;
        let paid = cost.min(open.amount);
        self.balance = self.balance.minus(paid);
        self.held = self.held.minus(open.amount);
        let source = charge.source();
        let row = self.row(Kind::Post, Some(call), paid.negated(), open.amount.negated(), now);
        row.source = source;
        row.charge = Some(Box::new(charge));
        Some(paid)
    }

    /// Ends a hold without a charge. `false` if it is over already.
    pub fn void(&mut self, call: CallId, why: &str, now: Timestamp) -> bool {
        self.release(Kind::Void, call, why, now)
    }

    /// Ends every hold whose deadline has passed.
    pub fn expire(&mut self, now: Timestamp) -> Vec<CallId> {
        let late = self.open.iter().filter(|(_, open)| open.deadline <= now);
        let late: Vec<_> = late.map(|(call, _)| *call).collect();
        for call in &late {
            self.release(Kind::Expire, *call, "the call was not settled in time", now);
        }
        late
    }

    /// Ends every open hold that nobody is left to settle after a restart.
    pub fn expire_orphans(&mut self, now: Timestamp) {
        let orphans = self.open.iter().filter(|(_, open)| !open.is_remote);
        for call in orphans.map(|(call, _)| *call).collect::<Vec<_>>() {
            self.release(Kind::Expire, call, "the process ended before the call was settled", now);
        }
    }

    /// Books money in, or a correction. Whoever calls has made sure that `source` is new.
    pub fn book(
        &mut self,
        kind: Kind,
        amount: MicroUsd,
        source: String,
        note: String,
        now: Timestamp,
    ) {
        self.balance = self.balance.plus(amount);
        let row = self.row(kind, None, amount, MicroUsd::ZERO, now);
        row.source = Some(source);
        row.note = note;
    }

    /// Takes back a charge that storage has not got yet, because it knows its source: what is
    /// booked once is not booked again. The hold is over all the same.
    pub fn forgive(&mut self, source: &str) {
        let known = |row: &Entry| row.kind == Kind::Post && row.source.as_deref() == Some(source);
        let Some(at) = self.unstored.iter().position(known) else { return };
        let mut back = MicroUsd::ZERO;
        for (place, row) in self.unstored.iter_mut().enumerate().skip(at) {
            if place == at {
                back = row.amount.negated();
                let note = "the response had been charged before".to_owned();
                (row.kind, row.amount, row.note) = (Kind::Void, MicroUsd::ZERO, note);
                (row.source, row.charge) = (None, None);
            }
            row.balance = row.balance.plus(back);
        }
        self.balance = self.balance.plus(back);
    }

    /// The rows that storage has not got yet.
    pub fn unstored(&self) -> &[Entry] {
        &self.unstored
    }

    /// Storage has got the first `count` of them.
    pub fn stored(&mut self, count: usize) {
        self.unstored.drain(..count.min(self.unstored.len()));
    }

    fn release(&mut self, kind: Kind, call: CallId, why: &str, now: Timestamp) -> bool {
        let Some(open) = self.open.remove(&call) else { return false };
        self.held = self.held.minus(open.amount);
        self.row(kind, Some(call), MicroUsd::ZERO, open.amount.negated(), now).note =
            why.to_owned();
        true
    }

    fn row(
        &mut self,
        kind: Kind,
        call: Option<CallId>,
        amount: MicroUsd,
        held: MicroUsd,
        at: Timestamp,
    ) -> &mut Entry {
        self.seq += 1;
        let (seq, balance) = (self.seq, self.balance);
        let (source, note, charge) = (None, String::new(), None);
        let entry = Entry { seq, kind, call, source, amount, held, balance, at, note, charge };
        self.unstored.push_mut(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn usd(micros: i64) -> MicroUsd {
        MicroUsd::new(micros)
    }

    fn call(n: u128) -> CallId {
        CallId::from_bits(n)
    }

    fn charge(cost: i64) -> Charge {
        Charge {
            model: "m".into(),
            route: "r".into(),
            holder: "username".into(),
            conversation: None,
            response_id: None,
            turn: None,
            usage: Usage::default(),
            billed_input: 0,
            price: 1,
            basis: Basis::Reported,
            cost: usd(cost),
        }
    }

    fn with(balance: i64) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.book(Kind::Credit, usd(balance), "test".into(), String::new(), NOW);
        ledger
    }

    #[test]
    fn a_hold_reserves_and_a_posting_pays_no_more_than_is_there() {
        let mut ledger = with(100);
        assert!(ledger.hold(call(1), usd(60), NOW).is_some());
        assert_eq!(ledger.hold(call(2), usd(41), NOW), None);
        assert_eq!(ledger.post(call(1), charge(250), NOW), Some(usd(100)));
        assert_eq!((ledger.balance(), ledger.held()), (usd(0), usd(0)));
    }

    #[test]
    fn a_posting_beyond_its_hold_leaves_other_holds_alone() {
        let mut ledger = with(100);
        assert!(ledger.hold(call(1), usd(30), NOW).is_some());
        assert!(ledger.hold(call(2), usd(50), NOW).is_some());
        assert_eq!(ledger.post(call(1), charge(250), NOW), Some(usd(50)));
        assert_eq!(ledger.post(call(2), charge(50), NOW), Some(usd(50)));
        assert_eq!(ledger.balance(), usd(0));
    }

    #[test]
    fn a_hold_resolves_once() {
        let mut ledger = with(100);
        assert!(ledger.hold(call(1), usd(60), NOW).is_some());
        assert_eq!(ledger.hold(call(1), usd(1), NOW), None);
        assert_eq!(ledger.post(call(1), charge(10), NOW), Some(usd(10)));
        assert_eq!(ledger.post(call(1), charge(10), NOW), None);
        assert!(!ledger.void(call(1), "again", NOW));
        assert_eq!(ledger.extend(call(1), usd(5), NOW), usd(0));
        assert_eq!(ledger.balance(), usd(90));
    }

    #[test]
    fn a_charge_that_storage_knows_already_is_taken_back_with_all_that_follows_from_it() {
        let mut ledger = with(100);
        assert!(ledger.hold(call(1), usd(60), NOW).is_some());
        assert!(ledger.hold(call(2), usd(30), NOW).is_some());
        let again = Charge { response_id: Some("r".into()), ..charge(40) };
        assert_eq!(ledger.post(call(1), again, NOW), Some(usd(40)));
        assert_eq!(ledger.post(call(2), charge(30), NOW), Some(usd(30)));
        ledger.forgive("response:r");
        assert_eq!((ledger.balance(), ledger.held()), (usd(70), usd(0)));
        let balances: Vec<_> = ledger.unstored().iter().map(|row| row.balance.micros()).collect();
        assert_eq!(balances, [100, 100, 100, 100, 70]);
    }

    #[test]
    fn holds_end_at_their_deadline() {
        let mut ledger = with(100);
        assert!(ledger.hold(call(1), usd(60), NOW).is_some());
        assert!(ledger.expire(NOW.plus_millis(HOLD_LIFETIME_MS - 1)).is_empty());
        assert_eq!(ledger.expire(NOW.plus_millis(HOLD_LIFETIME_MS)), [call(1)]);
        assert_eq!((ledger.available(), ledger.settled_through()), (usd(100), 3));
    }

    #[test]
    fn a_hold_for_a_turn_on_a_machine_outlives_its_object_and_not_its_deadline() {
        let mut ledger = with(100);
        let hold = ledger.hold(call(1), usd(60), NOW).unwrap();
        ledger.entrust(hold);
        assert!(ledger.hold(call(2), usd(30), NOW).is_some());
        let mut ledger = reread(ledger.unstored());
        ledger.expire_orphans(NOW);
        assert_eq!((ledger.held_by(call(1)), ledger.held_by(call(2))), (Some(usd(60)), None));
        assert_eq!(ledger.expire(NOW.plus_millis(HOLD_LIFETIME_MS)), [call(1)]);
    }

    #[test]
    fn a_turn_that_outlasted_its_hold_is_charged_from_what_is_available() {
        let mut ledger = with(100);
        assert!(ledger.hold(call(2), usd(70), NOW).is_some());
        assert_eq!(ledger.post_late(call(1), charge(50), NOW), usd(30));
        assert_eq!(
            (ledger.balance(), ledger.held(), ledger.available()),
            (usd(70), usd(70), usd(0))
        );
        assert_eq!(ledger.post_late(call(3), charge(50), NOW), usd(0));
        assert_eq!(reread(ledger.unstored()).held(), usd(70));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Hold(u8, i64),
        Extend(u8, i64),
        Post(u8, i64),
        PostLate(u8, i64),
        Void(u8),
        Credit(i64),
        Store(usize),
        Forgive,
        Restart,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0u8..6, -5i64..200).prop_map(|(c, a)| Act::Hold(c, a)),
            (0u8..6, -5i64..100).prop_map(|(c, a)| Act::Extend(c, a)),
            (0u8..6, -5i64..300).prop_map(|(c, a)| Act::Post(c, a)),
            (0u8..6, -5i64..300).prop_map(|(c, a)| Act::PostLate(c, a)),
            (0u8..6).prop_map(Act::Void),
            (0i64..300).prop_map(Act::Credit),
            (0usize..9).prop_map(Act::Store),
            Just(Act::Forgive),
            Just(Act::Restart),
        ]
    }

    /// What storage would hold, and a ledger read back from it.
    fn reread(rows: &[Entry]) -> Ledger {
        let last = rows.last();
        let balance = last.map_or(MicroUsd::ZERO, |row| row.balance);
        let mut ledger = Ledger::resume(last.map_or(0, |row| row.seq), balance);
        let mut open: HashMap<CallId, (MicroUsd, i64)> = HashMap::new();
        for row in rows {
            if let Some(call) = row.call {
                let (held, _) = open.entry(call).or_insert((MicroUsd::ZERO, row.seq));
                *held = held.plus(row.held);
            }
        }
        for (call, (held, seq)) in open {
            if held != MicroUsd::ZERO {
                let mut notes = rows.iter().filter(|row| row.seq == seq).map(|row| &*row.note);
                ledger.reopen(call, held, seq, NOW, notes.next());
            }
        }
        ledger
    }

    proptest! {
        /// Whatever happens, in whatever order, with restarts that forget what was not stored: the
        /// rows sum to the balance, nothing is overspent, and when every hold has ended nothing is
        /// held.
        #[test]
        fn rows_sum_to_the_balance(acts in prop::collection::vec(act(), 1..120)) {
            let (mut ledger, mut rows) = (Ledger::default(), Vec::<Entry>::new());
            let (mut round, mut credits) = (0u128, 0);
            for act in acts {
                let id = |c: u8| call(u128::from(c) + round * 100);
                match act {
                    Act::Hold(c, a) => drop(ledger.hold(id(c), usd(a), NOW)),
                    Act::Extend(c, a) => drop(ledger.extend(id(c), usd(a), NOW)),
                    Act::Post(c, a) => {
                        let response_id = Some("r".to_owned());
                        ledger.post(id(c), Charge { response_id, ..charge(a) }, NOW);
                        round += 1;
                    }
                    Act::PostLate(c, a) => {
                        let turn = Some("t".to_owned());
                        ledger.post_late(id(c), Charge { turn, ..charge(a) }, NOW);
                        round += 1;
                    }
                    Act::Void(c) => drop(ledger.void(id(c), "test", NOW)),
                    Act::Credit(a) => {
                        credits += 1;
                        ledger.book(Kind::Credit, usd(a), format!("{credits}"), String::new(), NOW);
                    }
                    Act::Store(n) => {
                        let n = n.min(ledger.unstored().len());
                        rows.extend_from_slice(&ledger.unstored()[..n]);
                        ledger.stored(n);
                    }
                    Act::Forgive => ledger.forgive("response:r"),
                    Act::Restart => {
                        ledger = reread(&rows);
                        ledger.expire_orphans(NOW);
                        prop_assert_eq!(ledger.held(), MicroUsd::ZERO);
                    }
                }
                let all = || rows.iter().chain(ledger.unstored());
                prop_assert_eq!(all().map(|row| row.amount).sum::<MicroUsd>(), ledger.balance());
                prop_assert_eq!(all().map(|row| row.held).sum::<MicroUsd>(), ledger.held());
                prop_assert!(ledger.available() >= MicroUsd::ZERO, "{:?}", ledger);
                prop_assert!(ledger.held() >= MicroUsd::ZERO);
                prop_assert!(all().zip(1..).all(|(row, seq)| row.seq == seq));
            }
        }
    }
}
