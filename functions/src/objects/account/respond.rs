//! A customer's request for a response, from its bytes to the provider's answer.
//!
//! Let in, count, hold, dispatch, hand the provider's body back untouched. What comes after the first byte is
//! metered and settled in `settle`.

use std::{panic::AssertUnwindSafe, rc::Rc, time::Duration};

use futures::{
    FutureExt,
    channel::oneshot,
    future::{Either, select},
};
use js_sys::{ArrayBuffer, futures::JsFuture};
use schema::{CallId, Code, Error, Timestamp, openai::ResponsesRequest};
use wasm_bindgen::{JsCast, JsValue};

use super::{Inner, QUEUE_MAX_CALLS, Waiter, settle};
use crate::{
    config::Config,
    cx,
    domain::{
        access::{Caller, Credential, Scope},
        account::Knock,
        admission::{Pass, Refusal, Start},
        ledger::Hold,
        limit::Rate,
        price::{Price, Quote},
        token,
    },
    js,
    remote::responses::{self, Outgoing, Upstream},
    store::settings::{self, Settings},
};

/// The largest body that is taken: a conversation of many megabytes, and far below what a Worker's memory bears.
const BODY_MAX_BYTES: usize = 16 << 20;
/// The longest name of a conversation that is remembered; a UUID has 36 bytes.
const CONVERSATION_MAX_BYTES: usize = 200;
/// A call that may start soon waits this long before its stream is opened, because an open stream has lost its
/// status code.
const QUIET_WAIT_MS: i64 = 1_000;
/// Between keep-alives; the CLI gives up on a stream after 300 s of silence, proxies often after 60 s.
const KEEPALIVE_MS: i64 = 15_000;
/// A comment would not do: the CLI's idle timer counts events.
const KEEPALIVE: &str = "data: {\"type\":\"keepalive\"}\n\n";

/// One call to a model, as it was let in.
pub(super) struct Call {
    pub id: CallId,
    pub caller: Caller,
    pub config: Rc<Config>,
    pub started_at: Timestamp,
    pub model: String,
    pub stream: bool,
    pub conversation: Option<String>,
    /// The most input that the conversation had before.
    pub high_water: u64,
    /// The size of the request, from which its input is estimated.
    pub bytes: u64,
    pub price: Price,
    rate: Rate,
    settings: Rc<Settings>,
}

impl Call {
    fn outgoing<'a>(
        &'a self,
        request: &'a web_sys::Request,
        buffer: &'a ArrayBuffer,
        body: &'a [u8],
    ) -> Outgoing<'a> {
        let active = self.settings.active_route.as_deref();
        Outgoing { request, buffer, body, model: &self.model, active }
    }
}

/// A call's money and place. Dropped without a settlement, both come back: a fault must not keep them.
pub(super) struct Paid {
    pub inner: Rc<Inner>,
    pub hold: Hold,
}

impl AsRef<Hold> for Paid {
    fn as_ref(&self) -> &Hold {
        &self.hold
    }
}

impl Drop for Paid {
    fn drop(&mut self) {
        // Nothing happens if the call has been settled: a hold ends once.
        self.inner.void(self.hold.call, "the call ended without a result");
    }
}

/// Answers a customer's request for a response.
pub(super) async fn respond(
    inner: Rc<Inner>,
    request: web_sys::Request,
) -> Result<web_sys::Response, JsValue> {
    let mut id = CallId::from_bits(0);
    // A panic unwinds through what the call has taken, which gives it back, and ends this call alone.
    let accepted = AssertUnwindSafe(accept(&inner, &request, &mut id)).catch_unwind().await;
    let refusal = match accepted {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(refusal)) => refusal,
        Err(_) => Error::internal("a panic").into(),
    };
    if !request.body_used() {
        // An unread body would hold the connection up.
        if let Some(body) = request.body() {
            drop(body.cancel());
        }
    }
    let now = inner.live.borrow().id().map(|id| id.to_string()).unwrap_or_default();
    log(&id, &now, refusal.error.code.status(), 0, 0, refusal.error.cause.as_deref());
    refuse(&id, &refusal)
}

/// A refusal on its way to the family that words it.
pub const REFUSED: &str = "x-gantry-refused";

