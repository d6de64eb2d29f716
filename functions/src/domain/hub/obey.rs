//! Commands: what may be done with a runner, and what has to be said against it.

use schema::{
    AccountId, OpId, Timestamp,
    tunnel::{CloseCode, ToRunner},
};

use super::{
    Hub, Output, Place,
    body::PIECE_MS,
    command::{Act, Answer, Pays, Profile, Standing},
    operate::{Kind, Operation},
    out::Out,
    own::Toll,
    peek, refusals,
};

/// How long a call may be waited for.
const CALL_MAX_MS: u32 = 600_000;
/// How long a process may take to begin or to end.
const START_MS: i64 = 60_000;
/// How long a notification may take to be handed over.
const NOTIFY_MS: i64 = 15_000;

/// What came of a command.
#[derive(Debug)]
pub enum Verdict {
    Now(Answer),
    /// It comes when the operation is settled.
    Later(OpId),
}

impl Verdict {
    pub(super) const fn refuse(error: schema::Error) -> Self {
        Self::Now(Answer::Refused(error))
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
            Act::Call { op, account, grade, wait_ms, pays } => {
                let wait_ms = wait_ms.min(CALL_MAX_MS);
                let head = ToRunner::Call { op, process: account, grade, wait_ms };
                let operation = Operation::new(Kind::Call, head, by(i64::from(wait_ms)));
                self.call((op, account), operation.with(body), pays, now, out)
            }
            Act::Notify { op, account } => {
                let head = ToRunner::Notify { op, process: account };
                let operation = Operation::new(Kind::Notify, head, by(NOTIFY_MS));
                self.begin(op, operation.with(body), now, out)
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
            Act::Read { op, account, path, root, span } => {
                let head = ToRunner::Read { op, process: account, path, root, span };
                self.begin(op, Operation::new(Kind::Read, head, by(PIECE_MS)), now, out)
            }
            Act::Resolve { op, ask, account } => self.resolve((op, ask), account, body, now, out),
            Act::Follow { account, project, thread } => self.follow(account, project, thread, out),
            // The shell feeds; nothing of the hub changes by it.
            Act::Feed { .. } => Verdict::Now(Answer::Done),
            Act::Drain { op, on } => self.drain(op, on, out),
            Act::Revoke => self.revoke(now, out),
        }
    }

    /// Puts a call to a process that can pay for it, with its money where it begins a turn. What
    /// the host does by itself costs nothing.
    fn call(
        &mut self,
        (op, account): (OpId, AccountId),
        operation: Operation,
        pays: Option<Pays>,
        now: Timestamp,
        out: &mut Out,
    ) -> Verdict {
        if pays.is_none()
            && let Some(refusal) = self.unreachable(now)
        {
            return refusal;
        }
        if pays.is_none() && peek::is_hosts(&operation.body) {
            return self.begin(op, operation, now, out);
        }
        let hold = pays.as_ref().map(|pays| pays.call);
        let verdict = match self.toll((op, account), &operation.body, pays, now, out) {
            Toll::Stop(answer) => Verdict::Now(answer),
            Toll::Pass if self.has_key(account) => self.begin(op, operation, now, out),
            Toll::Pass => Verdict::Now(Answer::NeedsKey),
        };
        if let (Verdict::Now(_), Some(hold)) = (&verdict, hold) {
            self.void_turn(hold, out);
        }
        verdict
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
        let full = self.load() >= capacity || !self.has_room(account);
        if self.is_draining() || full {
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
        self.bill_all(out);
        self.hang_up(CloseCode::Revoked, "this runner was revoked", now, out);
        self.kept.revoked = true;
        out.batch.kept = Some(self.kept.clone());
        self.give_up(now, out);
        let keys = self.places.values().filter_map(|place| place.key).collect();
        Verdict::Now(Answer::Revoked { keys })
    }

    /// Whether an account's process can pay for its models.
    fn has_key(&self, account: AccountId) -> bool {
        let provisioned =
            |place: &Place| place.process.as_ref().is_some_and(|process| process.provisioned);
        self.kept.told.own_provider || self.places.get(&account).is_some_and(provisioned)
    }
}
