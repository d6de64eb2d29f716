//! Operations: each has an id, is sent again after every reconnect, and is settled exactly once, by
//! its answer, by its deadline, or because its runner stays away.

use schema::tunnel::{CHUNK_BYTES, CloseCode, MESSAGE_MAX_BYTES, Refusal, ToRunner};
use schema::{AccountId, AskId, Code, Error, KeyId, OpId, Timestamp};

use super::{
    HEAD_MAX_BYTES, Hub, Out, Output, Settled,
    command::{Act, Answer, Profile, Resolved, Standing},
    pull::{Pull, Worth},
    refusals,
};

/// Operations of one runner that may wait at once: as many as it remembers answers of.
const OPS_MAX: usize = 4_096;
/// How long a call may be waited for.
const CALL_MAX_MS: u32 = 600_000;
/// How long a process may take to begin or to end.
const START_MS: i64 = 60_000;
/// How long a notification may take to be handed over.
const NOTIFY_MS: i64 = 15_000;
/// How long a body may stand still on its way.
const PIECE_MS: i64 = 30_000;
/// The largest answer of a process that is put together here.
const ANSWER_MAX_BYTES: u64 = 16 << 20;
/// The largest request to a process.
const BODY_MAX_BYTES: usize = MESSAGE_MAX_BYTES - HEAD_MAX_BYTES;

/// What came of a command.
#[derive(Debug)]
pub enum Verdict {
    Now(Answer),
    /// It comes when the operation is settled.
    Later(OpId),
}

impl Verdict {
    pub(super) const fn refuse(error: Error) -> Self {
        Self::Now(Answer::Refused(error))
    }
}

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
    kind: Kind,
    head: ToRunner,
    body: Vec<u8>,
    sent_at: Option<Timestamp>,
    deadline: Timestamp,
    /// Where an announced body stands, and what has come of one that is put together here.
    pull: Option<Pull>,
    gathered: Vec<u8>,
}

impl Operation {
    pub fn new(kind: Kind, head: ToRunner, deadline: Timestamp) -> Self {
        let (body, gathered) = (Vec::new(), Vec::new());
        Self { order: 0, kind, head, body, sent_at: None, deadline, pull: None, gathered }
    }

    /// Whether somebody still waits to hear what came of it.
    const fn is_unsettled(&self) -> bool {
        !(matches!(self.kind, Kind::Read) && self.pull.is_some())
    }

    fn process(&self) -> Option<AccountId> {
        match &self.head {
            ToRunner::Call { process, .. } | ToRunner::Read { process, .. } => Some(*process),
            _ => None,
        }
    }
}

impl Hub {
    /// Does what it is told.
    pub fn obey(&mut self, act: Act, body: &[u8], now: Timestamp) -> (Verdict, Vec<Output>) {
        let mut out = Out::default();
        let verdict = self.act(act, body, now, &mut out);
        (verdict, self.finish(out, now))
    }

    fn act(&mut self, act: Act, body: &[u8], now: Timestamp, out: &mut Out) -> Verdict {
        if let Act::Enrol { profile } = act {
            return self.enrol(profile, out);
        }
        // Again is the same: whoever did not hear the answer has to learn of the keys.
        let is_revoked = self.kept.revoked && act != Act::Revoke;
        if is_revoked || self.kept.profile.is_none() {
            return Verdict::Now(Answer::Gone);
        }
        let by = |ms: i64| now.plus_millis(ms);
        match act {
            Act::Enrol { .. } => Verdict::Now(Answer::Done),
            Act::Place { account } => self.take_in(account, now, out),
            Act::Call { op, account, grade, wait_ms } => {
                if !self.has_key(account) {
                    return self.unreachable(now).unwrap_or(Verdict::Now(Answer::NeedsKey));
                }
                let wait_ms = wait_ms.min(CALL_MAX_MS);
                let head = ToRunner::Call { op, process: account, grade, wait_ms };
                let operation = Operation::new(Kind::Call, head, by(i64::from(wait_ms)));
                self.begin(op, Operation { body: body.to_vec(), ..operation }, now, out)
            }
            Act::Notify { op, account } => {
                let head = ToRunner::Notify { op, process: account };
                let operation = Operation::new(Kind::Notify, head, by(NOTIFY_MS));
                self.begin(op, Operation { body: body.to_vec(), ..operation }, now, out)
            }
            Act::Start { op, account, key } => {
                if let Some(refusal) = self.unreachable(now) {
                    return refusal;
                }
                if key.is_none() && !self.has_key(account) {
                    return Verdict::Now(Answer::NeedsKey);
                }
                let place = self.place_mut(account);
                let id = key.as_ref().map(|key| key.id);
                let replaced = if id.is_some() { place.key } else { None };
                place.key = id.or(place.key);
                out.changed.insert(account);
                let key = key.map(|key| key.text);
                let head = ToRunner::Start { op, process: account, key };
                let kind = Kind::Start { account, replaced };
                self.begin(op, Operation::new(kind, head, by(START_MS)), now, out)
            }
            Act::Stop { op, account } => {
                let head = ToRunner::Stop { op, process: account };
                self.begin(op, Operation::new(Kind::Stop, head, by(START_MS)), now, out)
            }
            Act::Read { op, account, path } => {
                let head = ToRunner::Read { op, process: account, path };
                self.begin(op, Operation::new(Kind::Read, head, by(PIECE_MS)), now, out)
            }
            Act::Resolve { op, ask, account } => self.resolve((op, ask), account, body, now, out),
            Act::Drain { op, on } => self.drain(op, on, out),
            Act::Revoke => self.revoke(now, out),
        }
    }

