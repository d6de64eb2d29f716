//! One object per runner: the end of its tunnel. The hub decides; this holds the socket, the rows,
//! and whoever waits.
//!
//! While nothing waits, the object sleeps: the platform keeps the socket and answers its pings, and
//! memory is built anew from rows by the next message. So there is a timer only while an operation
//! or a viewer waits.

mod report;
mod rows;
mod shape;
mod signal;
pub mod stub;
mod transfer;
mod viewer;

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use futures::channel::oneshot;
use js_sys::{
    ArrayBuffer, Promise, Uint8Array,
    futures::{JsFuture, spawn_local},
};
use schema::{
    AccountId, Error, OpId, Result, Timestamp,
    tunnel::{self, CloseCode, IDLE_PING, IDLE_PONG},
};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;
use worker::{Env, State, worker_sys};

use self::{report::Reporter, rows::Rows, signal::Signals, transfer::Transfers};
use crate::{
    config::Config,
    cx,
    domain::hub::{
        Batch, Hub, Input, Output, Place, Settled, Verdict, closed,
        command::{Act, Answer, Command, Hosted, Look, Standing},
    },
    js,
    objects::account::REFUSED,
};

/// Between two looks at who has waited too long, and at whether the runner lives.
const TICK_MS: u64 = 250;
/// The same, when only viewers wait.
const SLOW_TICK_MS: u64 = 1_000;
/// Between two calls to every viewer, so that each can keep its stream alive.
const RING_MS: i64 = 5_000;
/// Events that are stored between two looks at what may be forgotten.
const TRIM_EVERY: i64 = 256;
/// Between two looks at what is too old, for who says nothing more.
const ALARM_MS: i64 = 6 * 3_600_000;
/// A sign of life that is older is looked for anew before it is relied on.
const FRESH_MS: i64 = 1_000;

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
    signals: Signals,
    viewers: Cell<u32>,
    ticking: Cell<bool>,
    /// Events since something was last forgotten.
    untrimmed: Cell<i64>,
    /// Whether the alarm is known to be set.
    alarmed: Cell<bool>,
    reporter: Reporter,
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
        let reason = if reason.is_empty() { format!("it was closed ({code})") } else { reason };
        inner.step(Input::Closed { generation, reason: &reason });
    }

    /// The runner's socket broke.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self, socket: WebSocket, error: JsValue) {
        let inner = &self.0;
        let generation = inner.generation_of(&socket);
        inner.step(Input::Closed { generation, reason: &js::said(&error) });
    }

    /// Forgets what is too old, and rings again while anything is left.
    pub fn alarm(&self) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            inner.alarmed.set(false);
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

/// The query of a request for a file.
#[derive(Deserialize)]
struct FileOf {
    op: OpId,
    account: AccountId,
    path: String,
}

/// The query of a runner's own connection.
#[derive(Deserialize)]
struct ConnectionOf {
    generation: u64,
}

impl Inner {
    /// The configuration and the time, with memory loaded: the start of every event.
    fn wake(&self) -> Result<(Rc<Config>, Timestamp)> {
        let config = cx::config(&self.env)?;
        let now = cx::now(&config);
        if self.hub.borrow().is_none() {
            let is_connected = |generation| self.socket_of(generation).is_some();
            let hub = self.rows.load(is_connected, now).map_err(Error::unavailable)?;
            self.hub.replace(Some(hub));
        }
        Ok((config, now))
    }

