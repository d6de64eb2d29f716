//! The only door to the clock, to randomness and to the environment.

pub mod fault;

use std::{cell::RefCell, rc::Rc};

use schema::{AccountId, CallId, Id, Result, Timestamp, id::Kind};
use worker::{Context, Env};

use crate::{
    config::Config,
    domain::{access::Caller, limit::Rate, operator::Operator},
    js,
};

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
}

/// The configuration, read at the first request of an isolate.
pub fn config(env: &Env) -> Result<Rc<Config>> {
    if let Some(config) = CONFIG.with_borrow(Clone::clone) {
        return Ok(config);
    }
    let config = Rc::new(Config::read(env)?);
    CONFIG.set(Some(config.clone()));
    Ok(config)
}

/// The time. It stands still while a Worker computes and moves when it waits.
pub fn now(config: &Config) -> Timestamp {
    clock().plus_millis(config.clock_skew_ms)
}

/// The platform's clock, for durations and for where there is no configuration.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn clock() -> Timestamp {
    // A millisecond count is far below 2^53, so the conversion is exact.
    #[expect(clippy::cast_possible_truncation, reason = "a millisecond count fits")]
    let millis = js_sys::Date::now() as i64;
    Timestamp::from_millis(millis)
}

/// Random bytes of the platform's generator.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(schema::Error::unavailable)?;
    Ok(bytes)
}

/// Identifiers that one call to the platform's generator is enough for.
const ID_POOL: usize = 64;

thread_local! {
    static IDS: RefCell<Vec<[u8; 10]>> = const { RefCell::new(Vec::new()) };
}

/// A new identifier. Its randomness is drawn for many at once: a call to the platform costs more
/// than it.
pub fn new_id<K: Kind>(now: Timestamp) -> Result<Id<K>> {
    let drawn = IDS.with_borrow_mut(|ids| -> Result<_> {
        if ids.is_empty() {
            let bytes: [u8; ID_POOL * 10] = random()?;
            ids.extend(bytes.as_chunks().0);
        }
        Ok(ids.pop())
    })?;
    let random = drawn.ok_or_else(|| schema::Error::internal("no randomness was drawn"))?;
    Ok(Id::new(now, random))
}

/// What a handler needs: who asks, when, and handles to everything outside.
#[derive(Clone)]
pub struct Cx {
    pub env: Env,
    pub config: Rc<Config>,
    pub now: Timestamp,
    pub request_id: CallId,
    /// Who asks; operators with a static token and public routes have none.
    pub caller: Option<Caller>,
    /// Who asks, if they run the system.
    pub operator: Option<Operator>,
    /// Whether who asks shows a key that stands in a page: they are told nothing that opens the
    /// account, and change nothing of it.
    pub publishable: bool,
    /// How events are wanted, where a route has them.
    pub events: Events,
    /// The `Idempotency-Key` that was sent.
    pub idempotency_key: Option<String>,
    /// Where the caller's credential stands, if it has been let in.
    pub rate: Option<Rate>,
    /// What keeps a request's work alive beyond its answer; none where a timer rang.
    pub context: Option<Rc<Context>>,
    /// The request itself, for what only some routes read of it; none where a timer rang.
    pub request: Option<web_sys::Request>,
}

/// How a caller wants events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// As the answer: `Accept: text/event-stream`.
    pub wanted: bool,
    /// After this one: `Last-Event-ID`.
    pub after: Option<String>,
}

impl Cx {
    /// What a timer's work needs: nobody asks, and there is no request.
    pub fn of_timer(env: Env) -> Result<Self> {
        let config = config(&env)?;
        let now = now(&config);
        Ok(Self {
            env,
            config,
            now,
            request_id: new_id(now)?,
            caller: None,
            operator: None,
            publishable: false,
            events: Events::default(),
            idempotency_key: None,
            rate: None,
            context: None,
            request: None,
        })
    }

    /// Does something when the answer has left, as far as the platform lets it: whatever has to
    /// happen needs somebody else as guarantee.
    pub fn later(&self, work: impl Future<Output = ()> + 'static) {
        match &self.context {
            Some(context) => context.wait_until(work),
            None => js_sys::futures::spawn_local(work),
        }
    }

    /// A header of the request, or the empty text.
    pub fn header(&self, name: &str) -> String {
        self.request.as_ref().map(|it| js::request_header(it, name)).unwrap_or_default()
    }

    /// The address that the request came from, as the platform saw it.
    pub fn address(&self) -> String {
        self.header("cf-connecting-ip")
    }

    /// The path of the request, without its query.
    pub fn path(&self) -> String {
        let url = self.request.as_ref().map(web_sys::Request::url).unwrap_or_default();
        let after = url.split_once("://").map_or("", |(_, rest)| rest);
        let path = after.find('/').and_then(|at| after.get(at..)).unwrap_or("/");
        path.split(['?', '#']).next().unwrap_or("/").to_owned()
    }

    /// A cookie of the request.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.header("cookie");
        let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(its, _)| *its == name).map(|(_, value)| value.to_owned());
        found.next_back()
    }

    /// Where people find this deployment: `https://…` without a slash at its end. Links that go out
    /// begin with it, so it is never taken from a request, except in development.
    pub fn origin(&self) -> Result<String> {
        if !self.config.public_url.is_empty() {
            return Ok(self.config.public_url.clone());
        }
        let url = self.request.as_ref().map(|it| it.url()).filter(|_| self.config.development);
        let origin = url.and_then(|url| {
            let (scheme, rest) = url.split_once("://")?;
            Some(format!("{scheme}://{}", rest.split('/').next()?))
        });
        origin.ok_or_else(|| schema::Error::unavailable("PUBLIC_URL is not set"))
    }

    /// Ends the request here, where it asks for that and the deployment allows it: what has been
    /// done so far stands, and nothing else is done, as if the runtime had been killed.
    #[expect(clippy::panic, reason = "this is what was asked for, outside production only")]
    pub fn fault(&self, place: &str) {
        if self.config.faults && self.header("x-gantry-fault") == place {
            panic!("a fault was asked for at {place}");
        }
    }

    /// The account that asks.
    pub fn account(&self) -> Result<AccountId> {
        let caller = self.caller.as_ref().map(|caller| caller.account);
        caller.ok_or_else(|| schema::Error::internal("a route without a caller asked for one"))
    }

    /// What a change by an operator is booked under: the caller's own idempotency key where one was
    /// sent, so that the same change sent again happens once.
    pub fn source(&self) -> String {
        match &self.idempotency_key {
            Some(key) => format!("admin:key:{key}"),
            None => format!("admin:{}", self.request_id),
        }
    }
}
