//! One object per account: its keys, its windows and places, its ledger, and the reads from
//! providers that the ledger pays for. Memory decides; rows follow within milliseconds, in one
//! write for all that happened since.

mod auto_top_up;
mod call;
mod caps;
mod commands;
mod customers;
mod directory;
mod head;
mod meters;
mod notices;
mod payments;
mod people;
mod reconciliation;
mod reply;
mod respond;
mod rows;
mod sessions;
mod settle;
mod shape;
mod turn;
mod unlimited;
mod water;

pub use reply::REFUSED;

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use futures::{channel::oneshot, lock::Mutex};
use js_sys::{
    Promise,
    futures::{JsFuture, spawn_local},
};
use schema::{Code, Error, PaymentId, Result, Timestamp};
use wasm_bindgen::prelude::*;
use worker::{Env, ScheduledTime, State, worker_sys};

use self::rows::Rows;
use crate::{
    config::Config,
    cx,
    domain::{
        access::Credential,
        account::{Answer, Ask, Command, Knock, Outcome, Profile},
        admission::{Live, Pass, Refusal, Start, Wish},
    },
    js,
    objects::ticker::Ticker,
};

/// Between a hold and its row, when little happens: the provider's request is on the wire before
/// the write would hold it back.
const STORE_SOON_MS: i64 = 5;
/// Between two writes, when much happens: a write stops everything else for a moment, so it had
/// better be shared by many. A crash within it loses holds that then never were, and charges whose
/// holds expire: the cost is ours.
const STORE_LATER_MS: i64 = 25;
/// Between tries of a write that failed.
const STORE_RETRY_MS: i64 = 200;

/// The object as the platform knows it.
#[wasm_bindgen]
pub struct Account(Rc<Inner>);

/// What the object's requests and tasks share.
pub(crate) struct Inner {
    state: State,
    env: Env,
    rows: Rows,
    live: RefCell<Live>,
    loaded: Cell<bool>,
    /// Whether a write is on its way.
    storing_soon: Rc<Cell<bool>>,
    storing_later: Rc<Cell<bool>>,
    /// When the last of these writes was.
    stored_at: Cell<Timestamp>,
    /// Whether the last write failed; until one succeeds, nobody is let in.
    faulty: Cell<bool>,
    /// When the alarm rings.
    alarm: Cell<Option<Timestamp>>,
    ticker: Ticker,
    queue: RefCell<VecDeque<Waiter>>,
    waters: RefCell<HashMap<String, u64>>,
    watch: auto_top_up::Watch,
    /// Questions about payments, counted, so that a reading knows who asked before it began.
    asked: Cell<u64>,
    readings: RefCell<HashMap<PaymentId, Rc<Mutex<payments::Readings>>>>,
    sending: notices::Sending,
    telling: meters::Telling,
}

impl std::panic::UnwindSafe for Account {}
impl std::panic::RefUnwindSafe for Account {}

/// A call that waits for its turn.
struct Waiter {
    wish: Wish,
    tell: oneshot::Sender<Start>,
}

#[wasm_bindgen]
impl Account {
    #[wasm_bindgen(constructor)]
    pub fn new(state: worker_sys::DurableObjectState, env: Env) -> Account {
        let state = State::from(state);
        let rows = Rows::new(state.storage().sql());
        Self(Rc::new(Inner {
            state,
            env,
            rows,
            live: RefCell::default(),
            loaded: Cell::new(false),
            storing_soon: Rc::default(),
            storing_later: Rc::default(),
            stored_at: Cell::new(Timestamp::from_millis(0)),
            faulty: Cell::new(false),
            alarm: Cell::new(None),
            ticker: Ticker::default(),
            queue: RefCell::default(),
            waters: RefCell::default(),
            watch: auto_top_up::Watch::default(),
            asked: Cell::new(0),
            readings: RefCell::default(),
            sending: notices::Sending::default(),
            telling: meters::Telling::default(),
        }))
    }

    /// A `PUT` is a command of ours; anything else is a customer's request for a response, handed
    /// on as it is.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            if request.method() == "PUT" {
                return inner.command(&request).await.map(JsValue::from);
            }
            respond::respond(inner, request).await.map(JsValue::from)
        })
    }

    /// Ends what has run out, reports usage, and rings again while there is something to do.
    pub fn alarm(&self) -> Promise {
        let inner = self.0.clone();
        js::promise(async move {
            let rung = inner.ring().await.map(|()| JsValue::UNDEFINED);
            rung.map_err(|error| JsValue::from_str(&error.to_string()))
        })
    }
}

