//! The ledger: immutable rows, holds that resolve once, and a balance that never goes below what is
//! held.
//!
//! Two signed columns say everything: `amount` is what a row does to the balance, `held` what it
//! does to the reserved part. Available is the sum of the first less the sum of the second. Two
//! more do the same for the allowance of the Unlimited plan, which pays before the wallet does:
//! `covered` is what the plan paid, `reserved` what a row does to the reserved part of it. This is
//! the live end of it: the sums, the open holds, and the rows that storage has not got yet.

mod capped;

use std::{collections::HashMap, rc::Rc};

use schema::{CallId, MicroUsd, Timestamp, openai::Usage};
use serde::{Deserialize, Serialize};

use super::{
    cap::{Caps, Purpose},
    fair_use::Allowance,
};

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
    /// What the call cost; the row carries what the wallet paid of it, and what the plan did.
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
    /// What the plan paid; it counts in the windows of its fair use.
    pub covered: MicroUsd,
    /// What the row does to the reserved part of the plan's allowance.
    pub reserved: MicroUsd,
    pub at: Timestamp,
    pub note: String,
    pub charge: Option<Box<Charge>>,
    /// To what it counts; said by a call's first row and by its charge.
    pub purpose: Option<Rc<Purpose>>,
}

/// Money reserved for a call. Not `Clone`: whoever spends it gives it up.
#[derive(Debug, PartialEq, Eq)]
pub struct Hold {
    pub call: CallId,
    pub amount: MicroUsd,
}

/// What a hold has of the wallet and of the plan's allowance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    pub money: MicroUsd,
    pub allowance: MicroUsd,
}

impl Parts {
    /// What it is worth.
    pub const fn total(self) -> MicroUsd {
        self.money.plus(self.allowance)
    }

    const fn plus(self, more: Self) -> Self {
        let (money, allowance) = (more.money, more.allowance);
        Self { money: self.money.plus(money), allowance: self.allowance.plus(allowance) }
    }

    const fn negated(self) -> Self {
        Self { money: self.money.negated(), allowance: self.allowance.negated() }
    }
}

#[derive(Debug, Clone)]
struct Open {
    parts: Parts,
    seq: i64,
    deadline: Timestamp,
    /// Whether what it pays for goes on without this object.
    is_remote: bool,
    purpose: Option<Rc<Purpose>>,
    /// What its call is certain to cost.
    certain: MicroUsd,
}

impl Open {
    fn new(parts: Parts, seq: i64, deadline: Timestamp) -> Self {
        let (is_remote, purpose, certain) = (false, None, MicroUsd::ZERO);
        Self { parts, seq, deadline, is_remote, purpose, certain }
    }
}

/// What the row of a hold says whose call goes on without this object: a turn on a machine.
pub const REMOTE: &str = "a turn on a machine";

/// A hold is open no longer than this; then the alarm ends it. Above the longest stream, which is
/// cut before.
pub const HOLD_LIFETIME_MS: i64 = 16 * 60_000;

