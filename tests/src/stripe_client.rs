//! Stripe's own clients, each in a process of its own.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::python::python;
use crate::{command, packages, paths};

/// One of the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    Python,
    JavaScript,
}

impl Sdk {
    pub const ALL: [Sdk; 2] = [Sdk::Python, Sdk::JavaScript];

    /// Does steps one after the other: `{"do", …}`, as `tests/clients/stripe_client.mjs` names
    /// them. Tells what each came to, or the exception that it threw.
    pub async fn ask(self, url: &str, key: &str, asks: Value) -> Result<Vec<Value>> {
        let told = json!({ "url": url, "key": key, "asks": asks }).to_string();
        spawn_blocking(move || {
            let said = command::run(self.program()?.arg(told))?;
            serde_json::from_str(&said).with_context(|| format!("not answers: {said}"))
        })
        .await?
    }

    fn program(self) -> Result<Command> {
        packages::ensure()?;
        let (program, script) = match self {
            Sdk::Python => (python()?, "tests/clients/stripe_client.py"),
            Sdk::JavaScript => (packages::node(), "tests/clients/stripe_client.mjs"),
        };
        let mut command = Command::new(program);
        command.arg(paths::at(script));
        Ok(command)
    }
}