impl Inner {
    /// The configuration and the time, with memory loaded: the start of every event.
    fn wake(self: &Rc<Self>) -> Result<(Rc<Config>, Timestamp)> {
        let config = cx::config(&self.env)?;
        let now = cx::now(&config);
        if self.faulty.get() {
            return Err(Error::unavailable("the last write of this account failed"));
        }
        if !self.loaded.get() {
            let mut live = self.rows.load(now).map_err(Error::unavailable)?;
            live.ledger.expire_orphans(now);
            self.rows.store(&mut live).map_err(Error::unavailable)?;
            let opened = live.profile.is_some();
            let deadline = live.ledger.next_deadline();
            self.live.replace(live);
            self.loaded.set(true);
            // The first alarm that is set takes the place of the one that the process before this
            // one had set.
            if let Some(deadline) = deadline {
                self.ring_by(deadline, &config);
            }
            if opened {
                self.load_watch(&config, now)?;
                self.resume_notices(&config, now)?;
            }
        }
        Ok((config, now))
    }

    async fn command(
        self: Rc<Self>,
        request: &web_sys::Request,
    ) -> Result<web_sys::Response, JsValue> {
        let text = JsFuture::from(request.text()?).await?.as_string().unwrap_or_default();
        let answer = match serde_json::from_str::<Ask>(&text) {
            Ok(ask) => self.clone().follow(ask).await,
            Err(error) => refused(Error::internal(error)),
        };
        let body = serde_json::to_string(&answer).map_err(|e| JsValue::from_str(&e.to_string()))?;
        js::answer(200, "content-type: application/json", &body.into())
    }

    /// What waits for a stranger is done over several turns, and everything else in one.
    async fn follow(self: Rc<Self>, ask: Ask) -> Answer {
        let Command::Payment(command) = &ask.command else { return self.obey(ask) };
        match self.ask_stripe(command).await {
            Some(Ok(outcome)) => {
                Answer { pass: None, rate: None, outcome: Outcome::Payment(outcome) }
            }
            Some(Err(error)) => refused(error),
            None => self.obey(ask),
        }
    }

    /// Lets in, then acts, in one turn. What it changes is in its row before the answer leaves: the
    /// platform holds an answer back until the turn's writes are safe.
    fn obey(self: Rc<Self>, ask: Ask) -> Answer {
        let (config, now) = match self.wake() {
            Ok(woken) => woken,
            Err(error) => return refused(error),
        };
        let mut pass = None;
        if let Some(knock) = &ask.knock {
            match self.admit(knock, &config, now) {
                Ok(passed) => pass = Some(passed),
                Err(Refusal { error, rate }) => {
                    return Answer { pass: None, rate, outcome: Outcome::Refused(error) };
                }
            }
        }
        // A hold has a deadline, and a charge is to be told to the directory.
        let (held, rings) = match &ask.command {
            Command::HoldTurn { call, .. } => (Some(*call), true),
            command => (None, matches!(command, Command::PostTurn { .. })),
        };
        let mut live = self.live.borrow_mut();
        let charges = matches!(&ask.command, Command::PostTurn { .. });
        let outcome = commands::run(&self, &mut live, ask.command, now);
        let outcome =
            outcome.unwrap_or_else(|error| Outcome::Refused(reply::with_top_up(error, &config)));
        let unsettled = !live.ledger.unstored().is_empty();
        let stored = if unsettled { self.rows.store(&mut live) } else { Ok(()) };
        if let (Err(_), Some(call)) = (&stored, held) {
            // Nobody will begin a turn with it.
            live.ledger.void(call, "the hold could not be written", now);
            live.leases.release(call);
        }
        drop(live);
        if let Err(fault) = stored {
            self.faulty.set(true);
            self.clone().store_soon();
            return refused(Error::unavailable(fault));
        }
        if rings {
            self.ring_by(now.plus_millis(config.outbox_ms), &config);
        }
        if charges {
            self.tell_fair_use(now);
        }
        self.store_soon();
        self.wake_waiters(now);
        if unsettled {
            self.watch_wallet();
        }
        Answer { pass, rate: None, outcome }
    }

    /// Says who is asking, and counts the request.
    fn admit(&self, knock: &Knock, config: &Config, now: Timestamp) -> Result<Pass, Refusal> {
        let mut live = self.live.borrow_mut();
        if live.profile.is_none() && knock.credential == Credential::Static {
            // The operator's own account is there from its first use.
            let profile = Profile::of_operator(config.operator, now);
            self.rows.open(&profile).map_err(Error::unavailable)?;
            live.profile = Some(profile);
        }
        live.admit(knock, now)
    }

