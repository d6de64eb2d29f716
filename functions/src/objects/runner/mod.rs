//! One object per runner: the end of its tunnel. The hub decides; this holds the socket, the rows,
//! and whoever waits.
//!
//! While nothing waits, the object sleeps: the platform keeps the socket and answers its pings, and
//! memory is built anew from rows by the next message. So there is a timer only while an operation
//! or a viewer waits.

mod command;
mod dues;
mod feed;
mod follows;
mod report;
mod rows;
mod shape;
mod socket;
pub mod stub;
mod transfer;
mod turns;
mod upkeep;
mod viewer;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use futures::channel::oneshot;
use js_sys::{ArrayBuffer, Promise};
use schema::{
    AccountId, Error, OpId, Result, Timestamp,
    tunnel::{CloseCode, Seq},
};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;
use worker::{Env, State, worker_sys};

use self::{feed::Lanes, report::Reporter, rows::Rows, transfer::Transfers};
use crate::{
    config::Config,
    cx,
    domain::hub::{Batch, Hub, Input, Output, Place, Settled, command::Standing},
    js,
    objects::{account::REFUSED, signal::Signals},
};

/// The object as the platform knows it.
#[wasm_bindgen]
pub struct Runner(Rc<Inner>);

/// What the object's requests, messages and tasks share.
pub(crate) struct Inner {
    state: State,
    env: Env,
    rows: Rows,
    /// Nothing until it has been read from rows.
    hub: RefCell<Option<Hub>>,
    awake_since: Timestamp,
    /// The socket that counts, by its generation.
    socket: RefCell<Option<(u64, WebSocket)>>,
    waiters: RefCell<HashMap<OpId, oneshot::Sender<Settled>>>,
    transfers: Transfers,
    signals: Signals<AccountId>,
    viewers: Cell<u32>,
    ticking: Cell<bool>,
    /// Events since something was last forgotten.
    untrimmed: Cell<i64>,
    /// Whether the alarm is known to be set.
    alarmed: Cell<bool>,
    reporter: Reporter,
    lanes: Lanes,
    /// Whether turns are being settled, and whether the rows that were just read have such turns.
    settling: Cell<bool>,
    owes: Cell<bool>,
}

impl std::panic::UnwindSafe for Runner {}
impl std::panic::RefUnwindSafe for Runner {}

#[wasm_bindgen]
impl Runner {
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker_sys::DurableObjectState, env: Env) -> Runner {
        let state = State::from(state);
        let rows = Rows::new(state.storage().sql());
        Self(Rc::new(Inner {
            state,
            env,
            rows,
            hub: RefCell::default(),
            awake_since: cx::clock(),
            socket: RefCell::default(),
            waiters: RefCell::default(),
            transfers: Transfers::default(),
            signals: Signals::default(),
            viewers: Cell::new(0),
            ticking: Cell::new(false),
            untrimmed: Cell::new(0),
            alarmed: Cell::new(false),
            reporter: Reporter::default(),
            lanes: Lanes::default(),
            settling: Cell::new(false),
            owes: Cell::new(false),
        }))
    }

    /// A `PUT` is a command; a `GET` is a stream or the runner's own socket.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            if request.method() == "PUT" {
                return inner.command(&request).await.map(JsValue::from);
            }
            let opened = inner.open(&request.url()).await;
            opened.or_else(|error| refuse(&error)).map(JsValue::from)
        })
    }

    /// A message of the runner.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: WebSocket, message: JsValue) {
        let inner = &self.0;
        let generation = inner.generation_of(&socket);
        match message.dyn_into::<ArrayBuffer>() {
            Ok(buffer) => {
                let bytes = js::bytes(&buffer);
                inner.step(Input::Message { generation, bytes: &bytes });
            }
            Err(_) => inner.step(Input::Garbage { generation, what: "a message of text" }),
        }
    }

    /// The runner's socket was closed, by whomever.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: WebSocket, code: u16, reason: String) {
        let inner = &self.0;
        let generation = inner.generation_of(&socket);
        // Unanswered, the other end would see a reset. It may be closed already.
        let _ = socket.close_with_code(1000);
        inner.forget_socket(generation);
        let reason = if reason.is_empty() { format!("it was closed ({code})") } else { reason };
        inner.step(Input::Closed { generation, reason: &reason });
    }

    /// The runner's socket broke.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self, socket: WebSocket, error: JsValue) {
        let inner = &self.0;
        let generation = inner.generation_of(&socket);
        inner.forget_socket(generation);
        inner.step(Input::Closed { generation, reason: &js::said(&error) });
    }

    /// Settles what is due, forgets what is too old, and rings again while anything is left.
    pub fn alarm(&self) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            inner.alarmed.set(false);
            inner.step(Input::Tick { alive_at: inner.alive_at() });
            inner.settle().await;
            let rung = inner.trim_all();
            rung.map(|()| JsValue::UNDEFINED).map_err(|e| JsValue::from_str(&e.to_string()))
        })
    }
}

