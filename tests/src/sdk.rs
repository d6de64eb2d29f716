//! Official clients of strangers, each in a process of its own language.

use std::process::Command;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::python::python;
use crate::{command, packages, paths};

/// A language in which a stranger has an official client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    Python,
    JavaScript,
}

impl Sdk {
    pub const ALL: [Sdk; 2] = [Sdk::Python, Sdk::JavaScript];

    /// Has the script of a client, `tests/clients/NAME_client.*`, do what it is told.
    pub async fn run<T>(self, name: &'static str, told: Value) -> Result<Vec<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        spawn_blocking(move || {
            let said = command::run(self.script(name)?.arg(told.to_string()))?;
            serde_json::from_str(&said).with_context(|| format!("not answers: {said}"))
        })
        .await?
    }

    fn script(self, name: &str) -> Result<Command> {
        packages::ensure()?;
        let (program, ending) = match self {
            Sdk::Python => (python()?, "py"),
            Sdk::JavaScript => (packages::node(), "mjs"),
        };
        let mut command = Command::new(program);
        command.arg(paths::at(&format!("tests/clients/{name}_client.{ending}")));
        Ok(command)
    }
}
