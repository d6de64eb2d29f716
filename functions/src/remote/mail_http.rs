//! A mail provider that takes mails by HTTP, in the form that Resend has and others copied:
//! `POST` of one JSON object with a bearer, once for each `Idempotency-Key`.

use serde_json::{Map, Value, json};

use super::http::{self, Request};
use crate::domain::{
    mail::{
        letter::Letter,
        mime::{Cover, more_headers, sender},
    },
    notice::Ending,
};

/// How long it may take.
const PATIENCE_MS: u32 = 20_000;
const ANSWER_MAX_BYTES: usize = 16_384;

/// Sends a mail.
pub async fn send(url: &str, token: &str, cover: &Cover<'_>, letter: &Letter) -> Ending {
    let headers = more_headers(cover).into_iter();
    let headers: Map<_, _> = headers.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let mut body = json!({
        "from": sender(cover), "to": [cover.to.as_str()], "subject": letter.subject,
        "text": letter.text, "html": letter.html, "headers": headers,
    });
    if let (Some(reply_to), Value::Object(body)) = (cover.reply_to, &mut body) {
        body.insert("reply_to".to_owned(), reply_to.as_str().into());
    }
    post(url, token, &cover.id.to_string(), &body).await
}

/// Posts one JSON object, once for each key.
pub async fn post(url: &str, token: &str, key: &str, body: &Value) -> Ending {
    let (bearer, body) = (format!("Bearer {token}"), body.to_string());
    let request = Request {
        method: "POST",
        url,
        headers: &[
            ("authorization", &bearer),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ],
        body: Some(&body),
        patience_ms: PATIENCE_MS,
        most_bytes: ANSWER_MAX_BYTES,
        tell: "content-type",
    };
    match http::call(&request).await {
        Ok(answer) => Ending::of_status(answer.status, &answer.text.unwrap_or_default()),
        Err(why) => Ending::Later(why),
    }
}