    /// Writes what memory has and storage has not, a moment later and in one go.
    fn store_soon(self: &Rc<Self>) {
        self.store_within(&self.storing_soon, STORE_SOON_MS);
    }

    /// The same, with more patience: the next hold takes it along.
    fn store_later(self: &Rc<Self>) {
        self.store_within(&self.storing_later, STORE_LATER_MS);
    }

    fn store_within(self: &Rc<Self>, storing: &Rc<Cell<bool>>, ms: i64) {
        if storing.replace(true) {
            return;
        }
        let (inner, storing) = (self.clone(), storing.clone());
        let since = cx::clock().since(self.stored_at.get());
        spawn_local(async move {
            let mut wait = ms.max(STORE_LATER_MS.saturating_sub(since));
            loop {
                worker::Delay::from(Duration::from_millis(wait.unsigned_abs())).await;
                // What is changed from here on starts a write of its own.
                storing.set(false);
                inner.stored_at.set(cx::clock());
                let stored = inner.rows.store(&mut inner.live.borrow_mut());
                match stored {
                    Ok(()) => {
                        inner.faulty.set(false);
                        inner.tell_projects();
                        break inner.watch_wallet();
                    }
                    Err(fault) => {
                        worker::console_error!("storage: {fault}");
                        inner.faulty.set(true);
                        storing.set(true);
                        wait = STORE_RETRY_MS;
                    }
                }
            }
        });
    }

    /// Lets the calls at the head of the queue start, as far as places and money go. Who waits for
    /// what others of its own project have reserved holds up nobody else.
    fn wake_waiters(&self, now: Timestamp) {
        let mut queue = self.queue.borrow_mut();
        let (mut at, mut short) = (0, Vec::new());
        while let Some(waiter) = queue.get(at) {
            if waiter.tell.is_canceled() {
                queue.remove(at);
                continue;
            }
            let project = waiter.wish.purpose.as_ref().map(|it| it.project);
            if project.is_some_and(|project| short.contains(&project)) {
                at += 1;
                continue;
            }
            let start = self.live.borrow_mut().begin(&waiter.wish, false, now);
            match start {
                Start::Wait(error) if error.code == Code::BudgetExceeded => {
                    short.extend(project);
                    at += 1;
                    continue;
                }
                Start::Wait(_) => return,
                Start::Go(_) | Start::Refuse(_) => {}
            }
            let Some(waiter) = queue.remove(at) else { return };
            if let Err(Start::Go(hold)) = waiter.tell.send(start) {
                let mut live = self.live.borrow_mut();
                live.ledger.void(hold.call, "the caller left while waiting", now);
                live.leases.release(hold.call);
            }
        }
    }

    /// Makes sure that the alarm rings by then.
    fn ring_by(&self, at: Timestamp, config: &Config) {
        if self.alarm.get().is_some_and(|due| due <= at) {
            return;
        }
        self.alarm.set(Some(at));
        let storage = self.state.storage();
        // The platform's clock knows nothing of a skewed one.
        let real = at.plus_millis(-config.clock_skew_ms).millis();
        #[expect(clippy::cast_precision_loss, reason = "a millisecond count is below 2^53")]
        let date = js_sys::Date::new(&JsValue::from_f64(real as f64));
        spawn_local(async move {
            if let Err(error) = storage.set_alarm(ScheduledTime::new(date)).await {
                worker::console_error!("alarm: {error}");
            }
        });
    }

    async fn ring(self: Rc<Self>) -> Result<()> {
        self.alarm.set(None);
        let (config, now) = self.wake()?;
        let (id, expired) = {
            let mut live = self.live.borrow_mut();
            let expired = live.ledger.expire(now);
            expired.iter().for_each(|call| live.leases.release(*call));
            self.rows.store(&mut live).map_err(Error::unavailable)?;
            let settled = live.ledger.settled_through();
            self.rows.set_mark("settled", settled).map_err(Error::unavailable)?;
            self.rows.trim(now).map_err(Error::unavailable)?;
            self.rows.trim_notices(now).map_err(Error::unavailable)?;
            (live.id(), expired.len())
        };
        if expired > 0 {
            worker::console_error!("{expired} holds ran out");
        }
        self.wake_waiters(now);
        if let Some(deadline) = self.live.borrow().ledger.next_deadline() {
            self.ring_by(deadline, &config);
        }
        let Some(id) = id else { return Ok(()) };
        let delivered = self.deliver_due(&config, now);
        self.pursue().await;
        delivered?;
        directory::report(&self.env, &self.rows, id, now).await
    }
}

fn refused(error: Error) -> Answer {
    Answer { pass: None, rate: None, outcome: Outcome::Refused(error) }
}
