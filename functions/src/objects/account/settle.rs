//! From the provider's first byte to the posting: reads a copy of the stream now and then, lets the
//! hold grow before it is used up, and settles once. The object owns the read, so a customer who
//! hangs up changes nothing.

use std::rc::Rc;

use futures::future::{Either, select};
use js_sys::{Uint8Array, futures::JsFuture};
use schema::{CallId, Code, Error, MicroUsd, Timestamp, openai::Usage};
use wasm_bindgen::JsCast;

use super::{
    Inner,
    call::{Call, Paid},
    caps,
    reply::log,
};
use crate::{
    cx,
    domain::{
        ledger::{Basis, Charge},
        meter::{self, Ending, Meter, Produced},
        price::{SLICE_TOKENS, most_input_tokens},
    },
    js,
    remote::responses::Upstream,
};

/// What a block of a stream holds at most; `glue.js` has the same number.
const BLOCK_BYTES: u32 = 65_536;
/// Between two looks at a stream. Each costs a read; the hold's slice covers what comes in between.
const LOOK_MS: u32 = 500;
/// The longest stream; below the life of its hold.
const STREAM_MAX_MS: i64 = 15 * 60_000;
/// How long the provider is read on when the customer has left.
const DRAIN_MAX_MS: i64 = 120_000;

/// Why a stream was ended before its end.
enum Cut {
    Money,
    Budget,
    Silence,
    Length,
    /// The customer has left and the provider goes on for too long.
    Drained,
}

/// Hands a stream on and settles it when it ends. Returns at once.
pub(super) fn stream(
    call: Call,
    upstream: Upstream<Paid>,
    opening: &js::Opening,
) -> schema::Result<()> {
    let Some(body) = upstream.response.body() else {
        let message = "The model provider answered without a body. Nothing was charged. Try again.";
        return Err(Error::new(Code::UpstreamFailed, message));
    };
    let tap = js::Tap::new(&body, opening, &upstream.dispatch);
    let tap = tap.map_err(|thrown| Error::internal(js::said(&thrown)))?;
    js_sys::futures::spawn_local(async move {
        let mut reading =
            Reading { call, meter: Meter::default(), inner: upstream.hold.inner.clone() };
        if let Err(cut) = reading.read_out(&tap).await {
            reading.cut(&tap, &cut);
        }
        settle(&reading.call, &upstream, &reading.meter.finish());
    });
    Ok(())
}

/// Settles a whole JSON answer.
pub(super) fn whole(call: Call, upstream: Upstream<Paid>, body: &[u8]) -> schema::Result<()> {
    let produced = meter::whole(body).ok_or_else(|| {
        let message =
            "The model provider's answer is not a response. Nothing was charged. Try again.";
        Error::new(Code::UpstreamFailed, message)
    })?;
    settle(&call, &upstream, &produced);
    Ok(())
}

struct Reading {
    call: Call,
    meter: Meter,
    inner: Rc<Inner>,
}

impl Reading {
    async fn read_out(&mut self, tap: &js::Tap) -> Result<(), Cut> {
        let mut delivered = JsFuture::from(tap.delivered());
        let ticker = self.inner.ticker.clone();
        let state = loop {
            match select(delivered, ticker.sleep(LOOK_MS)).await {
                Either::Left((state, _)) => break state.ok().and_then(|state| state.as_f64()),
                Either::Right(((), still)) => delivered = still,
            }
            if !self.catch_up(tap).await? {
                return Ok(());
            }
            if self.ran_ms() > STREAM_MAX_MS {
                return Err(Cut::Length);
            }
        };
        // All is delivered, so what is left of the copy is here; a short block is the last.
        if state == Some(1.0) {
            while self.read(tap, BLOCK_BYTES).await? == BLOCK_BYTES {}
            return Ok(());
        }
        let left_at = self.inner.now();
        while self.read(tap, 1).await? > 0 {
            let drained = self.inner.now().since(left_at) > DRAIN_MAX_MS;
            if drained || self.ran_ms() > STREAM_MAX_MS {
                return Err(Cut::Drained);
            }
        }
        Ok(())
    }

