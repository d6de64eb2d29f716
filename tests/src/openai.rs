//! The official OpenAI clients, each in a process of its own.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::python::python;
use crate::rehearsal::Usage;
use crate::{command, packages, paths};

/// One of the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    Python,
    JavaScript,
}

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

impl Sdk {
    pub const ALL: [Sdk; 2] = [Sdk::Python, Sdk::JavaScript];

    /// Sends requests one after the other: `{"do", "model", "prompt", "tools"}`, where `do` is
    /// `create`, `stream` or `models`. The url has no `/v1`.
    pub async fn ask(self, url: &str, key: &str, asks: Value) -> Result<Vec<Got>> {
        let told = json!({ "url": format!("{url}/v1"), "key": key, "asks": asks }).to_string();
        spawn_blocking(move || {
            let said = command::run(self.program()?.arg(told))?;
            serde_json::from_str(&said).with_context(|| format!("not answers: {said}"))
        })
        .await?
    }

    fn program(self) -> Result<Command> {
        packages::ensure()?;
        let (program, script) = match self {
            Sdk::Python => (python()?, "tests/clients/openai_client.py"),
            Sdk::JavaScript => (packages::node(), "tests/clients/openai_client.mjs"),
        };
        let mut command = Command::new(program);
        command.arg(paths::at(script));
        Ok(command)
    }
}