    async fn open(self: &Rc<Self>, url: &str) -> Result<web_sys::Response> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if path.ends_with("/connect") {
            return self.connect(read(query)?);
        }
        if path.ends_with("/file") {
            let FileOf { op, account, path } = read(query)?;
            return transfer::file(self, (op, account), path).await;
        }
        let EventsOf { account, after, thread, until } = read(query)?;
        let after = after.map(tunnel::Seq);
        viewer::open(self, viewer::Wish { account, after, thread, until })
    }

    /// Lets the runner's connection in, and whoever held it before go.
    fn connect(self: &Rc<Self>, at: ConnectionOf) -> Result<web_sys::Response> {
        let ConnectionOf { generation } = at;
        self.wake()?;
        self.with(|hub| hub.admit(generation))??;
        let tag = generation.to_string();
        let response = js::accept(self.state.as_raw(), &tag, IDLE_PING, IDLE_PONG);
        let response = response.map_err(|thrown| Error::internal(js::said(&thrown)))?;
        self.try_step(Input::Opened { generation })?;
        Ok(response)
    }

    async fn command(
        self: Rc<Self>,
        request: &web_sys::Request,
    ) -> Result<web_sys::Response, JsValue> {
        let buffer = JsFuture::from(request.array_buffer()?).await?;
        let told = self.obey(&js::bytes(&buffer.unchecked_into())).await;
        let (answer, body) = told.unwrap_or_else(|error| (Answer::Refused(error), Vec::new()));
        let mut frame = Vec::with_capacity(body.len() + 256);
        tunnel::push(&mut frame, &answer, &body).map_err(|bad| JsValue::from_str(&bad.0))?;
        Ok(js::bytes_answer(&Uint8Array::from(frame.as_slice())))
    }

    async fn obey(self: &Rc<Self>, message: &[u8]) -> Result<(Answer, Vec<u8>)> {
        let command = tunnel::pop::<Command>(message).map_err(Error::internal)?;
        let (command, body, _) = command.ok_or_else(|| Error::internal("no command"))?;
        match command {
            Command::Look(look) => Ok((self.look(&look)?, Vec::new())),
            Command::Act(act) => match self.act(act, body).await? {
                Settled::Answer(answer, body) => Ok((answer, body)),
                Settled::Announced(size) => Err(Error::internal(format!("a body of {size} bytes"))),
            },
        }
    }

    fn look(self: &Rc<Self>, look: &Look) -> Result<Answer> {
        let (_, now) = self.wake()?;
        self.look_alive(now);
        match look {
            Look::Asks { account } => {
                Ok(Answer::Asks(self.rows.asks(*account).map_err(Error::unavailable)?))
            }
            Look::Process { account } => self.with(|hub| {
                let Some(profile) = &hub.kept().profile else { return Answer::Gone };
                let Place { process, last, first, .. } =
                    hub.place(*account).cloned().unwrap_or_default();
                Answer::Process(Box::new(Hosted { runner: profile.id, process, last, first }))
            }),
            Look::Runner => self.with(|hub| {
                let Some(mut description) = hub.describe(now) else { return Answer::Gone };
                description.viewers = self.viewers.get();
                description.awake_since = self.awake_since;
                Answer::Description(Box::new(description))
            }),
        }
    }

    /// Does something, and waits for what comes of it.
    async fn act(self: &Rc<Self>, act: Act, body: &[u8]) -> Result<Settled> {
        let (_, now) = self.wake()?;
        self.look_alive(now);
        if let Act::Resolve { ask, .. } = &act
            && self.with(|hub| hub.question(*ask).is_none())?
            && let Some(question) = self.rows.question(*ask).map_err(Error::unavailable)?
        {
            let refusal = Answer::Refused(closed(&question.state));
            return Ok(Settled::Answer(refusal, Vec::new()));
        }
        let (verdict, outputs) = self.with(|hub| hub.obey(act, body, now))?;
        let op = match verdict {
            Verdict::Now(answer) => {
                self.carry_out(outputs)?;
                return Ok(Settled::Answer(answer, Vec::new()));
            }
            Verdict::Later(op) => op,
        };
        let (tell, told) = oneshot::channel();
        self.waiters.borrow_mut().insert(op, tell);
        self.carry_out(outputs)?;
        self.keep_time();
        told.await.map_err(|_| Error::unavailable("the hub began anew"))
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
                Output::Stands { .. } => self.signals.ring_all(),
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
        if !batch.events.is_empty() {
            self.trim(batch)?;
        }
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

    fn send(&self, bytes: &[u8]) {
        let generation = self.with(|hub| hub.kept().generation).unwrap_or_default();
        let Some(socket) = self.socket_of(generation) else { return };
        let sent = socket.send_with_js_u8_array(&Uint8Array::from(bytes));
        if let Err(thrown) = sent {
            // It is gone, which is told by its own event.
            worker::console_error!("socket: {}", js::said(&thrown));
        }
    }

    fn close(&self, generation: u64, code: CloseCode, reason: &str) {
        // A reason has at most 123 bytes (RFC 6455 section 5.5).
        let reason: String = reason.chars().filter(char::is_ascii).take(123).collect();
        if let Some(socket) = self.socket_of(generation) {
            let _ = socket.close_with_code_and_reason(code.number(), &reason);
        }
        let mut kept = self.socket.borrow_mut();
        if kept.as_ref().is_some_and(|(it, _)| *it == generation) {
            *kept = None;
        }
    }

    /// The socket of a generation, if it is open.
    fn socket_of(&self, generation: u64) -> Option<WebSocket> {
        let mut kept = self.socket.borrow_mut();
        if let Some((_, socket)) = kept.as_ref().filter(|(it, _)| *it == generation) {
            return Some(socket.clone());
        }
        let found = self.state.as_raw().get_websockets_with_tag(&generation.to_string());
        let found = found.ok()?.into_iter().find(|it| it.ready_state() == WebSocket::OPEN)?;
        *kept = Some((generation, found.clone()));
        Some(found)
    }

    /// A socket's generation is its tag.
    fn generation_of(&self, socket: &WebSocket) -> u64 {
        if let Some((generation, _)) = self.socket.borrow().as_ref().filter(|(_, it)| it == socket)
        {
            return *generation;
        }
        let tags = self.state.as_raw().get_tags(socket).unwrap_or_default();
        tags.first().and_then(|tag| tag.parse().ok()).unwrap_or(0)
    }

    /// When the platform last answered for the runner's being alive.
    fn alive_at(&self) -> Option<Timestamp> {
        let generation = self.with(|hub| hub.kept().generation).ok()?;
        let socket = self.socket_of(generation)?;
        #[expect(clippy::cast_possible_truncation, reason = "a millisecond count fits")]
        let millis = js::pinged_at(self.state.as_raw(), &socket) as i64;
        let config = cx::config(&self.env).ok()?;
        (millis > 0).then(|| Timestamp::from_millis(millis + config.clock_skew_ms))
    }

    /// Asks the platform for signs of life, where memory has none that is fresh.
    fn look_alive(self: &Rc<Self>, now: Timestamp) {
        let seen_at = self.with(|hub| hub.kept().seen_at).ok().flatten();
        if seen_at.is_some_and(|seen_at| now.since(seen_at) >= FRESH_MS) {
            self.step(Input::Tick { alive_at: self.alive_at() });
        }
    }

    /// Lets time pass for as long as somebody waits.
    fn keep_time(self: &Rc<Self>) {
        if self.ticking.replace(true) {
            return;
        }
        let inner = self.clone();
        spawn_local(async move {
            let mut rung_at = cx::clock();
            loop {
                let busy = inner.with(|hub| hub.is_busy()).unwrap_or(false);
                if !busy && inner.viewers.get() == 0 {
                    break;
                }
                let tick = if busy { TICK_MS } else { SLOW_TICK_MS };
                worker::Delay::from(Duration::from_millis(tick)).await;
                inner.step(Input::Tick { alive_at: inner.alive_at() });
                if cx::clock().since(rung_at) >= RING_MS {
                    rung_at = cx::clock();
                    inner.signals.ring_all();
                }
            }
            inner.ticking.set(false);
        });
    }

    /// Forgets what is too old, too many or too large, now and then.
    fn trim(self: &Rc<Self>, batch: &Batch) -> Result<()> {
        let (config, now) = self.wake()?;
        let many = i64::try_from(batch.events.len()).unwrap_or(0);
        let untrimmed = self.untrimmed.get() + many;
        self.untrimmed.set(untrimmed);
        self.set_alarm();
        if untrimmed < TRIM_EVERY.min(config.retention.events / 8 + 1) {
            return Ok(());
        }
        self.untrimmed.set(0);
        let mut accounts: Vec<_> = batch.events.iter().map(|event| event.account).collect();
        accounts.dedup();
        accounts.into_iter().try_for_each(|account| self.trim_log(account, &config, now))
    }

    fn trim_log(&self, account: AccountId, config: &Config, now: Timestamp) -> Result<()> {
        let Some(place) = self.place(account, Place::clone) else { return Ok(()) };
        let trimmed = self.rows.trim(&place, &config.retention, now).map_err(Error::unavailable)?;
        if let Some(first) = trimmed {
            self.with(|hub| hub.trimmed(account, first))?;
        }
        Ok(())
    }

    fn trim_all(self: &Rc<Self>) -> Result<()> {
        let (config, now) = self.wake()?;
        let accounts: Vec<_> = self.with(|hub| hub.places().map(|(it, _)| it).collect())?;
        for account in &accounts {
            self.trim_log(*account, &config, now)?;
        }
        self.rows.trim_asks(&config.retention, now).map_err(Error::unavailable)?;
        let left = |place: &Place| place.first <= place.last && place.last > tunnel::Seq(0);
        if accounts.iter().any(|account| self.place(*account, left).unwrap_or(false)) {
            self.set_alarm();
        }
        Ok(())
    }

    fn set_alarm(self: &Rc<Self>) {
        if self.alarmed.replace(true) {
            return;
        }
        let storage = self.state.storage();
        spawn_local(async move {
            let set = match storage.get_alarm().await {
                Ok(None) => storage.set_alarm(ALARM_MS).await,
                other => other.map(drop),
            };
            if let Err(error) = set {
                worker::console_error!("alarm: {error}");
            }
        });
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
