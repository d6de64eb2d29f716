//! A runner as its object sees it: its connection, what it hosts, what is asked of it, and what its
//! processes ask.
//!
//! A pure machine: what happens goes in with the time, what to do about it comes out. A connection
//! is named by its generation, which only grows; whatever comes of an older one is not heard any
//! more. What must survive the loss of memory is in [`Kept`], in places and in questions, and every
//! change of it comes out as a [`Batch`] before whatever tells the world of it.

mod asks;
pub mod command;
mod link;
mod operate;
mod peek;
mod pull;
#[cfg(test)]
mod tests;

pub use asks::{Question, State, closed};
pub use operate::Verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schema::{
    AccountId, AskId, KeyId, OpId, Timestamp,
    rpc::RequestId,
    tunnel::{self, CloseCode, LEASE_MS, MESSAGE_MAX_BYTES, Process, ProcessState, Seq},
    tunnel::{SUSPECT_MS, ToRunner},
};
use serde::{Deserialize, Serialize};

use self::{
    command::{Answer, Description, Profile, Standing, Told},
    operate::Operation,
};

/// A runner, in its object's memory.
#[derive(Debug, Default)]
pub struct Hub {
    kept: Kept,
    link: Option<Link>,
    places: BTreeMap<AccountId, Place>,
    asks: BTreeMap<AskId, Question>,
    ops: HashMap<OpId, Operation>,
    /// How many operations there have been: they are sent again in their order.
    operated: u64,
    round_trip_ms: Option<i64>,
    /// What viewers were told last.
    told: Option<Standing>,
}

/// What a runner's object keeps of it, in one row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub profile: Option<Profile>,
    pub revoked: bool,
    /// Whether an operator keeps new work away.
    pub draining: bool,
    /// The highest generation that has been let in.
    pub generation: u64,
    pub told: Told,
    /// Whether it was connected when this was written.
    pub linked: bool,
    pub connected_at: Option<Timestamp>,
    pub seen_at: Option<Timestamp>,
    /// When the last connection was lost, and why.
    pub lost_at: Option<Timestamp>,
    pub reason: String,
}

/// The connection that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    generation: u64,
    /// Whether both have introduced themselves.
    welcomed: bool,
}

/// An account's place on the runner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Names it in rows.
    pub number: u32,
    pub process: Option<Process>,
    /// The key that it pays with.
    pub key: Option<KeyId>,
    /// The last event that is stored; 0 if there has been none.
    pub last: Seq,
    /// The oldest that is still there; 0 if there has been none.
    pub first: Seq,
}

impl Place {
    /// Whether it takes up room: what sleeps does not, what is about to begin does.
    fn is_live(&self) -> bool {
        self.process.as_ref().is_none_or(|process| process.state != ProcessState::Stopped)
    }
}

/// What happens.
#[derive(Debug)]
pub enum Input<'a> {
    /// A connection was let in, of a generation above all before it.
    Opened { generation: u64 },
    /// A message of a connection.
    Message { generation: u64, bytes: &'a [u8] },
    /// Something of a connection that is no message of ours.
    Garbage { generation: u64, what: &'a str },
    /// A connection is gone.
    Closed { generation: u64, reason: &'a str },
    /// So many bytes of an announced body were handed on.
    Passed { op: OpId, bytes: usize },
    /// Nobody waits for an operation any more.
    Left { op: OpId },
    /// Time passed; the platform saw the connection alive then.
    Tick { alive_at: Option<Timestamp> },
}

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Write these rows; nothing that follows may be seen before they are safe.
    Store(Box<Batch>),
    /// A message to the connection that counts.
    Send(Vec<u8>),
    Close {
        generation: u64,
        code: CloseCode,
        reason: String,
    },
    /// What an operation came to: once for each.
    Settle {
        op: OpId,
        settled: Settled,
    },
    /// The next piece of an announced body.
    Piece {
        op: OpId,
        bytes: Vec<u8>,
        last: bool,
    },
    /// No further piece will come.
    Broken {
        op: OpId,
        error: schema::Error,
    },
    /// An account's process said something that is stored now.
    Said(AccountId),
    /// Viewers have to know.
    Stands {
        standing: Standing,
        reason: String,
    },
}

/// What an operation came to.
#[derive(Debug)]
pub enum Settled {
    /// An answer, with its body.
    Answer(Answer, Vec<u8>),
    /// A body of so many bytes, that comes in pieces.
    Announced(u64),
}

/// Rows to write.
#[derive(Debug, Default)]
pub struct Batch {
    pub kept: Option<Kept>,
    /// Places that are new or changed.
    pub places: Vec<(AccountId, Place)>,
    pub events: Vec<EventRow>,
    pub asks: Vec<AskRow>,
    /// Questions whose state changed.
    pub states: Vec<(AskId, State)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        let Self { kept, places, events, asks, states } = self;
        let nothing = events.is_empty() && asks.is_empty() && states.is_empty();
        nothing && kept.is_none() && places.is_empty()
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub account: AccountId,
    pub place: u32,
    pub seq: Seq,
    pub at: Timestamp,
    pub said: Said,
    pub ask: Option<AskId>,
}

/// A question as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRow {
    pub ask: AskId,
    pub account: AccountId,
    pub seq: Seq,
    pub at: Timestamp,
    pub said: Said,
    pub request: RequestId,
}

