//! A route is a line: method, path, who may call, what it is for, and its handler.

use std::{future::Future, pin::Pin, rc::Rc};

use schema::{CallId, Error, Result};
use serde::de::DeserializeOwned;

use super::{
    body,
    reply::{Answer, Reply},
};
use crate::{cx::Cx, domain::access::Access};

/// A request as a handler's extractors see it.
pub struct Incoming {
    /// The platform's request, its body unread.
    pub request: web_sys::Request,
    /// Path parameters.
    pub path: Vec<(String, String)>,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
}

/// A future of this isolate.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

/// What a route does.
#[derive(Clone)]
pub enum Handler {
    /// Answers from values.
    Act(Rc<dyn Fn(Cx, Incoming) -> Later<Reply>>),
    /// Hands the request on, body unread, to whoever also admits it.
    Forward(Rc<dyn Fn(Cx, web_sys::Request) -> Later<web_sys::Response>>),
}

/// One line of the API.
pub struct Route {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Who may call.
    pub access: Access,
    /// The group it is listed under.
    pub tag: &'static str,
    /// What it is for, in one line.
    pub summary: &'static str,
    /// What it does.
    pub handler: Handler,
    /// Whether the same request under the same `Idempotency-Key` happens once.
    pub keyed: bool,
    /// Whether its answer is, or may be, a stream of events.
    pub streams: bool,
    /// Whether what it takes and answers may also be bytes as they are.
    pub plain: bool,
    /// The headers that it heeds beside those that follow from its form.
    pub heeds: &'static [Heeded],
    /// Failures that it has beside those that follow from its form.
    pub failures: &'static [u16],
    /// The cookie that it uses up: whatever comes of it, the browser shall not keep it.
    pub spends: Option<&'static str>,
    /// Whether it changes something that is also for who only looks.
    pub lent: bool,
    /// Whether it is for those who ask for a socket: at the same path others may find a page.
    pub socket: bool,
    /// Whether there is such a page.
    pub page: bool,
    /// What the OpenAPI document says of its parts.
    #[cfg(not(target_arch = "wasm32"))]
    pub shape: super::super::openapi::Shape,
}

/// A request's header that asks for a part, or only in some state (RFC 9110, sections 13 and 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heeded {
    /// Only if this is the state.
    IfMatch,
    /// Only if this is not the state.
    IfNoneMatch,
    /// The part only of this state.
    IfRange,
    /// A part of the bytes.
    Range,
}

impl Route {
    fn new(
        method: &'static str,
        path: &'static str,
        access: Access,
        (tag, summary): (&'static str, &'static str),
        handler: Handler,
        #[cfg(not(target_arch = "wasm32"))] shape: super::super::openapi::Shape,
    ) -> Self {
        Self {
            method,
            path,
            access,
            tag,
            summary,
            handler,
            keyed: false,
            streams: false,
            plain: false,
            heeds: &[],
            failures: &[],
            spends: None,
            lent: false,
            socket: false,
            page: false,
            #[cfg(not(target_arch = "wasm32"))]
            shape,
        }
    }

    /// The same line, for a change that happens once under one `Idempotency-Key`.
    pub fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }

    /// The same line, for an answer that is, or may be, a stream of events.
    pub fn streams(self) -> Self {
        Self { streams: true, ..self }
    }

    /// The same line, for what may also be bytes as they are.
    pub fn plain(self) -> Self {
        Self { plain: true, ..self }
    }

    /// The same line, for what uses a cookie up.
    pub fn spends(self, cookie: &'static str) -> Self {
        Self { spends: Some(cookie), ..self }
    }

    /// The same line, also for who looks at what is another's.
    pub fn lent(self) -> Self {
        Self { lent: true, ..self }
    }

    /// The same line, with headers that its form does not tell.
    pub fn heeds(self, heeds: &'static [Heeded]) -> Self {
        Self { heeds, ..self }
    }

    /// The same line, for a socket at whose path others find a page.
    pub fn or_page(self) -> Self {
        Self { page: true, ..self }
    }

    /// Its name among all others: `get_api_v1_me`. Stable, and one for each method and path.
    pub fn id(&self) -> String {
        let path = self.path.replace(['{', '}'], "").replace(['/', '-', '.'], "_");
        format!("{}{path}", self.method.to_lowercase())
    }

    /// The same line, with failures that its form does not tell.
    pub fn fails(self, failures: &'static [u16]) -> Self {
        Self { failures, ..self }
    }
}

