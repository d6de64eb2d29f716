//! What the process says: answers find who asked, everything else becomes an event.

use bytes::Bytes;
use schema::rpc::RequestId;
use schema::tunnel::{MESSAGE_MAX_BYTES, Refusal};
use schema::{AskId, Code};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::calls::{After, Pending};
use super::late::Event;
use super::open::{About, Line};
use super::{Host, both_clocks, now, random};

/// The largest event. What is larger could neither be sent in one message nor stored in one row.
pub const EVENT_MAX_BYTES: usize = MESSAGE_MAX_BYTES - 8 * 1024;
/// Of lines that are no messages so many are kept in the log, and so much of each.
const GARBAGE_LOGGED: u64 = 100;
const GARBAGE_CHARS: usize = 400;

/// Questions that a person, or a program for a person, can answer.
const QUESTIONS: [&str; 7] = [
    "item/commandExecution/requestApproval",
    "item/fileChange/requestApproval",
    "item/permissions/requestApproval",
    "item/tool/requestUserInput",
    "mcpServer/elicitation/request",
    "execCommandApproval",
    "applyPatchApproval",
];
/// Events that change what is open.
const MATTERS: [&str; 3] = ["turn/started", "turn/completed", "serverRequest/resolved"];

impl Host {
    /// Handles every line that has been read.
    pub(super) fn read_lines(&mut self) {
        while let Some(line) = self.child.as_mut().and_then(|child| child.output.line()) {
            self.line(line);
        }
        self.flush(Instant::now());
    }

    /// Writes events down, and puts questions ahead of the others.
    pub(super) fn flush(&mut self, at: Instant) {
        let asks = self.store.flush(at);
        if let Some(agent) = &mut self.agent {
            for ask in asks {
                agent.outbox.ask(ask);
            }
        }
    }

    fn line(&mut self, text: Bytes) {
        let line = Some(&text).filter(|text| text.starts_with(b"{"));
        let line = line.and_then(|text| serde_json::from_slice::<Line>(text).ok());
        let Some(line) = line else { return self.garbage(&text) };
        match (line.method.as_deref(), line.id) {
            (Some(method), None) => self.event(method, &line, &text),
            (Some(method), Some(id)) => self.asked(method, id, &line, &text),
            (None, Some(id)) => self.answered(id, &line),
            (None, None) => self.garbage(&text),
        }
    }

    fn event(&mut self, method: &str, line: &Line, text: &Bytes) {
        match method {
            "thread/started" => {
                if let Some(thread) = About::of(line.params).thread {
                    self.threads.load(&thread.id);
                }
            }
            "thread/closed" => {
                if let Some(thread) = About::of(line.params).thread_id {
                    self.threads.unload(&thread);
                }
            }
            _ => {}
        }
        let body = if text.len() > EVENT_MAX_BYTES {
            tracing::warn!(method, bytes = text.len(), "an event is too large to be kept");
            omitted(method, line.params, text.len())
        } else {
            text.clone()
        };
        let event = Event { ask: None, body, matters: MATTERS.contains(&method) };
        self.note(event, line);
    }

    /// Puts an event into the log, or behind what it has to wait for.
    fn note(&mut self, event: Event, line: &Line) {
        if self.late.concerns(line.method.as_deref().unwrap_or_default()) {
            let passed = self.late.pass(event, line, both_clocks());
            self.note_all(passed);
        } else {
            self.store.push(event.ask, event.body, event.matters);
        }
    }

    pub(super) fn note_all(&mut self, events: Vec<Event>) {
        for event in events {
            self.store.push(event.ask, event.body, event.matters);
        }
    }

    /// The turn that runs in a thread, also if its predecessor's end is not in the log yet.
    pub(super) fn running_in(&self, thread: &str) -> Option<&str> {
        self.store.now_open().running(thread).find(|turn| !self.late.has_ended(turn))
    }

    /// A question. One that nobody could answer is answered at once, or its turn would hang.
    fn asked(&mut self, method: &str, id: &RawValue, line: &Line, text: &Bytes) {
        // Whoever resumes a thread that waits for an answer is asked again, under the same id.
        let is_same = |id: &RequestId| self.store.now_open().asks.values().any(|it| it.rpc == *id);
        if serde_json::from_str(id.get()).is_ok_and(|id| is_same(&id)) {
            return;
        }
        if QUESTIONS.contains(&method) && text.len() <= EVENT_MAX_BYTES {
            let ask = AskId::new(now(), random());
            let event = Event { ask: Some(ask), body: text.clone(), matters: true };
            return self.note(event, line);
        }
        let answer = match method {
            "currentTime/read" => json!({ "result": { "currentTimeAt": now().seconds() } }),
            _ => {
                let thread = About::of(line.params).thread_id;
                tracing::info!(method, ?thread, "a question that nobody here can answer");
                let message = format!("the runner does not answer {method}");
                json!({ "error": { "code": -32601, "message": message } })
            }
        };
        self.respond(id, answer.to_string().as_bytes());
    }

    fn answered(&mut self, id: &RawValue, line: &Line) {
        // What came before it is written down first: a turn that has ended is not begun again.
        self.flush(Instant::now());
        let number = id.get().parse().ok();
        let Some(pending) = number.and_then(|number| self.calls.answered(number)) else { return };
        let Pending { op, written, after, .. } = pending;
        let body = match (line.result, line.error) {
            (Some(result), _) => self.learn(after, result),
            (None, error) => self.refused(after, error.map_or("null", RawValue::get)),
        };
        if let (Some(op), Some(body)) = (op, body) {
            self.finish(op, written, Ok(body));
        }
    }

