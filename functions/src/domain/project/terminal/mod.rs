//! One terminal at a project: `codex --remote`, as if it had a connection of its own to the
//! project's process.
//!
//! There is no such connection: the process has one, its host's, which all share. So what codex
//! keeps for each connection is kept here: whether it has introduced itself, what it does not want
//! to hear, which threads it listens to, and which questions it was shown. A pure machine: frames
//! and lines of the log go in, frames and what is to be done come out.

mod frame;
mod models;
mod place;

pub use frame::refuse;
pub use place::Place;

use std::collections::{BTreeMap, BTreeSet};

use schema::{AskId, Code, Error, Result, rpc, tunnel::Grade};
use serde_json::{Map, Value, json, value::RawValue};

use self::frame::{Frame, Id};
use super::{approval::Approval, log::Entry};
use crate::domain::methods;

/// Threads that one terminal knows; beyond it the one that sorts first is forgotten, the oldest.
const THREADS_MAX: usize = 1_000;

/// One connection.
#[derive(Debug)]
pub struct Terminal {
    place: Place,
    stage: Stage,
    /// Whether it is a codex that does not know what newer ones say of models.
    is_old: bool,
    /// Notifications that it does not want, by their exact names.
    muted: BTreeSet<String>,
    /// Threads of this project, as far as they were named here.
    ours: BTreeSet<String>,
    /// Threads whose events it is told.
    watched: BTreeSet<String>,
    /// What codex said of threads that were opened here, until the first turn in them.
    said: BTreeMap<String, Map<String, Value>>,
    /// Questions that it was shown, by the id under which it was.
    asked: BTreeMap<u64, Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Introducing,
    Ready,
}

#[derive(Debug)]
struct Asked {
    ask: AskId,
    thread: Option<String>,
    /// The id that the process gave the question.
    request: Option<String>,
    answered: bool,
}

/// What a frame of the terminal comes to.
#[derive(Debug)]
pub enum Step {
    /// It is told this.
    Say(String),
    /// The process is asked.
    Call(Box<Call>),
    /// A question was answered, in codex's words: `{"result"}`.
    Decide { ask: AskId, reply: Box<RawValue> },
}

/// A request of the terminal, as the process shall be asked.
#[derive(Debug)]
pub struct Call {
    id: Id,
    pub method: String,
    pub params: Map<String, Value>,
}

/// What a good answer to a call means.
#[derive(Debug, Default)]
pub struct Heard {
    /// What the terminal is told.
    pub frame: String,
    /// The thread that it opened, and listens to from now on.
    pub opened: Option<String>,
}

impl Call {
    /// The thread that it concerns.
    pub fn thread(&self) -> Option<&str> {
        self.params.get("threadId").and_then(Value::as_str)
    }

    /// Whether it opens a thread, which its connection listens to then.
    pub fn opens(&self) -> bool {
        matches!(self.method.as_str(), "thread/start" | "thread/resume" | "thread/fork")
    }

    /// Whether events wait until it has been answered: they follow from it.
    pub fn goes_first(&self) -> bool {
        self.opens() || methods::begins_turn(&self.method)
    }

    /// It came to nothing.
    pub fn refused(&self, error: &Error) -> String {
        refuse(&self.id, error)
    }
}

impl Terminal {
    /// A terminal that has just come to a project that lies there.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            stage: Stage::New,
            is_old: false,
            muted: BTreeSet::new(),
            ours: BTreeSet::new(),
            watched: BTreeSet::new(),
            said: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Whether a thread is known to be the project's.
    pub fn knows(&self, thread: &str) -> bool {
        self.ours.contains(thread)
    }

    /// A thread is the project's.
    pub fn know(&mut self, thread: &str) {
        self.ours.insert(thread.to_owned());
        if self.ours.len() > THREADS_MAX {
            self.ours.pop_first();
        }
    }

    /// Whether a thread that runs in that directory is the project's.
    pub fn is_home(&self, cwd: &str) -> bool {
        cwd.starts_with('/') && self.place.bind(cwd).is_some()
    }

    /// What codex said of a thread that was opened here and is worked in now, once.
    pub fn take_said(&mut self, thread: &str) -> Option<Map<String, Value>> {
        self.said.remove(thread)
    }

