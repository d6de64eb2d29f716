//! Those who take mails and WhatsApp messages by HTTP; each call is held against
//! `tests/messages/openapi.json`.

use serde_json::{Value, json};

use crate::part::Part;

/// The bearer that a world sends.
pub const TOKEN: &str = "the-token-of-the-provider";

/// A running provider.
#[derive(Debug)]
pub struct Messages {
    part: Part,
    port: u64,
}

impl Messages {
    pub async fn start() -> Self {
        let part = Part::start("messages/server.mjs", &[]);
        let port = part.first("port").await.as_u64().expect("a port");
        Self { part, port }
    }

    /// Where it takes mails (`/emails`) or messages (`/messages`).
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its part of the body of `POST /admin/api/smtp/settings`.
    pub fn provider(&self, path: &str) -> Value {
        json!({ "url": self.url(path), "token": TOKEN })
    }

    /// Refuses so many times.
    pub async fn refuse(&self, code: u16, text: &str, times: u32) {
        self.rule(&json!({ "act": "refuse", "code": code, "text": text, "times": times })).await;
    }

    /// Takes the next message, and hangs up without a word.
    pub async fn drop_next(&self) {
        self.rule(&json!({ "act": "drop", "times": 1 })).await;
    }

    async fn rule(&self, rule: &Value) {
        let known = self.part.events("rules").len();
        self.part.tell(rule);
        self.part.count("rules", known + 1).await;
    }

    /// Waits until so many messages were taken: `path`, `key`, `bearer`, `body`.
    pub async fn taken(&self, count: usize) -> Vec<Value> {
        self.part.count("message", count).await
    }

    /// Waits until it was called so often.
    pub async fn calls(&self, count: usize) -> Vec<Value> {
        self.part.count("call", count).await
    }

    /// What was taken so far.
    pub fn so_far(&self) -> Vec<Value> {
        self.part.events("message")
    }

    /// Calls that were not as they are described.
    pub fn invalid(&self) -> Vec<Value> {
        self.part.events("invalid")
    }
}
