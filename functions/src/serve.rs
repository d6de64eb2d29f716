//! One request, start to end: find the route, let the caller in, act, word what failed, and write one line.

use std::{panic::AssertUnwindSafe, rc::Rc};

use futures::FutureExt;
use schema::{CallId, Code, Error};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    api,
    cx::{self, Cx},
    domain::{admission::Refusal, limit::Rate, token},
    http::{
        Family, Handler, Incoming, Reply, Route, body,
        route::Asker,
        router::{Found, Router},
    },
    js,
    objects::account::REFUSED,
    services::admission,
};

thread_local! {
    static ROUTER: Result<Rc<Router>, String> = Router::new(api::families()).map(Rc::new);
}

/// Answers a request. Never fails: what goes wrong is worded, whatever it is.
pub async fn serve(request: web_sys::Request, env: Env) -> Result<web_sys::Response, JsValue> {
    let config = match cx::config(&env) {
        Ok(config) => config,
        Err(error) => return misconfigured(&error),
    };
    let now = cx::now(&config);
    let request_id = cx::new_id(now).unwrap_or(CallId::from_bits(0));
    let url = request.url();
    let (path, query) = split(&url);
    let method = request.method();
    let cx = Cx { env, config, now, request_id, caller: None, idempotency_key: None, rate: None };
    let seen = Seen { request: &request, method: &method, path, query };
    // A panic ends this request and no other; what it broke is said in the log, by the platform's hook.
    match AssertUnwindSafe(answer(&cx, &seen)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            let error = Error::internal("a panic");
            word(&cx, &seen, None, &error.into())
        }
    }
}

/// What is read of a request before anything is done.
struct Seen<'a> {
    request: &'a web_sys::Request,
    method: &'a str,
    path: &'a str,
    query: &'a str,
}

async fn answer(cx: &Cx, seen: &Seen<'_>) -> Result<web_sys::Response, JsValue> {
    let router = ROUTER.with(Clone::clone).map_err(JsValue::from)?;
    let (family, route, path_params) = match router.find(seen.method, seen.path) {
        Found::Route(family, route, params) => (family, route, params),
        Found::Method(family, error) => return word(cx, seen, Some(family), &error.into()),
        Found::Nothing => {
            let error =
                Error::new(Code::ResourceNotFound, format!("There is nothing at {}.", seen.path));
            let family = family_near(&router, seen.path);
            return word(cx, seen, family, &error.into());
        }
    };
    fault(cx, seen);
    match &route.handler {
        Handler::Forward(forward) => {
            match forward(cx.clone(), Clone::clone(seen.request)).await {
                // What the object let through is answered and logged by it.
                Ok(response) if js::response_header(&response, REFUSED).is_empty() => Ok(response),
                Ok(response) => reword(cx, seen, family, &response).await,
                Err(error) => word(cx, seen, Some(family), &error.into()),
            }
        }
        Handler::Act(_) => {
            let mut cx = cx.clone();
            match act(&mut cx, seen, route, path_params).await {
                Ok(reply) => finish(&cx, seen, family, &reply),
                Err(refusal) => word(&cx, seen, Some(family), &refusal),
            }
        }
    }
}

async fn act(
    cx: &mut Cx,
    seen: &Seen<'_>,
    route: &Route,
    path_params: Vec<(String, String)>,
) -> Result<Reply, Refusal> {
    let Handler::Act(handler) = &route.handler else {
        return Err(Error::internal("a forwarding route was asked to act").into());
    };
    let authorization = js::request_header(seen.request, "authorization");
    let address = js::request_header(seen.request, "cf-connecting-ip");
    let pass = admission::admit(cx, route.access, token::bearer(&authorization), &address).await?;
    if let Some(pass) = pass {
        cx.caller = Some(pass.caller);
        cx.rate = Some(pass.rate);
    }
    let key = js::request_header(seen.request, "idempotency-key");
    cx.idempotency_key = Some(key).filter(|key| !key.is_empty());
    let mut at = path_params;
    at.extend(body::query(seen.query));
    let incoming = Incoming { request: Clone::clone(seen.request), at };
    let rate = cx.rate;
    handler(cx.clone(), incoming).await.map_err(|error| Refusal { error, rate })
}

/// An answer with what every answer has beside it.
fn finish(
    cx: &Cx,
    seen: &Seen<'_>,
    family: &Family,
    reply: &Reply,
) -> Result<web_sys::Response, JsValue> {
    let mut lines = format!(
        "content-type: {}\nx-request-id: {}\ncache-control: no-store",
        reply.content_type, cx.request_id
    );
    if let Some(rate) = &cx.rate {
        lines += &rate_lines(rate);
    }
    log(cx, seen, family.name, reply.status, None);
    js::answer(reply.status, &lines, &JsValue::from_str(&reply.body))
}

