//! What the agent is told: flags, then environment, then one TOML file; the first that says
//! something wins. One struct is all three, so none can know an option that the others do not.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use schema::AccountId;
use schema::tunnel::Provider;
use serde::Deserialize;

use crate::host::Spec;
use crate::host::spec::{Jail, Limits};

/// The file of the whole machine, where the state directory has none.
const MACHINE_FILE: &str = "/etc/gantry-runner.toml";
/// The system's limit for the path of a socket.
const SOCKET_PATH_MAX_BYTES: usize = 107;

/// Where the agent's things are.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// Directory of the credential, the accounts and their hosts
    /// [default: /var/lib/gantry-runner for root, else ~/.local/state/gantry-runner]
    #[arg(long, global = true, value_name = "DIR", env = "GANTRY_RUNNER_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Configuration in TOML; its keys are the long flags of `run` with `_` for `-`, and `[limits]`
    /// [default: config.toml in the state directory, else /etc/gantry-runner.toml]
    #[arg(long, global = true, value_name = "FILE", env = "GANTRY_RUNNER_CONFIG")]
    pub config: Option<PathBuf>,
}

/// How the agent behaves.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The edge to dial, where it is not reached as it was at registration
    #[arg(long, env = "GANTRY_RUNNER_URL")]
    pub url: Option<String>,
    /// The codex to host: a path, or a name to look for in PATH [default: codex]
    #[arg(long, value_name = "PATH", env = "GANTRY_RUNNER_CODEX")]
    pub codex: Option<PathBuf>,
    /// Processes to host at most [default: as agreed at registration]
    #[arg(long, value_name = "N", env = "GANTRY_RUNNER_CAPACITY")]
    pub capacity: Option<u32>,
    /// What processes are locked into; `off` means that commands of a model can read what this
    /// user can read [default: bubblewrap]
    #[arg(long, value_parser = jail, env = "GANTRY_RUNNER_JAIL")]
    pub jail: Option<Jail>,
    /// Who pays for models: `edge` (the account, through the edge) or `own` (codex is logged in by
    /// itself) [default: edge]
    #[arg(long, value_parser = provider, env = "GANTRY_RUNNER_PROVIDER")]
    pub provider: Option<Provider>,
    /// Directory that a new CODEX_HOME is copied from, with `--provider own`
    #[arg(long, value_name = "DIR", env = "GANTRY_RUNNER_TEMPLATE")]
    pub template: Option<PathBuf>,
    /// Model for threads that name none
    #[arg(long, env = "GANTRY_RUNNER_MODEL")]
    pub model: Option<String>,
    /// What the first SIGTERM or SIGINT means: `drain` (take no new work, end when running turns
    /// have, stop their processes) or `detach` (end at once; processes and turns go on, and the
    /// next agent takes them over). SIGUSR2 always detaches; SIGQUIT, or a second signal, ends at
    /// once and stops what runs
    /// [default: drain]
    #[arg(long, value_enum, env = "GANTRY_RUNNER_ON_TERM")]
    pub on_term: Option<OnTerm>,
    /// Seconds that running turns have after the first SIGTERM [default: 600]
    #[arg(long, value_name = "SECONDS", env = "GANTRY_RUNNER_GRACE_S")]
    pub grace_s: Option<u64>,
    /// Loopback address for /healthz, /readyz and /metrics, or `off` [default: 127.0.0.1:7626]
    #[arg(long, value_name = "ADDRESS", env = "GANTRY_RUNNER_STATUS_LISTEN")]
    pub status_listen: Option<String>,
    /// Certificates in PEM to trust beside the usual ones
    #[arg(long, value_name = "FILE", env = "GANTRY_RUNNER_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Log into this file as JSON lines, instead of standard error
    #[arg(long, value_name = "FILE", env = "GANTRY_RUNNER_LOG_FILE")]
    pub log_file: Option<PathBuf>,
    /// How much to log: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "GANTRY_RUNNER_LOG_LEVEL")]
    pub log_level: Option<String>,
    /// Times and sizes of hosts: only in the file, as `[limits]`
    #[arg(skip)]
    pub limits: Option<toml::Table>,
    /// See [`Place`]: only in the file of the whole machine.
    #[arg(skip)]
    pub state_dir: Option<PathBuf>,
}

/// What the first SIGTERM means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTerm {
    /// Leave when what runs has ended.
    #[default]
    Drain,
    /// Leave at once, and leave what runs running.
    Detach,
}

fn jail(text: &str) -> Result<Jail, String> {
    read_word(text, "bubblewrap or off")
}

fn provider(text: &str) -> Result<Provider, String> {
    read_word(text, "edge or own")
}

fn read_word<T: for<'de> Deserialize<'de>>(text: &str, choices: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("it is {choices}"))
}

