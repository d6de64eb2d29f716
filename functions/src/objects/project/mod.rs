//! One object per project: its log, whoever watches it, its approvals, and the prompts that wait.
//! The domain decides; this holds the rows, and tells runners what was decided.

mod caps;
mod carry;
mod command;
mod rows;
pub mod stub;
mod terminal;
mod viewer;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::Promise;
use schema::{Error, Result, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use worker::{Env, State, worker_sys};

use self::{rows::Rows, terminal::Terminals, viewer::Recent};
use crate::{
    config::Config,
    cx,
    domain::project::{Batch, Project as Machine},
    js,
    objects::{account::REFUSED, signal::Signals, ticker::Ticker},
};

/// The object as the platform knows it.
#[wasm_bindgen]
pub struct Project(Rc<Inner>);

/// What the object's requests and tasks share.
pub(crate) struct Inner {
    state: State,
    env: Env,
    rows: Rows,
    /// Nothing until it has been read from rows.
    machine: RefCell<Option<Machine>>,
    signals: Signals<()>,
    ticker: Ticker,
    viewers: Cell<u32>,
    terminals: Terminals,
    /// The newest lines as viewers are told them.
    recent: Recent,
    /// When the alarm will ring, if it is known to be set.
    alarm_at: Cell<Option<Timestamp>>,
    /// Lines since something was last forgotten.
    untrimmed: Cell<usize>,
}

impl std::panic::UnwindSafe for Project {}
impl std::panic::RefUnwindSafe for Project {}

#[wasm_bindgen]
impl Project {
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker_sys::DurableObjectState, env: Env) -> Project {
        let state = State::from(state);
        let rows = Rows::new(state.storage().sql());
        Self(Rc::new(Inner {
            state,
            env,
            rows,
            machine: RefCell::default(),
            signals: Signals::default(),
            ticker: Ticker::default(),
            viewers: Cell::new(0),
            terminals: Terminals::default(),
            recent: Recent::default(),
            alarm_at: Cell::new(None),
            untrimmed: Cell::new(0),
        }))
    }

    /// A `PUT` is a command; a `GET` is a stream of events, or a terminal's socket.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            if request.method() == "PUT" {
                return inner.command(&request).await.map(JsValue::from);
            }
            let opened = inner.open(&request.url());
            opened.or_else(|error| refuse(&error)).map(JsValue::from)
        })
    }

    /// Time has passed: deadlines, what has to be told again, what a feed may have missed.
    pub fn alarm(&self) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            inner.alarm_at.set(None);
            let rung = inner.ring().await;
            rung.map(|()| JsValue::UNDEFINED).map_err(|e| JsValue::from_str(&e.to_string()))
        })
    }
}

/// The query of a request for a stream of events.
#[derive(Deserialize)]
struct EventsOf {
    after: Option<u64>,
    thread: Option<String>,
}

impl Inner {
    /// The configuration and the time, with memory loaded: the start of every event.
    fn wake(&self) -> Result<(Rc<Config>, Timestamp)> {
        let config = cx::config(&self.env)?;
        let now = cx::now(&config);
        if self.machine.borrow().is_none() {
            let machine = self.rows.load().map_err(Error::unavailable)?;
            self.machine.replace(Some(machine));
        }
        Ok((config, now))
    }

    fn open(self: &Rc<Self>, url: &str) -> Result<web_sys::Response> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if path.ends_with("/terminal") {
            return terminal::open(self, read(query)?);
        }
        let EventsOf { after, thread } = read(query)?;
        viewer::open(self, after, thread)
    }

    /// Writes rows in this turn. What follows is held back by the platform until they are safe.
    fn store(self: &Rc<Self>, batch: &Batch) -> Result<()> {
        if let Err(fault) = self.rows.store(batch) {
            // What memory has is not what rows have: it is read anew.
            worker::console_error!("storage: {fault}");
            self.machine.replace(None);
            self.recent.forget();
            return Err(Error::unavailable(fault));
        }
        if !batch.entries.is_empty() {
            self.recent.push(&batch.entries);
            self.signals.ring(());
            self.trim(batch.entries.len());
        }
        Ok(())
    }

    /// Something of the project. No borrow outlives this.
    fn with<T>(&self, of: impl FnOnce(&mut Machine) -> T) -> Result<T> {
        let mut machine = self.machine.borrow_mut();
        let machine = machine.as_mut();
        let machine = machine.ok_or_else(|| Error::unavailable("the project is not loaded"))?;
        Ok(of(machine))
    }

    /// Forgets what is too much, now and then.
    fn trim(&self, many: usize) {
        const TRIM_EVERY: usize = 512;
        let untrimmed = self.untrimmed.get() + many;
        self.untrimmed.set(if untrimmed < TRIM_EVERY { untrimmed } else { 0 });
        if untrimmed >= TRIM_EVERY
            && let Err(fault) = self.rows.trim()
        {
            // What is kept too long does no harm, and is looked at again.
            worker::console_error!("trim: {fault}");
        }
    }
}

/// A query of ours.
fn read<T: DeserializeOwned>(query: &str) -> Result<T> {
    serde_urlencoded::from_str(query).map_err(Error::internal)
}

/// A refusal on its way to the family that words it.
fn refuse(error: &Error) -> Result<web_sys::Response, JsValue> {
    let body = serde_json::to_string(error).unwrap_or_default();
    js::answer(error.code.status(), &format!("{REFUSED}: 1"), &body.into())
}
