//! One request, start to end: find the route, let the caller in, act, word what failed, and write
//! one line.

use std::{panic::AssertUnwindSafe, rc::Rc};

use futures::FutureExt;
use schema::{AccountId, CallId, Code, Error, Timestamp};
use wasm_bindgen::JsValue;
use worker::{Context, Env, worker_sys};

use crate::{
    api,
    cx::{self, Cx, Events, fault},
    domain::{admission::Refusal, cookie, limit::Rate, precondition, token},
    http::{
        Family, Handler, Incoming, Reply, Route, body, guard,
        reply::Body,
        route::{Asker, Refuse},
        router::{Found, Router},
    },
    js,
    objects::account::REFUSED,
    pages,
    services::{admission, impersonation},
};

thread_local! {
    static ROUTER: Result<Rc<Router>, String> = {
        let mut families = api::families();
        // Pages are for people: they stand in no contract, and some of them show it.
        let pages = pages::family(&families);
        families.push(pages);
        Router::new(families).map(Rc::new)
    };
}

/// How long an `Idempotency-Key` may be.
const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;
/// The wait that an answer of 429 or 503 names when nobody knows better.
const RETRY_AFTER_S: u32 = 1;

/// Answers a request. Never fails: what goes wrong is worded, whatever it is.
pub async fn serve(
    request: web_sys::Request,
    env: Env,
    context: worker_sys::Context,
) -> Result<web_sys::Response, JsValue> {
    let url = request.url();
    let (path, query) = split(&url);
    let method = request.method();
    let started = cx::clock();
    let request_id = cx::new_id(started).unwrap_or(CallId::from_bits(0));
    let config = cx::config(&env);
    let brand = config.as_ref().map(|config| config.brand.clone()).unwrap_or_default();
    let brand = brand.as_str();
    let seen = Seen { request: &request, method: &method, path, query, request_id, started, brand };
    let config = match config {
        Ok(config) => config,
        // The names that are missing are the operator's to know, and stand in the log.
        Err(error) => return word(&seen, family_near(path), &error.into()),
    };
    let now = cx::now(&config);
    let cx = Cx {
        env,
        config,
        now,
        request_id,
        caller: None,
        operator: None,
        publishable: false,
        events: Events::default(),
        idempotency_key: None,
        rate: None,
        context: Some(Rc::new(Context::new(context))),
        request: Some(Clone::clone(&request)),
    };
    if cx.config.faults {
        fault::arm(&cx.config, cx.header(fault::HEADER));
    }
    // A panic ends this request and no other; what it broke is said in the log, by the platform's
    // hook.
    match AssertUnwindSafe(answer(&cx, &seen)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => word(&seen, family_near(path), &Error::internal("a panic").into()),
    }
}

/// What is read of a request before anything is done.
#[derive(Clone, Copy)]
struct Seen<'a> {
    request: &'a web_sys::Request,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    request_id: CallId,
    started: Timestamp,
    /// What pages call this deployment; empty where its configuration cannot be read.
    brand: &'a str,
}

impl Seen<'_> {
    fn address(&self) -> String {
        js::request_header(self.request, "cf-connecting-ip")
    }
}

async fn answer(cx: &Cx, seen: &Seen<'_>) -> Result<web_sys::Response, JsValue> {
    let router = ROUTER.with(Clone::clone).map_err(JsValue::from)?;
    let socket = js::request_header(seen.request, "upgrade").eq_ignore_ascii_case("websocket");
    let (family, route, path_params) = match router.find(seen.method, seen.path, socket) {
        Found::Route(family, route, params) => (family, route, params),
        Found::Method(family, allowed) => return word_method(seen, family, &allowed),
        Found::Nothing => {
            let error = Error::new(Code::ResourceNotFound, nothing_at(seen));
            return word(seen, manner_near(seen), &error.into());
        }
    };
    cx.fault("panic");
    match &route.handler {
        Handler::Forward(forward) => {
            match forward(cx.clone(), Clone::clone(seen.request)).await {
                // What the object let through is answered and logged by it.
                Ok(response) if !refused(&response) => Ok(response),
                Ok(response) => reword(seen, family, &response).await,
                Err(error) => word(seen, Manner::of(family), &error.into()),
            }
        }
        Handler::Act(_) => {
            let mut cx = cx.clone();
            let response = match act(&mut cx, seen, route, path_params).await {
                Ok(reply) => finish(&cx, seen, family, &reply),
                Err(refusal) => {
                    let account = cx.caller.as_ref().map(|caller| caller.account);
                    word(seen, Manner { account, ..Manner::of(family) }, &refusal)
                }
            }?;
            if let Some(spent) = route.spends {
                response.headers().append("set-cookie", &cookie::clear(spent))?;
            }
            Ok(response)
        }
    }
}

