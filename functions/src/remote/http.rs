//! One request to a stranger and its answer, bounded in time and size; nobody is followed
//! elsewhere.

use js_sys::{Array, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue};

use crate::js;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub method: &'a str,
    pub url: &'a str,
    /// Name and value; neither has a line break in it.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a str>,
    /// How long it may take.
    pub patience_ms: u32,
    /// How long the answer may be.
    pub most_bytes: usize,
    /// The header of the answer that is wanted.
    pub tell: &'a str,
}

/// What was answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Nothing if it was too long.
    pub text: Option<String>,
    /// The header that was wanted, or the empty text.
    pub told: String,
}

/// Asks. The error says, for the log, why nothing was answered: whether it was heard is not known
/// then.
pub async fn call(request: &Request<'_>) -> Result<Answer, String> {
    let Request { method, url, headers, body, patience_ms, most_bytes, tell } = request.clone();
    let broken = |text: &str| text.contains(['\r', '\n']);
    if headers.iter().any(|(name, value)| broken(name) || broken(value)) {
        return Err("a header with a line break was not sent".to_owned());
    }
    let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body = body.map_or(JsValue::UNDEFINED, JsValue::from_str);
    let lines = lines.join("\n");
    let answer = js::call(method, url, &lines, &body, patience_ms, most_bytes, tell);
    let answer = JsFuture::from(answer).await.map_err(|thrown| js::said(&thrown))?;
    let answer: Array = answer.unchecked_into();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status fits")]
    let status = answer.get(0).as_f64().unwrap_or_default() as u16;
    let told = answer.get(2).as_string().unwrap_or_default();
    Ok(Answer { status, text: answer.get(1).as_string(), told })
}
