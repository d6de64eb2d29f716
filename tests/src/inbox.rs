//! The inbox of `cargo dev`: it takes every mail and WhatsApp message that would leave, says so on
//! the terminal with its link, and shows them all on a page.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::steps;

/// Messages that are kept; the oldest go first.
const KEPT: usize = 200;

type Messages = Arc<Mutex<Vec<Value>>>;

/// Where it is.
#[derive(Debug)]
pub struct Inbox {
    pub url: String,
}

impl Inbox {
    /// Opens it, until the process ends.
    pub async fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        tokio::spawn(async move {
            let messages = Messages::default();
            while let Ok((stream, _)) = listener.accept().await {
                let messages = messages.clone();
                let service = service_fn(move |request| answer(messages.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self { url })
    }

    /// The settings that send everything here.
    pub fn settings(&self) -> Value {
        let provider = |path: &str| json!({ "url": format!("{}{path}", self.url), "token": "dev" });
        json!({
            "via": "http", "from_name": "Gantry", "from_address": "gantry@localhost",
            "http": provider("/emails"), "whatsapp": provider("/messages"),
        })
    }
}

async fn answer(
    messages: Messages,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_post = request.method() == Method::POST;
    if !is_post {
        let page = page(&messages.lock().expect("no panic"));
        return Ok(response("text/html; charset=utf-8", page));
    }
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    steps::say(&line(&message));
    let mut messages = messages.lock().expect("no panic");
    messages.push(message);
    let over = messages.len().saturating_sub(KEPT);
    messages.drain(..over);
    let id = messages.len();
    Ok(response("application/json", json!({ "id": id.to_string() }).to_string()))
}

/// One line for the terminal: to whom, about what, and where its link leads.
fn line(message: &Value) -> String {
    let (to, text) = parts(message);
    let subject = message["subject"].as_str().unwrap_or("WhatsApp");
    let link = text.split_whitespace().find(|word| word.starts_with("http")).unwrap_or_default();
    format!("mail to {to}: {subject} {link}")
}

fn parts(message: &Value) -> (&str, &str) {
    let to = message["to"][0].as_str().or(message["to"].as_str()).unwrap_or_default();
    let text = message["text"].as_str().or(message["text"]["body"].as_str()).unwrap_or_default();
    (to, text)
}

fn page(messages: &[Value]) -> String {
    let mut page =
        "<!doctype html><meta charset=utf-8><title>Inbox</title><h1>Inbox</h1>".to_owned();
    for message in messages.iter().rev() {
        let (to, text) = parts(message);
        let subject = message["subject"].as_str().unwrap_or("WhatsApp");
        let _ = write!(page, "<hr><p>To {}: <b>{}</b></p>", escaped(to), escaped(subject));
        // A mail's page runs no script, and opens its links in a tab of their own.
        let _ = match message["html"].as_str() {
            Some(html) => write!(
                page,
                "<iframe sandbox='allow-popups allow-popups-to-escape-sandbox' \
                 style='width:100%;height:420px;border:0' \
                 srcdoc=\"<base target=_blank>{}\"></iframe>",
                escaped(html)
            ),
            None => write!(page, "<pre>{}</pre>", escaped(text)),
        };
    }
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn response(kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_link_and_a_page_shows_what_was_sent() {
        let mail = json!({
            "to": ["ann@theirs.test"], "subject": "Verify <it>", "html": "<p id=\"x\">Hello</p>",
            "text": "Verify this address: http://127.0.0.1:8787/verify?token=a\n\nHello",
        });
        let said = "mail to ann@theirs.test: Verify <it> http://127.0.0.1:8787/verify?token=a";
        assert_eq!(line(&mail), said);
        let page = page(&[mail, json!({ "to": "+49151", "text": { "body": "Hi <b>" } })]);
        assert!(page.contains("Verify &lt;it>") && page.contains("&lt;p id=&quot;x&quot;>Hello"));
        assert!(page.contains("<pre>Hi &lt;b></pre>"));
    }
}