fn refuse(id: &CallId, refusal: &Refusal) -> Result<web_sys::Response, JsValue> {
    let body = serde_json::to_string(&refusal.error).unwrap_or_default();
    let mut lines = format!("{REFUSED}: 1\nx-request-id: {id}");
    if let Some(rate) = &refusal.rate {
        push_rate(&mut lines, rate);
    }
    js::answer(refusal.error.code.status(), &lines, &body.into())
}

async fn accept(
    inner: &Rc<Inner>,
    request: &web_sys::Request,
    id: &mut CallId,
) -> Result<web_sys::Response, Refusal> {
    let (config, now) = inner.wake()?;
    *id = cx::new_id(now)?;
    let head = js::head(request);
    let head = Head::read(&head);
    let pass = inner.admit(&head.knock(&config), &config, now);
    inner.store_soon();
    let pass = pass?;
    let rate = pass.rate;
    let refused = |error| Refusal { error, rate: Some(rate) };
    let buffer = head.body(request).await.map_err(refused)?;
    let body = js::bytes(&buffer);
    let settings = settings::current(&inner.env, &config).await.map_err(refused)?;
    let seen = Seen { id: *id, now, config, pass, head, settings };
    let (call, quote) = understand(inner, seen, &body).map_err(refused)?;
    start(inner, call, quote, request, buffer, &body).await.map_err(refused)
}

/// What is known of a call before its body is read.
struct Seen<'a> {
    id: CallId,
    now: Timestamp,
    config: Rc<Config>,
    pass: Pass,
    head: Head<'a>,
    settings: Rc<Settings>,
}

/// Reads what the body asks for, and what it may cost.
fn understand(inner: &Inner, seen: Seen<'_>, body: &[u8]) -> schema::Result<(Call, Quote)> {
    let asked: ResponsesRequest = serde_json::from_slice(body).map_err(|error| {
        Error::new(Code::InvalidRequest, format!("The body is not a JSON request: {error}."))
    })?;
    if asked.background == Some(true) {
        let message = "`background: true` is not supported here: nobody would be there to meter it. \
                       Leave it out, and use `stream: true` for long answers.";
        return Err(Error::new(Code::InvalidRequest, message));
    }
    let model = asked.model.filter(|m| !m.is_empty());
    let model = model.ok_or_else(|| Error::field("model", "name a model"))?.into_owned();
    if !seen.config.routes.iter().any(|route| route.models.contains_key(&model)) {
        let message = format!(
            "The model `{model}` is not served here. `GET /v1/models` lists those that are."
        );
        return Err(Error::new(Code::ModelNotFound, message));
    }
    let price = seen.settings.prices.get(&model).cloned().ok_or_else(|| {
        let message =
            format!("The model `{model}` has no price yet, so nothing is sent to it. Use another.");
        Error::new(Code::ModelNotPriced, message)
    })?;
    let named = |thread: &&str| (1..=CONVERSATION_MAX_BYTES).contains(&thread.len());
    let conversation = Some(seen.head.thread).filter(named).map(str::to_owned);
    let high_water = inner.high_water(conversation.as_deref())?;
    let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let quote = price.quote(bytes, high_water, asked.max_output_tokens);
    let call = Call {
        id: seen.id,
        caller: seen.pass.caller,
        config: seen.config,
        started_at: seen.now,
        model,
        stream: asked.stream == Some(true),
        conversation,
        high_water,
        bytes,
        price,
        rate: seen.pass.rate,
        settings: seen.settings,
    };
    Ok((call, quote))
}

async fn start(
    inner: &Rc<Inner>,
    call: Call,
    quote: Quote,
    request: &web_sys::Request,
    buffer: ArrayBuffer,
    body: &[u8],
) -> schema::Result<web_sys::Response> {
    let now = call.started_at;
    let begun = inner.live.borrow_mut().begin(call.id, quote, false, now);
    let hold = match begun {
        Start::Go(hold) => hold,
        Start::Refuse(error) => return Err(with_top_up(error, &call.config)),
        Start::Wait(error) => {
            let turn = inner.queue_up(call.id, quote, error)?;
            let quiet = if call.stream { QUIET_WAIT_MS } else { call.config.turn_wait_ms };
            match turn.within(inner, quiet.min(call.config.turn_wait_ms), call.stream).await {
                Turn::Came(hold) => hold,
                Turn::Refused(error) => return Err(with_top_up(error, &call.config)),
                Turn::Still(turn) => {
                    return open_and_wait(inner, call, turn, request, buffer, body);
                }
            }
        }
    };
    let paid = Paid { inner: inner.clone(), hold };
    fault(request, &call.config);
    inner.ring_by(now.plus_millis(call.config.outbox_ms), &call.config);
    inner.store_soon();
    let out = call.outgoing(request, &buffer, body);
    let patience = || inner.ticker.sleep(call.config.upstream_timeout_ms);
    let upstream = responses::send(paid, &call.config, out, patience).await?;
    answer(call, upstream).await
}