    /// A frame of the terminal. What is no message is passed over, as codex does.
    pub fn hear(&mut self, text: &str) -> Option<Step> {
        let Frame { id, method, params, result } = Frame::read(text)?;
        match (id, method) {
            (Some(id), Some(method)) => Some(match self.request(id.clone(), method, params) {
                Ok(step) => step,
                Err(error) => Step::Say(refuse(&id, &error)),
            }),
            (Some(id), None) => self.answer(&id, result?),
            // `initialized` says nothing that its connection does not know.
            (None, _) => None,
        }
    }

    fn request(&mut self, id: Id, method: String, params: Option<&RawValue>) -> Result<Step> {
        let params = frame::members(params)?;
        match (self.stage, method.as_str()) {
            (Stage::New, "initialize") => {
                self.introduce(&params);
                return Ok(Step::Call(Box::new(Call { id, method, params })));
            }
            (_, "initialize") => return Err(said("Already initialized")),
            (Stage::New | Stage::Introducing, _) => return Err(said("Not initialized")),
            (Stage::Ready, "thread/unsubscribe") => {
                return Ok(Step::Say(self.unsubscribe(&id, &params)));
            }
            (Stage::Ready, _) => {}
        }
        place::permit(&method)?;
        methods::permit(Grade::Customer, &method)?;
        let mut call = Call { id, method, params };
        self.place.settle(&call.method, &mut call.params)?;
        methods::permit_params(Grade::Customer, &call.params)?;
        Ok(Step::Call(Box::new(call)))
    }

    fn introduce(&mut self, params: &Map<String, Value>) {
        self.stage = Stage::Introducing;
        let client = params.get("clientInfo");
        let text = |name: &str| client.and_then(|it| it.get(name)).and_then(Value::as_str);
        self.is_old = models::is_old(text("name"), text("version"));
        let muted = params.get("capabilities").and_then(|it| it.get("optOutNotificationMethods"));
        let muted = muted.and_then(Value::as_array).into_iter().flatten();
        self.muted = muted.filter_map(Value::as_str).map(str::to_owned).collect();
    }

    /// The process's connection goes on, with or without this one.
    fn unsubscribe(&mut self, id: &Id, params: &Map<String, Value>) -> String {
        let thread = params.get("threadId").and_then(Value::as_str).unwrap_or_default();
        let was = self.watched.remove(thread);
        let status = if was { "unsubscribed" } else { "notSubscribed" };
        frame::result(id, &json!({ "status": status }).to_string())
    }

    /// The terminal answers a question. A second answer, and one to nothing, is passed over, as
    /// codex does; so is a client's word that it cannot answer, for others can.
    fn answer(&mut self, id: &Id, result: &RawValue) -> Option<Step> {
        let asked = self.asked.get_mut(&id.number()?)?;
        if std::mem::replace(&mut asked.answered, true) {
            return None;
        }
        let reply = frame::reply(result)?;
        Some(Step::Decide { ask: asked.ask, reply })
    }

    /// A call was answered: `{"result"}` or `{"error"}`, as the process said it.
    pub fn answered(&mut self, call: &Call, body: &[u8]) -> Result<Heard> {
        let read = serde_json::from_slice::<rpc::Response<'_>>(body);
        let read = read.map_err(|error| Error::internal(format!("no answer: {error}")))?;
        let result = match (read.error, read.result) {
            (None, Some(result)) => result,
            (error, _) => {
                if call.method == "initialize" {
                    self.stage = Stage::New;
                }
                let error = error.map_or("null", RawValue::get);
                return Ok(Heard { frame: frame::error(&call.id, error), opened: None });
            }
        };
        let (mut opened, mut told) = (None, None);
        match call.method.as_str() {
            "initialize" => {
                self.stage = Stage::Ready;
                told = Some(frame::introduced(result, &call.params));
            }
            "thread/start" | "thread/resume" | "thread/fork" => opened = self.opened(result),
            "thread/list" => self.listed(result),
            "thread/loaded/list" => told = Some(self.loaded(result)),
            "model/list" if self.is_old => told = models::known(result),
            _ => {}
        }
        let told = told.as_deref().unwrap_or_else(|| result.get());
        Ok(Heard { frame: frame::result(&call.id, told), opened })
    }

    /// A thread was opened: it is the project's, and this connection listens to it.
    fn opened(&mut self, result: &RawValue) -> Option<String> {
        let mut said: Map<String, Value> = serde_json::from_str(result.get()).ok()?;
        let thread = said.get_mut("thread")?.as_object_mut()?;
        let id = thread.get("id")?.as_str()?.to_owned();
        // The project's own log tells them better.
        thread.insert("turns".to_owned(), json!([]));
        self.said.insert(id.clone(), said);
        if self.said.len() > THREADS_MAX {
            self.said.pop_first();
        }
        self.know(&id);
        self.watched.insert(id.clone());
        Some(id)
    }