/// How a family words a failure: status, content type, body.
pub type Refuse = fn(&Error, &Asker) -> Refusal;

/// What a family may know of whom it refuses.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The request's id.
    pub request_id: CallId,
    /// Whether it is the stock Codex CLI, which shows some failures to nobody.
    pub codex_cli: bool,
    /// Whether a person looks at the answer, as the page that a browser went to.
    pub browser: bool,
    /// What a page calls this deployment; empty where nobody could tell.
    pub brand: String,
}

/// A failure in a family's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// An API surface and its grammar of failure.
pub struct Family {
    /// Its name, for the log.
    pub name: &'static str,
    /// Its grammar of failure.
    pub refuse: Refuse,
    /// Its lines.
    pub routes: Vec<Route>,
    /// What the OpenAPI document says of its failures.
    #[cfg(not(target_arch = "wasm32"))]
    pub failure: super::super::openapi::Described,
}

impl Family {
    /// A family whose failures are worded by `refuse`, as a `Failure`.
    pub fn new<Failure: Wire>(name: &'static str, refuse: Refuse, routes: Vec<Route>) -> Self {
        Self {
            name,
            refuse,
            routes,
            #[cfg(not(target_arch = "wasm32"))]
            failure: super::super::openapi::described::<Failure>,
        }
    }
}

/// A function that can stand in a route: `async fn(Cx, At)` or `async fn(Cx, At, Body)`.
pub trait Act<Marker> {
    /// The same as one boxed function.
    fn boxed(self) -> Handler;
    /// What the OpenAPI document says of it.
    #[cfg(not(target_arch = "wasm32"))]
    fn shape() -> super::super::openapi::Shape;
}

/// What a path or query is read into. On native builds it must be describable too.
#[cfg(not(target_arch = "wasm32"))]
pub trait Wire: schemars::JsonSchema {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: schemars::JsonSchema> Wire for T {}
/// What a path or query is read into.
#[cfg(target_arch = "wasm32")]
pub trait Wire {}
#[cfg(target_arch = "wasm32")]
impl<T> Wire for T {}

impl<F, Fut, At, R> Act<(At, R)> for F
where
    F: Fn(Cx, At) -> Fut + 'static,
    Fut: Future<Output = Result<R>> + 'static,
    At: DeserializeOwned + Wire + 'static,
    R: Answer + 'static,
{
    fn boxed(self) -> Handler {
        Handler::Act(Rc::new(move |cx, incoming| {
            let at = body::params(&incoming.path, &incoming.query).map(|at| self(cx, at));
            Box::pin(async move { at?.await?.reply() })
        }))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn shape() -> super::super::openapi::Shape {
        super::super::openapi::Shape::of::<At, (), R>(false)
    }
}

impl<F, Fut, At, B, R> Act<(At, B, R)> for F
where
    F: Fn(Cx, At, B) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<R>> + 'static,
    At: DeserializeOwned + Wire + 'static,
    B: DeserializeOwned + Wire + 'static,
    R: Answer + 'static,
{
    fn boxed(self) -> Handler {
        Handler::Act(Rc::new(move |cx, incoming| {
            let act = self.clone();
            Box::pin(async move {
                let at = body::params(&incoming.path, &incoming.query)?;
                let body = body::json(&incoming.request).await?;
                act(cx, at, body).await?.reply()
            })
        }))
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn shape() -> super::super::openapi::Shape {
        super::super::openapi::Shape::of::<At, B, R>(true)
    }
}

fn route<M, H: Act<M>>(
    method: &'static str,
    path: &'static str,
    access: Access,
    words: (&'static str, &'static str),
    handler: H,
) -> Route {
    Route::new(
        method,
        path,
        access,
        words,
        handler.boxed(),
        #[cfg(not(target_arch = "wasm32"))]
        H::shape(),
    )
}

/// A `GET` route.
pub fn get<M>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: impl Act<M>,
) -> Route {
    route("GET", path, access, (tag, summary), handler)
}

/// A `POST` route.
pub fn post<M>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: impl Act<M>,
) -> Route {
    route("POST", path, access, (tag, summary), handler)
}

/// A `PUT` route.
pub fn put<M>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: impl Act<M>,
) -> Route {
    route("PUT", path, access, (tag, summary), handler)
}