/// Everything decided.
#[derive(Debug, Clone)]
pub struct Settings {
    /// See [`Place::state_dir`].
    pub state: PathBuf,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// See [`Options::url`].
    pub url: Option<String>,
    /// See [`Options::codex`].
    pub codex: PathBuf,
    /// Processes at most, where it is not what was agreed.
    pub capacity: Option<u32>,
    /// See [`Options::jail`].
    pub jail: Jail,
    /// See [`Options::provider`].
    pub provider: Provider,
    /// See [`Options::template`].
    pub template: Option<PathBuf>,
    /// See [`Options::model`].
    pub model: Option<String>,
    /// See [`Options::on_term`].
    pub on_term: OnTerm,
    /// See [`Options::grace_s`].
    pub grace: Duration,
    /// None is `off`.
    pub status_listen: Option<SocketAddr>,
    /// See [`Options::ca_file`].
    pub ca_file: Option<PathBuf>,
    /// See [`Options::log_file`].
    pub log_file: Option<PathBuf>,
    /// See [`Options::log_level`].
    pub log_level: tracing::Level,
    /// See [`Limits`].
    pub limits: Limits,
}

impl Settings {
    /// Flags and environment are in `place` and `options` already; the file comes last.
    pub fn decide(place: &Place, options: Options) -> Result<Self> {
        let home = place.state_dir.clone().map_or_else(default_state, Ok)?;
        let (file, text) = find_file(place, &home)?;
        let from_file: Options = match &file {
            Some(path) => toml::from_str(&text)
                .with_context(|| format!("{} cannot be taken", path.display()))?,
            None => Options::default(),
        };
        let state = place.state_dir.clone().or(from_file.state_dir.clone()).unwrap_or(home);
        let told = options.or(from_file);
        let level = told.log_level.as_deref().unwrap_or("info");
        let level = level.parse().ok().with_context(|| format!("`{level}` is no log level"))?;
        Ok(Self {
            state: std::path::absolute(state)?,
            file: file.map(std::path::absolute).transpose()?,
            url: told.url,
            codex: told.codex.map_or_else(|| Ok("codex".into()), anchored)?,
            capacity: told.capacity,
            jail: told.jail.unwrap_or_default(),
            provider: told.provider.unwrap_or_default(),
            template: told.template.map(anchored).transpose()?,
            model: told.model,
            on_term: told.on_term.unwrap_or_default(),
            grace: Duration::from_secs(told.grace_s.unwrap_or(600)),
            status_listen: loopback(told.status_listen.as_deref().unwrap_or("127.0.0.1:7626"))?,
            ca_file: told.ca_file,
            log_file: told.log_file,
            log_level: level,
            limits: told.limits.map(limits).transpose()?.unwrap_or_default(),
        })
    }

    /// What a host of this account is told.
    pub fn spec(&self, edge: &str, process: AccountId) -> Result<Spec> {
        let private = self.hosts().join(process.to_string());
        Ok(Spec {
            process,
            edge: edge.to_owned(),
            ca_file: self.ca_file.clone(),
            account: self.state.join("accounts").join(process.to_string()),
            socket: self.socket(&private.join("host.sock"), &process.to_string())?,
            private,
            cache: self.cache(),
            codex: self.codex.clone(),
            jail: self.jail.clone(),
            provider: self.provider,
            template: self.template.clone(),
            limits: self.limits.clone(),
            model: self.model.clone(),
        })
    }

    /// Where the hosts keep what their processes must not see.
    pub fn hosts(&self) -> PathBuf {
        self.state.join("hosts")
    }

    /// Where facts of codex binaries are remembered.
    pub fn cache(&self) -> PathBuf {
        self.state.join("cache")
    }

    /// Where `status` and `drain` reach the agent.
    pub fn control(&self) -> Result<PathBuf> {
        self.socket(&self.state.join("agent.sock"), "agent")
    }

    /// A path that the system takes for a socket: the wanted one, or if that is too long a short
    /// one that the same state directory always leads to.
    fn socket(&self, wanted: &Path, name: &str) -> Result<PathBuf> {
        use sha2::{Digest, Sha256};
        if wanted.as_os_str().len() <= SOCKET_PATH_MAX_BYTES {
            return Ok(wanted.to_owned());
        }
        let digest = Sha256::digest(self.state.as_os_str().as_encoded_bytes());
        let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let user = rustix::process::getuid().as_raw();
        // Not from the environment: a service and a terminal have to find the same.
        let runtime = PathBuf::from(format!("/run/user/{user}"));
        let runtime = if runtime.is_dir() { runtime } else { "/tmp".into() };
        let folder = runtime.join(format!("gantry-runner-{user}-{digest}"));
        crate::host::spec::private_dir(&folder)?;
        Ok(folder.join(format!("{name}.sock")))
    }
}

impl Options {
    fn or(self, other: Self) -> Self {
        Self {
            url: self.url.or(other.url),
            codex: self.codex.or(other.codex),
            capacity: self.capacity.or(other.capacity),
            jail: self.jail.or(other.jail),
            provider: self.provider.or(other.provider),
            template: self.template.or(other.template),
            model: self.model.or(other.model),
            on_term: self.on_term.or(other.on_term),
            grace_s: self.grace_s.or(other.grace_s),
            status_listen: self.status_listen.or(other.status_listen),
            ca_file: self.ca_file.or(other.ca_file),
            log_file: self.log_file.or(other.log_file),
            log_level: self.log_level.or(other.log_level),
            limits: self.limits.or(other.limits),
            state_dir: self.state_dir.or(other.state_dir),
        }
    }
}

