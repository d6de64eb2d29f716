//! The official OpenAI clients, each in a process of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::lock::Lock;
use crate::rehearsal::Usage;
use crate::{command, packages, paths, steps};

const REQUIREMENTS: &str = "tests/clients/requirements.txt";
const VENV: &str = "target/python";
const STAMP: &str = "target/python/.installed";

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

    /// Sends requests one after the other: `{"do", "model", "prompt", "tools"}`, where `do` is `create`,
    /// `stream` or `models`. The url has no `/v1`.
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

/// A Python that has the client, made on first use. Instant when everything is there.
fn python() -> Result<PathBuf> {
    let program = paths::at(VENV).join("bin/python");
    let wanted = fs::read(paths::at(REQUIREMENTS)).context(REQUIREMENTS)?;
    let installed = || fs::read(paths::at(STAMP)).is_ok_and(|stamp| stamp == wanted);
    if installed() {
        return Ok(program);
    }
    let _lock = Lock::take(&paths::at("target/python.lock"))?;
    if installed() {
        return Ok(program);
    }
    steps::say("installing Python packages (the official OpenAI client)");
    let mut venv = Command::new("python3");
    command::run(venv.args(["-m", "venv", "--clear"]).arg(paths::at(VENV)))
        .context("the proof with OpenAI's Python client needs python3 with its venv module")?;
    let mut pip = Command::new(&program);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    command::run(pip.arg(paths::at(REQUIREMENTS)))?;
    fs::write(paths::at(STAMP), wanted)?;
    Ok(program)
}