    /// Threads of the project's directory, for nothing else was asked for.
    fn listed(&mut self, result: &RawValue) {
        let listed: Value = serde_json::from_str(result.get()).unwrap_or_default();
        let data = listed.get("data").and_then(Value::as_array);
        let ids = data.into_iter().flatten().filter_map(|it| it.get("id")?.as_str());
        ids.for_each(|id| self.know(id));
    }

    /// Threads that the process has loaded, but for those of other projects.
    fn loaded(&self, result: &RawValue) -> String {
        let mut loaded: Value = serde_json::from_str(result.get()).unwrap_or_default();
        if let Some(ids) = loaded.get_mut("data").and_then(Value::as_array_mut) {
            ids.retain(|id| id.as_str().is_some_and(|id| self.knows(id)));
        }
        loaded.to_string()
    }

    /// What it is told of a line of the log; nothing if the line does not concern it. `open` is
    /// the question of that line, if nobody has decided it yet.
    pub fn show(&mut self, line: &Entry, open: Option<&Approval>) -> Option<String> {
        if self.stage != Stage::Ready {
            return None;
        }
        if line.ask.is_some() {
            return self.ask(open?);
        }
        match line.method.as_str() {
            "gantry/approval" => return self.decided(line),
            "serverRequest/resolved" => return self.resolved(line),
            method if method.starts_with("gantry/") => return None,
            _ => {}
        }
        if self.muted.contains(&line.method) || !self.hears(line) {
            return None;
        }
        Some(frame::notification(&line.method, &line.params))
    }

    /// Every connection hears that threads begin and how they stand; the rest is for who listens.
    fn hears(&self, line: &Entry) -> bool {
        let Some(thread) = &line.thread else { return true };
        let is_for_all = matches!(line.method.as_str(), "thread/started" | "thread/status/changed");
        is_for_all || self.watched.contains(thread)
    }

    /// A question that is open, once, to who listens to its thread. It is known by the place of
    /// its line in the log: the process counts its questions anew each time that it begins.
    pub fn ask(&mut self, open: &Approval) -> Option<String> {
        let concerns = open.thread.as_ref().is_none_or(|thread| self.watched.contains(thread));
        if !open.is_pending() || !concerns || self.asked.contains_key(&open.seq) {
            return None;
        }
        let Approval { ask, seq, thread, request, .. } = open;
        let (thread, request) = (thread.clone(), request.clone());
        self.asked.insert(*seq, Asked { ask: *ask, thread, request, answered: false });
        Some(frame::question(*seq, &open.method, &open.params))
    }

    /// Somebody decided, or nobody can any more: the terminal need not ask its person.
    fn decided(&mut self, line: &Entry) -> Option<String> {
        let about: Value = serde_json::from_str(line.params.get()).ok()?;
        if about.get("state").and_then(Value::as_str) == Some("pending") {
            return None;
        }
        let ask: AskId = about.get("approvalId")?.as_str()?.parse().ok()?;
        let id = self.asked.iter().find(|(_, asked)| asked.ask == ask).map(|(id, _)| *id)?;
        self.close(id)
    }

    /// Codex no longer asks.
    fn resolved(&mut self, line: &Entry) -> Option<String> {
        let about: Value = serde_json::from_str(line.params.get()).ok()?;
        let request = about.get("requestId")?.to_string();
        let is_it = |asked: &Asked| {
            asked.request.as_deref() == Some(&request) && asked.thread == line.thread
        };
        let id = self.asked.iter().find(|(_, asked)| is_it(asked)).map(|(id, _)| *id)?;
        self.close(id)
    }

    fn close(&mut self, id: u64) -> Option<String> {
        let asked = self.asked.remove(&id)?;
        let params = json!({ "threadId": asked.thread, "requestId": id }).to_string();
        let params = RawValue::from_string(params).ok()?;
        let is_muted = self.muted.contains("serverRequest/resolved");
        (!is_muted).then(|| frame::notification("serverRequest/resolved", &params))
    }
}

/// A refusal in codex's own words.
fn said(message: &str) -> Error {
    Error::new(Code::InvalidRequest, message)
}

#[cfg(test)]
mod tests;
