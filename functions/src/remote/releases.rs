//! The package registry that codex is published in.

use js_sys::{Array, futures::JsFuture};
use schema::{Code, Error, Result, Timestamp, app_server::Release};
use wasm_bindgen::JsCast;

use crate::{domain::release, js};

/// How long it may take.
const PATIENCE_MS: u32 = 10_000;
/// A list of all releases has some megabytes.
const ANSWER_MAX_BYTES: usize = 32 << 20;
/// Seconds until it may be worth another try.
const RETRY_S: u32 = 30;

/// The stable release that the registry has now.
pub async fn newest(url: &str, now: Timestamp) -> Result<Release> {
    let answer = js::read(url, "application/json", PATIENCE_MS, ANSWER_MAX_BYTES);
    let answer = JsFuture::from(answer).await.map_err(|thrown| {
        let message = "The package registry could not be reached. Try again later.";
        Error::new(Code::Unavailable, message).caused_by(js::said(&thrown)).retry_after(RETRY_S)
    })?;
    let answer: Array = answer.unchecked_into();
    let status = answer.get(0).as_f64().unwrap_or_default();
    let text = answer.get(1).as_string().ok_or_else(|| {
        let message = format!("The package registry answered {status} and no release of codex.");
        failed(message)
    })?;
    release::read(&text, now).map_err(|why| {
        failed("The package registry's answer names no stable release of codex.".to_owned())
            .caused_by(why)
    })
}

fn failed(message: String) -> Error {
    Error::new(Code::UpstreamFailed, message)
}
