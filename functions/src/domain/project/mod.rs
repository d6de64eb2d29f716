//! A project, as its own object sees it: what is stored of it, and what it decides.
//!
//! A pure machine: what happens goes in with the time, what to do about it comes out. What must
//! survive the loss of memory is in [`Kept`], in marks, approvals, prompts and the log, and every
//! change of it comes out as a [`Batch`] before whatever tells the world of it.

pub mod approval;
pub mod command;
pub mod feed;
pub mod history;
pub mod lane;
pub mod log;
pub mod meter;
mod out;
pub mod pass;
mod rules;
pub mod terminal;
pub mod turn;

pub use out::{Batch, Output};

use std::collections::BTreeMap;

use schema::{
    AskId, Error, MicroUsd, OpId, PromptId, Result, RunnerId, Timestamp, agent::ApprovalState,
    agent::WhenBusy, tunnel::Seq,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};

use self::{
    approval::{Approval, Decision, PATIENCE_MS, Verdict},
    command::{Asked, Described, Opened, Profile, Settings, Waiting},
    feed::{Append, Appended, Event},
    log::{About, Entry},
    meter::{Meter, Watch},
    out::Out,
    turn::{Floor, Leave, Prompt, Turns},
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

    /// A prompt comes.
    pub fn ask(
        &mut self,
        asked: Asked,
        op: OpId,
        when: WhenBusy,
        now: Timestamp,
    ) -> Result<(Leave, Vec<Output>)> {
        let Asked { id, thread, params, most } = asked;
        let prompt = Prompt { id, thread, at: now, params, most, blocked: String::new() };
        let mut out = Out::default();
        let leave = self.kept.turns.ask(&prompt, op, when, now)?;
        match &leave {
            Leave::Queued { .. } => {
                self.note_prompt(&prompt, "waiting", now, &mut out);
                out.prompt(id, Some(prompt));
            }
            Leave::Go => out.keep(),
            Leave::Steer { .. } | Leave::Soon | Leave::Begun { .. } => {}
        }
        Ok((leave, self.finish(out)))
    }

    /// A terminal wants to begin a turn.
    pub fn take_turn(&mut self, thread: &str, op: OpId, now: Timestamp) -> (Floor, Vec<Output>) {
        let mut out = Out::default();
        let floor = self.kept.turns.take(thread, op, now);
        if floor == Floor::Begin {
            out.keep();
        }
        (floor, self.finish(out))
    }

    /// Codex named the turn that an operation began.
    pub fn began(&mut self, thread: &str, op: OpId, turn: &str, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        self.kept.turns.began(thread, op, turn);
        self.leave_queue(op, now, &mut out);
        out.keep();
        self.finish(out)
    }

    /// The turn that an operation was to begin did not.
    pub fn not_begun(&mut self, thread: &str, op: OpId, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        self.kept.turns.free(thread, op);
        out.keep();
        self.leave_queue(op, now, &mut out);
        self.start_next(thread, now, &mut out);
        self.finish(out)
    }

    /// A prompt whose turn had come could not begin, and waits on.
    pub fn blocked(&mut self, prompt: PromptId, why: &str, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        if let Some(prompt) = self.kept.turns.block(prompt, why) {
            self.note_prompt(&prompt, "blocked", now, &mut out);
            out.prompt(prompt.id, Some(prompt));
            out.keep();
        }
        self.finish(out)
    }

    /// A prompt that waits is not wanted any more.
    pub fn dequeue(&mut self, prompt: PromptId, now: Timestamp) -> Result<Vec<Output>> {
        let mut out = Out::default();
        let found = self.kept.turns.dequeue(prompt);
        let found = found.ok_or_else(|| Error::not_found("waiting prompt", prompt))?;
        self.note_prompt(&found, "withdrawn", now, &mut out);
        out.prompt(prompt, None);
        Ok(self.finish(out))
    }

    /// Prompts whose turn has come and that nobody has begun, for whoever can.
    pub fn start_due(&mut self, now: Timestamp) -> Vec<Output> {
        let mut out = Out::default();
        for thread in self.kept.turns.idle_with_prompts() {
            self.start_next(&thread, now, &mut out);
        }
        self.finish(out)
    }

    /// Somebody decides an approval that is open.
    pub fn decide(&mut self, verdict: Verdict, now: Timestamp) -> Result<Vec<Output>> {
        let mut out = Out::default();
        let Verdict { ask, decision } = verdict;
        let Some(approval) = self.open.get_mut(&ask) else {
            return Err(Error::not_found("open approval", ask));
        };
        approval.decide(decision, now)?;
        let approval = approval.clone();
        self.note_approval(&approval, now, &mut out);
        out.outputs.push(Output::Deliver(ask));
        Ok(self.finish(out))
    }

    /// The runner has the answer to an approval, or no use for it any more.
    pub fn delivered(&mut self, ask: AskId) -> Vec<Output> {
        let mut out = Out::default();
        if let Some(approval) = self.open.get_mut(&ask) {
            approval.undelivered = false;
            out.batch.approvals.push(approval.clone());
            if !approval.is_pending() {
                self.open.remove(&ask);
            }
        }
        self.finish(out)
    }

    /// What came next of a runner's log; and where the project stands then.
    pub fn append(
        &mut self,
        append: Append,
        join: Join<'_>,
        now: Timestamp,
    ) -> (Appended, Vec<Output>) {
        let Append { runner, after, through, events, standing, lost, account } = append;
        let mut out = Out::default();
        let at = self.marks.get(&runner).copied().unwrap_or(log::BEGINNING);
        if self.kept.profile.as_ref().is_none_or(|profile| profile.account != account) {
            // Nobody's, or another's: heard, and let go.
            return (Appended { through }, Vec::new());
        }
        if let Some(standing) = standing
            && self.kept.runner == Some(runner)
            && self.kept.standing.as_ref() != Some(&standing)
        {
            let params = json!({ "state": standing.0.as_str(), "reason": standing.1 });
            self.kept.standing = Some(standing);
            out.keep();
            self.note("gantry/runner", (None, None), &params, now, &mut out);
        }
        if after != at || through < at {
            return (Appended { through: at }, self.finish(out));
        }
        if through > at {
            self.marks.insert(runner, through);
            out.batch.mark = Some((runner, through));
        }
        if lost {
            let params = json!({ "reason": "The runner forgot events before they were sent." });
            self.note("gantry/gap", (None, None), &params, now, &mut out);
        }
        for event in log::together(events) {
            self.hear(event, join, now, &mut out);
        }
        for thread in std::mem::take(&mut out.ended) {
            self.start_next(&thread, now, &mut out);
        }
        (Appended { through }, self.finish(out))
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

    /// One event of codex.
    fn hear(&mut self, event: Event, join: Join<'_>, now: Timestamp, out: &mut Out) {
        let seq = self.next_seq();
        let (resolves, answer) = (event.resolves, event.answer.clone());
        let entry = Entry::of(event, seq);
        let thread = entry.thread.clone().unwrap_or_default();
        match entry.method.as_str() {
            "turn/started" => {
                if let Some(turn) = turn_of(&entry) {
                    self.kept.turns.started(&thread, &turn);
                    out.keep();
                }
            }
            "turn/completed" => {
                if let Some(turn) = turn_of(&entry) {
                    self.kept.turns.ended(&thread, &turn);
                    out.keep();
                    out.ended.push(thread);
                }
            }
            _ => {}
        }
        let (ask, at) = (entry.ask, entry.at);
        let asked = ask.map(|ask| self.asked(ask, &entry, join, out, now));
        let lapsed = entry.method == "serverRequest/resolved"
            && About::of(&entry.params).gantry.as_deref() == Some("lapsed");
        out.batch.entries.push(entry);
        if let Some(asked) = asked {
            let approval = self.by_rule(asked, now, out);
            self.note_approval(&approval, now, out);
        }
        if let Some(ask) = resolves {
            self.resolved(ask, answer, lapsed, at, out);
        }
    }

    /// Codex asks something. It is joined with what it is about, which may be in the same batch.
    fn asked(
        &mut self,
        ask: AskId,
        entry: &Entry,
        join: Join<'_>,
        out: &Out,
        now: Timestamp,
    ) -> Approval {
        let begun = |item: &str| {
            let here = out
                .batch
                .entries
                .iter()
                .rev()
                .find(|it| it.method == "item/started" && it.item.as_deref() == Some(item));
            here.map(|it| it.params.clone()).or_else(|| join(item))
        };
        let kind = approval::kind(&entry.method);
        let item = entry.item.as_deref();
        let changes = item
            .filter(|_| kind == schema::agent::ApprovalKind::FileChange)
            .and_then(begun)
            .and_then(|params| changes_of(&params));
        let approval = Approval {
            ask,
            seq: entry.seq,
            at: entry.at,
            deadline: now.plus_millis(self.patience_ms()),
            method: entry.method.clone(),
            kind,
            thread: entry.thread.clone(),
            turn: entry.turn.clone(),
            item: entry.item.clone(),
            request: entry.request.clone(),
            params: entry.params.clone(),
            changes,
            state: ApprovalState::Pending,
            decision: None,
            undelivered: false,
        };
        self.open.insert(ask, approval.clone());
        approval
    }

    /// Codex no longer asks something.
    fn resolved(
        &mut self,
        ask: AskId,
        answer: Option<Box<RawValue>>,
        lapsed: bool,
        now: Timestamp,
        out: &mut Out,
    ) {
        let Some(approval) = self.open.get_mut(&ask) else { return };
        let elsewhere = answer.map(|reply| Decision {
            at: now,
            by: String::new(),
            channel: "raw".to_owned(),
            note: String::new(),
            reply: Some(reply),
        });
        let was_pending = approval.is_pending();
        approval.resolved(elsewhere, lapsed);
        let approval = approval.clone();
        self.open.remove(&ask);
        if was_pending {
            self.note_approval(&approval, now, out);
        } else {
            out.batch.approvals.push(approval);
        }
    }

    fn start_next(&mut self, thread: &str, now: Timestamp, out: &mut Out) {
        if let Some(prompt) = self.kept.turns.next(thread, now) {
            out.keep();
            out.outputs.push(Output::Start(Box::new(prompt)));
        }
    }

    /// A prompt that waited has begun, or failed for good.
    fn leave_queue(&mut self, op: OpId, now: Timestamp, out: &mut Out) {
        let id = PromptId::from_bits(op.bits());
        if let Some(prompt) = self.kept.turns.dequeue(id) {
            self.note_prompt(&prompt, "begun", now, out);
            out.prompt(id, None);
        }
    }

    fn note_prompt(&mut self, prompt: &Prompt, state: &str, now: Timestamp, out: &mut Out) {
        let params = json!({
            "promptId": prompt.id, "threadId": prompt.thread, "state": state,
            "reason": prompt.blocked,
        });
        self.note("gantry/prompt", (Some(&prompt.thread), None), &params, now, out);
    }

    /// What became of an approval: its row, and a line of the log.
    fn note_approval(&mut self, approval: &Approval, now: Timestamp, out: &mut Out) {
        let decision = approval.decision.as_ref();
        let params = json!({
            "approvalId": approval.ask, "threadId": approval.thread, "turnId": approval.turn,
            "itemId": approval.item, "kind": approval.kind, "state": approval.state,
            "deadline": approval.deadline.to_string(),
            "channel": decision.map(|it| &it.channel), "by": decision.map(|it| &it.by),
            "note": decision.map(|it| &it.note),
        });
        let place = (approval.thread.as_deref(), approval.turn.as_deref());
        self.note("gantry/approval", place, &params, now, out);
        out.batch.approvals.push(approval.clone());
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

fn turn_of(entry: &Entry) -> Option<String> {
    About::of(&entry.params).turn.map(|turn| turn.id).or_else(|| entry.turn.clone())
}

/// The `changes` of an item's beginning.
fn changes_of(params: &RawValue) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Started {
        item: Item,
    }
    #[derive(Deserialize)]
    struct Item {
        changes: Box<RawValue>,
    }
    serde_json::from_str::<Started>(params.get()).ok().map(|it| it.item.changes)
}

#[cfg(test)]
mod tests;