/// Whether an account's object refused, and leaves the words to the family.
fn refused(response: &web_sys::Response) -> bool {
    response.status() >= 400 && !js::response_header(response, REFUSED).is_empty()
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
    let bearer = token::bearer(&authorization);
    let admitted = admission::admit(cx, route.access, bearer, &seen.address()).await?;
    cx.operator = admitted.operator;
    if let Some(pass) = admitted.pass {
        cx.publishable = pass.publishable;
        cx.caller = Some(pass.caller);
        cx.rate = Some(pass.rate);
    }
    let rate = cx.rate;
    let refused = |error| Refusal { error, rate };
    impersonation::check(cx, seen.method, route.lent).map_err(refused)?;
    if route.keyed {
        cx.idempotency_key = idempotency_key(seen).map_err(refused)?;
    }
    if route.streams {
        cx.events = events(seen);
    }
    let (request, query) = (Clone::clone(seen.request), body::query(seen.query));
    let incoming = Incoming { request, path: path_params, query };
    handler(cx.clone(), incoming).await.map_err(refused)
}

fn events(seen: &Seen<'_>) -> Events {
    let wanted = js::request_header(seen.request, "accept").contains("text/event-stream");
    let after = js::request_header(seen.request, "last-event-id");
    Events { wanted, after: Some(after).filter(|after| !after.is_empty()) }
}

fn idempotency_key(seen: &Seen<'_>) -> schema::Result<Option<String>> {
    let key = js::request_header(seen.request, "idempotency-key");
    if key.len() > IDEMPOTENCY_KEY_MAX_BYTES {
        let message = format!("at most {IDEMPOTENCY_KEY_MAX_BYTES} bytes");
        return Err(Error::field("Idempotency-Key", message));
    }
    Ok(Some(key).filter(|key| !key.is_empty()))
}

/// An answer with what every answer has beside it.
fn finish(
    cx: &Cx,
    seen: &Seen<'_>,
    family: &Family,
    reply: &Reply,
) -> Result<web_sys::Response, JsValue> {
    let account = cx.caller.as_ref().map(|caller| caller.account);
    log(seen, &Manner { account, ..Manner::of(family) }, reply.status, None);
    let rate = cx.rate.unwrap_or_else(|| admission::rate_of(&seen.address(), cx.now));
    let mut lines = format!(
        "content-type: {}\nx-request-id: {}{}{}",
        reply.content_type,
        cx.request_id,
        guard::lines(reply.content_type, &reply.headers).concat(),
        rate_lines(&rate)
    );
    let own = |name: &str| reply.headers.iter().find(|(its, _)| *its == name).map(|(_, it)| it);
    if own("cache-control").is_none() {
        lines += "\ncache-control: no-store";
    }
    let known = js::request_header(seen.request, "if-none-match");
    let is_known = matches!(seen.method, "GET" | "HEAD")
        && own("etag").is_some_and(|etag| precondition::knows(&known, etag));
    let response = match &reply.body {
        Body::Text(_) if is_known => js::answer(304, &lines, &JsValue::NULL),
        Body::Text(text) => js::answer(reply.status, &lines, &JsValue::from_str(text)),
        Body::Stream(stream) => js::answer(reply.status, &lines, stream),
        Body::Nothing => js::answer(reply.status, &lines, &JsValue::NULL),
    }?;
    if !reply.headers.is_empty() {
        let headers = response.headers();
        reply.headers.iter().try_for_each(|(name, value)| headers.append(name, value))?;
    }
    Ok(response)
}

/// In which family's words a failure is told, and of whose account it is noted.
#[derive(Clone, Copy)]
struct Manner {
    family: &'static str,
    refuse: Refuse,
    account: Option<AccountId>,
}

impl Manner {
    fn of(family: &Family) -> Self {
        Self { family: family.name, refuse: family.refuse, account: None }
    }
}

/// A failure in its family's words, with its line in the log.
fn word(seen: &Seen<'_>, manner: Manner, refusal: &Refusal) -> Result<web_sys::Response, JsValue> {
    let response = say(seen, manner, refusal)?;
    log(seen, &manner, response.status(), refusal.error.cause.as_deref());
    Ok(response)
}

