//! Operations: each has an id, is sent again after every reconnect, and is settled exactly once, by
//! its answer, by its deadline, or because its runner stays away.

use schema::{
    AccountId, AskId, Code, Error, KeyId, OpId, Timestamp,
    tunnel::{MESSAGE_MAX_BYTES, Refusal, ToRunner},
    workspace::File,
};

use super::{
    Hub, Output,
    body::pull_on,
    command::{Answer, Resolved, Standing},
    obey::Verdict,
    out::{HEAD_MAX_BYTES, Out},
    pull::Pull,
    refusals,
};

/// Operations of one runner that may wait at once: as many as it remembers answers of.
const OPS_MAX: usize = 4_096;
/// The largest request to a process.
const BODY_MAX_BYTES: usize = MESSAGE_MAX_BYTES - HEAD_MAX_BYTES;

/// What an operation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Notify,
    Start { account: AccountId, replaced: Option<KeyId> },
    Stop,
    Reply { ask: AskId },
    Read,
}

/// Something that waits for an answer.
#[derive(Debug)]
pub(super) struct Operation {
    order: u64,
    pub kind: Kind,
    head: ToRunner,
    pub body: Vec<u8>,
    sent_at: Option<Timestamp>,
    pub deadline: Timestamp,
    /// Where an announced body stands, and what has come of one that is put together here.
    pub pull: Option<Pull>,
    pub gathered: Vec<u8>,
    /// The file whose body it is.
    pub file: Option<File>,
}

impl Operation {
    pub fn new(kind: Kind, head: ToRunner, deadline: Timestamp) -> Self {
        let (body, gathered, file) = (Vec::new(), Vec::new(), None);
        Self { order: 0, kind, head, body, sent_at: None, deadline, pull: None, gathered, file }
    }

    /// The same, with this body.
    pub fn with(self, body: &[u8]) -> Self {
        Self { body: body.to_vec(), ..self }
    }

    /// Whether somebody still waits to hear what came of it.
    const fn is_unsettled(&self) -> bool {
        !(matches!(self.kind, Kind::Read) && self.pull.is_some())
    }

    /// Whose body can be announced.
    pub fn process(&self) -> Option<AccountId> {
        match &self.head {
            ToRunner::Call { process, .. } | ToRunner::Read { process, .. } => Some(*process),
            _ => None,
        }
    }
}

impl Hub {
    /// Why nothing can be sent, now or within the grace that a lost connection has.
    pub(super) fn unreachable(&self, now: Timestamp) -> Option<Verdict> {
        match self.standing(now) {
            Standing::Online | Standing::Suspect => None,
            Standing::Never | Standing::Offline | Standing::Revoked => {
                Some(Verdict::refuse(refusals::unavailable(&self.reason(now))))
            }
        }
    }

    /// Sends an operation, or keeps it until the runner is back.
    pub(super) fn begin(
        &mut self,
        op: OpId,
        mut operation: Operation,
        now: Timestamp,
        out: &mut Out,
    ) -> Verdict {
        if let Some(refusal) = self.unreachable(now) {
            return refusal;
        }
        if operation.body.len() > BODY_MAX_BYTES {
            let most = BODY_MAX_BYTES >> 10;
            let message = format!("A request to a process may have at most {most} KiB.");
            return Verdict::refuse(Error::new(Code::PayloadTooLarge, message));
        }
        if self.ops.contains_key(&op) {
            let message = "This operation is under way already.";
            return Verdict::refuse(Error::new(Code::Conflict, message));
        }
        if self.ops.len() >= OPS_MAX {
            let message = "Too many requests wait for this machine. Try again shortly.";
            let error = Error::new(Code::ConcurrencyLimitExceeded, message).retry_after(1);
            return Verdict::refuse(error);
        }
        if self.is_linked() {
            out.send(&operation.head, &operation.body);
            operation.sent_at = Some(now);
        }
        self.park(op, operation)
    }

    pub(super) fn park(&mut self, op: OpId, mut operation: Operation) -> Verdict {
        self.operated += 1;
        operation.order = self.operated;
        self.ops.insert(op, operation);
        Verdict::Later(op)
    }

