//! The HTTP side of rehearsal: routes, and from a request to the answer that its script wants.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::log::{End, Ticket};
use super::play::{self, Staging};
use super::request::Asked;
use super::script::{Delivery, Faults, Opening, Refusal, Script};
use super::stage::{Next, Raw, Stage};
use super::take::{self, Take};
use super::{control, models, wire};

/// An answer, or the wish to drop the connection without one.
pub type Answer = io::Result<Response<Body>>;
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The pause after a connection could not be accepted, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Plays for everyone who connects, for ever.
pub async fn serve(listener: TcpListener, stage: Arc<Stage>) -> io::Result<()> {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        stream.set_nodelay(true)?;
        let stage = Arc::clone(&stage);
        let service = service_fn(move |request| route(Arc::clone(&stage), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Cut connections end in an error here; the log says which were meant.
            let _ = connection.await;
        });
    }
}

async fn route(stage: Arc<Stage>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let path = parts.uri.path().to_owned();
    if let Some(command) = path.strip_prefix("/control/") {
        return control::run(&stage, &parts.method, command, &body);
    }
    let is_post = parts.method == Method::POST;
    match (is_post, path.as_str()) {
        (false, "/health") => Ok(json_answer(StatusCode::OK, &json!({ "status": "ok" }))),
        (true, "/v1/responses") => {
            let ticket = stage.log.arrive(&parts, &body, true);
            respond(stage, ticket).await
        }
        _ => Ok(other(&stage, &path, &stage.log.arrive(&parts, &body, false))),
    }
}

/// Requests that ask for no response.
fn other(stage: &Stage, path: &str, ticket: &Ticket) -> Response<Body> {
    let answer = match path {
        "/v1/models" if admits(stage, ticket) => json_answer(StatusCode::OK, &models::document()),
        "/v1/models" => unauthorized(),
        "/v1/responses" => error(426, "responses are asked for by POST, not by WebSocket"),
        _ => error(404, &format!("there is no {path} here")),
    };
    ticket.answers(answer.status().as_u16(), None);
    ticket.end(End::Sent);
    answer
}

async fn respond(stage: Arc<Stage>, ticket: Ticket) -> Answer {
    let answer = match stage.take_next() {
        Some(Next::Raw(raw)) => return raw_answer(raw, ticket),
        _ if !admits(&stage, &ticket) => unauthorized(),
        Some(Next::Script(directives)) => return perform(stage, ticket, Some(directives)).await,
        None => return perform(stage, ticket, None).await,
    };
    refused(&ticket, answer)
}

async fn perform(stage: Arc<Stage>, ticket: Ticket, directives: Option<String>) -> Answer {
    let asked = match Asked::parse(ticket.body()) {
        Ok(asked) => asked,
        Err(cause) => return refused(&ticket, error(400, &format!("not a request: {cause}"))),
    };
    let cue = if asked.schema.is_some() { Script::first_cue } else { Script::cue };
    let directives = directives.unwrap_or_else(|| cue(&asked.prompt).unwrap_or("").to_owned());
    ticket.plays(&directives);
    let mut script = match Script::parse(&directives) {
        Ok(script) => script,
        Err(message) => return refused(&ticket, error(400, &message)),
    };
    if script.once && !stage.is_first(&asked) {
        script.faults = Faults::default();
    }
    if !script.delay.is_zero() {
        tokio::time::sleep(script.delay).await;
    }
    match &script.faults.opening {
        Opening::Answer => answer(stage, ticket, &script, &asked).await,
        Opening::Hang => pending().await,
        Opening::Drop => {
            ticket.end(End::Cut);
            Err(io::ErrorKind::ConnectionAborted.into())
        }
        Opening::Garbage => refused(&ticket, garbage()),
        Opening::Refuse(refusal) => refused(&ticket, refuse(refusal)),
    }
}

async fn answer(stage: Arc<Stage>, ticket: Ticket, script: &Script, asked: &Asked) -> Answer {
    let take = take::compose(script, asked, &stage.ids)?;
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::try_from(&take.id).map_err(io::Error::other)?);
    let mut staging = Staging {
        delivery: script.delivery,
        gate: script.gate.clone(),
        cut: script.faults.cut.map(|events| play::end_of(&take.marks, events)),
        stage,
    };
    if asked.stream {
        let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, kind);
    } else {
        prepare(&mut staging, &take).await;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, take.bytes.len().into());
    }
    add(&mut headers, script.headers.iter().map(|(name, value)| (name, value)))?;
    ticket.answers(200, Some(&take.id));
    let mut response = Response::new(streamed(play::take(take, staging, ticket)));
    *response.headers_mut() = headers;
    Ok(response)
}

/// A JSON answer comes in one piece, after the time that its stream would have taken. A cut leaves
/// half of it.
async fn prepare(staging: &mut Staging, take: &Take) {
    let tokens = take.marks.last().map_or(0, |mark| mark.tokens);
    if let Delivery::Slow(pause) | Delivery::Pace(pause) = staging.delivery {
        tokio::time::sleep(play::times(pause, tokens)).await;
    }
    if let Some(gate) = staging.gate.take() {
        staging.stage.pass(&gate.name).await;
    }
    staging.delivery = Delivery::Burst;
    staging.cut = staging.cut.map(|_| take.bytes.len() / 2);
}

fn admits(stage: &Stage, ticket: &Ticket) -> bool {
    stage.admits(ticket.authorization())
}

fn refused(ticket: &Ticket, answer: Response<Body>) -> Answer {
    ticket.answers(answer.status().as_u16(), None);
    ticket.end(End::Sent);
    Ok(answer)
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let body = wire::error(&refusal.kind, refusal.code.as_deref(), &refusal.message);
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json_answer(status, &body);
    let retry_after = refusal.retry_after.as_ref();
    if let Some(value) = retry_after.and_then(|value| HeaderValue::try_from(value).ok()) {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}

pub fn error(status: u16, message: &str) -> Response<Body> {
    refuse(&Refusal { message: message.to_owned(), ..Refusal::plain(status) })
}

fn unauthorized() -> Response<Body> {
    error(401, "rehearsal wants a bearer token, and this is not the one")
}

pub fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    whole(status, "application/json", body.to_string())
}

fn garbage() -> Response<Body> {
    let page = "<!DOCTYPE html><title>Rehearsal</title><p>This page is scripted garbage.</p>";
    whole(StatusCode::OK, "text/html", page.to_owned())
}

fn whole(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn raw_answer(raw: Raw, ticket: Ticket) -> Answer {
    let mut headers = HeaderMap::new();
    add(&mut headers, &raw.headers)?;
    ticket.plays("raw");
    ticket.answers(raw.status, None);
    let status = StatusCode::from_u16(raw.status).map_err(io::Error::other)?;
    let mut answer = Response::new(streamed(play::raw(raw, ticket)));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn add<'a>(
    headers: &mut HeaderMap,
    more: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> io::Result<()> {
    for (name, value) in more {
        let name = HeaderName::try_from(name).map_err(io::Error::other)?;
        headers.insert(name, HeaderValue::try_from(value).map_err(io::Error::other)?);
    }
    Ok(())
}

fn streamed(frames: impl Stream<Item = io::Result<Frame<Bytes>>> + Send + 'static) -> Body {
    StreamBody::new(frames).boxed_unsync()
}
