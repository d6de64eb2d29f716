//! What a handler answers, before it is bytes.

use schema::{Error, Result};
use serde::Serialize;

use super::route::Wire;
use crate::js;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: Body,
    /// Headers of this answer alone; a name may stand there more than once.
    pub headers: Vec<(&'static str, String)>,
}

/// What an answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it.
    Text(String),
    /// What comes as it comes; it never passes through here.
    Stream(web_sys::ReadableStream),
    /// Nothing, where the status says it all.
    Nothing,
}

/// The content type of JSON.
pub const JSON: &str = "application/json";
/// The content type of a page.
pub const HTML: &str = "text/html; charset=utf-8";
/// The content type of bytes of anything.
pub const BYTES: &str = "application/octet-stream";
/// The content type of server-sent events.
pub const EVENTS: &str = "text/event-stream";

/// What a handler may return.
pub trait Answer {
    /// What it carries.
    type Body: Wire;
    /// The HTTP status.
    const STATUS: u16;
    /// The body's type.
    const CONTENT_TYPE: &'static str;
    /// The whole answer.
    fn reply(self) -> Result<Reply>;
}

/// 200 with JSON.
pub struct Json<T>(pub T);
/// 201 with JSON.
pub struct Created<T>(pub T);

impl<T: Serialize + Wire> Answer for Json<T> {
    type Body = T;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        json(Self::STATUS, &self.0)
    }
}

impl<T: Serialize + Wire> Answer for Created<T> {
    type Body = T;
    const STATUS: u16 = 201;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        json(Self::STATUS, &self.0)
    }
}

/// 202 with JSON.
pub struct Accepted<T>(pub T);

impl<T: Serialize + Wire> Answer for Accepted<T> {
    type Body = T;
    const STATUS: u16 = 202;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        json(Self::STATUS, &self.0)
    }
}

/// 303: go there with a `GET`.
pub struct Redirect(pub String);

/// 200 with a page.
pub struct Html(pub String);

/// Text for people.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schemars(transparent))]
pub struct Prose(#[expect(dead_code, reason = "only described")] String);

impl Answer for Redirect {
    type Body = Prose;
    const STATUS: u16 = 303;
    const CONTENT_TYPE: &'static str = "text/plain; charset=utf-8";
    fn reply(self) -> Result<Reply> {
        let body = Body::Text(format!("See {}\n", self.0));
        let headers = vec![("location", self.0)];
        Ok(Reply { status: Self::STATUS, content_type: Self::CONTENT_TYPE, body, headers })
    }
}

impl Answer for Html {
    type Body = Prose;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = HTML;
    fn reply(self) -> Result<Reply> {
        let (status, content_type) = (Self::STATUS, Self::CONTENT_TYPE);
        Ok(Reply { status, content_type, body: Body::Text(self.0), headers: Vec::new() })
    }
}

/// An answer that sets cookies, each a whole `Set-Cookie` value (RFC 6265).
pub struct WithCookies<T>(pub T, pub Vec<String>);

impl<T: Answer> Answer for WithCookies<T> {
    type Body = T::Body;
    const STATUS: u16 = T::STATUS;
    const CONTENT_TYPE: &'static str = T::CONTENT_TYPE;
    fn reply(self) -> Result<Reply> {
        let mut reply = self.0.reply()?;
        reply.headers.extend(self.1.into_iter().map(|cookie| ("set-cookie", cookie)));
        Ok(reply)
    }
}

/// An answer with headers of its own.
pub struct WithHeaders<T>(pub T, pub Vec<(&'static str, String)>);

impl<T: Answer> Answer for WithHeaders<T> {
    type Body = T::Body;
    const STATUS: u16 = T::STATUS;
    const CONTENT_TYPE: &'static str = T::CONTENT_TYPE;
    fn reply(self) -> Result<Reply> {
        let mut reply = self.0.reply()?;
        reply.headers.extend(self.1);
        Ok(reply)
    }
}

/// 200 with server-sent events.
pub struct Sse(pub web_sys::ReadableStream);

/// Server-sent events, each with the place of its event in the log as `id`.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schemars(transparent))]
pub struct EventText(#[expect(dead_code, reason = "only described")] String);

impl Answer for Sse {
    type Body = EventText;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = EVENTS;
    fn reply(self) -> Result<Reply> {
        let body = Body::Stream(self.0);
        Ok(Reply { status: Self::STATUS, content_type: EVENTS, body, headers: Vec::new() })
    }
}

/// 200 with what has begun, as JSON or ahead of its events.
pub struct JsonOrSse<T> {
    /// What has begun.
    pub value: T,
    /// The name that it has as the first event.
    pub name: &'static str,
    /// The events that follow it; none where the value is the answer.
    pub events: Option<web_sys::ReadableStream>,
}

impl<T: Serialize + Wire> Answer for JsonOrSse<T> {
    type Body = T;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        let Some(events) = self.events else { return json(Self::STATUS, &self.value) };
        let value = serde_json::to_string(&self.value).map_err(Error::internal)?;
        let first = format!("event: {}\ndata: {value}\n\n", self.name);
        Sse(js::prefixed(&first, &events)).reply()
    }
}

/// 200 with bytes of anything.
pub struct Bytes(pub web_sys::ReadableStream);

/// Bytes as they are.
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[cfg_attr(not(target_arch = "wasm32"), schemars(transparent))]
pub struct AnyBytes(#[expect(dead_code, reason = "only described")] String);

impl Answer for Bytes {
    type Body = AnyBytes;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = BYTES;
    fn reply(self) -> Result<Reply> {
        let (status, content_type) = (Self::STATUS, Self::CONTENT_TYPE);
        Ok(Reply { status, content_type, body: Body::Stream(self.0), headers: Vec::new() })
    }
}

/// 200 with JSON, or bytes as they are; 206 with a part of them; 304 if the caller has them.
pub enum JsonOrBytes<T> {
    /// In JSON.
    Json(T),
    /// As it is.
    Bytes(web_sys::ReadableStream),
    /// A part, as it is.
    Part(web_sys::ReadableStream),
    /// What the caller has already.
    Same,
}

impl<T: Serialize + Wire> Answer for JsonOrBytes<T> {
    type Body = T;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = JSON;
    fn reply(self) -> Result<Reply> {
        let (status, body) = match self {
            Self::Json(value) => return json(Self::STATUS, &value),
            Self::Bytes(bytes) => (200, Body::Stream(bytes)),
            Self::Part(bytes) => (206, Body::Stream(bytes)),
            Self::Same => (304, Body::Nothing),
        };
        Ok(Reply { status, content_type: BYTES, body, headers: Vec::new() })
    }
}

fn json(status: u16, value: &impl Serialize) -> Result<Reply> {
    let body = serde_json::to_string(value).map_err(Error::internal)?;
    Ok(Reply { status, content_type: JSON, body: Body::Text(body), headers: Vec::new() })
}