/// A `PUT` route that reads its body itself: a `B` in JSON, or bytes as they are.
pub fn upload<B, F, Fut, At, R>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: F,
) -> Route
where
    B: Wire,
    F: Fn(Cx, At, Incoming) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<R>> + 'static,
    At: DeserializeOwned + Wire + 'static,
    R: Answer + 'static,
{
    Route::new(
        "PUT",
        path,
        access,
        (tag, summary),
        Handler::Act(Rc::new(move |cx, incoming| {
            let at = body::params(&incoming.path, &incoming.query);
            let act = at.map(|at| handler(cx, at, incoming));
            Box::pin(async move { act?.await?.reply() })
        })),
        #[cfg(not(target_arch = "wasm32"))]
        super::super::openapi::Shape::of::<At, B, R>(true),
    )
    .plain()
}

/// A `DELETE` route.
pub fn delete<M>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: impl Act<M>,
) -> Route {
    route("DELETE", path, access, (tag, summary), handler)
}

/// A `POST` route whose request is handed on as it is, to whoever also admits it.
pub fn forward<F, Fut>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: F,
) -> Route
where
    F: Fn(Cx, web_sys::Request) -> Fut + 'static,
    Fut: Future<Output = Result<web_sys::Response>> + 'static,
{
    Route::new(
        "POST",
        path,
        access,
        (tag, summary),
        Handler::Forward(Rc::new(move |cx, request| Box::pin(handler(cx, request)))),
        #[cfg(not(target_arch = "wasm32"))]
        super::super::openapi::Shape::untouched(),
    )
}

/// A `GET` route that hands a socket on to whoever also admits it.
pub fn upgrade<F, Fut>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: F,
) -> Route
where
    F: Fn(Cx, web_sys::Request) -> Fut + 'static,
    Fut: Future<Output = Result<web_sys::Response>> + 'static,
{
    Route {
        method: "GET",
        socket: true,
        #[cfg(not(target_arch = "wasm32"))]
        shape: super::super::openapi::Shape::upgrade(),
        ..forward(path, access, tag, summary, handler)
    }
}

/// A `GET` route whose answer is fetched elsewhere and handed on as it is.
pub fn fetched<F, Fut>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: F,
) -> Route
where
    F: Fn(Cx, web_sys::Request) -> Fut + 'static,
    Fut: Future<Output = Result<web_sys::Response>> + 'static,
{
    Route { method: "GET", ..forward(path, access, tag, summary, handler) }
}

/// A `POST` route that learns from the request itself who asks, and whose body, if it has one, is
/// bytes that somebody signed: [`body::bytes`] reads them.
pub fn signed<F, Fut, R>(
    path: &'static str,
    access: Access,
    tag: &'static str,
    summary: &'static str,
    handler: F,
) -> Route
where
    F: Fn(Cx, web_sys::Request) -> Fut + 'static,
    Fut: Future<Output = Result<R>> + 'static,
    R: Answer + 'static,
{
    Route::new(
        "POST",
        path,
        access,
        (tag, summary),
        Handler::Act(Rc::new(move |cx, incoming| {
            let act = handler(cx, incoming.request);
            Box::pin(async move { act.await?.reply() })
        })),
        #[cfg(not(target_arch = "wasm32"))]
        super::super::openapi::Shape::signed::<R>(),
    )
}
