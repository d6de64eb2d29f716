//! Turns of a codex that pays for its models by itself: none begins without money on hold, and each
//! is charged once, when it has ended, by what codex said that it used.
//!
//! A turn is a row from before its call is sent until its account has settled it. A turn for
//! which nobody asked (of a helper of codex, say) gets its row when it begins, and is charged from
//! what is available.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use schema::{
    AccountId, CallId, Code, Error, MicroUsd, OpId, Timestamp,
    tunnel::{Grade, Seq, ToRunner},
};
use serde::{Deserialize, Serialize};

use super::{
    EventRow, Hub,
    command::{Answer, Pays},
    operate::{Kind, Operation},
    out::Out,
    peek::{self, Asked, Replied},
};
use crate::domain::{
    ledger::HOLD_LIFETIME_MS,
    methods, operation,
    own_usage::{Terms, Thread, Used},
};

/// How long codex may take to end a turn; an interrupt of one that has ended is never answered.
const INTERRUPT_MS: u32 = 10_000;

/// What is known of turns and of how far their threads are counted.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub threads: HashMap<ThreadKey, Counted>,
    pub turns: BTreeMap<CallId, Turn>,
}

/// A thread, by its account and id.
pub type ThreadKey = (AccountId, String);

/// A thread, as far as it is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    pub usage: Thread,
    /// What its turns ask for unless they say otherwise.
    pub model: Option<String>,
    /// What its last turn was begun on, and where in the log.
    pub terms: Option<Terms>,
    pub at: Seq,
}

/// A turn that is not settled yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub account: AccountId,
    pub thread: String,
    /// Nothing until codex has named it.
    pub turn: Option<String>,
    /// The operation that asked for it; nothing if nobody did.
    pub op: Option<OpId>,
    pub terms: Option<Terms>,
    /// What it may cost, where its project has a cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<MicroUsd>,
    pub asked_at: Timestamp,
    pub stage: Stage,
}

/// How far a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Asked for; it may begin.
    Asked,
    Running,
    /// Its account is to charge it.
    Due {
        used: Used,
        whole: bool,
    },
    /// Its account is to give its hold back.
    Void,
}

/// What an account is to be told of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub call: CallId,
    pub turn: Turn,
}

/// What stands before a call.
pub(super) enum Toll {
    Pass,
    Stop(Answer),
}

impl Hub {
    /// Looks at a call before it is sent: one that begins a turn comes with money, or is told to
    /// bring some.
    pub(super) fn toll(
        &mut self,
        (op, account): (OpId, AccountId),
        body: &[u8],
        pays: Option<Pays>,
        now: Timestamp,
        out: &mut Out,
    ) -> Toll {
        let Some(Asked { method, thread, model }) = peek::asked(body) else { return Toll::Pass };
        let own = self.kept.told.own_provider;
        if own && methods::runs_unseen(&method) {
            return Toll::Stop(Answer::Refused(unseen(&method)));
        }
        let known = self.own.turns.values().any(|turn| turn.op == Some(op));
        let wanted = own && !known && methods::begins_turn(&method);
        let Some(Pays { call, terms, most }) = pays else {
            if !wanted {
                return Toll::Pass;
            }
            let counted = self.own.threads.get(&(account, thread.clone()));
            let model = model.or_else(|| counted.and_then(|counted| counted.model.clone()));
            return Toll::Stop(Answer::NeedsHold { thread: Some(thread), model });
        };
        let stage = if wanted { Stage::Asked } else { Stage::Void };
        let (op, turn, terms) = (Some(op).filter(|_| wanted), None, Some(terms));
        let turn = Turn { account, thread, turn, op, terms, most, asked_at: now, stage };
        self.keep_turn(call, turn, out);
        Toll::Pass
    }

    /// A call was not sent: its turn will not begin.
    pub(super) fn void_turn(&mut self, call: CallId, out: &mut Out) {
        let turn = self.own.turns.get(&call).filter(|turn| turn.stage == Stage::Asked).cloned();
        if let Some(turn) = turn {
            self.keep_turn(call, Turn { stage: Stage::Void, ..turn }, out);
        }
    }

    /// A call was refused, by the runner or by codex.
    pub(super) fn turn_refused(&mut self, op: OpId, out: &mut Out) {
        if let Some((call, _)) = self.asked_by(op).filter(|(_, turn)| turn.turn.is_none()) {
            self.void_turn(call, out);
        }
    }