    fn enrol(&mut self, profile: Profile, out: &mut Out) -> Verdict {
        if self.kept.profile.is_none() {
            self.kept.profile = Some(profile);
            out.batch.kept = Some(self.kept.clone());
        }
        Verdict::Now(Answer::Done)
    }

    /// New work comes only to a runner that is there, wants it, and has room for it.
    fn take_in(&mut self, account: AccountId, now: Timestamp, out: &mut Out) -> Verdict {
        if self.places.contains_key(&account) {
            return Verdict::Now(Answer::Done);
        }
        let capacity = self.kept.profile.as_ref().map_or(0, |profile| profile.capacity);
        if self.standing(now) != Standing::Online {
            return Verdict::refuse(refusals::unavailable(&self.reason(now)));
        }
        if self.is_draining() || self.load() >= capacity {
            return Verdict::refuse(refusals::unavailable("It takes no new work."));
        }
        self.place_mut(account);
        out.changed.insert(account);
        Verdict::Now(Answer::Done)
    }

    fn drain(&mut self, op: OpId, on: bool, out: &mut Out) -> Verdict {
        self.kept.draining = on;
        out.batch.kept = Some(self.kept.clone());
        if self.is_linked() {
            // A runner that is away hears of it in its welcome.
            out.send(&ToRunner::Drain { op, on }, b"");
        }
        Verdict::Now(Answer::Done)
    }

    fn revoke(&mut self, now: Timestamp, out: &mut Out) -> Verdict {
        self.lapse_all(out);
        self.hang_up(CloseCode::Revoked, "this runner was revoked", now, out);
        self.kept.revoked = true;
        out.batch.kept = Some(self.kept.clone());
        self.give_up(now, out);
        let keys = self.places.values().filter_map(|place| place.key).collect();
        Verdict::Now(Answer::Revoked { keys })
    }

    /// Whether an account's process can pay for its models.
    fn has_key(&self, account: AccountId) -> bool {
        let provisioned = |place: &super::Place| {
            place.process.as_ref().is_some_and(|process| process.provisioned)
        };
        self.kept.told.own_provider || self.places.get(&account).is_some_and(provisioned)
    }

    /// Why nothing can be sent, now or within the grace that a lost connection has.
    fn unreachable(&self, now: Timestamp) -> Option<Verdict> {
        match self.standing(now) {
            Standing::Online | Standing::Suspect => None,
            Standing::Never | Standing::Offline | Standing::Revoked => {
                Some(Verdict::refuse(refusals::unavailable(&self.reason(now))))
            }
        }
    }

