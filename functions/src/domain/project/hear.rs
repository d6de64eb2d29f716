//! What a project hears of its threads: the log grows, turns begin and end, and questions become
//! approvals, which are decided once.

use schema::{AskId, Error, Result, Timestamp, agent::ApprovalState};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    Join, Output, Project,
    approval::{self, Approval, Decision, Verdict},
    feed::{Append, Appended, Event},
    log::{self, About, Entry},
    out::Out,
};

impl Project {
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

    /// One event of codex.
    pub(super) fn hear(&mut self, event: Event, join: Join<'_>, now: Timestamp, out: &mut Out) {
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
    pub(super) fn asked(
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
    pub(super) fn resolved(
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

    /// What became of an approval: its row, and a line of the log.
    pub(super) fn note_approval(&mut self, approval: &Approval, now: Timestamp, out: &mut Out) {
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
