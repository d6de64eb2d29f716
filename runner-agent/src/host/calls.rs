//! Calls on their way: those that wait for the process, and those that wait for its answer.

use std::collections::{BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use schema::OpId;
use schema::tunnel::Grade;
use tokio::time::Instant;

use crate::dialect::Params;

/// Calls that may wait for the process; beyond it they are refused.
pub const WAITING_MAX: usize = 1_024;

/// One call of the hub.
#[derive(Debug)]
pub struct Call {
    pub op: OpId,
    pub grade: Grade,
    pub method: String,
    /// As they came; empty if there are none.
    pub params: Bytes,
    pub deadline: Instant,
    /// Whether it has an answer; a notification has none.
    pub is_request: bool,
}

/// A request that the process has been sent.
#[derive(Debug)]
pub struct Pending {
    /// Whom it is answered to; none if nobody waits any longer, or it is the host's own.
    pub op: Option<OpId>,
    pub deadline: Instant,
    /// Whether the operation is written down.
    pub written: bool,
    pub after: After,
}

/// What an answer means to the host.
#[derive(Debug)]
pub enum After {
    Nothing,
    /// The process has introduced itself.
    Introduced,
    /// A thread was loaded, by these params.
    Thread(Option<Params>),
    /// A thread was loaded by the host, so that this call can follow.
    Resumed {
        thread: String,
        call: Box<Call>,
    },
    /// A turn was asked for in a thread, in which this one ran already.
    Turn {
        thread: String,
        running: Option<String>,
        params: Params,
    },
    /// A thread was unloaded, or its events no longer come.
    Unloaded(String),
}

/// A call that has waited for long enough.
#[derive(Debug)]
pub enum Overdue {
    /// The process has been told, and its answer may still come.
    Sent(OpId),
    /// The process has not heard of it.
    Unsent(Box<Call>),
}

/// All of them.
#[derive(Debug, Default)]
pub struct Calls {
    next: i64,
    pending: HashMap<i64, Pending>,
    deadlines: BTreeSet<(Instant, i64)>,
    pub waiting: VecDeque<Call>,
}

impl Calls {
    /// A number for a request.
    pub fn sent(&mut self, pending: Pending) -> i64 {
        self.next += 1;
        self.deadlines.insert((pending.deadline, self.next));
        self.pending.insert(self.next, pending);
        self.next
    }

    /// The request of that number has been answered.
    pub fn answered(&mut self, number: i64) -> Option<Pending> {
        let pending = self.pending.remove(&number)?;
        self.deadlines.remove(&(pending.deadline, number));
        Some(pending)
    }

    /// Whether nobody waits for anything.
    pub fn is_idle(&self) -> bool {
        self.deadlines.is_empty() && self.waiting.is_empty()
    }

    /// Whether a turn has been asked for in a thread, and not been answered yet.
    pub fn starts_turn(&self, thread: &str) -> bool {
        let starts = |pending: &Pending| match &pending.after {
            After::Turn { thread: its, .. } | After::Resumed { thread: its, .. } => its == thread,
            _ => false,
        };
        self.pending.values().any(starts)
    }

    /// When the next one has waited for long enough.
    pub fn deadline(&self) -> Option<Instant> {
        let sent = self.deadlines.first().map(|(deadline, _)| *deadline);
        sent.into_iter().chain(self.waiting.iter().map(|call| call.deadline)).min()
    }

    /// The next one that has waited for an answer for long enough. The request stays known, for its
    /// answer may still tell something.
    pub fn overdue(&mut self, now: Instant) -> Option<Overdue> {
        while let Some((deadline, number)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.deadlines.remove(&(deadline, number));
            let Some(pending) = self.pending.remove(&number) else { continue };
            if let After::Resumed { call, .. } = pending.after {
                return Some(Overdue::Unsent(call));
            }
            let op = pending.op;
            self.pending.insert(number, pending);
            if let Some(op) = op {
                return Some(Overdue::Sent(op));
            }
        }
        None
    }

    /// The next one that has waited for the process for long enough.
    pub fn overdue_waiting(&mut self, now: Instant) -> Option<Call> {
        let place = self.waiting.iter().position(|call| call.deadline <= now)?;
        self.waiting.remove(place)
    }

    /// The process has ended: nothing of what it was sent will be answered.
    pub fn lost(&mut self) -> Vec<Pending> {
        self.deadlines.clear();
        self.pending.drain().map(|(_, pending)| pending).collect()
    }
}