    /// Sends an operation, or keeps it until the runner is back.
    fn begin(
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
        let Some(operation) = self.ops.get_mut(&op) else { return Ok(()) };
        if let Some(sent_at) = operation.sent_at {
            self.round_trip_ms = Some(now.since(sent_at));
        }
        if let Some(Refusal { code, message }) = refused {
            let error = Error::new(code, message);
            self.end(op, error, out);
            return Ok(());
        }
        if operation.pull.is_some() {
            // Announced again, because it was asked for again.
            return Ok(());
        }
        let is_read = matches!(operation.kind, Kind::Read);
        if !is_read && size == body.len() as u64 {
            self.done(op, body.to_vec(), out);
            return Ok(());
        }
        if !body.is_empty() || (!is_read && size <= CHUNK_BYTES as u64) {
            return Err("an answer that is not of its size");
        }
        if !is_read && size > ANSWER_MAX_BYTES {
            let most = ANSWER_MAX_BYTES >> 20;
            let message = format!("The process answered with more than {most} MiB.");
            self.end(op, Error::new(Code::UpstreamFailed, message), out);
            return Ok(());
        }
        let mut pull = Pull::new(size);
        if is_read {
            out.outputs.push(Output::Settle { op, settled: Settled::Announced(size) });
            operation.deadline = now.plus_millis(PIECE_MS);
        }
        if pull.take(0, 0, true) == Worth::Last {
            self.ops.remove(&op);
            out.outputs.push(Output::Piece { op, bytes: Vec::new(), last: true });
            return Ok(());
        }
        operation.pull = Some(pull);
        pull_on(op, operation, out);
        Ok(())
    }

    /// A piece of an announced body.
    pub(super) fn chunk(
        &mut self,
        op: OpId,
        offset: u64,
        last: bool,
        body: &[u8],
        now: Timestamp,
        out: &mut Out,
    ) -> Result<(), &'static str> {
        let Some(operation) = self.ops.get_mut(&op) else { return Ok(()) };
        let Some(pull) = &mut operation.pull else {
            return Err("a piece of a body that was not announced");
        };
        let worth = pull.take(offset, body.len(), last);
        match worth {
            Worth::Known => return Ok(()),
            Worth::Wrong => return Err("a piece that was not asked for"),
            Worth::Cut => {
                let message = "The file or answer changed while it was read. Try again.";
                self.end(op, Error::new(Code::Conflict, message), out);
                return Ok(());
            }
            Worth::Next | Worth::Last => {}
        }
        let is_last = worth == Worth::Last;
        if matches!(operation.kind, Kind::Read) {
            operation.deadline = now.plus_millis(PIECE_MS);
            out.outputs.push(Output::Piece { op, bytes: body.to_vec(), last: is_last });
            if is_last {
                self.ops.remove(&op);
            }
            return Ok(());
        }
        pull.pass(body.len() as u64);
        operation.gathered.extend_from_slice(body);
        if is_last {
            let whole = std::mem::take(&mut operation.gathered);
            self.done(op, whole, out);
        } else {
            pull_on(op, operation, out);
        }
        Ok(())
    }

    /// Bytes of a body reached whoever reads it: as many more may come.
    pub(super) fn passed(&mut self, op: OpId, bytes: usize, now: Timestamp, out: &mut Out) {
        let linked = self.is_linked();
        let Some(operation) = self.ops.get_mut(&op) else { return };
        let Some(pull) = &mut operation.pull else { return };
        pull.pass(bytes as u64);
        operation.deadline = now.plus_millis(PIECE_MS);
        if linked {
            pull_on(op, operation, out);
        }
    }

    /// Whoever waited has left.
    pub(super) fn left(&mut self, op: OpId, out: &mut Out) {
        let Some(operation) = self.ops.remove(&op) else { return };
        self.let_go(op, &operation, out);
    }

    /// Tells the runner that an announced body is not wanted any further.
    fn let_go(&self, op: OpId, operation: &Operation, out: &mut Out) {
        if let (true, Some(_), Some(process)) =
            (self.is_linked(), operation.pull, operation.process())
        {
            out.send(&ToRunner::Drop { op, process }, b"");
        }
    }

    /// An operation succeeded.
    fn done(&mut self, op: OpId, body: Vec<u8>, out: &mut Out) {
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
    fn end(&mut self, op: OpId, error: Error, out: &mut Out) {
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

/// Asks for as many pieces as may be under way.
fn pull_on(op: OpId, operation: &mut Operation, out: &mut Out) {
    let Some(process) = operation.process() else { return };
    let Some(pull) = &mut operation.pull else { return };
    while let Some(offset) = pull.ask() {
        out.send(&ToRunner::Pull { op, process, offset }, b"");
    }
}