/// A named file has to be there; the others may be.
fn find_file(place: &Place, state: &Path) -> Result<(Option<PathBuf>, String)> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    if let Some(path) = &place.config {
        return Ok((Some(path.clone()), read(path)?));
    }
    for path in [state.join("config.toml"), PathBuf::from(MACHINE_FILE)] {
        match fs::metadata(&path) {
            Ok(_) => return Ok((Some(path.clone()), read(&path)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok((None, String::new()))
}

fn default_state() -> Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/gantry-runner".into());
    }
    if let Some(state) = std::env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty()) {
        return Ok(PathBuf::from(state).join("gantry-runner"));
    }
    let home = std::env::var_os("HOME").context("HOME is not set: name a --state-dir")?;
    Ok(PathBuf::from(home).join(".local/state/gantry-runner"))
}

/// A host starts elsewhere than the agent: only a bare name may stay one, to be looked for in PATH.
fn anchored(path: PathBuf) -> Result<PathBuf> {
    match path.components().count() {
        1 => Ok(path),
        _ => Ok(std::path::absolute(path)?),
    }
}

fn loopback(text: &str) -> Result<Option<SocketAddr>> {
    if text == "off" {
        return Ok(None);
    }
    let address: SocketAddr =
        text.parse().with_context(|| format!("status_listen: `{text}` is no address and port"))?;
    if !address.ip().is_loopback() {
        bail!("status_listen: {address} is not a loopback address, and no other is served");
    }
    Ok(Some(address))
}

/// A host takes limits that it does not know for those of a later version; a person's are typos.
fn limits(table: toml::Table) -> Result<Limits> {
    let known = toml::Table::try_from(Limits::default())?;
    if let Some(unknown) = table.keys().find(|key| !known.contains_key(*key)) {
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        bail!("[limits]: unknown key `{unknown}`, expected one of {}", known.join(", "));
    }
    table.try_into().context("[limits]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(file: &str, options: Options) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, file).unwrap();
        let place = Place { state_dir: Some("/state".into()), config: Some(path) };
        Settings::decide(&place, options)
    }

    fn refusal(file: &str) -> String {
        format!("{:#}", decide(file, Options::default()).unwrap_err())
    }

    #[test]
    fn what_was_said_before_the_file_wins_and_the_file_before_the_default() {
        let options = Options { capacity: Some(2), ..Options::default() };
        let settings = decide("capacity = 9\ngrace_s = 5\njail = \"off\"", options).unwrap();
        assert_eq!(settings.capacity, Some(2));
        assert_eq!((settings.grace, settings.jail), (Duration::from_secs(5), Jail::Off));
        assert_eq!((settings.on_term, settings.codex), (OnTerm::Drain, "codex".into()));
    }

    #[test]
    fn a_file_is_known_by_its_whole_path_for_whoever_starts_elsewhere() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let file = Path::new(folder.path().file_name().unwrap()).join("config.toml");
        fs::write(&file, "").unwrap();
        let place = Place { state_dir: Some("/state".into()), config: Some(file) };
        let settings = Settings::decide(&place, Options::default()).unwrap();
        assert!(settings.file.unwrap().is_absolute());
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name() {
        assert!(refusal("capcity = 9").contains("`capcity`"));
        assert!(refusal("[limits]\nidle_stop = 9").contains("`idle_stop`"));
    }

    #[test]
    fn limits_are_those_of_hosts() {
        let settings = decide("[limits]\nidle_stop_s = 9", Options::default()).unwrap();
        assert_eq!(settings.limits, Limits { idle_stop_s: 9, ..Limits::default() });
    }

    #[test]
    fn nothing_listens_but_on_loopback() {
        assert!(refusal("status_listen = \"0.0.0.0:80\"").contains("loopback"));
        let off = decide("status_listen = \"off\"", Options::default()).unwrap();
        assert_eq!(off.status_listen, None);
    }

    #[test]
    fn the_path_of_a_socket_is_never_longer_than_the_system_takes() {
        let mut settings = decide("", Options::default()).unwrap();
        let process = AccountId::from_bits(1);
        let spec = settings.spec("http://edge", process).unwrap();
        assert_eq!(spec.socket, spec.private.join("host.sock"));
        settings.state = PathBuf::from("/nowhere").join("x".repeat(90));
        let spec = settings.spec("http://edge", process).unwrap();
        assert!(spec.socket.as_os_str().len() <= SOCKET_PATH_MAX_BYTES, "{:?}", spec.socket);
        assert_eq!(spec.socket, settings.spec("http://edge", process).unwrap().socket);
        fs::remove_dir(spec.socket.parent().unwrap()).unwrap();
    }
}