/// A failure in its family's words.
fn word(
    cx: &Cx,
    seen: &Seen<'_>,
    family: Option<&Family>,
    refusal: &Refusal,
) -> Result<web_sys::Response, JsValue> {
    let error = &refusal.error;
    let asker = Asker { request_id: cx.request_id, codex_cli: is_codex_cli(seen.request) };
    let refuse = family.map_or(api::agent::refuse::refuse as _, |family| family.refuse);
    let worded = refuse(error, &asker);
    let mut lines = format!(
        "content-type: {}\nx-request-id: {}\ncache-control: no-store",
        worded.content_type, cx.request_id
    );
    if let Some(seconds) = error.retry_after {
        lines += &format!("\nretry-after: {seconds}");
    }
    if error.code == Code::AuthenticationRequired {
        lines += "\nwww-authenticate: Bearer";
    }
    let address = js::request_header(seen.request, "cf-connecting-ip");
    let rate = refusal.rate.or(cx.rate);
    lines += &rate_lines(&rate.unwrap_or_else(|| admission::rate_of(&address, cx.now)));
    let name = family.map_or("none", |family| family.name);
    log(cx, seen, name, worded.status, error.cause.as_deref());
    js::answer(worded.status, &lines, &JsValue::from_str(&worded.body))
}

/// A refusal by an account's object, in the family's words and under the id that the object's log has.
async fn reword(
    cx: &Cx,
    seen: &Seen<'_>,
    family: &Family,
    response: &web_sys::Response,
) -> Result<web_sys::Response, JsValue> {
    let text = js_sys::futures::JsFuture::from(response.text()?).await?;
    let error = serde_json::from_str(&text.as_string().unwrap_or_default());
    let error = error.unwrap_or_else(Error::internal);
    let number = |name| js::response_header(response, name).parse().ok();
    let rate = || {
        Some(Rate {
            limit: number("x-ratelimit-limit")?,
            used: number("x-ratelimit-used")?,
            reset_at: js::response_header(response, "x-ratelimit-reset").parse().ok()?,
        })
    };
    let request_id = js::response_header(response, "x-request-id").parse();
    let cx = Cx { request_id: request_id.unwrap_or(cx.request_id), ..cx.clone() };
    word(&cx, seen, Some(family), &Refusal { error, rate: rate() })
}

fn rate_lines(rate: &Rate) -> String {
    let Rate { limit, used, reset_at } = *rate;
    let remaining = rate.remaining();
    format!(
        "\nx-ratelimit-limit: {limit}\nx-ratelimit-remaining: {remaining}\
         \nx-ratelimit-used: {used}\nx-ratelimit-reset: {reset_at}"
    )
}

/// The family whose paths begin as this one does, so that even a wrong path is refused in its grammar.
fn family_near<'a>(router: &'a Router, path: &str) -> Option<&'a Family> {
    let start = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
    let wanted = start(path);
    router.families().iter().find(|family| family.routes.iter().any(|r| start(r.path) == wanted))
}

/// The stock CLI and what is built on it, by how they introduce themselves.
fn is_codex_cli(request: &web_sys::Request) -> bool {
    js::request_header(request, "originator").starts_with("codex")
        || js::request_header(request, "user-agent").starts_with("codex")
}

/// Path and query of an absolute URL.
fn split(url: &str) -> (&str, &str) {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = after.find('/').and_then(|at| after.get(at..)).unwrap_or("/");
    let rest = rest.split('#').next().unwrap_or(rest);
    rest.split_once('?').unwrap_or((rest, ""))
}

fn log(cx: &Cx, seen: &Seen<'_>, family: &str, status: u16, cause: Option<&str>) {
    let ms = cx::now(&cx.config).since(cx.now);
    let line = serde_json::json!({
        "request_id": cx.request_id, "family": family, "route": format!("{} {}", seen.method, seen.path),
        "account": cx.caller.as_ref().map(|caller| caller.account), "status": status, "ms": ms,
        "cause": cause,
    });
    worker::console_log!("{line}");
}

/// The names that are missing are the operator's to know, and stand in the log; a customer hears 503.
fn misconfigured(error: &Error) -> Result<web_sys::Response, JsValue> {
    worker::console_error!("configuration: {}", error.cause.as_deref().unwrap_or_default());
    let body = serde_json::json!({ "detail": error.message, "code": error.code.as_str() });
    let lines = "content-type: application/json\nretry-after: 30";
    js::answer(503, lines, &JsValue::from_str(&body.to_string()))
}

/// A fault on request, where the deployment allows it: how a request that panics leaves all others alone can
/// only be shown by one that does.
fn fault(cx: &Cx, seen: &Seen<'_>) {
    #[expect(clippy::panic, reason = "this is what was asked for, outside production only")]
    if cx.config.faults && js::request_header(seen.request, "x-gantry-fault") == "panic" {
        panic!("a fault was asked for");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_path_and_query() {
        assert_eq!(split("https://x.test/v1/models?a=b#c"), ("/v1/models", "a=b"));
        assert_eq!(split("https://x.test"), ("/", ""));
        assert_eq!(split("http://x/?q=/v1?"), ("/", "q=/v1?"));
    }
}