/// A fault on request, as in `serve`, but in the object, with a place taken and money on hold.
fn fault(request: &web_sys::Request, config: &Config) {
    #[expect(clippy::panic, reason = "this is what was asked for, outside production only")]
    if config.faults && js::request_header(request, "x-gantry-fault") == "panic-object" {
        panic!("a fault was asked for");
    }
}

/// The provider's answer on its way to the customer.
async fn answer(call: Call, upstream: Upstream<Paid>) -> schema::Result<web_sys::Response> {
    let internal = |thrown: JsValue| Error::internal(js::said(&thrown));
    let response = &upstream.response;
    let lines = headers(&upstream.hold.inner, &call);
    if !response.ok() {
        // The provider's own words about the request, in the form that its clients know.
        let status = response.status();
        let body = response.body().map_or(JsValue::NULL, JsValue::from);
        log(
            &call.id,
            &call.caller.account.to_string(),
            status,
            0,
            0,
            Some("refused by the provider"),
        );
        return js::relay(response, status, &lines, &body).map_err(internal);
    }
    if call.stream {
        if !js::response_header(response, "content-type").starts_with("text/event-stream") {
            let message = "The model provider did not stream. Nothing was charged. Try again.";
            return Err(Error::new(Code::UpstreamFailed, message));
        }
        let opening = js::Opening::new();
        let relayed = js::relay(response, response.status(), &lines, &opening.readable().into());
        let relayed = relayed.map_err(internal)?;
        settle::stream(call, upstream, &opening)?;
        return Ok(relayed);
    }
    let buffer = response.array_buffer().map_err(internal)?;
    let buffer = JsFuture::from(buffer).await.map_err(|thrown| {
        let message = "The model provider's answer broke off. Nothing was charged. Try again.";
        Error::new(Code::UpstreamFailed, message).caused_by(js::said(&thrown))
    })?;
    let relayed = js::relay(response, response.status(), &lines, &buffer).map_err(internal)?;
    settle::whole(call, upstream, &js::bytes(buffer.unchecked_ref()))?;
    Ok(relayed)
}

/// Opens the stream at once, and goes on when the call's turn comes.
fn open_and_wait(
    inner: &Rc<Inner>,
    call: Call,
    turn: Waiting,
    request: &web_sys::Request,
    buffer: ArrayBuffer,
    body: &[u8],
) -> schema::Result<web_sys::Response> {
    let opening = js::Opening::new();
    let lines = headers(inner, &call) + "\ncontent-type: text/event-stream";
    let opened = js::answer(200, &lines, &opening.readable().into());
    let opened = opened.map_err(|thrown| Error::internal(js::said(&thrown)))?;
    let (inner, request, body) = (inner.clone(), Clone::clone(request), body.to_vec());
    js_sys::futures::spawn_local(async move {
        let id = call.id;
        let account = call.caller.account.to_string();
        let config = call.config.clone();
        let late = Late { inner, call, turn, request, buffer, body };
        if let Err(error) = late.go(&opening).await {
            let error = with_top_up(error, &config);
            log(&id, &account, error.code.status(), 0, 0, error.cause.as_deref());
            let _ = JsFuture::from(opening.say(&settle::failed(&id, &error))).await;
            let _ = JsFuture::from(opening.end()).await;
        }
    });
    Ok(opened)
}

/// A call whose stream is open and whose turn has not come.
struct Late {
    inner: Rc<Inner>,
    call: Call,
    turn: Waiting,
    request: web_sys::Request,
    buffer: ArrayBuffer,
    body: Vec<u8>,
}

