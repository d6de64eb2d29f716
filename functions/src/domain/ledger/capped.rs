//! Holds of projects: beside the wallet, and by the same arithmetic, what is held and spent keeps
//! within the project's cap.

use std::rc::Rc;

use schema::{CallId, MicroUsd, ProjectId, Timestamp};

use super::{Charge, Hold, Ledger};
use crate::domain::{
    cap::{Held, Purpose},
    project::meter::Meter,
};

impl Ledger {
    /// Reserves exactly `amount` for a call that counts to a project, if the project may spend it.
    pub fn hold_for(
        &mut self,
        call: CallId,
        amount: MicroUsd,
        purpose: Option<&Rc<Purpose>>,
        now: Timestamp,
    ) -> Option<Hold> {
        let Some(purpose) = purpose else { return self.hold(call, amount, now) };
        if self.cap_room(purpose).is_some_and(|room| amount > room) {
            return None;
        }
        let hold = self.hold(call, amount, now)?;
        if let Some(open) = self.open.get_mut(&call) {
            open.purpose = Some(purpose.clone());
        }
        if let Some(row) = self.unstored.last_mut() {
            row.purpose = Some(purpose.clone());
        }
        Some(hold)
    }

    /// Puts back to what a hold counts that storage knows as open.
    pub fn recount(&mut self, call: CallId, purpose: Purpose) {
        if let Some(open) = self.open.get_mut(&call) {
            open.purpose = Some(Rc::new(purpose));
        }
    }

    /// Charges a call whose hold may have run out meanwhile, and with it what said to what it
    /// counts.
    pub fn post_late_for(
        &mut self,
        call: CallId,
        charge: Charge,
        purpose: Option<Rc<Purpose>>,
        now: Timestamp,
    ) -> MicroUsd {
        // What a hold counts to is settled when it is taken: room was given away by it since.
        let is_new = !self.open.contains_key(&call);
        let open = self.open_late(call, now);
        if is_new {
            open.purpose = purpose;
        }
        self.post(call, charge, now).unwrap_or(MicroUsd::ZERO)
    }

    /// What a call may take of its project's cap, beside what open holds reserve of it; nothing is
    /// said where there is no limit.
    pub fn cap_room(&self, purpose: &Purpose) -> Option<MicroUsd> {
        self.caps.room(purpose, self.held_for(purpose))
    }

    /// What open holds reserve of a project's cap.
    pub fn held_for(&self, purpose: &Purpose) -> Held {
        let mut held = Held::default();
        for open in self.open.values() {
            let Some(its) = open.purpose.as_ref().filter(|its| its.project == purpose.project)
            else {
                continue;
            };
            held.project = held.project.plus(open.parts.total());
            if its.turn == purpose.turn {
                held.turn = held.turn.plus(open.parts.total());
                held.certain = held.certain.plus(open.certain);
            }
        }
        held
    }

    /// To what an open hold counts.
    pub fn purpose_of(&self, call: CallId) -> Option<Rc<Purpose>> {
        self.open.get(&call)?.purpose.clone()
    }

    /// What a running call is certain to cost, whatever becomes of it.
    pub fn owe(&mut self, call: CallId, certain: MicroUsd) {
        let Some(open) = self.open.get_mut(&call) else { return };
        open.certain = certain;
        if let Some(purpose) = &open.purpose {
            self.caps.tell(purpose);
        }
    }

    /// What of `cost` a call's project may be charged: what is held, and what its cap leaves.
    pub(super) fn chargeable(&self, call: CallId, cost: MicroUsd) -> MicroUsd {
        let Some(open) = self.open.get(&call) else { return cost };
        let Some(purpose) = &open.purpose else { return cost };
        let room = self.cap_room(purpose);
        room.map_or(cost, |room| cost.min(open.parts.total().plus(room)))
    }

    /// Where a project stands, and the turn that runs in this thread of it, or in its latest.
    pub fn meter(&self, project: ProjectId, thread: Option<&str>, now: Timestamp) -> Option<Meter> {
        let purpose = self.caps.current(project, thread)?;
        let held = self.held_for(&purpose);
        self.caps.meter(purpose, held, now)
    }
}

/// What the row of a charge says that its project's cap did not allow.
pub(super) fn beyond(cost: MicroUsd, paid: MicroUsd) -> String {
    format!("it cost ${cost}; what is beyond the budget is not charged: ${}", cost.minus(paid))
}