    /// Learns from a good answer, and returns its body, unless it was for the host itself.
    fn learn(&mut self, after: After, result: &RawValue) -> Option<Bytes> {
        match after {
            After::Nothing => {}
            After::Introduced => {
                self.running(wrap("result", result.get()));
                return None;
            }
            After::Thread(params) => self.threads.learn(result, params.as_ref()),
            After::Resumed { thread, call } => {
                self.threads.resumed(&thread);
                self.dispatch(*call);
                return None;
            }
            After::Turn { thread, running, params } => {
                self.threads.override_policy(&thread, &params);
                return Some(self.turn_answered(&thread, running.as_deref(), result));
            }
            After::Unloaded(thread) => self.threads.unload(&thread),
        }
        Some(wrap("result", result.get()))
    }

    fn refused(&mut self, after: After, error: &str) -> Option<Bytes> {
        match after {
            After::Introduced => {
                self.end_process(false, &format!("it did not introduce itself: {error}"));
                None
            }
            // The call itself says best what is wrong with its thread.
            After::Resumed { thread, call } => {
                tracing::info!(%thread, error, "a thread cannot be loaded");
                self.threads.load(&thread);
                self.dispatch(*call);
                self.threads.unload(&thread);
                None
            }
            After::Nothing | After::Thread(_) | After::Turn { .. } | After::Unloaded(_) => {
                Some(wrap("error", error))
            }
        }
    }

    /// The turn that the answer names, or the one that its input really went to: some versions
    /// invent a turn when one runs already.
    fn turn_answered(&mut self, thread: &str, running: Option<&str>, result: &RawValue) -> Bytes {
        let invents = self.prepared.as_ref().is_some_and(|it| it.dialect().invents_turns);
        let running = running.filter(|it| self.running_in(thread) == Some(it));
        if let Some(running) = running.filter(|_| invents)
            && let Ok(mut answer) = serde_json::from_str::<Value>(result.get())
            && let Some(id) = answer.pointer_mut("/turn/id")
        {
            *id = json!(running);
            return wrap("result", &answer.to_string());
        }
        if let Ok(About { turn: Some(turn), .. }) = serde_json::from_str(result.get()) {
            self.store.turn_begins(&turn.id, thread);
        }
        wrap("result", result.get())
    }

    fn garbage(&mut self, text: &[u8]) {
        self.garbage += 1;
        if self.garbage <= GARBAGE_LOGGED && !text.is_empty() {
            let text: String = String::from_utf8_lossy(text).chars().take(GARBAGE_CHARS).collect();
            tracing::warn!(text, "the process printed what is no message");
        }
    }

    /// Sends a request of the host's, or of somebody whose answer will be passed on.
    pub(super) fn request(&mut self, method: &str, params: &[u8], pending: Pending) {
        let Some(child) = &mut self.child else { return };
        if !child.input.is_open() {
            let message = "the process does not read what it is sent";
            if let Some(op) = pending.op {
                let refusal = Refusal { code: Code::Unavailable, message: message.to_owned() };
                self.finish(op, pending.written, Err(refusal));
            }
            return;
        }
        let method = json!(method).to_string();
        let number = self.calls.sent(pending).to_string();
        let (number, params) = (number.as_bytes(), if params.is_empty() { b"{}" } else { params });
        let head: &[u8] = b"{\"id\":";
        let parts: [&[u8]; 7] =
            [head, number, b",\"method\":", method.as_bytes(), b",\"params\":", params, b"}"];
        child.input.line(&parts);
    }

    pub(super) fn notice(&mut self, method: &str, params: Option<&[u8]>) {
        let Some(child) = &mut self.child else { return };
        let method = json!(method).to_string();
        let mut parts: Vec<&[u8]> = vec![b"{\"method\":", method.as_bytes()];
        if let Some(params) = params.filter(|params| !params.is_empty()) {
            parts.extend([b",\"params\":", params]);
        }
        parts.push(b"}");
        child.input.line(&parts);
    }

    /// Answers the process; `answer` is an object of one member.
    pub(super) fn respond(&mut self, id: &RawValue, answer: &[u8]) {
        let Some(child) = &mut self.child else { return };
        let members = answer.strip_prefix(b"{").unwrap_or(b"\"result\":null}");
        child.input.line(&[b"{\"id\":", id.get().as_bytes(), b",", members]);
    }
}

/// `{"name":value}`, without reading the value.
pub(super) fn wrap(name: &str, value: &str) -> Bytes {
    let mut body = Vec::with_capacity(name.len() + value.len() + 5);
    for part in ["{\"", name, "\":", value, "}"] {
        body.extend_from_slice(part.as_bytes());
    }
    body.into()
}

/// What is left of an event that is too large: whose it was, and how large.
fn omitted(method: &str, params: Option<&RawValue>, bytes: usize) -> Bytes {
    let about = About::of(params);
    let mut params = json!({ "gantryOmitted": { "bytes": bytes } });
    let turn = about.turn_id.or(about.turn.map(|turn| turn.id));
    let thread = about.thread_id.or(about.thread.map(|thread| thread.id));
    for (name, value) in [("threadId", thread), ("turnId", turn), ("itemId", about.item_id)] {
        if let (Some(value), Some(params)) = (value, params.as_object_mut()) {
            params.insert(name.to_owned(), json!(value));
        }
    }
    json!({ "method": method, "params": params }).to_string().into()
}

/// The id of a question, as the process wrote it.
pub(super) fn raw_id(id: &RequestId) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(id).ok()
}
