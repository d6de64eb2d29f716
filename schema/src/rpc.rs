//! JSON-RPC as `codex app-server` speaks it: newline-delimited objects without a `jsonrpc` member.
//!
//! Foreign messages pass through as the text they came in; this reads only who asks whom for what.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The id of a request: echoed with the type it came with. 0 is an id like any other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RequestId {
    /// A counter.
    Number(i64),
    /// Any text.
    Text(String),
}

/// One message, either way. Members that are absent stay absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Message {
    /// There for requests and responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// There for requests and notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What a request or notification says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Box<RawValue>>,
    /// What a request came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Box<RawValue>>,
    /// Why it came to nothing: `{"code", "message"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<RawValue>>,
}

/// What a message is. The method is looked at first: both sides count their own ids from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wants an answer.
    Request,
    /// Wants none.
    Notification,
    /// Is one.
    Response,
    /// None of the three.
    Neither,
}

impl Message {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match (&self.method, &self.id) {
            (Some(_), Some(_)) => Kind::Request,
            (Some(_), None) => Kind::Notification,
            (None, Some(_)) => Kind::Response,
            (None, None) => Kind::Neither,
        }
    }
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Failure {
    /// -32600 for nearly everything that `codex app-server` refuses.
    pub code: i64,
    /// For a person.
    pub message: String,
}
