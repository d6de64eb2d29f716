//! What stands beside an answer: its headers, a refusal on its way to its words, and the line in
//! the log.

use std::fmt::Write as _;

use schema::{CallId, Code, Error};
use wasm_bindgen::JsValue;

use super::{Inner, call::Call};
use crate::{
    config::Config,
    domain::{admission::Refusal, fair_use::Span, limit::Rate},
    js,
    remote::responses::Upstream,
};

/// A refusal on its way to the family that words it.
pub const REFUSED: &str = "x-gantry-refused";

pub(super) fn refuse(id: &CallId, refusal: &Refusal) -> Result<web_sys::Response, JsValue> {
    let body = serde_json::to_string(&refusal.error).unwrap_or_default();
    let mut lines = format!("{REFUSED}: 1\nx-request-id: {id}");
    if let Some(rate) = &refusal.rate {
        push_rate(&mut lines, rate);
    }
    js::answer(refusal.error.code.status(), &lines, &body.into())
}

/// What goes beside a provider's body: the request's id, the hour, and as the CLI's `/status` shows
/// them the wallet and the windows of fair use, or the hour for who has no such plan.
pub(super) fn headers(inner: &Inner, call: &Call) -> String {
    let now = inner.now();
    let mut live = inner.live.borrow_mut();
    let balance = live.ledger.balance().or_zero();
    let rate = &call.rate;
    let mut lines = format!("x-request-id: {}\ncache-control: no-store", call.id);
    push_rate(&mut lines, rate);
    if live.ledger.allowance.covers(now) {
        for (name, span) in ["primary", "secondary"].into_iter().zip(Span::ALL) {
            let meter = live.ledger.allowance.meter(span, now);
            push_window(&mut lines, name, meter.basis_points(), span.minutes(), meter.resets_at);
        }
    } else {
        let used = i64::from(rate.used) * 10_000 / i64::from(rate.limit.max(1));
        push_window(&mut lines, "primary", used, 60, rate.reset_at);
    }
    let _ = write!(
        lines,
        "\nx-codex-credits-has-credits: {}\
         \nx-codex-credits-unlimited: false\nx-codex-credits-balance: {}",
        balance > schema::MicroUsd::ZERO,
        balance.dollars_and_cents(),
    );
    lines
}

/// A window as the CLI's `/status` shows it, with hundredths of a percent.
fn push_window(lines: &mut String, name: &str, used: i64, minutes: i64, resets_at: i64) {
    let _ = write!(
        lines,
        "\nx-codex-{name}-used-percent: {}.{:02}\nx-codex-{name}-window-minutes: {minutes}\
         \nx-codex-{name}-reset-at: {resets_at}",
        used / 100,
        used % 100,
    );
}

/// What a provider says of its body and of the turn goes on to the customer, and nothing else.
pub(super) fn relayed<H>(upstream: &Upstream<H>) -> String {
    let mut lines = String::new();
    let told =
        [("content-type", &upstream.content_type), ("x-codex-turn-state", &upstream.turn_state)];
    for (name, value) in told.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(lines, "\n{name}: {value}");
    }
    lines
}

fn push_rate(lines: &mut String, rate: &Rate) {
    let Rate { limit, used, reset_at } = *rate;
    let remaining = rate.remaining();
    let _ = write!(
        lines,
        "\nx-ratelimit-limit: {limit}\nx-ratelimit-remaining: {remaining}\
         \nx-ratelimit-used: {used}\nx-ratelimit-reset: {reset_at}"
    );
}

/// The same refusal with where the wallet is filled.
pub(super) fn with_top_up(error: Error, config: &Config) -> Error {
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
         \"account\":\"{account}\",\"status\":{status},\"ms\":{ms},\
         \"cost_micro_usd\":{cost}{cause}}}"
    );
}