impl Late {
    async fn go(self, opening: &js::Opening) -> schema::Result<()> {
        let Self { inner, call, mut turn, request, buffer, body } = self;
        let until = call.started_at.plus_millis(call.config.turn_wait_ms);
        let hold = loop {
            let heard = JsFuture::from(opening.say(KEEPALIVE)).await;
            if heard.is_ok_and(|heard| heard.is_falsy()) {
                return Err(Error::new(Code::Timeout, "The caller left while waiting."));
            }
            let left = until.since(cx::now(&call.config));
            match turn.within(&inner, left.min(KEEPALIVE_MS), left > KEEPALIVE_MS).await {
                Turn::Came(hold) => break hold,
                Turn::Refused(error) => return Err(error),
                Turn::Still(still) => turn = still,
            }
        };
        let ticker = inner.ticker.clone();
        let paid = Paid { inner, hold };
        let out = call.outgoing(&request, &buffer, &body);
        let patience = || ticker.sleep(call.config.upstream_timeout_ms);
        let upstream = responses::send(paid, &call.config, out, patience).await?;
        if !upstream.response.ok() {
            let text = upstream.response.text().map(JsFuture::from);
            let text = match text {
                Ok(text) => text.await.ok().and_then(|t| t.as_string()).unwrap_or_default(),
                Err(_) => String::new(),
            };
            return Err(Error::new(Code::InvalidRequest, text));
        }
        // The body may only be piped into what nobody else writes to; the opening is done with it.
        settle::stream(call, upstream, opening)
    }
}

/// A place in the queue.
pub(super) struct Waiting {
    call: CallId,
    quote: Quote,
    told: oneshot::Receiver<Start>,
    why: Error,
}

/// What waiting came to.
pub(super) enum Turn {
    Came(Hold),
    Refused(Error),
    Still(Waiting),
}

impl Waiting {
    /// Waits so long. At the end, a caller that can wait on keeps its place; another gets what there is.
    async fn within(self, inner: &Rc<Inner>, ms: i64, patient: bool) -> Turn {
        let Self { call, quote, told, why } = self;
        let ms = u64::try_from(ms).unwrap_or(0);
        match select(told, worker::Delay::from(Duration::from_millis(ms))).await {
            Either::Left((Ok(Start::Go(hold)), _)) => Turn::Came(hold),
            Either::Left((Ok(Start::Refuse(error) | Start::Wait(error)), _)) => {
                Turn::Refused(error)
            }
            Either::Left((Err(_), _)) => Turn::Refused(why),
            Either::Right(((), told)) if patient => Turn::Still(Self { call, quote, told, why }),
            Either::Right(((), mut told)) => match told.try_recv() {
                Ok(Some(Start::Go(hold))) => Turn::Came(hold),
                _ => {
                    drop(told);
                    inner.last_chance(call, quote)
                }
            },
        }
    }
}

impl Inner {
    /// Takes a place in the queue, if one is free.
    fn queue_up(&self, call: CallId, quote: Quote, why: Error) -> schema::Result<Waiting> {
        let mut queue = self.queue.borrow_mut();
        if queue.len() >= QUEUE_MAX_CALLS {
            return Err(why);
        }
        let (tell, told) = oneshot::channel();
        queue.push_back(Waiter { call, quote, tell });
        Ok(Waiting { call, quote, told, why })
    }

    fn last_chance(&self, call: CallId, quote: Quote) -> Turn {
        let now = self.now();
        match self.live.borrow_mut().begin(call, quote, true, now) {
            Start::Go(hold) => Turn::Came(hold),
            Start::Wait(error) | Start::Refuse(error) => Turn::Refused(error),
        }
    }

    /// The most input that a conversation had before.
    pub(super) fn high_water(&self, conversation: Option<&str>) -> schema::Result<u64> {
        let Some(conversation) = conversation else { return Ok(0) };
        if let Some(water) = self.waters.borrow().get(conversation) {
            return Ok(*water);
        }
        let water = self.rows.high_water(conversation).map_err(Error::unavailable)?;
        self.raise_water(conversation, water);
        Ok(water)
    }
}

/// The head of a request, line by line as `glue.js` gives it.
struct Head<'a> {
    authorization: &'a str,
    content_type: &'a str,
    content_encoding: &'a str,
    content_length: &'a str,
    address: &'a str,
    thread: &'a str,
}

impl<'a> Head<'a> {
    fn read(lines: &'a str) -> Self {
        let mut lines = lines.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        Self {
            authorization: next(),
            content_type: next(),
            content_encoding: next(),
            content_length: next(),
            address: next(),
            thread: next(),
        }
    }

