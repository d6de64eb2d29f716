//! The head of a customer's request, and its body if the head allows it.

use js_sys::{ArrayBuffer, futures::JsFuture};
use schema::{Code, Error};
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    config::Config,
    domain::{
        access::{Credential, Scope},
        account::Knock,
        token,
    },
    js,
};

/// The largest body that is taken: a conversation of many megabytes, and far below what a Worker's
/// memory bears.
const BODY_MAX_BYTES: usize = 16 << 20;

/// The head of a request, line by line as `glue.js` gives it.
pub(super) struct Head<'a> {
    authorization: &'a str,
    content_type: &'a str,
    content_encoding: &'a str,
    content_length: &'a str,
    address: &'a str,
    pub thread: &'a str,
}

impl<'a> Head<'a> {
    pub fn read(lines: &'a str) -> Self {
        let mut lines = lines.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        Self {
            authorization: next(),
            content_type: next(),
            content_encoding: next(),
            content_length: next(),
            address: next(),
            thread: next(),
        }
    }

    pub fn knock(&self, config: &Config) -> Knock {
        let bearer = token::bearer(self.authorization).unwrap_or_default();
        let hash = token::hash(bearer);
        let credential = if token::looks_like_key(bearer) {
            Credential::Key(hash)
        } else if config.api_tokens.contains(&hash) {
            Credential::Static
        } else {
            Credential::Username(bearer.to_owned())
        };
        let address = self.address.parse().ok();
        Knock { credential, address, scope: Scope::Responses, weight: 1 }
    }

    /// Reads the body, if it is what it must be.
    pub async fn body(&self, request: &web_sys::Request) -> schema::Result<ArrayBuffer> {
        if !self.content_type.to_ascii_lowercase().starts_with("application/json") {
            let message = "Send the request as `content-type: application/json`.";
            return Err(Error::new(Code::UnsupportedMediaType, message));
        }
        if !self.content_encoding.is_empty() && self.content_encoding != "identity" {
            let message =
                format!("The encoding `{}` is not taken. Send plain JSON.", self.content_encoding);
            return Err(Error::new(Code::UnsupportedMediaType, message));
        }
        let too_large = || {
            let most = BODY_MAX_BYTES >> 20;
            Error::new(Code::PayloadTooLarge, format!("A request may have at most {most} MiB."))
        };
        // Who says the length is taken at their word, because the protocol holds them to it.
        let length = self.content_length.parse::<usize>().ok();
        if length.is_some_and(|length| length > BODY_MAX_BYTES) {
            return Err(too_large());
        }
        let broken = |thrown: JsValue| {
            Error::new(Code::InvalidRequest, "The body broke off.").caused_by(js::said(&thrown))
        };
        let reading = match length {
            Some(_) => request.array_buffer().map_err(broken)?,
            None => js::body(request, BODY_MAX_BYTES),
        };
        let buffer = JsFuture::from(reading).await.map_err(broken)?;
        buffer.dyn_into().map_err(|_| too_large())
    }
}
