//! The official OpenAI clients, each in a process of its own.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::rehearsal::Usage;
use crate::sdk::Sdk;

/// What a client made of one request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Got {
    pub id: String,
    pub status: String,
    pub text: String,
    /// The types of the output's items.
    pub kinds: Vec<String>,
    /// Events of a stream; 0 if there was none.
    pub events: usize,
    pub usage: Option<Usage>,
    pub models: Vec<String>,
    pub failure: Option<Failure>,
}

/// The exception that a client threw.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Failure {
    pub class: String,
    pub status: u16,
    pub code: Option<String>,
    pub r#type: Option<String>,
    pub message: String,
}

/// Has a client send requests one after the other: `{"do", "model", "prompt", "tools"}`, where
/// `do` is `create`, `stream` or `models`. The url has no `/v1`.
pub async fn ask(sdk: Sdk, url: &str, key: &str, asks: Value) -> Result<Vec<Got>> {
    sdk.run("openai", json!({ "url": format!("{url}/v1"), "key": key, "asks": asks })).await
}
