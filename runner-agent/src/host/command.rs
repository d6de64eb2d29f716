//! The command that is hosted: codex, its settings, its environment, and the jail around it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use schema::tunnel::Provider;
use tokio::process::Command;

use super::jail::{self, Masks};
use super::key_proxy::KeyProxy;
use super::spec::{Jail, Spec, private_dir};
use crate::codex::{self, Facts};
use crate::dialect::Dialect;

/// Names the token towards the key proxy in codex's environment. It is asked to keep it from
/// commands, which 0.130 does not do; it opens this account's own proxy and nothing else.
const TOKEN: &str = "GANTRY_LOCAL_TOKEN";
/// What is passed on of the host's own environment.
const PASSED: [&str; 5] = ["PATH", "LANG", "LC_ALL", "TZ", "TERM"];
/// Settings that hold whoever pays: what runs unattended neither updates itself nor reports home.
const SETTINGS: [&str; 3] = [
    "check_for_update_on_startup=false",
    "analytics.enabled=false",
    "features.daemon_auto_start=false",
];

/// What has to be found out before a process can be started.
#[derive(Debug)]
pub struct Prepared {
    pub facts: Facts,
    /// None if there is to be no jail.
    jail: Option<(PathBuf, Masks)>,
}

impl Prepared {
    pub fn dialect(&self) -> Dialect {
        Dialect::of(&self.facts)
    }
}

/// Looks at the binary and the machine, and makes the account's directories.
pub async fn prepare(spec: &Spec) -> Result<Prepared> {
    let facts = codex::facts(&spec.codex, &spec.cache).await?;
    let jail = match spec.jail {
        Jail::Off => None,
        Jail::Bubblewrap => {
            jail::probe(&facts.binary).await?;
            let bubblewrap = jail::bubblewrap(&facts.binary).context("bubblewrap is gone")?;
            Some((bubblewrap, jail::masks()))
        }
    };
    for folder in [&spec.account, &spec.work()] {
        private_dir(folder)?;
    }
    seed_home(spec)?;
    Ok(Prepared { facts, jail })
}

/// The whole command.
pub fn command(spec: &Spec, prepared: &Prepared, proxy: Option<&KeyProxy>) -> Command {
    let binary = &prepared.facts.binary;
    let mut command = match &prepared.jail {
        None => Command::new(&binary.program),
        Some((bubblewrap, masks)) => {
            let mut command = Command::new(bubblewrap);
            command.args(jail::arguments(binary, &spec.account, masks));
            command.arg("--chdir").arg(spec.work()).arg("--").arg(&binary.program);
            command
        }
    };
    command.arg("app-server").current_dir(spec.work()).env_clear();
    for setting in SETTINGS.map(str::to_owned).into_iter().chain(settings(spec, proxy)) {
        command.arg("-c").arg(setting);
    }
    command.envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("HOME", &spec.account).env("CODEX_HOME", spec.home());
    if let Some(proxy) = proxy {
        command.env(TOKEN, &proxy.token);
    }
    command
}

fn settings(spec: &Spec, proxy: Option<&KeyProxy>) -> Vec<String> {
    let mut settings = Vec::new();
    if let Some(model) = &spec.model {
        settings.push(format!("model={model:?}"));
    }
    if let Some(proxy) = proxy {
        let url = &proxy.url;
        settings.push("model_provider=\"gantry\"".to_owned());
        settings.push(format!(
            "model_providers.gantry={{ name = \"Gantry\", base_url = \"{url}\", \
             env_key = \"{TOKEN}\", wire_api = \"responses\", supports_websockets = false }}"
        ));
        settings.push("shell_environment_policy.exclude=[\"GANTRY_*\"]".to_owned());
    }
    settings
}

/// A new home begins as a copy of the template, where codex pays by itself.
fn seed_home(spec: &Spec) -> Result<()> {
    let home = spec.home();
    let is_new = !home.exists();
    private_dir(&home)?;
    match (&spec.template, spec.provider) {
        (Some(template), Provider::Own) if is_new => copy(template, &home)
            .with_context(|| format!("{} cannot be copied", template.display())),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            private_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