/// What a process said, as far as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub method: String,
    pub thread: Option<String>,
    pub turn: Option<String>,
    /// The id of a request, as it came.
    pub id: Option<String>,
    /// As it came, on one line.
    pub params: String,
}

/// What one step collects.
#[derive(Debug, Default)]
struct Out {
    batch: Batch,
    frames: Vec<u8>,
    outputs: Vec<Output>,
    /// Places of which rows are to be written.
    changed: BTreeSet<AccountId>,
}

/// Bytes that a frame's head has at most, by far.
const HEAD_MAX_BYTES: usize = 8 * 1024;

impl Out {
    /// Adds a frame for the connection; frames of one step travel together as far as they fit.
    fn send(&mut self, head: &ToRunner, body: &[u8]) {
        if self.frames.len() + body.len() + HEAD_MAX_BYTES > MESSAGE_MAX_BYTES {
            self.flush();
        }
        // Ids, numbers and texts have no way to fail, and bodies are bounded.
        let _ = tunnel::push(&mut self.frames, head, body);
    }

    fn flush(&mut self) {
        if !self.frames.is_empty() {
            self.outputs.push(Output::Send(std::mem::take(&mut self.frames)));
        }
    }

    fn settle(&mut self, op: OpId, answer: Answer, body: Vec<u8>) {
        self.outputs.push(Output::Settle { op, settled: Settled::Answer(answer, body) });
    }
}

impl Hub {
    /// The hub as it was kept. Its connection may have outlived its memory: whether one of the
    /// last generation is still there is known to who holds the sockets.
    pub fn restore(
        kept: Kept,
        places: BTreeMap<AccountId, Place>,
        asks: BTreeMap<AskId, Question>,
        is_connected: bool,
        now: Timestamp,
    ) -> Self {
        let (generation, welcomed) = (kept.generation, kept.linked);
        let link = is_connected.then_some(Link { generation, welcomed });
        let mut hub = Self { kept, link, places, asks, ..Self::default() };
        if hub.kept.linked && hub.link.is_none() {
            hub.kept.linked = false;
            hub.kept.lost_at = Some(now);
            "the hub was restarted".clone_into(&mut hub.kept.reason);
        }
        hub
    }