    /// A call was answered: with the turn that it began, or another that runs, or an error.
    pub(super) fn turn_answered(&mut self, op: OpId, body: &[u8], out: &mut Out) {
        if !self.kept.told.own_provider && self.own.turns.is_empty() {
            return;
        }
        let Some(Replied { failed, thread, model, turn: named }) = peek::replied(body) else {
            return;
        };
        let account = self.ops.get(&op).and_then(super::Operation::process);
        if let (Some(account), Some(thread), Some(model)) = (account, thread, model) {
            let counted = self.own.threads.entry((account, thread.clone())).or_default();
            counted.model = Some(model);
            out.batch.threads.push(((account, thread), counted.clone()));
        }
        if failed {
            return self.turn_refused(op, out);
        }
        let Some((call, turn)) = self.asked_by(op) else { return };
        let (Some(named), None) = (named, &turn.turn) else { return };
        let counted = self.own.threads.get(&(turn.account, turn.thread.clone()));
        let is_over = counted.is_some_and(|counted| counted.usage.has_billed(&named));
        match self.turn_of(turn.account, &named) {
            // Nobody seemed to have asked for it; it was this call.
            Some((other, began)) if began.op.is_none() && began.stage == Stage::Running => {
                self.drop_turn(other, out);
                let op = turn.op;
                let Turn { terms, most, .. } = turn;
                self.keep_turn(call, Turn { op, terms, most, ..began }, out);
            }
            // What was said went to a turn that runs, or is over.
            Some(_) => self.void_turn(call, out),
            None if is_over => self.void_turn(call, out),
            None => self.keep_turn(call, Turn { turn: Some(named), ..turn }, out),
        }
    }

    /// An event of a process, in its turn.
    pub(super) fn count(&mut self, row: &EventRow, out: &mut Out) {
        if !self.kept.told.own_provider && self.own.turns.is_empty() {
            return;
        }
        let said = &row.said;
        let (Some(thread), Some(turn)) = (&said.thread, &said.turn) else { return };
        match said.method.as_str() {
            "turn/started" => drop(self.turn_began(row, thread, turn, out)),
            "thread/tokenUsage/updated" => self.turn_used(row, thread, turn, out),
            "turn/completed" => {
                let whole = peek::has_completed(&said.params);
                self.turn_ended(row, (thread, turn), whole, out);
            }
            _ => {}
        }
    }

    /// A turn runs: the one that was asked for first in its thread, if codex has not named it yet.
    fn turn_began(&mut self, row: &EventRow, thread: &str, id: &str, out: &mut Out) -> CallId {
        let account = row.account;
        let waits = |(_, it): &(&CallId, &Turn)| {
            let unnamed = it.turn.is_none() && it.stage == Stage::Asked;
            it.account == account && it.thread == thread && unnamed
        };
        let first = || self.own.turns.iter().find(waits).map(|(call, it)| (*call, it.clone()));
        let found = self.turn_of(account, id).or_else(first);
        let (call, turn) = found.unwrap_or_else(|| {
            let call = CallId::from_bits(operation::named(account, "turn", id).bits());
            let (turn, op, most, terms) = (None, None, None, self.terms_of(account, thread));
            let (thread, asked_at, stage) = (thread.to_owned(), row.at, Stage::Asked);
            (call, Turn { account, thread, turn, op, terms, most, asked_at, stage })
        });
        if turn.stage == Stage::Asked {
            let (id, stage) = (Some(id.to_owned()), Stage::Running);
            let counted = self.own.threads.entry((account, thread.to_owned())).or_default();
            if turn.op.is_some() {
                counted.model = turn.terms.as_ref().map(|terms| terms.model.clone());
            }
            counted.terms.clone_from(&turn.terms);
            counted.at = row.seq;
            out.batch.threads.push(((account, thread.to_owned()), counted.clone()));
            self.keep_turn(call, Turn { turn: id, stage, ..turn }, out);
        }
        call
    }

    fn turn_used(&mut self, row: &EventRow, thread: &str, turn: &str, out: &mut Out) {
        let Some(report) = peek::usage(&row.said.params) else { return };
        let key = (row.account, thread.to_owned());
        let runs = self.turn_of(row.account, turn);
        let counted = self.own.threads.entry(key.clone()).or_default();
        let before = counted.usage.clone();
        let ours = runs.is_some() || counted.usage.has_billed(turn);
        counted.usage.report(report, ours);
        if counted.usage == before {
            return;
        }
        out.batch.threads.push((key, counted.clone()));
        let cost = |terms: &Terms| counted.usage.cost_so_far(&terms.price);
        let over = |it: &Turn| Some(it.terms.as_ref().map(cost)? >= it.most?).filter(|over| *over);
        if runs.is_some_and(|(_, it)| over(&it).is_some()) {
            self.interrupt(row, thread, turn, out);
        }
    }

    /// Ends a turn that has cost what it may. Nobody waits for the answer: the turn's end tells.
    /// Where it is not sent, because too much waits or the runner is away, the next report does it.
    fn interrupt(&mut self, row: &EventRow, thread: &str, turn: &str, out: &mut Out) {
        let op = operation::named(row.account, "turn/interrupt", &format!("budget:{turn}"));
        let params = serde_json::json!({ "threadId": thread, "turnId": turn });
        let body = serde_json::json!({ "method": "turn/interrupt", "params": params }).to_string();
        let (process, grade, wait_ms) = (row.account, Grade::Customer, INTERRUPT_MS);
        let head = ToRunner::Call { op, process, grade, wait_ms };
        let by = row.at.plus_millis(i64::from(wait_ms));
        let operation = Operation::new(Kind::Call, head, by).with(body.as_bytes());
        drop(self.begin(op, operation, row.at, out));
    }

