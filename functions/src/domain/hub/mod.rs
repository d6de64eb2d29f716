//! A runner as its object sees it: its connection, what it hosts, what is asked of it, and what its
//! processes ask.
//!
//! A pure machine: what happens goes in with the time, what to do about it comes out. A connection
//! is named by its generation, which only grows; whatever comes of an older one is not heard any
//! more. What must survive the loss of memory is in [`Kept`], in places and in questions, and every
//! change of it comes out as a [`Batch`] before whatever tells the world of it.

mod asks;
mod body;
pub mod command;
mod follow;
mod link;
mod obey;
mod operate;
mod out;
mod own;
mod peek;
mod pull;
mod refusals;
#[cfg(test)]
mod tests;

pub use asks::{Decision, Question, State, closed};
pub use follow::{Follow, Followed, Follows};
pub use obey::Verdict;
pub use out::{AskRow, Batch, EventRow, Output, Said, Settled};
pub use own::{Counted, Due, Stage, ThreadKey, Turn};

use std::collections::{BTreeMap, HashMap};

use schema::{
    AccountId, AskId, CallId, KeyId, OpId, Timestamp,
    tunnel::{CloseCode, LEASE_MS, Process, ProcessState, SUSPECT_MS, Seq},
};
use serde::{Deserialize, Serialize};

use self::{
    command::{Description, Profile, Standing, Told},
    operate::Operation,
    out::Out,
    own::Own,
};

/// Places that a runner may have, over its whole life: their numbers are part of the keys of rows.
const PLACES_MAX: usize = 4_096;

/// A runner, in its object's memory.
#[derive(Debug, Default)]
pub struct Hub {
    kept: Kept,
    link: Option<Link>,
    places: BTreeMap<AccountId, Place>,
    asks: BTreeMap<AskId, Question>,
    ops: HashMap<OpId, Operation>,
    /// Turns of a codex that pays by itself.
    own: Own,
    /// Which projects are told what threads say.
    follows: Follows,
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
    /// The account has settled a turn of a codex that pays by itself.
    Settled { call: CallId },
    /// Time passed; the platform saw the connection alive then.
    Tick { alive_at: Option<Timestamp> },
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
            Input::Settled { call } => self.drop_turn(call, &mut out),
            Input::Tick { alive_at } => self.tick(alive_at, now, &mut out),
        }
        self.finish(out, now)
    }

    /// Orders what a step came to: rows, frames, and then who is told.
    fn finish(&mut self, mut out: Out, now: Timestamp) -> Vec<Output> {
        out.flush();
        let standing = self.standing(now);
        // Whoever is told first may have known of another: memory of that is lost in a sleep.
        if self.told.replace(standing) != Some(standing) {
            let reason = self.reason(now);
            out.outputs.push(Output::Stands { standing, reason });
        }
        for account in std::mem::take(&mut out.changed) {
            if let Some(place) = self.places.get(&account) {
                out.batch.places.push((account, place.clone()));
            }
        }
        if out.owed {
            out.outputs.push(Output::Owed);
        }
        if !out.batch.is_empty() {
            out.outputs.insert(0, Output::Store(Box::new(out.batch)));
        }
        out.outputs
    }

    /// Whether a connection may be let in, by the number that its runner signed.
    pub fn admit(&self, generation: u64) -> schema::Result<()> {
        if self.is_void() {
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

    /// Whether it was revoked, or never was.
    pub fn is_void(&self) -> bool {
        self.kept.revoked || self.kept.profile.is_none()
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

    /// Whether an account has a place, or can be given one.
    fn has_room(&self, account: AccountId) -> bool {
        self.places.contains_key(&account) || self.places.len() < PLACES_MAX
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
