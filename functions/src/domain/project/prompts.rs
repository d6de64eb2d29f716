//! Prompts of a project: each begins a turn, is told to the one that runs, or waits, and its log
//! says so.

use schema::{Error, OpId, PromptId, Result, Timestamp, agent::WhenBusy};
use serde_json::json;

use super::{
    Output, Project,
    command::Asked,
    out::Out,
    turn::{Floor, Leave, Prompt},
};

impl Project {
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

    pub(super) fn start_next(&mut self, thread: &str, now: Timestamp, out: &mut Out) {
        if let Some(prompt) = self.kept.turns.next(thread, now) {
            out.keep();
            out.outputs.push(Output::Start(Box::new(prompt)));
        }
    }

    /// A prompt that waited has begun, or failed for good.
    pub(super) fn leave_queue(&mut self, op: OpId, now: Timestamp, out: &mut Out) {
        let id = PromptId::from_bits(op.bits());
        if let Some(prompt) = self.kept.turns.dequeue(id) {
            self.note_prompt(&prompt, "begun", now, out);
            out.prompt(id, None);
        }
    }

    pub(super) fn note_prompt(
        &mut self,
        prompt: &Prompt,
        state: &str,
        now: Timestamp,
        out: &mut Out,
    ) {
        let params = json!({
            "promptId": prompt.id, "threadId": prompt.thread, "state": state,
            "reason": prompt.blocked,
        });
        self.note("gantry/prompt", (Some(&prompt.thread), None), &params, now, out);
    }
}
