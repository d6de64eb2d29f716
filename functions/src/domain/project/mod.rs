//! A project, as its own object sees it: what is stored of it, and what it decides.
//!
//! A pure machine: what happens goes in with the time, what to do about it comes out. What must
//! survive the loss of memory is in [`Kept`], in marks, approvals, prompts and the log, and every
//! change of it comes out as a [`Batch`] before whatever tells the world of it.

pub mod approval;
pub mod command;
pub mod feed;
pub mod glance;
mod hear;
pub mod history;
pub mod lane;
pub mod log;
pub mod meter;
mod out;
pub mod pass;
mod prompts;
mod rules;
pub mod terminal;
pub mod turn;

pub use out::{Batch, Output};

use std::collections::BTreeMap;

use schema::{AskId, Error, MicroUsd, Result, RunnerId, Timestamp, tunnel::Seq};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use self::{
    approval::{Approval, Decision, PATIENCE_MS},
    command::{Described, Opened, Profile, Settings, Waiting},
    log::Entry,
    meter::{Meter, Watch},
    out::Out,
    turn::{Prompt, Turns},
};
use crate::domain::{hub::command::Standing, policy};

/// Between two tries to tell a runner what was decided.
const DELIVER_AGAIN_MS: i64 = 5_000;
/// Between two looks at a turn that runs, for what its feed may have missed.
const LOOK_AGAIN_MS: i64 = 30_000;
/// Between two tries to begin a prompt that could not.
const START_AGAIN_MS: i64 = 15_000;

/// A project, in its object's memory.
#[derive(Debug, Default)]
pub struct Project {
    kept: Kept,
    /// How far each runner's log has been heard.
    marks: BTreeMap<RunnerId, Seq>,
    /// The log's newest line.
    last: u64,
    /// Approvals that are open, or decided and not told yet.
    open: BTreeMap<AskId, Approval>,
    /// What is decided without a person.
    policy: policy::Kept,
}

/// What a project's object keeps of it, in one row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub profile: Option<Profile>,
    /// The latest thread.
    pub thread: Option<String>,
    /// What codex said of it when the project was opened last.
    pub said: Map<String, Value>,
    pub opened_at: Option<Timestamp>,
    /// Where it was opened last, and how that runner stands.
    pub runner: Option<RunnerId>,
    pub standing: Option<(Standing, String)>,
    pub turns: Turns,
    pub patience_ms: Option<i64>,
    pub most: Option<MicroUsd>,
    /// What the turn of each thread has been told of its budget.
    pub watches: BTreeMap<String, Watch>,
}

/// Finds what an item was begun with, by its id.
pub type Join<'a> = &'a dyn Fn(&str) -> Option<Box<RawValue>>;

impl Project {
    /// The project as it was kept.
    pub fn restore(
        kept: Kept,
        marks: BTreeMap<RunnerId, Seq>,
        last: u64,
        open: Vec<Approval>,
        queue: Vec<Prompt>,
    ) -> Self {
        let open = open.into_iter().map(|approval| (approval.ask, approval)).collect();
        let policy = policy::Kept::default();
        let mut project = Self { kept, marks, last, open, policy };
        project.kept.turns.queue = queue.into();
        project
    }

    /// What it is; nothing if nobody made it.
    pub const fn profile(&self) -> Option<&Profile> {
        self.kept.profile.as_ref()
    }

    pub const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The log's newest line; 0 if there is none.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Approvals of a thread that nobody has decided, oldest first.
    pub fn pending(&self, thread: &str) -> Vec<Approval> {
        let of_it = |it: &&Approval| it.is_pending() && it.thread.as_deref() == Some(thread);
        self.open.values().filter(of_it).cloned().collect()
    }

    /// An approval that is open, or decided and not told yet.
    pub fn open(&self, ask: AskId) -> Option<&Approval> {
        self.open.get(&ask)
    }

    /// Makes it; again with the same profile changes nothing.
    pub fn create(&mut self, profile: Profile) -> Result<Vec<Output>> {
        match &self.kept.profile {
            Some(known) if known.id == profile.id && known.account == profile.account => {
                return Ok(Vec::new());
            }
            Some(_) => return Err(Error::internal("a project was made twice")),
            None => {}
        }
        self.kept.profile = Some(profile);
        let mut out = Out::default();
        out.keep();
        Ok(self.finish(out))
    }

    /// It goes on with this thread, on that runner.
    pub fn opened(&mut self, opened: Opened, now: Timestamp) -> Vec<Output> {
        let Opened { thread, runner, said } = opened;
        self.kept.thread = Some(thread);
        self.kept.said = said;
        self.kept.runner = Some(runner);
        self.kept.opened_at = Some(now);
        let mut out = Out::default();
        out.keep();
        self.finish(out)
    }

    /// Changes what is set of it.
    pub fn set(&mut self, settings: &Settings) -> Vec<Output> {
        self.kept.patience_ms = settings.patience_ms.or(self.kept.patience_ms);
        self.kept.most = settings.most.unwrap_or(self.kept.most);
        let mut out = Out::default();
        out.keep();
        self.finish(out)
    }