/// A path that is there, asked in a way that is not.
fn word_method(
    seen: &Seen<'_>,
    family: &Family,
    allowed: &[&str],
) -> Result<web_sys::Response, JsValue> {
    let message = format!("Use {} here.", allowed.join(" or "));
    let error = Error::new(Code::MethodNotAllowed, message);
    let response = word(seen, Manner::of(family), &error.into())?;
    response.headers().set("allow", &allowed.join(", "))?;
    Ok(response)
}

/// A failure in its family's words.
fn say(seen: &Seen<'_>, manner: Manner, refusal: &Refusal) -> Result<web_sys::Response, JsValue> {
    let error = &refusal.error;
    let request_id = seen.request_id;
    let (codex_cli, browser) = (is_codex_cli(seen.request), is_browser(seen.request));
    let brand = seen.brand.to_owned();
    let worded = (manner.refuse)(error, &Asker { request_id, codex_cli, browser, brand });
    let mut lines = format!(
        "content-type: {}\nx-request-id: {request_id}\ncache-control: no-store",
        worded.content_type
    );
    // Who is told to come back is told when.
    let default = matches!(worded.status, 429 | 503).then_some(RETRY_AFTER_S);
    if let Some(seconds) = error.retry_after.or(default) {
        lines += &format!("\nretry-after: {seconds}");
    }
    if worded.status == 401 {
        lines += "\nwww-authenticate: Bearer";
    }
    let rate = refusal.rate.unwrap_or_else(|| admission::rate_of(&seen.address(), seen.started));
    lines += &guard::lines(worded.content_type, &[]).concat();
    lines += &rate_lines(&rate);
    js::answer(worded.status, &lines, &JsValue::from_str(&worded.body))
}

/// A refusal by an account's object, in the family's words and under the id that the object's log
/// has.
async fn reword(
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
    let seen = Seen { request_id: request_id.unwrap_or(seen.request_id), ..*seen };
    say(&seen, Manner::of(family), &Refusal { error, rate: rate() })
}

fn rate_lines(rate: &Rate) -> String {
    let Rate { limit, used, reset_at } = *rate;
    let remaining = rate.remaining();
    format!(
        "\nx-ratelimit-limit: {limit}\nx-ratelimit-remaining: {remaining}\
         \nx-ratelimit-used: {used}\nx-ratelimit-reset: {reset_at}"
    )
}

/// The family whose paths begin as this one does, so that even a wrong path is refused in its
/// grammar.
fn family_near(path: &str) -> Manner {
    let start = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
    let wanted = start(path);
    let router = ROUTER.with(Clone::clone).ok();
    let families = router.as_ref().map_or(&[][..], |router| router.families());
    let near = families.iter().find(|f| f.routes.iter().any(|r| start(r.path) == wanted));
    let refuse = api::agent::refuse::refuse;
    near.map_or(Manner { family: "none", refuse, account: None }, Manner::of)
}

fn nothing_at(seen: &Seen<'_>) -> String {
    let nothing = format!("There is nothing at {}.", seen.path);
    if is_browser(seen.request) {
        return nothing;
    }
    format!("{nothing} `GET /openapi.json` lists what there is.")
}

/// The manner in which a path is refused at which there is nothing: whoever looks for a page is
/// answered with one.
fn manner_near(seen: &Seen<'_>) -> Manner {
    let near = family_near(seen.path);
    if is_browser(seen.request) { Manner { refuse: pages::refuse, ..near } } else { near }
}

/// The stock CLI and what is built on it, by how they introduce themselves; an app-server says the
/// name of whoever leads it, and is known by a header of codex's own.
fn is_codex_cli(request: &web_sys::Request) -> bool {
    js::request_header(request, "originator").starts_with("codex")
        || js::request_header(request, "user-agent").starts_with("codex")
        || !js::request_header(request, "x-codex-window-id").is_empty()
}

/// A person's browser that goes to a page: only then HTML is asked for by name.
fn is_browser(request: &web_sys::Request) -> bool {
    js::request_header(request, "accept").contains("text/html")
}

/// Path and query of an absolute URL.
fn split(url: &str) -> (&str, &str) {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = after.find('/').and_then(|at| after.get(at..)).unwrap_or("/");
    let rest = rest.split('#').next().unwrap_or(rest);
    rest.split_once('?').unwrap_or((rest, ""))
}

fn log(seen: &Seen<'_>, manner: &Manner, status: u16, cause: Option<&str>) {
    let ms = cx::clock().since(seen.started);
    let line = serde_json::json!({
        "request_id": seen.request_id, "family": manner.family,
        "route": format!("{} {}", seen.method, seen.path),
        "account": manner.account, "status": status, "ms": ms, "cause": cause,
    });
    worker::console_log!("{line}");
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