    fn turn_ended(
        &mut self,
        row: &EventRow,
        (thread, id): (&str, &str),
        whole: bool,
        out: &mut Out,
    ) {
        let key = (row.account, thread.to_owned());
        let billed = |counted: &Counted| counted.usage.has_billed(id);
        if self.own.threads.get(&key).is_some_and(billed) {
            return;
        }
        // A log that is new here may begin within a turn.
        let call = self.turn_began(row, thread, id, out);
        self.bill(call, whole, out);
    }

    /// A turn has ended: what its thread used and nobody was billed for is its.
    fn bill(&mut self, call: CallId, whole: bool, out: &mut Out) {
        let Some(turn) = self.own.turns.get(&call).cloned() else { return };
        let key = (turn.account, turn.thread.clone());
        let counted = self.own.threads.entry(key.clone()).or_default();
        let used = counted.usage.complete(turn.turn.as_deref().unwrap_or_default());
        out.batch.threads.push((key, counted.clone()));
        let stage = used.map_or(Stage::Void, |used| Stage::Due { used, whole });
        self.keep_turn(call, Turn { stage, ..turn }, out);
    }

    /// No turn will be heard of any more: what runs is charged for what it used so far.
    pub(super) fn bill_all(&mut self, out: &mut Out) {
        for (call, turn) in self.own.turns.clone() {
            match turn.stage {
                Stage::Running => self.bill(call, false, out),
                Stage::Asked => self.void_turn(call, out),
                Stage::Due { .. } | Stage::Void => {}
            }
        }
    }

    /// Calls whose turn has not begun for as long as a hold lasts began none.
    pub(super) fn lapse_turns(&mut self, now: Timestamp, out: &mut Out) {
        let late = |turn: &Turn| {
            turn.stage == Stage::Asked && now.since(turn.asked_at) >= HOLD_LIFETIME_MS
        };
        let late = self.own.turns.iter().filter(|(_, turn)| late(turn));
        for call in late.map(|(call, _)| *call).collect::<Vec<_>>() {
            self.void_turn(call, out);
        }
    }

    /// What accounts are to be told of.
    pub fn due(&self) -> Vec<Due> {
        let due = |turn: &Turn| matches!(turn.stage, Stage::Due { .. } | Stage::Void);
        let turns = self.own.turns.iter().filter(|(_, turn)| due(turn));
        turns.map(|(call, turn)| Due { call: *call, turn: turn.clone() }).collect()
    }

    /// Puts back what rows know.
    pub fn restore_turns(
        &mut self,
        turns: impl IntoIterator<Item = (CallId, Turn)>,
        threads: impl IntoIterator<Item = (ThreadKey, Counted)>,
    ) {
        self.own.turns = turns.into_iter().collect();
        self.own.threads = threads.into_iter().collect();
    }

    pub(super) fn drop_turn(&mut self, call: CallId, out: &mut Out) {
        if self.own.turns.remove(&call).is_some() {
            out.batch.turns.push((call, None));
        }
    }

    fn keep_turn(&mut self, call: CallId, turn: Turn, out: &mut Out) {
        out.owed |= matches!(turn.stage, Stage::Due { .. } | Stage::Void);
        out.batch.turns.push((call, Some(turn.clone())));
        self.own.turns.insert(call, turn);
    }

    fn asked_by(&self, op: OpId) -> Option<(CallId, Turn)> {
        let mut turns = self.own.turns.iter();
        let found = turns.find(|(_, it)| it.op == Some(op) && it.stage == Stage::Asked);
        found.map(|(call, turn)| (*call, turn.clone()))
    }

    fn turn_of(&self, account: AccountId, id: &str) -> Option<(CallId, Turn)> {
        let named = |it: &Turn| it.account == account && it.turn.as_deref() == Some(id);
        let found = self.own.turns.iter().find(|(_, turn)| named(turn));
        found.map(|(call, turn)| (*call, turn.clone()))
    }

    /// The terms of a thread, or of the account's last turn: a helper of codex has a thread of its
    /// own.
    fn terms_of(&self, account: AccountId, thread: &str) -> Option<Terms> {
        let its = self.own.threads.get(&(account, thread.to_owned()));
        if let Some(terms) = its.and_then(|counted| counted.terms.clone()) {
            return Some(terms);
        }
        let threads = self.own.threads.iter().filter(|((it, _), _)| *it == account);
        let with = threads.filter(|(_, counted)| counted.terms.is_some());
        with.max_by_key(|(_, counted)| counted.at).and_then(|(_, counted)| counted.terms.clone())
    }
}

fn unseen(method: &str) -> Error {
    let message = format!(
        "`{method}` is not served where codex pays by itself: it has models work outside of a turn \
         that could be charged. Begin a turn."
    );
    Error::new(Code::PermissionDenied, message)
}