    /// Reads what has come since the last look, however much it is. `false` at the provider's end:
    /// all is known then, though the customer may go on reading for long.
    async fn catch_up(&mut self, tap: &js::Tap) -> Result<bool, Cut> {
        loop {
            match self.read(tap, 1).await? {
                0 => return Ok(false),
                BLOCK_BYTES => {}
                _ => return Ok(true),
            }
        }
    }

    /// Reads the next block, of at least so many bytes unless the stream ends; says how many came.
    async fn read(&mut self, tap: &js::Tap, least: u32) -> Result<u32, Cut> {
        let idle_ms = u32::try_from(self.call.config.upstream_idle_ms).unwrap_or(u32::MAX);
        let silence = self.inner.ticker.sleep(idle_ms);
        let Either::Left((read, _)) = select(JsFuture::from(tap.read(least)), silence).await else {
            return Err(Cut::Silence);
        };
        // A read that fails is a provider that broke off: what came until then is what there is.
        let Ok(block) = read else { return Ok(0) };
        let Ok(block) = block.dyn_into::<Uint8Array>() else { return Ok(0) };
        self.meter.read(&block.to_vec());
        self.cover()?;
        Ok(block.length())
    }

    /// Lets the hold grow ahead of the stream; ends the stream when what is certain is more than is
    /// held.
    fn cover(&self) -> Result<(), Cut> {
        let call = &self.call;
        let deltas = self.meter.deltas();
        let most = |output| call.price.at_most(call.bytes, call.high_water, output);
        let mut live = self.inner.live.borrow_mut();
        let held = live.ledger.held_by(call.id).unwrap_or(MicroUsd::ZERO);
        if self.meter.ended() || most(deltas + SLICE_TOKENS / 2) <= held {
            return Ok(());
        }
        let by = most(deltas + SLICE_TOKENS).minus(held);
        let held = held.plus(live.ledger.extend(call.id, by, self.inner.now()));
        drop(live);
        self.inner.store_soon();
        let certain = call.price.at_least(call.bytes, call.high_water, deltas);
        self.inner.meter(call.id, certain);
        if certain <= held {
            return Ok(());
        }
        Err(if self.inner.is_over_budget(call.id) { Cut::Budget } else { Cut::Money })
    }

    /// Ends both streams, the customer's with the reason. Waits for neither: whoever reads nothing
    /// must not keep the money on hold.
    fn cut(&self, tap: &js::Tap, cut: &Cut) {
        let error = match cut {
            Cut::Money => self.inner.spent(),
            Cut::Budget => {
                self.inner.tell_projects();
                caps::ends_here()
            }
            Cut::Silence => Error::new(Code::Timeout, "The model provider fell silent. Try again."),
            Cut::Length => Error::new(Code::Timeout, "The answer took longer than 15 minutes."),
            Cut::Drained => return drop(tap.drop()),
        };
        drop(tap.cut(&failed(&self.call.id, &error)));
    }

    fn ran_ms(&self) -> i64 {
        self.inner.now().since(self.call.started_at)
    }
}

/// The last event of a stream that failed for a reason of ours. The CLI shows the message of
/// `invalid_prompt` as it stands and does not try again; of `rate_limit_exceeded` it waits as long
/// as the message says.
pub(super) fn failed(id: &CallId, error: &Error) -> String {
    let code = match error.code {
        Code::RateLimitExceeded | Code::ConcurrencyLimitExceeded => "rate_limit_exceeded",
        Code::UpstreamOverloaded | Code::Unavailable => "server_is_overloaded",
        _ => "invalid_prompt",
    };
    let event = serde_json::json!({
        "type": "response.failed",
        "response": {
            "id": id.to_string(), "object": "response", "status": "failed", "output": [],
            "error": { "code": code, "message": error.message },
        },
    });
    format!("\n\nevent: response.failed\ndata: {event}\n\n")
}

/// What the call is charged for, and how that is known; or why it costs nothing.
fn tokens(call: &Call, produced: &Produced) -> Result<(Usage, Basis), &'static str> {
    if let Some(usage) = produced.usage {
        return Ok((usage, Basis::Reported));
    }
    let counted = Usage {
        input_tokens: most_input_tokens(call.bytes) * 3 / 4,
        output_tokens: produced.deltas,
        ..Usage::default()
    };
    match produced.ending {
        Ending::Failed => Err("the provider failed"),
        Ending::Cut if produced.deltas == 0 => Err("the provider broke off before any output"),
        Ending::Whole if produced.deltas == 0 => Ok((Usage::default(), Basis::Held)),
        Ending::Cut | Ending::Whole => Ok((counted, Basis::Counted)),
    }
}

