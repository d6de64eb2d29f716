//! This machine: the credential, codex, the sandbox, room on the disk, and whose process it is.

use std::path::Path;

use anyhow::Result;
use schema::tunnel::Provider;

use super::Finding;
use crate::codex;
use crate::config::Settings;
use crate::credential::Credential;
use crate::host::jail;
use crate::host::spec::{Jail, private_dir};

/// Less room than this is soon none: a journal may take as much.
const ROOM_WARN_BYTES: u64 = 2 << 30;
const ROOM_FAIL_BYTES: u64 = 200 << 20;

/// The credential and its mode.
pub fn credential(state: &Path, credential: &Result<Credential>) -> Finding {
    let path = Credential::path(state);
    match credential {
        Ok(it) => {
            let found = format!(
                "{} is {} ({}), readable by its owner only",
                it.name,
                it.runner,
                path.display()
            );
            Finding::ok("credential", found)
        }
        Err(_) if !path.exists() => {
            let advice = "Run `runner-agent register` with a token of the edge.";
            Finding::fail("credential", "this machine is not registered", advice)
        }
        Err(error) => {
            let advice = "Mend it as it says, or register again with --replace.";
            Finding::fail("credential", format!("{error:#}"), advice)
        }
    }
}

/// Everything that needs no edge.
pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = codex_and_jail(settings).await;
    if settings.provider == Provider::Own {
        findings.push(template(settings));
    }
    findings.push(room(&settings.state));
    findings.push(user());
    findings
}

async fn codex_and_jail(settings: &Settings) -> Vec<Finding> {
    let made = private_dir(&settings.state);
    let facts = match made {
        Ok(()) => codex::facts(&settings.codex, &settings.cache()).await,
        Err(error) => Err(error),
    };
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            let advice = "Install codex (`npm install -g @openai/codex`), or name it with --codex.";
            return vec![Finding::fail("codex", format!("{error:#}"), advice)];
        }
    };
    let (program, methods) = (facts.binary.program.display(), facts.methods.len());
    let found = format!("{} at {program}, {methods} methods", facts.version);
    let mut findings = vec![match facts.methods.is_empty() {
        true => {
            let advice = "It can be hosted; what it cannot do shows only when it is asked to.";
            Finding::warn("codex", format!("{found}: it does not tell them"), advice)
        }
        false => Finding::ok("codex", found),
    }];
    findings.push(match (&settings.jail, jail::probe(&facts.binary).await) {
        (Jail::Off, _) => {
            let advice = "Commands of a model can read what this user can: use a machine for it.";
            Finding::warn("sandbox", "switched off by the configuration", advice)
        }
        (Jail::Bubblewrap, Ok(())) => {
            Finding::ok("sandbox", "a jail can be made, and codex runs in it")
        }
        (Jail::Bubblewrap, Err(error)) => {
            let advice = "Install bubblewrap, or allow unprivileged user namespaces (sysctl \
                          kernel.unprivileged_userns_clone or \
                          kernel.apparmor_restrict_unprivileged_userns).";
            Finding::fail("sandbox", format!("{error:#}"), advice)
        }
    });
    findings
}

fn template(settings: &Settings) -> Finding {
    match &settings.template {
        Some(path) if path.join("auth.json").is_file() => {
            Finding::ok("login", format!("codex is logged in at {}", path.display()))
        }
        Some(path) => {
            let advice = "Run `codex login` with CODEX_HOME set to that directory.";
            Finding::fail("login", format!("{} holds no auth.json", path.display()), advice)
        }
        None => {
            let advice = "Name a directory with --template in which codex is logged in.";
            Finding::fail("login", "codex is to pay by itself, and no login is named", advice)
        }
    }
}

fn room(state: &Path) -> Finding {
    let about = match rustix::fs::statvfs(state) {
        Ok(about) => about,
        Err(error) => {
            let advice = "Make the state directory, or name another with --state-dir.";
            return Finding::fail("disk", format!("{}: {error}", state.display()), advice);
        }
    };
    let bytes = about.f_bavail.saturating_mul(about.f_frsize);
    let found = format!("{} MiB free at {}", bytes >> 20, state.display());
    let advice = "Make room: without it processes are held back, for no event may be lost.";
    if bytes < ROOM_FAIL_BYTES {
        Finding::fail("disk", found, advice)
    } else if bytes < ROOM_WARN_BYTES {
        Finding::warn("disk", found, advice)
    } else {
        Finding::ok("disk", found)
    }
}

fn user() -> Finding {
    match rustix::process::geteuid().is_root() {
        true => {
            let advice = "A user of its own is safer: a jail that leaks then leaks less.";
            Finding::warn("user", "runs as root", advice)
        }
        false => Finding::ok("user", "does not run as root"),
    }
}