    /// Sends what is unanswered to a runner that is back.
    pub(super) fn send_again(&mut self, now: Timestamp, out: &mut Out) {
        let mut again: Vec<_> = self.ops.iter_mut().collect();
        again.sort_by_key(|(_, operation)| operation.order);
        for (op, operation) in again {
            // Answers to questions are sent again from where they are kept.
            if matches!(operation.kind, Kind::Reply { .. }) {
                continue;
            }
            // A body is announced anew first: the runner may have begun anew, too.
            out.send(&operation.head, &operation.body);
            operation.sent_at = Some(now);
            if let Some(pull) = &mut operation.pull {
                pull.again();
                pull_on(*op, operation, out);
            }
        }
    }

    /// An operation came to something.
    pub(super) fn answered(
        &mut self,
        op: OpId,
        size: u64,
        refused: Option<Refusal>,
        body: &[u8],
        now: Timestamp,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        if self.replied(op, refused.as_ref(), out) {
            return Ok(());
        }
        match refused {
            Some(_) => self.turn_refused(op, out),
            None if size == body.len() as u64 => self.turn_answered(op, body, out),
            None => {}
        }
        let Some(operation) = self.ops.get_mut(&op) else { return Ok(()) };
        if let Some(sent_at) = operation.sent_at {
            self.round_trip_ms = Some(now.since(sent_at));
        }
        if let Some(Refusal { code, message }) = refused {
            let error = Error::new(code, message);
            self.end(op, error, out);
            return Ok(());
        }
        if operation.kind != Kind::Read && size == body.len() as u64 {
            self.done(op, body.to_vec(), out);
            return Ok(());
        }
        let file = match body {
            b"" => None,
            body if operation.kind == Kind::Read => {
                Some(serde_json::from_slice(body).map_err(|_| "a file that is none")?)
            }
            _ => return Err("an answer that is not of its size"),
        };
        self.announced(op, size, file, now, out)
    }

    /// An operation succeeded.
    pub(super) fn done(&mut self, op: OpId, body: Vec<u8>, out: &mut Out) {
        let Some(operation) = self.ops.remove(&op) else { return };
        let answer = match operation.kind {
            Kind::Call => Answer::Answered,
            Kind::Notify | Kind::Stop | Kind::Read | Kind::Reply { .. } => Answer::Done,
            Kind::Start { account, replaced } => {
                let place = self.place_mut(account);
                if let Some(process) = &mut place.process {
                    process.provisioned |= place.key.is_some();
                    out.changed.insert(account);
                }
                Answer::Started { replaced }
            }
        };
        let body = if operation.kind == Kind::Call { body } else { Vec::new() };
        out.settle(op, answer, body);
    }

    /// An operation came to nothing.
    pub(super) fn end(&mut self, op: OpId, error: Error, out: &mut Out) {
        let Some(operation) = self.ops.remove(&op) else { return };
        self.let_go(op, &operation, out);
        if operation.is_unsettled() {
            let answer = match operation.kind {
                // The answer is safe, and will be delivered.
                Kind::Reply { .. } => Answer::Resolved(Resolved { delivered: false }),
                _ => Answer::Refused(error),
            };
            out.settle(op, answer, Vec::new());
        } else {
            out.outputs.push(Output::Broken { op, error });
        }
    }

    /// Nobody waits any longer for a runner that stays away.
    pub(super) fn give_up(&mut self, now: Timestamp, out: &mut Out) {
        let error = refusals::unavailable(&self.reason(now));
        for op in self.ops.keys().copied().collect::<Vec<_>>() {
            self.end(op, error.clone(), out);
        }
    }

    /// Ends what took too long.
    pub(super) fn end_late(&mut self, now: Timestamp, out: &mut Out) {
        let late = self.ops.iter().filter(|(_, operation)| operation.deadline <= now);
        for op in late.map(|(op, _)| *op).collect::<Vec<_>>() {
            self.end(op, refusals::late(), out);
        }
    }
}