fn settle(call: &Call, upstream: &Upstream<Paid>, produced: &Produced) {
    let inner = &upstream.hold.inner;
    let now = inner.now();
    let cost = match tokens(call, produced) {
        Err(why) => inner.void(call.id, why),
        Ok(_) if inner.seen(produced.response_id.as_deref()) => {
            inner.void(call.id, "the response had been charged before")
        }
        Ok((usage, basis)) => {
            let charge = bill(call, upstream, produced, (usage, basis));
            inner.post(call.id, charge, now)
        }
    };
    inner.ring_by(now.plus_millis(call.config.outbox_ms), &call.config);
    let ms = now.since(call.started_at);
    log(&call.id, &call.caller.account.to_string(), 200, ms, cost.micros(), None);
}

fn bill(
    call: &Call,
    upstream: &Upstream<Paid>,
    produced: &Produced,
    (usage, basis): (Usage, Basis),
) -> Charge {
    let inner = &upstream.hold.inner;
    // The mark may have risen since the call began: calls of one conversation may overlap.
    let high_water = inner.high_water(call.conversation.as_deref()).unwrap_or(call.high_water);
    let cost = call.price.cost(&usage, high_water);
    if let (Some(conversation), Basis::Reported) = (&call.conversation, basis) {
        inner.raise_water(conversation, usage.input_tokens);
    }
    Charge {
        model: call.model.clone(),
        route: upstream.route.clone(),
        holder: call.caller.holder.text(),
        conversation: call.conversation.clone(),
        response_id: produced.response_id.clone(),
        turn: None,
        usage,
        billed_input: cost.billed_input,
        price: call.price.id,
        basis,
        cost: if basis == Basis::Held { upstream.hold.hold.amount } else { cost.total },
    }
}

impl Inner {
    /// Why an answer ends before its end: nothing is left that pays for it.
    fn spent(&self) -> Error {
        let now = self.now();
        if self.live.borrow().ledger.allowance.wallet_pays(now) {
            let message =
                "Your wallet is empty, so the answer ends here. Top up and ask for the rest.";
            return Error::new(Code::InsufficientCredit, message);
        }
        let message = "Your Unlimited plan's fair use is used up, so the answer ends here. Let \
                       your wallet pay meanwhile, or ask for the rest later.";
        Error::new(Code::FairUseExceeded, message)
    }

    pub(super) fn now(&self) -> Timestamp {
        cx::config(&self.env).map_or(Timestamp::from_millis(0), |config| cx::now(&config))
    }

    /// Ends a call that cost nothing, if it has not ended yet.
    pub(super) fn void(self: &Rc<Self>, call: CallId, why: &str) -> MicroUsd {
        let now = self.now();
        let mut live = self.live.borrow_mut();
        if live.ledger.void(call, why, now) {
            live.leases.release(call);
            drop(live);
            self.store_soon();
            self.wake_waiters(now);
        }
        MicroUsd::ZERO
    }

    /// Ends a call with its charge; says what the wallet paid.
    fn post(self: &Rc<Self>, call: CallId, charge: Charge, now: Timestamp) -> MicroUsd {
        let mut live = self.live.borrow_mut();
        let paid = live.ledger.post(call, charge, now).unwrap_or(MicroUsd::ZERO);
        live.leases.release(call);
        drop(live);
        self.tell_fair_use(now);
        self.store_later();
        self.wake_waiters(now);
        paid
    }

    /// Whether a response has been charged a moment ago. One that was charged earlier is found by
    /// its row: see [`Rows::store`](super::rows::Rows::store).
    fn seen(&self, response_id: Option<&str>) -> bool {
        let Some(id) = response_id else { return false };
        let same = |source: &str| source.strip_prefix("response:") == Some(id);
        let live = self.live.borrow();
        live.ledger.unstored().iter().any(|entry| entry.source.as_deref().is_some_and(same))
    }
}
