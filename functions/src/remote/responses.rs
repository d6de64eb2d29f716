//! Providers of the Responses wire: the only road to a model. It takes the hold by value, so
//! nothing unreserved can be spent, and nothing twice.

use std::pin::pin;

use futures::future::{Either, select};
use js_sys::{ArrayBuffer, Uint8Array, futures::JsFuture};
use schema::{Code, Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use wasm_bindgen::JsCast;

use crate::{
    config::Config,
    domain::{
        ledger::Hold,
        route::{self, Route},
    },
    js,
};

/// Tries for one call: the first, and one more before any byte has been handed on.
const TRIES: usize = 2;
/// Seconds that a customer is told to wait when a provider is overloaded and says nothing itself.
const OVERLOADED_RETRY_S: u32 = 5;

/// A provider's answer, with the money that pays for it.
pub struct Upstream<H> {
    pub response: web_sys::Response,
    /// The request that it answers, by which it can be cut.
    pub dispatch: js::Dispatch,
    pub status: u16,
    /// What it says of its body; may be empty.
    pub content_type: String,
    /// What it wants to hear again within the turn; may be empty.
    pub turn_state: String,
    /// The route's name, for our books only.
    pub route: String,
    pub hold: H,
}

/// A call as it goes to a provider.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    pub request: &'a web_sys::Request,
    pub buffer: &'a ArrayBuffer,
    pub body: &'a [u8],
    pub model: &'a str,
    /// The route that is tried first, if the operator chose one.
    pub active: Option<&'a str>,
}

/// Sends a call to the first route that takes it. An answer of 2xx, or a refusal of the request
/// itself, is the caller's; anything else is tried once more, on the next route if there is one.
///
/// `patience` is how long one try may take until its first byte.
pub async fn send<H: AsRef<Hold>, P: Future<Output = ()>>(
    hold: H,
    config: &Config,
    call: Outgoing<'_>,
    patience: impl Fn() -> P,
) -> Result<Upstream<H>> {
    let routes = route::serving(&config.routes, call.active, call.model);
    let mut failure = Error::internal("no route serves a model that was let in");
    for route in routes.iter().cycle().take(if routes.is_empty() { 0 } else { TRIES }) {
        match attempt(config, route, call, patience()).await {
            Ok(Answer { response, dispatch, status, content_type, turn_state }) => {
                let route = route.name.clone();
                return Ok(Upstream {
                    response,
                    dispatch,
                    status,
                    content_type,
                    turn_state,
                    route,
                    hold,
                });
            }
            Err(error) => {
                let cause = error.cause.clone().unwrap_or_default();
                failure = error.caused_by(format!("{}: {cause}", route.name));
                // What has timed out may have been done, and paid for by us, all the same.
                if failure.code == Code::Timeout {
                    break;
                }
            }
        }
    }
    Err(failure)
}

/// What one try came to.
struct Answer {
    response: web_sys::Response,
    dispatch: js::Dispatch,
    status: u16,
    content_type: String,
    turn_state: String,
}

async fn attempt(
    config: &Config,
    route: &Route,
    call: Outgoing<'_>,
    patience: impl Future<Output = ()>,
) -> Result<Answer> {
    let url = format!("{}/responses", route.base_url.trim_end_matches('/'));
    let key = config.provider_keys.get(&route.secret).map(|k| k.reveal()).unwrap_or_default();
    let renamed = route.models.get(call.model).filter(|name| *name != call.model);
    let renamed = renamed.map(|name| rename(call.body, name)).transpose()?;
    let buffer = renamed.as_deref().map(|body| Uint8Array::from(body).buffer());
    let buffer = buffer.as_ref().unwrap_or(call.buffer);
    let sent = js::Dispatch::new(call.request, &url, key, buffer);
    let answer = match select(JsFuture::from(sent.answer()), pin!(patience)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => {
            sent.abort();
            let message = "The model provider did not answer in time. Try again.";
            return Err(Error::new(Code::Timeout, message));
        }
    };
    let response = answer.map_err(|thrown| {
        failed("The model provider could not be reached. Nothing was charged. Try again.")
            .caused_by(js::said(&thrown))
    })?;
    let response: web_sys::Response = response.unchecked_into();
    let (status, told) = (response.status(), js::told(&response));
    let (content_type, turn_state) = told.split_once('\n').unwrap_or((&told, ""));
    // An unread body would hold its connection up.
    judge(&response, status, content_type).inspect_err(|_| js::discard(&response))?;
    let (content_type, turn_state) = (content_type.to_owned(), turn_state.to_owned());
    Ok(Answer { response, dispatch: sent, status, content_type, turn_state })
}

/// Whether an answer is the caller's, or a failure of the provider's.
fn judge(response: &web_sys::Response, status: u16, content_type: &str) -> Result<()> {
    match status {
        200..=299 if !is_answer(content_type) => {
            let message = "The model provider failed. Nothing was charged. Try again.";
            Err(failed(message).caused_by(format!("content type {content_type}")))
        }
        200..=299 | 400 | 404 | 413 | 422 => Ok(()),
        429 => {
            let message = "The model is at capacity. Try again shortly.";
            let wait = js::response_header(response, "retry-after").parse();
            let error = Error::new(Code::UpstreamOverloaded, message);
            let error = error.retry_after(wait.unwrap_or(OVERLOADED_RETRY_S));
            Err(error.caused_by("status 429"))
        }
        // A provider that does not know us is our fault, and not the caller's to see.
        status => Err(failed("The model provider failed. Nothing was charged. Try again.")
            .caused_by(format!("status {status}"))),
    }
}

/// Whether a body of that type may be a response; a page of a proxy in between is none. No type at
/// all is left to the meter.
fn is_answer(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let taken = ["application/json", "text/event-stream"];
    kind.is_empty() || taken.iter().any(|taken| kind.eq_ignore_ascii_case(taken))
}

fn failed(message: &str) -> Error {
    Error::new(Code::UpstreamFailed, message)
}

/// The body with another model's name in it, and nothing else changed.
fn rename(body: &[u8], name: &str) -> Result<Vec<u8>> {
    #[derive(Deserialize)]
    struct Model<'a> {
        #[serde(borrow)]
        model: &'a RawValue,
    }
    let found: Model = serde_json::from_slice(body).map_err(Error::internal)?;
    let old = found.model.get();
    let at = (old.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    let (before, rest) = body.split_at_checked(at).unwrap_or((body, &[]));
    let after = rest.get(old.len()..).unwrap_or_default();
    let name = serde_json::to_vec(name).map_err(Error::internal)?;
    Ok([before, &name, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_no_answer() {
        assert!(is_answer("text/event-stream; charset=utf-8") && is_answer("application/json"));
        assert!(is_answer("") && !is_answer("text/html; charset=utf-8"));
    }

    #[test]
    fn only_the_models_name_is_replaced() {
        let body = br#"{ "x": {"model":"a"}, "model" : "a\u0062", "input": [1.0, 2e3] }"#;
        let renamed = rename(body, "b\"c").unwrap();
        let wanted = r#"{ "x": {"model":"a"}, "model" : "b\"c", "input": [1.0, 2e3] }"#;
        assert_eq!(std::str::from_utf8(&renamed), Ok(wanted));
    }
}