/// The query of a request for a stream of events.
#[derive(Deserialize)]
struct EventsOf {
    account: AccountId,
    after: Option<u64>,
    thread: Option<String>,
    until: Option<String>,
}

impl Inner {
    /// The configuration and the time, with memory loaded: the start of every event.
    fn wake(&self) -> Result<(Rc<Config>, Timestamp)> {
        let config = cx::config(&self.env)?;
        let now = cx::now(&config);
        if self.hub.borrow().is_none() {
            let is_connected = |generation| self.socket_of(generation).is_some();
            let hub = self.rows.load(is_connected, now).map_err(Error::unavailable)?;
            self.owes.set(!hub.due().is_empty());
            self.hub.replace(Some(hub));
        }
        Ok((config, now))
    }

    async fn open(self: &Rc<Self>, url: &str) -> Result<web_sys::Response> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if path.ends_with("/connect") {
            return self.connect(read(query)?);
        }
        self.wake()?;
        if self.with(|hub| hub.is_void())? {
            let gone = js::answer(stub::GONE, "cache-control: no-store", &JsValue::NULL);
            return gone.map_err(|thrown| Error::internal(js::said(&thrown)));
        }
        if path.ends_with("/file") {
            return transfer::file(self, read(query)?).await;
        }
        let EventsOf { account, after, thread, until } = read(query)?;
        let after = after.map(Seq);
        viewer::open(self, viewer::Wish { account, after, thread, until })
    }

    /// Something happens. A fault of storage has been dealt with when this returns.
    fn step(self: &Rc<Self>, input: Input<'_>) {
        if let Err(error) = self.try_step(input) {
            worker::console_error!("hub: {}", error.cause.unwrap_or(error.message));
        }
    }

    fn try_step(self: &Rc<Self>, input: Input<'_>) -> Result<()> {
        let (_, now) = self.wake()?;
        let outputs = self.with(|hub| hub.step(input, now))?;
        self.carry_out(outputs)
    }

    fn carry_out(self: &Rc<Self>, outputs: Vec<Output>) -> Result<()> {
        if self.owes.replace(false) {
            self.settle_soon();
        }
        for output in outputs {
            match output {
                Output::Store(batch) => self.store(&batch)?,
                Output::Send(bytes) => self.send(&bytes),
                Output::Close { generation, code, reason } => {
                    self.close(generation, code, &reason);
                }
                Output::Settle { op, settled } => {
                    if let Some(tell) = self.waiters.borrow_mut().remove(&op) {
                        // Whoever has left does not hear it.
                        let _ = tell.send(settled);
                    }
                }
                Output::Piece { op, bytes, last } => self.transfers.piece(op, bytes, last),
                Output::Broken { op, error } => self.transfers.broken(op, error),
                Output::Said(account) => self.signals.ring(account),
                Output::Owed => self.settle_soon(),
                Output::Stands { .. } => {
                    self.signals.ring_all();
                    self.feed_waiting();
                }
            }
        }
        Ok(())
    }

    /// Writes rows in this turn. What follows is held back by the platform until they are safe.
    fn store(self: &Rc<Self>, batch: &Batch) -> Result<()> {
        if let Err(fault) = self.rows.store(batch) {
            self.begin_anew(&fault.to_string());
            return Err(Error::unavailable(fault));
        }
        if !batch.events.is_empty()
            && let Err(error) = self.trim(batch)
        {
            // What is kept too long does no harm, and is looked at again.
            worker::console_error!("trim: {}", error.cause.unwrap_or(error.message));
        }
        self.feed_news(batch);
        if batch.kept.is_some() || !batch.places.is_empty() {
            self.report();
        }
        Ok(())
    }

    /// What memory has is not what rows have: it is forgotten, and the runner comes back.
    fn begin_anew(&self, why: &str) {
        worker::console_error!("storage: {why}");
        let generation = self.with(|hub| hub.kept().generation).unwrap_or_default();
        self.close(generation, CloseCode::Unavailable, "the hub could not store: come back");
        self.hub.replace(None);
        self.waiters.borrow_mut().clear();
        self.transfers.clear();
        self.signals.ring_all();
    }

    /// How the runner stands, and why.
    fn stands(&self, now: Timestamp) -> (Standing, String) {
        let stands = self.with(|hub| (hub.standing(now), hub.reason(now)));
        stands.unwrap_or((Standing::Never, String::new()))
    }

    /// Something of an account's place, if it has one.
    fn place<T>(&self, account: AccountId, of: impl Fn(&Place) -> T) -> Option<T> {
        self.with(|hub| hub.place(account).map(of)).ok().flatten()
    }

    /// Something of the hub. No borrow outlives this.
    fn with<T>(&self, of: impl FnOnce(&mut Hub) -> T) -> Result<T> {
        let mut hub = self.hub.borrow_mut();
        let hub = hub.as_mut().ok_or_else(|| Error::unavailable("the hub is not loaded"))?;
        Ok(of(hub))
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