    /// Something happens.
    pub fn step(&mut self, input: Input<'_>, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        match input {
            Input::Opened { generation } => self.opened(generation, now, &mut out),
            Input::Message { generation, bytes } => {
                self.message(generation, bytes, now, &mut out);
            }
            Input::Garbage { generation, what } => {
                if self.is_current(generation) {
                    self.hang_up(CloseCode::BadFrame, what, now, &mut out);
                }
            }
            Input::Closed { generation, reason } => {
                if self.is_current(generation) {
                    self.lost(reason, now, &mut out);
                }
            }
            Input::Passed { op, bytes } => self.passed(op, bytes, now, &mut out),
            Input::Left { op } => self.left(op, &mut out),
            Input::Tick { alive_at } => self.tick(alive_at, now, &mut out),
        }
        self.finish(out, now)
    }

    /// Orders what a step came to: rows, frames, and then who is told.
    fn finish(&mut self, mut out: Out, now: Timestamp) -> Vec<Output> {
        out.flush();
        let standing = self.standing(now);
        if self.told.replace(standing).is_some_and(|told| told != standing) {
            let reason = self.reason(now);
            out.outputs.push(Output::Stands { standing, reason });
        }
        for account in std::mem::take(&mut out.changed) {
            if let Some(place) = self.places.get(&account) {
                out.batch.places.push((account, place.clone()));
            }
        }
        if !out.batch.is_empty() {
            out.outputs.insert(0, Output::Store(Box::new(out.batch)));
        }
        out.outputs
    }

    /// Whether a connection may be let in, by the number that its runner signed.
    pub fn admit(&self, generation: u64) -> schema::Result<()> {
        if self.kept.revoked || self.kept.profile.is_none() {
            return Err(refusals::revoked());
        }
        if generation <= self.kept.generation {
            return Err(refusals::replayed(generation, self.kept.generation));
        }
        Ok(())
    }

    /// Whether a runner can be worked with.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.kept.revoked {
            return Standing::Revoked;
        }
        let Some(since) = self.silent_since() else { return Standing::Never };
        match now.since(since) {
            LEASE_MS.. => Standing::Offline,
            SUSPECT_MS.. => Standing::Suspect,
            _ if self.is_linked() => Standing::Online,
            _ => Standing::Suspect,
        }
    }

    /// The last sign of life, or the moment when the connection was lost.
    fn silent_since(&self) -> Option<Timestamp> {
        let lost_at = self.kept.lost_at.filter(|_| !self.is_linked());
        lost_at.or(self.kept.seen_at)
    }

    /// Why it stands so, for a person.
    pub fn reason(&self, now: Timestamp) -> String {
        let silent = || self.silent_since().map_or(0, |since| now.since(since) / 1_000);
        match self.standing(now) {
            Standing::Never => "It was enrolled, and has not connected yet.".to_owned(),
            Standing::Revoked => "It was revoked.".to_owned(),
            Standing::Online if self.is_draining() => "It takes no new work.".to_owned(),
            Standing::Online => String::new(),
            Standing::Suspect | Standing::Offline if self.is_linked() => {
                format!("There was no sign of life for {} s.", silent())
            }
            Standing::Suspect | Standing::Offline => {
                format!("The connection was lost {} s ago: {}.", silent(), self.kept.reason)
            }
        }
    }

    /// The runner and everything on it, but for what only the shell knows.
    pub fn describe(&self, now: Timestamp) -> Option<Description> {
        let profile = self.kept.profile.clone()?;
        let processes = self.places.values().filter_map(|place| place.process.clone());
        Some(Description {
            profile,
            standing: self.standing(now),
            reason: self.reason(now),
            draining: self.is_draining(),
            generation: self.kept.generation,
            told: self.kept.told.clone(),
            connected_at: self.kept.connected_at,
            seen_at: self.kept.seen_at,
            round_trip_ms: self.round_trip_ms,
            processes: processes.collect(),
            load: self.load(),
            asks: count(self.asks.values().filter(|ask| ask.is_pending()).count()),
            running: count(self.ops.len()),
            viewers: 0,
            awake_since: now,
        })
    }

    /// Whether time has to pass for somebody.
    pub fn is_busy(&self) -> bool {
        !self.ops.is_empty()
    }

    /// Accounts whose process runs, or is about to.
    pub fn load(&self) -> u32 {
        count(self.places.values().filter(|place| place.is_live()).count())
    }

    pub const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// An account's place, if it has one.
    pub fn place(&self, account: AccountId) -> Option<&Place> {
        self.places.get(&account)
    }

    /// Every place.
    pub fn places(&self) -> impl Iterator<Item = (AccountId, &Place)> {
        self.places.iter().map(|(account, place)| (*account, place))
    }

    /// The oldest events of an account are gone.
    pub fn trimmed(&mut self, account: AccountId, first: Seq) {
        if let Some(place) = self.places.get_mut(&account) {
            place.first = first;
        }
    }

    pub fn is_draining(&self) -> bool {
        self.kept.draining || self.kept.told.draining
    }

    fn is_linked(&self) -> bool {
        self.link.is_some_and(|link| link.welcomed)
    }

    fn is_current(&self, generation: u64) -> bool {
        self.link.is_some_and(|link| link.generation == generation)
    }

    /// The place of an account, made if it is new here.
    fn place_mut(&mut self, account: AccountId) -> &mut Place {
        let number = self.places.values().map(|place| place.number).max().map_or(1, |n| n + 1);
        self.places.entry(account).or_insert_with(|| Place { number, ..Place::default() })
    }
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

/// What a caller is told.
mod refusals {
    use schema::{Code, Error};

    pub(super) fn revoked() -> Error {
        Error::new(
            Code::PermissionDenied,
            "This runner was revoked. Register the machine again with a new token.",
        )
    }

    pub(super) fn replayed(generation: u64, last: u64) -> Error {
        let message = format!(
            "Connection {generation} of this runner has been before: the last was {last}. If the \
             machine was restored from a copy, register it again."
        );
        Error::new(Code::Conflict, message)
    }

    pub(super) fn unavailable(why: &str) -> Error {
        let message = format!("The machine that hosts this account's codex is away. {why}");
        Error::new(Code::RunnerUnavailable, message).retry_after(2)
    }

    pub(super) fn late() -> Error {
        Error::new(
            Code::Timeout,
            "The process did not answer in time; it may still do what it was asked.",
        )
    }
}
