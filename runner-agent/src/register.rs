//! Becoming a runner, and ceasing to be one.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, StatusCode};
use schema::runner::{Register, Registered};
use schema::tunnel::VERSION;

use crate::agent::{self, now};
use crate::cli;
use crate::config::Settings;
use crate::credential::{self, Candidate, Credential};
use crate::date;
use crate::edge::{self, Edge};

/// Trades the token for a name, and keeps the key that was made for it.
pub async fn register(settings: &Settings, told: cli::Register) -> Result<()> {
    let state = &settings.state;
    if Credential::path(state).exists() && !told.replace {
        bail!(
            "this machine is a runner already ({}): run `runner-agent unregister` first, or add \
             --replace",
            Credential::path(state).display()
        );
    }
    // The token works once: whatever can fail on this machine has to fail before it is sent.
    crate::host::spec::private_dir(state)?;
    let edge = Edge::new(&told.url, told.ca_file.as_deref().or(settings.ca_file.as_deref()))?;
    let candidate = Candidate::new()?;
    let body = Register {
        token: told.token.clone(),
        public_key: candidate.public_key(),
        machine: candidate.machine(),
        name: told.name.clone().unwrap_or_else(host_name),
        labels: told.labels(),
        capacity: told.capacity,
        ephemeral: told.ephemeral,
        version: VERSION,
        agent: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let body = Bytes::from(serde_json::to_vec(&body)?);
    let answer = edge.ask(Method::POST, "/runner/v1/register", None, body).await;
    let answer = answer.with_context(|| format!("{} could not be reached", edge.url))?;
    if !answer.status().is_success() {
        bail!("{}", edge::words(answer.status(), answer.body()));
    }
    let registered: Registered = serde_json::from_slice(answer.body())
        .with_context(|| format!("{} is no edge that enrols runners", edge.url))?;
    let mut credential = candidate.accepted(&edge.url, &registered);
    credential.ephemeral = told.ephemeral;
    credential.write(state)?;
    credential::begin_anew(state)?;
    say(&format!(
        "Registered {} as {} for {} processes.\n\
         The private key is in {} and nowhere else.\n\
         Next: `runner-agent doctor` looks for what is missing, then `runner-agent run`, or\n\
         `runner-agent service install` to have it run by itself.\n",
        registered.name,
        registered.runner_id,
        registered.capacity,
        Credential::path(state).display(),
    ))
}

/// Takes leave of the edge, and forgets the credential.
pub async fn unregister(settings: &Settings, told: &cli::Unregister) -> Result<()> {
    let credential = Credential::read(&settings.state)?;
    let ca_file = told.ca_file.as_deref().or(settings.ca_file.as_deref());
    match leave(settings, &credential, ca_file).await {
        Ok(()) => {}
        Err(error) if told.force => tracing::warn!("the edge was not told: {error:#}"),
        Err(error) => return Err(error.context("not unregistered; --force forgets it here anyway")),
    }
    agent::end_hosts(settings, &credential.url)?;
    Credential::remove(&settings.state)?;
    say("Unregistered. Accounts' workspaces are still here.\n")
}

/// Tells the edge that this runner is no more. One that does not know it any more is content.
pub async fn leave(
    settings: &Settings,
    credential: &Credential,
    ca_file: Option<&std::path::Path>,
) -> Result<()> {
    let edge = Edge::new(&credential.url, ca_file)?;
    let mut clock_ahead_ms = 0;
    for last in [false, true] {
        let generation = credential::next_generation(&settings.state)?;
        let at = now().plus_millis(clock_ahead_ms);
        let authorization = credential.sign("unregister", generation, at)?;
        let path = "/runner/v1/unregister";
        let answer = edge.ask(Method::POST, path, Some(&authorization), Bytes::new()).await?;
        if answer.status().is_success() || answer.status() == StatusCode::GONE {
            return Ok(());
        }
        let date = answer.headers().get("date").and_then(|value| value.to_str().ok());
        let ahead = date.and_then(date::parse).map_or(0, |date| date.since(now()));
        if last || ahead.abs() < schema::runner::SKEW_MS / 2 {
            bail!("{}", edge::words(answer.status(), answer.body()));
        }
        clock_ahead_ms = ahead;
    }
    Ok(())
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "runner".to_owned() } else { name.to_owned() }
}

/// Says something on standard output.
pub fn say(text: &str) -> Result<()> {
    io::stdout().write_all(text.as_bytes()).context("standard output is closed")
}
