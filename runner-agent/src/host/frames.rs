//! What the hub sends, by way of the agent.

use std::time::Duration;

use anyhow::{Result, bail};
use bytes::Bytes;
use schema::tunnel::{self, CHUNK_BYTES, FromRunner, Grade, Refusal, ToRunner};
use schema::workspace::{PREFIX, Span};
use schema::{AccountId, AskId, Code, OpId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::calls::{After, Call, Overdue, Pending, WAITING_MAX};
use super::feed::{raw_id, wrap};
use super::life::unavailable;
use super::ops::{Known, Outcome};
use super::spec::write_private;
use super::{Host, files, workspace};
use crate::dialect::{self, Params};

/// The body of a call or a notification.
#[derive(Deserialize)]
struct Body<'a> {
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

impl Host {
    /// Handles the frames of a message. An error is the agent's, whose connection then ends.
    pub(super) fn message(&mut self, message: &Bytes) -> Result<()> {
        let mut rest: &[u8] = message;
        while let Some((frame, body, after)) = tunnel::pop::<ToRunner>(rest)? {
            rest = after;
            self.frame(frame, message.slice_ref(body))?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: ToRunner, body: Bytes) -> Result<()> {
        let ours = |process: AccountId| match process == self.spec.process {
            true => Ok(()),
            false => bail!("a frame for {process}"),
        };
        match frame {
            ToRunner::Call { op, process, grade, wait_ms } => {
                ours(process)?;
                self.call(op, grade, wait_ms, true, &body);
            }
            ToRunner::Notify { op, process } => {
                ours(process)?;
                let wait_ms = u32::try_from(self.spec.limits.start_s * 1_000).unwrap_or(u32::MAX);
                self.call(op, Grade::Operator, wait_ms, false, &body);
            }
            ToRunner::Reply { op, process, ask } => {
                ours(process)?;
                self.reply(op, ask, &body);
            }
            ToRunner::Ack(stored) => {
                ours(stored.process)?;
                if let Some(agent) = &mut self.agent {
                    agent.outbox.ack(stored.through);
                }
                self.store.ack(stored.through)?;
            }
            ToRunner::Start { op, process, key } => {
                ours(process)?;
                self.told_to_start(op, key.as_deref());
            }
            ToRunner::Stop { op, process } => {
                ours(process)?;
                self.stop(op);
            }
            ToRunner::Read { op, process, path, root, span } => {
                ours(process)?;
                self.read(op, root.as_deref(), &path, span);
            }
            ToRunner::Pull { op, process, offset } => {
                ours(process)?;
                if self.agent.as_mut().is_some_and(|agent| !agent.outbox.pull(op, offset)) {
                    bail!("too many pieces are pulled at once");
                }
            }
            ToRunner::Drop { op, process } => {
                ours(process)?;
                self.spool.drop(op);
                if let Some(agent) = &mut self.agent {
                    agent.outbox.forget(op);
                }
            }
            ToRunner::Welcome { .. } | ToRunner::Drain { .. } | ToRunner::Pong { .. } => {
                bail!("a frame that is for the agent: {frame:?}");
            }
        }
        Ok(())
    }

    fn call(&mut self, op: OpId, grade: Grade, wait_ms: u32, is_request: bool, body: &Bytes) {
        let Ok(Body { method, params }) = serde_json::from_slice::<Body>(body) else {
            let message = "the body of a call has to be {\"method\", \"params\"}";
            return self.answer(op, Err(refusal(Code::InvalidRequest, message)));
        };
        let params = params.map_or(Bytes::new(), |params| body.slice_ref(params.get().as_bytes()));
        let deadline = Instant::now() + Duration::from_millis(wait_ms.into());
        let call = Call { op, grade, method, params, deadline, is_request };
        if !self.is_new(op, crc32fast::hash(body), call.is_written()) {
            return;
        }
        if call.method.starts_with(PREFIX) {
            return self.work(call);
        }
        self.used_at = Instant::now();
        if self.is_running() {
            return self.dispatch(call);
        }
        let refused = if self.leaving {
            Some("the host ends")
        } else if !self.provisioned() {
            Some("the runner holds no key for this account: start its process with one")
        } else if self.calls.waiting.len() >= WAITING_MAX {
            Some("too many calls wait for the process")
        } else {
            None
        };
        match refused {
            Some(why) => self.leave_undone(&call, why),
            None => self.calls.waiting.push_back(call),
        }
    }

    /// Whether an operation is to be done. One that was sent before is answered as it was then.
    fn is_new(&mut self, op: OpId, asked: u32, written: bool) -> bool {
        let begun = match self.ops.look(op, asked) {
            Ok(Known::Nothing) => self.ops.begin(op, asked, written),
            Ok(Known::Running) => return false,
            Ok(Known::Other) => {
                let message = "something else was asked for under the same name before";
                self.answer(op, Err(refusal(Code::IdempotencyKeyReused, message)));
                return false;
            }
            Ok(Known::Done(_)) if self.spool.size(op).is_some() => {
                self.announce(op);
                return false;
            }
            Ok(Known::Done(outcome)) => {
                self.answer(op, outcome);
                return false;
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &begun {
            let message = format!("the runner's disk does not take this operation: {error}");
            self.answer(op, Err(refusal(Code::Unavailable, &message)));
        }
        begun.is_ok()
    }

    /// Passes a call to the process, which runs.
    pub(super) fn dispatch(&mut self, call: Call) {
        if !call.is_request {
            self.notice(&call.method, Some(&call.params));
            return self.finish(call.op, call.is_written(), Ok(Bytes::new()));
        }
        if call.method == "initialize" {
            return self.finish(call.op, call.is_written(), Ok(self.introduced.clone()));
        }
        let params = match call.params.as_ref() {
            b"" | b"null" => Some(Params::new()),
            params if dialect::concerns(&call.method) => serde_json::from_slice(params).ok(),
            _ => None,
        };
        match params.filter(|_| dialect::concerns(&call.method)) {
            Some(params) => self.dispatch_healed(call, params),
            // What is no object, the process itself refuses.
            None => {
                let after = match call.method.as_str() {
                    "thread/unsubscribe" | "thread/archive" | "thread/delete" => {
                        let about: Value = serde_json::from_slice(&call.params).unwrap_or_default();
                        After::Unloaded(text(&about, "threadId").unwrap_or_default())
                    }
                    _ => After::Nothing,
                };
                self.send(&call, &call.params, after);
            }
        }
    }

    fn dispatch_healed(&mut self, call: Call, mut params: Params) {
        let Some(dialect) = self.prepared.as_ref().map(|prepared| prepared.dialect()) else {
            return;
        };
        let method = call.method.as_str();
        dialect.heal(method, &mut params);
        if let Err(refused) = self.bind(call.grade, method, &mut params) {
            return self.finish(call.op, call.is_written(), Err(refused));
        }
        let thread = params.get("threadId").and_then(Value::as_str).unwrap_or_default().to_owned();
        if method == "turn/interrupt" {
            return match self.idle_interrupt(&thread, &params) {
                Some(error) => {
                    let error = json!({ "code": -32600, "message": error }).to_string();
                    self.finish(call.op, call.is_written(), Ok(wrap("error", &error)));
                }
                None => self.send(&call, &call.params, After::Nothing),
            };
        }
        let policy = self.threads.policy(&thread);
        if dialect::needs_thread(method) && !thread.is_empty() && !self.threads.is_loaded(&thread) {
            let resume = Value::Object(dialect.resume(&thread, &policy)).to_string();
            let (op, deadline) = (None, call.deadline);
            let after = After::Resumed { thread, call: Box::new(call) };
            let pending = Pending { op, deadline, written: true, after };
            return self.request("thread/resume", resume.as_bytes(), pending);
        }
        let after = match method {
            "turn/start" => {
                if self.threads.take_resumed(&thread) {
                    dialect.recall(method, &mut params, &policy);
                }
                let running = self.running_in(&thread).map(str::to_owned);
                After::Turn { thread, running, params: params.clone() }
            }
            "thread/resume" => {
                dialect.recall(method, &mut params, &policy);
                After::Thread(Some(params.clone()))
            }
            "thread/start" | "thread/fork" => After::Thread(Some(params.clone())),
            _ => After::Nothing,
        };
        let params = Value::Object(params).to_string();
        self.send(&call, params.as_bytes(), after);
    }

    fn send(&mut self, call: &Call, params: &[u8], after: After) {
        let Call { op, deadline, .. } = *call;
        let pending = Pending { op: Some(op), deadline, written: call.is_written(), after };
        self.request(&call.method, params, pending);
    }

    /// Puts the directory that a call runs in where its caller may go.
    fn bind(&self, grade: Grade, method: &str, params: &mut Params) -> Result<(), Refusal> {
        let given = params.get("cwd").filter(|cwd| !cwd.is_null());
        if !dialect::has_cwd(method) || given.is_none() && !dialect::wants_cwd(method) {
            return Ok(());
        }
        if given.is_some_and(|given| !given.is_string()) {
            return Err(refusal(Code::ValidationError, "cwd has to be a text"));
        }
        let cwd = given.and_then(Value::as_str);
        let cwd = workspace::directory(&self.spec.work(), grade, cwd)?;
        params.insert("cwd".to_owned(), json!(cwd));
        Ok(())
    }

    /// Why there is nothing to interrupt, where the process would leave it open.
    fn idle_interrupt(&self, thread: &str, params: &Params) -> Option<String> {
        let wanted = params.get("turnId").and_then(Value::as_str);
        match (self.running_in(thread), wanted) {
            (None, _) if self.calls.starts_turn(thread) => None,
            (None, _) => Some("no active turn to interrupt".to_owned()),
            (Some(running), Some(wanted)) if running != wanted => {
                Some(format!("expected active turn id `{wanted}` but found `{running}`"))
            }
            (Some(_), _) => None,
        }
    }

    fn reply(&mut self, op: OpId, ask: AskId, body: &[u8]) {
        if !self.is_new(op, 0, true) {
            return;
        }
        let open = self.store.now_open().asks.get(&ask);
        let id = open.and_then(|ask| raw_id(&ask.rpc));
        let is_object = serde_json::from_slice::<Params>(body)
            .is_ok_and(|it| it.contains_key("result") || it.contains_key("error"));
        let outcome = match id {
            _ if !is_object => {
                let message = "an answer has to be {\"result\"} or {\"error\"}";
                Err(refusal(Code::InvalidRequest, message))
            }
            None => Err(refusal(Code::Conflict, "this question is not open any more")),
            Some(id) => {
                self.respond(&id, body);
                self.store.answered(ask);
                self.used_at = Instant::now();
                Ok(Bytes::new())
            }
        };
        self.finish(op, true, outcome);
    }

    fn told_to_start(&mut self, op: OpId, key: Option<&str>) {
        let kept: Result<()> = key.map_or(Ok(()), |key| {
            self.key.set(key)?;
            Ok(write_private(&self.spec.key(), key.as_bytes(), true)?)
        });
        if let Err(error) = kept {
            let message = format!("the key cannot be kept: {error:#}");
            return self.answer(op, Err(refusal(Code::Unavailable, &message)));
        }
        if !self.provisioned() {
            let message = "the runner holds no key for this account: start its process with one";
            return self.answer(op, Err(unavailable(message)));
        }
        self.start(op);
    }

    fn read(&mut self, op: OpId, root: Option<&str>, path: &str, span: Span) {
        match files::open(&self.spec, root, path, span) {
            Ok(opened) => {
                let body = root.map(|_| serde_json::to_vec(&opened.about).unwrap_or_default());
                self.spool.open(op, opened);
                if let Some(agent) = &mut self.agent {
                    agent.outbox.answer(op, Ok(body.unwrap_or_default().into()));
                }
            }
            Err(error) => self.answer(op, Err(refusal(error.code, &error.message))),
        }
    }

    /// Refuses what has waited for long enough.
    pub(super) fn refuse_overdue(&mut self, now: Instant) {
        while let Some(overdue) = self.calls.overdue(now) {
            match overdue {
                // Its answer is remembered when it comes, for whoever asks again.
                Overdue::Sent(op) => {
                    let message =
                        "the process did not answer in time; what was asked may still happen";
                    self.answer(op, Err(refusal(Code::Timeout, message)));
                }
                Overdue::Unsent(call) => {
                    self.leave_undone(&call, "its thread could not be loaded in time");
                }
            }
        }
        while let Some(call) = self.calls.overdue_waiting(now) {
            let mut message = "the process of this account does not run yet".to_owned();
            let reason = self.describe().reason;
            if !reason.is_empty() {
                message = format!("{message}: {reason}");
            }
            self.leave_undone(&call, &message);
        }
    }

    /// A call is refused of which the process has not heard, so that it may come again.
    pub(super) fn leave_undone(&mut self, call: &Call, why: &str) {
        if let Err(error) = self.ops.undo(call.op, call.is_written()) {
            tracing::error!(%error, op = %call.op, "an operation cannot be crossed out");
        }
        self.answer(call.op, Err(unavailable(why)));
    }

    /// An operation has come to an end, which is remembered and told.
    pub(super) fn finish(&mut self, op: OpId, written: bool, outcome: Outcome) {
        self.used_at = Instant::now();
        self.conclude(op, written, outcome);
    }

    /// The same for what the process had no part in.
    pub(super) fn conclude(&mut self, op: OpId, written: bool, outcome: Outcome) {
        if let Err(error) = self.ops.end(op, &outcome, written) {
            tracing::error!(%error, %op, "the end of an operation cannot be written down");
        }
        self.answer(op, outcome);
    }

    pub(super) fn answer(&mut self, op: OpId, outcome: Outcome) {
        match outcome {
            Ok(body) if body.len() > CHUNK_BYTES => {
                self.spool.put(op, body);
                self.announce(op);
            }
            outcome => {
                if let Some(agent) = &mut self.agent {
                    agent.outbox.answer(op, outcome);
                }
            }
        }
    }

    fn announce(&mut self, op: OpId) {
        if let Some(agent) = &mut self.agent {
            agent.outbox.answer(op, Ok(Bytes::new()));
        }
    }
}

impl Call {
    /// Whether it is written down, so as never to be done twice.
    pub(super) fn is_written(&self) -> bool {
        !dialect::only_reads(&self.method)
    }
}

/// The head of an answer; `spooled` is the size of a body that is pulled.
pub(super) fn answer_head(op: OpId, outcome: &Outcome, spooled: Option<u64>) -> FromRunner {
    match outcome {
        Ok(body) => {
            let size = spooled.unwrap_or(body.len() as u64);
            FromRunner::Answer { op, size, refused: None }
        }
        Err(refused) => FromRunner::Answer { op, size: 0, refused: Some(refused.clone()) },
    }
}

fn refusal(code: Code, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned() }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}