    fn knock(&self, config: &Config) -> Knock {
        let bearer = token::bearer(self.authorization).unwrap_or_default();
        let hash = token::hash(bearer);
        let credential = if token::looks_like_key(bearer) {
            Credential::Key(hash)
        } else if config.api_tokens.contains(&hash) {
            Credential::Static
        } else {
            Credential::Username(bearer.to_owned())
        };
        let address = self.address.parse().ok();
        Knock { credential, address, scope: Scope::Responses, weight: 1 }
    }

    /// Reads the body, if it is what it must be.
    async fn body(&self, request: &web_sys::Request) -> schema::Result<ArrayBuffer> {
        if !self.content_type.to_ascii_lowercase().starts_with("application/json") {
            let message = "Send the request as `content-type: application/json`.";
            return Err(Error::new(Code::UnsupportedMediaType, message));
        }
        if !self.content_encoding.is_empty() && self.content_encoding != "identity" {
            let message =
                format!("The encoding `{}` is not taken. Send plain JSON.", self.content_encoding);
            return Err(Error::new(Code::UnsupportedMediaType, message));
        }
        let too_large = || {
            let most = BODY_MAX_BYTES >> 20;
            Error::new(Code::PayloadTooLarge, format!("A request may have at most {most} MiB."))
        };
        if self.content_length.parse().is_ok_and(|length: usize| length > BODY_MAX_BYTES) {
            return Err(too_large());
        }
        let broken = |thrown: JsValue| {
            Error::new(Code::InvalidRequest, "The body broke off.").caused_by(js::said(&thrown))
        };
        let buffer = JsFuture::from(js::body(request, BODY_MAX_BYTES)).await.map_err(broken)?;
        buffer.dyn_into().map_err(|_| too_large())
    }
}

/// What goes beside a provider's body: the request's id, the hour, and the wallet as the CLI's `/status`
/// shows it.
fn headers(inner: &Inner, call: &Call) -> String {
    use std::fmt::Write as _;
    let balance = inner.live.borrow().ledger.balance().or_zero();
    let rate = &call.rate;
    let mut lines = format!("x-request-id: {}\ncache-control: no-store", call.id);
    push_rate(&mut lines, rate);
    let used = u64::from(rate.used) * 10_000 / u64::from(rate.limit.max(1));
    let _ = write!(
        lines,
        "\nx-codex-primary-used-percent: {}.{:02}\nx-codex-primary-window-minutes: 60\
         \nx-codex-primary-reset-at: {}\nx-codex-credits-has-credits: {}\
         \nx-codex-credits-unlimited: false\nx-codex-credits-balance: {}",
        used / 100,
        used % 100,
        rate.reset_at,
        balance > schema::MicroUsd::ZERO,
        balance.dollars_and_cents(),
    );
    lines
}

fn push_rate(lines: &mut String, rate: &Rate) {
    use std::fmt::Write as _;
    let Rate { limit, used, reset_at } = *rate;
    let remaining = rate.remaining();
    let _ = write!(
        lines,
        "\nx-ratelimit-limit: {limit}\nx-ratelimit-remaining: {remaining}\
         \nx-ratelimit-used: {used}\nx-ratelimit-reset: {reset_at}"
    );
}

/// The same refusal with where the wallet is filled.
fn with_top_up(error: Error, config: &Config) -> Error {
    if error.code != Code::InsufficientCredit {
        return error;
    }
    let url = &config.top_up_url;
    let how = if url.is_empty() {
        "Ask the operator for credit.".to_owned()
    } else {
        format!("Top up at {url}")
    };
    Error { message: format!("{} {how}", error.message), ..error }
}

/// The one line of a request's log.
pub(super) fn log(
    id: &CallId,
    account: &str,
    status: u16,
    ms: i64,
    cost: i64,
    cause: Option<&str>,
) {
    let cause =
        cause.map(|c| format!(",\"cause\":{}", serde_json::Value::from(c))).unwrap_or_default();
    worker::console_log!(
        "{{\"request_id\":\"{id}\",\"family\":\"openai\",\"route\":\"POST /v1/responses\",\
         \"account\":\"{account}\",\"status\":{status},\"ms\":{ms},\"cost_micro_usd\":{cost}{cause}}}"
    );
}
