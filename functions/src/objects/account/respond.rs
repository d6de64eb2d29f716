//! A customer's request for a response, from its bytes to the provider's answer.
//!
//! Let in, count, hold, dispatch, hand the provider's body back untouched. What comes after the
//! first byte is metered and settled in `settle`.

use std::{panic::AssertUnwindSafe, rc::Rc};

use futures::FutureExt;
use js_sys::futures::JsFuture;
use schema::{CallId, Code, Error};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    Inner,
    call::{Call, Letter, Paid, Seen, understand},
    head::Head,
    reply::{headers, log, refuse, relayed, with_top_up},
    settle,
    turn::{Turn, open_and_wait},
    unlimited,
};
use crate::{
    config::Config,
    cx,
    domain::admission::{Refusal, Start, Wish},
    js,
    remote::responses::{self, Upstream},
    store::settings,
};

/// A call that may start soon waits this long before its stream is opened, because an open stream
/// has lost its status code.
const QUIET_WAIT_MS: i64 = 1_000;

/// Answers a customer's request for a response.
pub(super) async fn respond(
    inner: Rc<Inner>,
    request: web_sys::Request,
) -> Result<web_sys::Response, JsValue> {
    let mut id = CallId::from_bits(0);
    // A panic unwinds through what the call has taken, which gives it back, and ends this call
    // alone.
    let accepted = AssertUnwindSafe(accept(&inner, &request, &mut id)).catch_unwind().await;
    let refusal = match accepted {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(refusal)) => refusal,
        Err(_) => Error::internal("a panic").into(),
    };
    if refusal.error.code == Code::BudgetExceeded {
        inner.tell_projects();
    }
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
    let fair_use = settings.unlimited.limits;
    unlimited::learn(&mut inner.live.borrow_mut(), &inner.rows, fair_use).map_err(refused)?;
    let purpose = inner.purpose(request, head.thread).map_err(refused)?;
    let seen = Seen { id: *id, now, config, pass, head, settings };
    let (call, quote) = understand(inner, seen, &body).map_err(refused)?;
    let letter = Letter { call, request: Clone::clone(request), buffer, body };
    let wish = Wish { call: *id, quote, purpose };
    start(inner, letter, wish).await.map_err(refused)
}

async fn start(inner: &Rc<Inner>, letter: Letter, wish: Wish) -> schema::Result<web_sys::Response> {
    let call = &letter.call;
    let now = call.started_at;
    let begun = inner.live.borrow_mut().begin(&wish, false, now);
    let hold = match begun {
        Start::Go(hold) => hold,
        Start::Refuse(error) => return Err(with_top_up(error, &call.config)),
        Start::Wait(error) => {
            let patience = call.patience_ms(&error);
            let turn = inner.queue_up(wish, error)?;
            let quiet = if call.stream { QUIET_WAIT_MS } else { patience };
            match turn.within(inner, quiet.min(patience), call.stream).await {
                Turn::Came(hold) => hold,
                Turn::Refused(error) => return Err(with_top_up(error, &call.config)),
                Turn::Still(turn) => return open_and_wait(inner, letter, turn),
            }
        }
    };
    let paid = Paid { inner: inner.clone(), hold };
    fault(&letter.request, &call.config);
    // Before the dispatch: in an object that has just begun this is a write, and the platform lets
    // nothing out until it is safe. Storage that takes no writes answers nobody for free.
    inner.ring_by(now.plus_millis(call.config.outbox_ms), &call.config);
    inner.store_soon();
    let patience = || inner.ticker.sleep(call.config.upstream_timeout_ms);
    let upstream = responses::send(paid, &call.config, letter.outgoing(), patience).await?;
    answer(letter.call, upstream).await
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
    let (response, status) = (&upstream.response, upstream.status);
    let lines = headers(&upstream.hold.inner, &call) + &relayed(&upstream);
    if status >= 300 {
        // The provider's own words about the request, in the form that its clients know.
        let body = response.body().map_or(JsValue::NULL, JsValue::from);
        let account = call.caller.account.to_string();
        log(&call.id, &account, status, 0, 0, Some("refused by the provider"));
        return js::answer(status, &lines, &body).map_err(internal);
    }
    if call.stream {
        if !upstream.content_type.starts_with("text/event-stream") {
            let message = "The model provider did not stream. Nothing was charged. Try again.";
            return Err(Error::new(Code::UpstreamFailed, message));
        }
        let opening = js::Opening::new();
        let opened = js::answer(status, &lines, &opening.readable().into()).map_err(internal)?;
        settle::stream(call, upstream, &opening)?;
        return Ok(opened);
    }
    let buffer = response.array_buffer().map_err(internal)?;
    let buffer = JsFuture::from(buffer).await.map_err(|thrown| {
        let message = "The model provider's answer broke off. Nothing was charged. Try again.";
        Error::new(Code::UpstreamFailed, message).caused_by(js::said(&thrown))
    })?;
    let whole = js::answer(status, &lines, &buffer).map_err(internal)?;
    settle::whole(call, upstream, &js::bytes(buffer.unchecked_ref()))?;
    Ok(whole)
}
