//! The agent as a service of systemd.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::cli::{Install, exit};
use crate::config::Settings;
use crate::register::say;

/// The unit's name.
const UNIT: &str = "gantry-runner.service";

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of the person who installs it.
    User,
    /// Of the machine.
    System,
}

/// Writes the unit and starts it; or only shows it.
pub fn install(settings: &Settings, told: &Install) -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    let scope = match told.system || (root && !told.user) {
        true => Scope::System,
        false => Scope::User,
    };
    let program = env::current_exe().context("where this program is")?;
    let unit = unit(&program, settings, scope);
    if told.dry_run {
        return say(&unit);
    }
    if scope == Scope::System && !root {
        bail!("a unit of the machine needs root: use sudo, or --user");
    }
    let folder = folder(scope)?;
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(UNIT);
    fs::write(&path, unit).with_context(|| path.display().to_string())?;
    let flag = if scope == Scope::User { "--user" } else { "--system" };
    for arguments in [&["daemon-reload"][..], &["enable", "--now", UNIT]] {
        let status = Command::new("systemctl").arg(flag).args(arguments).status();
        let status =
            status.context("systemctl cannot be run: is systemd the init of this machine?")?;
        if !status.success() {
            bail!("`systemctl {flag} {}` ended with {status}", arguments.join(" "));
        }
    }
    say(&format!("Installed {} and started it.\n", path.display()))?;
    if scope == Scope::User {
        say("It ends when you log out, unless `loginctl enable-linger` was run once.\n")?;
    }
    Ok(())
}

/// The unit's text. Stopping it detaches: an update or a restart leaves every turn running, and
/// what must not come back by itself does not.
fn unit(program: &Path, settings: &Settings, scope: Scope) -> String {
    let (program, state) = (quoted(program), quoted(&settings.state));
    let config = settings.file.as_deref().map(|file| format!(" --config {}", quoted(file)));
    let config = config.unwrap_or_default();
    let target = if scope == Scope::User { "default.target" } else { "multi-user.target" };
    let (replaced, revoked, too_old) = (exit::REPLACED, exit::REVOKED, exit::TOO_OLD);
    format!(
        "[Unit]\n\
         Description=Gantry runner: hosts codex app-server processes\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={program} run --state-dir {state}{config} --on-term detach\n\
         Restart=always\n\
         RestartSec=1\n\
         RestartPreventExitStatus={replaced} {revoked} {too_old}\n\
         KillMode=process\n\
         TimeoutStopSec=15\n\
         UMask=0077\n\
         LimitCORE=0\n\
         LimitNOFILE=65536\n\
         \n\
         [Install]\n\
         WantedBy={target}\n"
    )
}

/// As systemd reads an argument: in quotes, with `%`, `$`, `"` and `\` taken literally.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let text =
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{text}\"")
}

fn folder(scope: Scope) -> Result<PathBuf> {
    if scope == Scope::System {
        return Ok("/etc/systemd/system".into());
    }
    let config = env::var_os("XDG_CONFIG_HOME").filter(|config| !config.is_empty());
    let config = config
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    Ok(config.context("HOME is not set")?.join("systemd/user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, Place};

    #[test]
    fn a_stopped_service_leaves_its_hosts_running_and_what_is_final_is_not_retried() {
        let place = Place { state_dir: Some("/srv/a b".into()), config: None };
        let settings = Settings::decide(&place, Options::default()).unwrap();
        let text = unit(Path::new("/opt/100%/runner-agent"), &settings, Scope::System);
        for line in [
            "ExecStart=\"/opt/100%%/runner-agent\" run --state-dir \"/srv/a b\" --on-term detach",
            "Restart=always",
            "KillMode=process",
            "RestartPreventExitStatus=10 11 12",
            "TimeoutStopSec=15",
            "WantedBy=multi-user.target",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
        let text = unit(Path::new("/opt/runner-agent"), &settings, Scope::User);
        assert!(text.ends_with("WantedBy=default.target\n"));
    }
}
