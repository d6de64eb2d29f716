//! What projects of the account may spend: caps as they are set, and to which of them a call
//! counts.

use std::rc::Rc;

use schema::{CallId, Code, Error, MicroUsd, ProjectId, Result, Timestamp};

use super::{Inner, rows::Rows};
use crate::domain::{
    account::Outcome,
    admission::{Live, RAISE},
    cap::{Budget, Command, Origin, Purpose},
};

/// Does what the command says; where the project stands then is the answer.
pub fn run(live: &mut Live, rows: &Rows, command: Command, now: Timestamp) -> Result<Outcome> {
    let (project, thread) = match command {
        Command::Set { project, cap } => {
            let thread = cap.thread.clone();
            let mut budget = live.ledger.caps.budget(project).cloned().unwrap_or_default();
            budget.set(cap);
            // What memory knows of charges that no row has yet must not be forgotten.
            rows.store(live).map_err(Error::unavailable)?;
            put(live, rows, project, budget)?;
            read_again(live, rows, project)?;
            (project, Some(thread))
        }
        Command::End { project, thread, turn } => {
            if let Some(mut budget) = live.ledger.caps.budget(project).cloned() {
                budget.end(&thread, &turn);
                put(live, rows, project, budget)?;
            }
            (project, Some(thread))
        }
        Command::Look { project, thread } => (project, thread),
    };
    learn(live, rows, project)?;
    let meter = live.ledger.meter(project, thread.as_deref(), now);
    Ok(Outcome::Meter(meter.map(Box::new)))
}

/// Memory changes once the row has.
fn put(live: &mut Live, rows: &Rows, project: ProjectId, budget: Budget) -> Result<()> {
    rows.put_cap(project, &budget).map_err(Error::unavailable)?;
    live.ledger.caps.put(project, budget);
    Ok(())
}

/// To what a call counts, if it is a project's, with what the project has spent known.
pub fn purpose(live: &mut Live, rows: &Rows, origin: Origin<'_>) -> Result<Option<Rc<Purpose>>> {
    let purpose = live.ledger.caps.purpose(origin);
    if let Some(purpose) = &purpose {
        learn(live, rows, purpose.project)?;
    }
    Ok(purpose)
}

/// To what a turn counts that codex pays for by itself and that has ended: to the turn that its
/// thread runs or, if that has been said to be over, ran last.
pub fn purpose_of_turn(live: &mut Live, rows: &Rows, thread: &str) -> Result<Option<Rc<Purpose>>> {
    let purpose = live.ledger.caps.late_purpose(thread);
    if let Some(purpose) = &purpose {
        learn(live, rows, purpose.project)?;
    }
    Ok(purpose)
}

/// Nothing of a project is spent in a process before its rows are read, so no row is missing.
fn learn(live: &mut Live, rows: &Rows, project: ProjectId) -> Result<()> {
    if live.ledger.caps.is_unread(project) { read_again(live, rows, project) } else { Ok(()) }
}

fn read_again(live: &mut Live, rows: &Rows, project: ProjectId) -> Result<()> {
    let Some(budget) = live.ledger.caps.budget(project) else { return Ok(()) };
    let spent = rows.spent(project, budget).map_err(Error::unavailable)?;
    live.ledger.caps.learn(project, spent);
    Ok(())
}

impl Inner {
    /// To what a call counts. Where no project is counted, its head is not even looked at.
    pub(super) fn purpose(
        &self,
        request: &web_sys::Request,
        thread: &str,
    ) -> Result<Option<Rc<Purpose>>> {
        let mut live = self.live.borrow_mut();
        if live.ledger.caps.is_empty() {
            return Ok(None);
        }
        let (parent, session) = kin(request);
        let origin = Origin { thread, parent: &parent, session: &session };
        purpose(&mut live, &self.rows, origin)
    }

    /// What a running call is certain to cost, for whoever watches its project.
    pub(super) fn meter(&self, call: CallId, certain: MicroUsd) {
        self.live.borrow_mut().ledger.owe(call, certain);
    }

    /// Whether nothing is left of the cap of a call's project. Whoever watches it hears of that.
    pub(super) fn is_over_budget(&self, call: CallId) -> bool {
        let mut live = self.live.borrow_mut();
        let Some(purpose) = live.ledger.purpose_of(call) else { return false };
        let over = live.ledger.cap_room(&purpose) == Some(MicroUsd::ZERO);
        if over {
            live.ledger.caps.exhaust(&purpose);
        }
        over
    }
}

/// Why an answer ends before its end: its project may spend no more.
pub fn ends_here() -> Error {
    let message =
        format!("The budget of this project's turn is used up, so the answer ends here. {RAISE}");
    Error::new(Code::BudgetExceeded, message)
}

/// The thread that had a helper made, and the session that both share, as both versions of the
/// stock CLI name them.
fn kin(request: &web_sys::Request) -> (String, String) {
    use crate::js::request_header as header;
    let session = header(request, "session_id");
    let session = if session.is_empty() { header(request, "session-id") } else { session };
    (header(request, "x-codex-parent-thread-id"), session)
}