    /// Its account tells what it has spent. What it says is in the log; and where little or nothing
    /// is left of a budget, the turn hears of that.
    pub fn meter(&mut self, meter: &Meter, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        let thread = &meter.thread;
        let turns = &self.kept.turns;
        let turn = turns.running(thread).map(str::to_owned);
        let is_its = turns.latest(thread).map(|op| op.to_string()) == meter.turn;
        if let (Some(turn), true) = (&turn, is_its) {
            let watch = self.kept.watches.entry(thread.clone()).or_default();
            let before = watch.clone();
            if let Some(nudge) = meter::step(watch, meter) {
                let (thread, turn) = (thread.clone(), turn.clone());
                out.outputs.push(Output::Nudge { thread, turn, nudge });
            }
            if *watch != before {
                out.keep();
            }
        }
        let turn = turn.filter(|_| is_its);
        let params = meter.shown(turn.as_deref());
        self.note("gantry/meter", (Some(thread), turn.as_deref()), &params, now, &mut out);
        self.finish(out)
    }

    /// Time passes: deadlines, answers to be told again, turns of which nothing was heard.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        if self.kept.turns.tick(now) {
            out.keep();
        }
        let is_due = |it: &&Approval| it.is_pending() && it.deadline <= now;
        let overdue: Vec<AskId> = self.open.values().filter(is_due).map(|it| it.ask).collect();
        for ask in overdue {
            let Some(approval) = self.open.get_mut(&ask) else { continue };
            let reply = serde_json::value::to_raw_value(&approval::refusal(&approval.method)).ok();
            let (by, note) = (String::new(), String::new());
            let channel = "deadline".to_owned();
            let decision = Decision { at: now, by, channel, note, reply };
            if approval.decide(decision, now).is_ok() {
                let approval = approval.clone();
                self.note_approval(&approval, now, &mut out);
            }
        }
        let undelivered = self.open.values().filter(|it| it.undelivered).map(|it| it.ask);
        out.outputs.extend(undelivered.map(Output::Deliver));
        for thread in self.kept.turns.idle_with_prompts() {
            self.start_next(&thread, now, &mut out);
        }
        self.finish(out)
    }

    /// When the object has to look again, if nothing happens before.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let pending = self.open.values().filter(|it| it.is_pending()).map(|it| it.deadline);
        let again = self.open.values().any(|it| it.undelivered);
        let again = again.then(|| now.plus_millis(DELIVER_AGAIN_MS));
        let busy = self.kept.turns.is_busy().then(|| now.plus_millis(LOOK_AGAIN_MS));
        let waits = !self.kept.turns.idle_with_prompts().is_empty();
        let waits = waits.then(|| now.plus_millis(START_AGAIN_MS));
        pending.chain(again).chain(busy).chain(waits).chain(self.kept.turns.due()).min()
    }

    /// The project as it stands, but for what only rows know.
    pub fn describe(&self) -> Option<Described> {
        let profile = self.kept.profile.clone()?;
        let running = self.kept.thread.as_deref().and_then(|it| self.kept.turns.running(it));
        let waiting = |prompt: &Prompt| Waiting {
            id: prompt.id,
            thread: prompt.thread.clone(),
            at: prompt.at,
            input: prompt.params.get("input").cloned().unwrap_or_default(),
            blocked: prompt.blocked.clone(),
        };
        Some(Described {
            profile,
            thread: self.kept.thread.clone(),
            said: self.kept.said.clone(),
            opened_at: self.kept.opened_at,
            runner: self.kept.runner,
            standing: self.kept.standing.clone(),
            turn: running.map(str::to_owned),
            queue: self.kept.turns.queue.iter().map(waiting).collect(),
            first: 0,
            last: self.last,
            patience_ms: self.patience_ms(),
            most: self.kept.most,
        })
    }

    /// A line of the log of our own.
    fn note(
        &mut self,
        method: &str,
        (thread, turn): (Option<&str>, Option<&str>),
        params: &Value,
        now: Timestamp,
        out: &mut Out,
    ) {
        let Ok(params) = serde_json::value::to_raw_value(params) else { return };
        let entry = Entry {
            seq: self.next_seq(),
            at: now,
            method: method.to_owned(),
            thread: thread.map(str::to_owned),
            turn: turn.map(str::to_owned),
            item: None,
            ask: None,
            request: None,
            params,
        };
        out.batch.entries.push(entry);
    }

    const fn next_seq(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn patience_ms(&self) -> i64 {
        self.kept.patience_ms.unwrap_or(PATIENCE_MS)
    }

    /// Orders what a step came to: rows, and then who acts on them.
    fn finish(&mut self, mut out: Out) -> Vec<Output> {
        for (thread, op) in self.kept.turns.over() {
            self.kept.watches.remove(&thread);
            out.outputs.push(Output::Over { thread, op });
            out.keep();
        }
        out.finish(&self.kept)
    }
}

#[cfg(test)]
mod tests;