/// The live end of a ledger.
#[derive(Debug, Default)]
pub struct Ledger {
    /// What the Unlimited plan pays before the wallet does.
    pub allowance: Allowance,
    /// What projects may spend of both.
    pub caps: Caps,
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
        parts: Parts,
        seq: i64,
        opened_at: Timestamp,
        note: Option<&str>,
    ) {
        self.take(parts);
        let deadline = opened_at.plus_millis(HOLD_LIFETIME_MS);
        let is_remote = note == Some(REMOTE);
        self.open.insert(call, Open { is_remote, ..Open::new(parts, seq, deadline) });
    }

    /// Credits less charges.
    pub const fn balance(&self) -> MicroUsd {
        self.balance
    }

    /// What open holds reserve.
    pub const fn held(&self) -> MicroUsd {
        self.held
    }

    /// What a new hold may take of the wallet.
    pub const fn available(&self) -> MicroUsd {
        self.balance.minus(self.held)
    }

    /// What a new hold may take: of the plan's allowance, and of the wallet where that pays too.
    pub fn room(&mut self, now: Timestamp) -> MicroUsd {
        self.allowance.free(now).plus(self.wallet_room(now))
    }

    /// What a hold could take if there were no other.
    pub fn worth(&mut self, now: Timestamp) -> MicroUsd {
        let wallet_pays = self.allowance.wallet_pays(now);
        let wallet = if wallet_pays { self.balance.or_zero() } else { MicroUsd::ZERO };
        self.allowance.unspent(now).plus(wallet)
    }

    /// Whether money is reserved that may come back.
    pub fn has_open_holds(&self) -> bool {
        !self.open.is_empty()
    }

    /// What one call has reserved, of the wallet and of the plan.
    pub fn held_by(&self, call: CallId) -> Option<MicroUsd> {
        self.open.get(&call).map(|open| open.parts.total())
    }

    /// Every row up to this one belongs to no open hold.
    pub fn settled_through(&self) -> i64 {
        self.open.values().map(|open| open.seq - 1).min().unwrap_or(self.seq)
    }

    /// The earliest moment at which a hold runs out.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.open.values().map(|open| open.deadline).min()
    }

    /// Reserves exactly `amount`, if there is room for it and the call has no hold yet: of the
    /// plan's allowance as far as that goes, the rest of the wallet.
    pub fn hold(&mut self, call: CallId, amount: MicroUsd, now: Timestamp) -> Option<Hold> {
        if self.open.contains_key(&call) || amount <= MicroUsd::ZERO || amount > self.room(now) {
            return None;
        }
        let parts = self.offer(amount, now);
        self.take(parts);
        let seq = self.row(Kind::Hold, Some(call), parts, now).seq;
        let deadline = now.plus_millis(HOLD_LIFETIME_MS);
        self.open.insert(call, Open::new(parts, seq, deadline));
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
        self.open_late(call, now);
        self.post(call, charge, now).unwrap_or(MicroUsd::ZERO)
    }

    fn open_late(&mut self, call: CallId, now: Timestamp) -> &mut Open {
        let open = Open { is_remote: true, ..Open::new(Parts::default(), self.seq + 1, now) };
        self.open.entry(call).or_insert(open)
    }

    /// Reserves up to `by` more for a call, as much as there is room for; says how much it came to.
    pub fn extend(&mut self, call: CallId, by: MicroUsd, now: Timestamp) -> MicroUsd {
        let held = self.held_by(call).unwrap_or(MicroUsd::ZERO);
        let by = self.chargeable(call, held.plus(by)).minus(held);
        let more = self.offer(by, now);
        self.grow(call, more, now)
    }

    /// Ends a hold with its charge, and says what the wallet paid. The plan pays first, also for
    /// what the hold had of the wallet; and neither pays more than is held. What the hold did not
    /// foresee is taken from what there is room for and, beyond that, is ours to bear; so is what
    /// a project's cap does not allow. A hold that is over already is not charged again.
    pub fn post(&mut self, call: CallId, charge: Charge, now: Timestamp) -> Option<MicroUsd> {
        let wanted = charge.cost.or_zero();
        let cost = self.chargeable(call, wanted);
        let held = self.open.get(&call)?.parts;
        let allowance = cost.minus(held.allowance).min(self.allowance.free(now)).or_zero();
        let missing = cost.minus(held.total()).minus(allowance);
        let money = missing.min(self.wallet_room(now)).or_zero();
        self.grow(call, Parts { money, allowance }, now);
        let Open { parts, purpose, .. } = self.open.remove(&call)?;
        let covered = cost.min(parts.allowance);
        let paid = cost.minus(covered).min(parts.money);
        self.balance = self.balance.minus(paid);
        self.give_back(parts);
        self.allowance.spend(covered, now);
        if let Some(purpose) = &purpose {
            self.caps.spend(purpose, paid.plus(covered));
        }
        let source = charge.source();
        let row = self.row(Kind::Post, Some(call), parts.negated(), now);
        (row.amount, row.covered) = (paid.negated(), covered);
        (row.source, row.purpose) = (source, purpose);
        row.charge = Some(Box::new(charge));
        if cost < wanted {
            row.note = capped::beyond(wanted, cost);
        }
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
        let row = self.row(kind, None, Parts::default(), now);
        row.amount = amount;
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
                self.allowance.unspend(row.covered, row.at);
                if let Some(purpose) = &row.purpose {
                    self.caps.spend(purpose, row.amount.minus(row.covered));
                }
                (row.kind, row.amount, row.note) = (Kind::Void, MicroUsd::ZERO, note);
                (row.source, row.charge, row.covered) = (None, None, MicroUsd::ZERO);
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
        self.give_back(open.parts);
        if let Some(purpose) = &open.purpose {
            self.caps.tell(purpose);
        }
        self.row(kind, Some(call), open.parts.negated(), now).note = why.to_owned();
        true
    }

    /// What there is of so much: of the plan's allowance first, then of the wallet.
    fn offer(&mut self, amount: MicroUsd, now: Timestamp) -> Parts {
        let allowance = amount.min(self.allowance.free(now)).or_zero();
        let money = amount.minus(allowance).min(self.wallet_room(now)).or_zero();
        Parts { money, allowance }
    }

    fn wallet_room(&self, now: Timestamp) -> MicroUsd {
        let wallet_pays = self.allowance.wallet_pays(now);
        if wallet_pays { self.available().or_zero() } else { MicroUsd::ZERO }
    }

    fn grow(&mut self, call: CallId, more: Parts, now: Timestamp) -> MicroUsd {
        let Some(open) = self.open.get_mut(&call).filter(|_| more != Parts::default()) else {
            return MicroUsd::ZERO;
        };
        open.parts = open.parts.plus(more);
        let purpose = open.purpose.clone();
        self.take(more);
        // A late posting has no hold before it: should only this row be stored, it says what for.
        self.row(Kind::Extend, Some(call), more, now).purpose = purpose;
        more.total()
    }

    fn take(&mut self, parts: Parts) {
        self.held = self.held.plus(parts.money);
        self.allowance.reserve(parts.allowance);
    }

    fn give_back(&mut self, parts: Parts) {
        self.held = self.held.minus(parts.money);
        self.allowance.release(parts.allowance);
    }

    fn row(&mut self, kind: Kind, call: Option<CallId>, held: Parts, at: Timestamp) -> &mut Entry {
        self.seq += 1;
        let Parts { money: held, allowance: reserved } = held;
        self.unstored.push_mut(Entry {
            seq: self.seq,
            kind,
            call,
            source: None,
            amount: MicroUsd::ZERO,
            held,
            balance: self.balance,
            covered: MicroUsd::ZERO,
            reserved,
            at,
            note: String::new(),
            charge: None,
            purpose: None,
        })
    }
}

#[cfg(test)]
pub mod tests;
