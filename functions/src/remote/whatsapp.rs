//! A provider of WhatsApp messages: one call, described in `tests/messages/openapi.json`.

use schema::NoticeId;
use serde_json::json;

use super::mail_http;
use crate::domain::notice::Ending;

/// Characters of a message; WhatsApp takes 4,096.
const TEXT_MAX_CHARS: usize = 4_000;

/// Sends a text to a number (E.164).
pub async fn send(url: &str, token: &str, id: NoticeId, to: &str, text: &str) -> Ending {
    let text: String = text.chars().take(TEXT_MAX_CHARS).collect();
    let body = json!({ "to": to, "type": "text", "text": { "body": text } });
    mail_http::post(url, token, &id.to_string(), &body).await
}
