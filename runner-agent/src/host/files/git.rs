//! A git repository that a project begins with: fetched by the machine's `git`, in the jail that
//! codex has, with nothing of the account's in it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use schema::workspace::GitSource;
use schema::{Code, Error, Result};
use tokio::process::Command;
use tokio::time::timeout;

use crate::codex;
use crate::host::jail;
use crate::host::spec::{Jail, Spec};

/// A repository that takes longer is not for a project's beginning.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes that a URL, or a branch's name, may have.
const TEXT_MAX_BYTES: usize = 1_000;
/// Characters of git's own words that are passed on.
const SAID_CHARS: usize = 400;
/// Nothing of the machine's, or of what is fetched, says what git runs or whom it asks.
const SETTINGS: [&str; 6] = [
    "protocol.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.helper=",
    "init.templateDir=",
    "http.followRedirects=initial",
];
/// How the machine reaches the network is passed on.
const PASSED: [&str; 5] = ["PATH", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"];
/// So is whom it trusts there, with the file that each names, wherever it lies.
const TRUSTED: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"];

/// Puts the last commit of a repository into a directory.
pub async fn clone(spec: &Spec, to: &Path, source: &GitSource) -> Result<()> {
    check_url(&source.url)?;
    source.reference.as_deref().map_or(Ok(()), check_reference)?;
    fetch(spec, to, &source.url, source.reference.as_deref(), "https").await
}

/// The same, by this protocol.
pub async fn fetch(
    spec: &Spec,
    to: &Path,
    url: &str,
    reference: Option<&str>,
    protocol: &str,
) -> Result<()> {
    let command = command(spec, to).map_err(|error| {
        let message = "This runner cannot fetch repositories: choose another template.";
        Error::new(Code::RunnerUnavailable, message).caused_by(format!("{error:#}"))
    });
    let mut command = command?;
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.arg("-c").arg(format!("protocol.{protocol}.allow=always"));
    command.args(["clone", "--quiet", "--depth=1", "--single-branch", "--no-tags"]);
    command.args(["--no-recurse-submodules", "--no-local"]);
    if let Some(reference) = reference {
        command.arg(format!("--branch={reference}"));
    }
    command.arg("--").arg(url).arg(to);
    let output = match timeout(PATIENCE, command.output()).await {
        Ok(output) => output.map_err(|error| {
            let message = "This runner has no `git`: choose another template.";
            Error::new(Code::RunnerUnavailable, message).caused_by(error)
        })?,
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            let message = format!("The repository did not come within {seconds} s.");
            return Err(Error::new(Code::Timeout, message));
        }
    };
    if output.status.success() {
        return Ok(());
    }
    Err(failed(&String::from_utf8_lossy(&output.stderr)))
}

fn command(spec: &Spec, to: &Path) -> anyhow::Result<Command> {
    let mut command = match spec.jail {
        Jail::Off => Command::new("git"),
        Jail::Bubblewrap => {
            let binary = codex::resolve(&spec.codex)?;
            let bubblewrap = jail::bubblewrap(&binary).context("there is no bubblewrap")?;
            let mut command = Command::new(bubblewrap);
            command.args(jail::arguments(&binary, to, &jail::masks()));
            for file in TRUSTED.iter().filter_map(std::env::var_os) {
                command.arg("--ro-bind-try").args([&file, &file]);
            }
            command.args(["--", "git"]);
            command
        }
    };
    command.env_clear().current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    let passed = PASSED.iter().chain(&TRUSTED);
    command.envs(passed.filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("HOME", to).env("LC_ALL", "C");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "false");
    Ok(command)
}

fn check_url(url: &str) -> Result<()> {
    let wrong = |what: &str| Err(Error::field("template.git.url", what));
    let Some(rest) = url.strip_prefix("https://") else {
        return wrong("only `https://…` is fetched");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return wrong("no name or password may stand in it");
    }
    if host.is_empty() || host.starts_with('-') || url.len() > TEXT_MAX_BYTES {
        return wrong("not the address of a repository");
    }
    match url.chars().all(|it| it.is_ascii_graphic()) {
        true => Ok(()),
        false => wrong("spaces and what is not ASCII have to be escaped"),
    }
}

fn check_reference(reference: &str) -> Result<()> {
    let plain = |it: char| it.is_ascii_alphanumeric() || "/._-+".contains(it);
    let good = !reference.is_empty()
        && reference.len() <= TEXT_MAX_BYTES
        && !reference.starts_with(['-', '/'])
        && !reference.contains("..")
        && reference.chars().all(plain);
    match good {
        true => Ok(()),
        false => Err(Error::field("template.git.ref", "not the name of a branch or tag")),
    }
}

fn failed(said: &str) -> Error {
    let said: String = said.trim().chars().take(SAID_CHARS).collect();
    let asked = ["not found", "Authentication failed", "could not read Username", "not valid"];
    if asked.iter().any(|it| said.contains(it)) {
        return Error::field("template.git", format!("git cannot fetch it: {said}"));
    }
    let message = format!(
        "The runner could not fetch the repository; it may have no network. git says: {said}"
    );
    Error::new(Code::UpstreamFailed, message)
}
