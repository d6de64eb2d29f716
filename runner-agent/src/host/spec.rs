//! What a host is told when it is started: one JSON file, readable by its owner only, from which
//! it can be started again without the agent.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};
use schema::AccountId;
use schema::tunnel::Provider;
use serde::{Deserialize, Serialize};

/// Everything that a host knows before it starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Whose process.
    pub process: AccountId,
    /// The edge, without `/v1`: `https://edge.example`.
    pub edge: String,
    /// More certificates to trust on the way to it.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What the process sees: `home` (its `CODEX_HOME`) and `work` (the workspace) lie in it.
    pub account: PathBuf,
    /// What the process must not see: journal, key, log, process id.
    pub private: PathBuf,
    /// Where the host listens; at most 107 bytes long, which is the system's limit.
    pub socket: PathBuf,
    /// Where facts of codex binaries are remembered (see `codex::facts`).
    pub cache: PathBuf,
    /// The codex binary: native, or the launcher script of its npm package.
    pub codex: PathBuf,
    /// What the process is locked into.
    #[serde(default)]
    pub jail: Jail,
    /// How codex pays for its models.
    #[serde(default)]
    pub provider: Provider,
    /// A directory that a new `CODEX_HOME` is copied from, where codex pays by itself.
    #[serde(default)]
    pub template: Option<PathBuf>,
    /// Limits, with their defaults.
    #[serde(default)]
    pub limits: Limits,
    /// The model that is taken where a caller names none.
    #[serde(default)]
    pub model: Option<String>,
}

/// What a process is locked into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jail {
    /// Bubblewrap: the system's, or the one that comes with codex. Without either nothing is
    /// hosted.
    #[default]
    Bubblewrap,
    /// Nothing: the machine itself is the jail. Commands of the model can then read what the
    /// runner's user can read.
    Off,
}

/// Times and sizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// A process that nobody used for so long is ended.
    pub idle_stop_s: u64,
    /// A host without process and agent ends after so long; what is not acknowledged stays in its
    /// journal.
    pub linger_s: u64,
    /// A process has to introduce itself within this time.
    pub start_s: u64,
    /// After a failure the next start waits a random part of this, doubled with every failure…
    pub backoff_ms: u64,
    /// … up to this.
    pub backoff_max_ms: u64,
    /// A process that ran for so long did not fail at its start: the waits begin anew.
    pub steady_s: u64,
    /// After being asked to end, a process has this long before it is killed.
    pub grace_s: u64,
    /// The journal grows up to this; then the process is held back.
    pub journal_max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle_stop_s: 600,
            linger_s: 60,
            start_s: 30,
            backoff_ms: 500,
            backoff_max_ms: 30_000,
            steady_s: 60,
            grace_s: 5,
            journal_max_bytes: 1 << 30,
        }
    }
}

impl Spec {
    /// The process's `CODEX_HOME`.
    pub fn home(&self) -> PathBuf {
        self.account.join("home")
    }

    /// The root of the account's workspace.
    pub fn work(&self) -> PathBuf {
        self.account.join("work")
    }

    /// Where the events are kept.
    pub fn journal(&self) -> PathBuf {
        self.private.join("journal")
    }

    /// The account's key for the edge.
    pub fn key(&self) -> PathBuf {
        self.private.join("key")
    }

    /// The host's log, in JSON lines; also what codex says on its standard error.
    pub fn log(&self) -> PathBuf {
        self.private.join("log")
    }

    /// The host's process id.
    pub fn pid(&self) -> PathBuf {
        self.private.join("pid")
    }

    /// This file.
    pub fn path(&self) -> PathBuf {
        self.private.join("spec.json")
    }

    /// Writes it where a host finds it.
    pub fn write(&self) -> Result<PathBuf> {
        private_dir(&self.private)?;
        write_private(&self.path(), &serde_json::to_vec_pretty(self)?, true)?;
        Ok(self.path())
    }

    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no spec", path.display()))
    }
}

/// Makes a directory that only its owner may look into.
pub fn private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("{} cannot be made", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// Puts a file there as a whole or not at all, readable by its owner only.
pub fn write_private(path: &Path, content: &[u8], to_disk: bool) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    if to_disk {
        file.sync_data()?;
    }
    fs::rename(&beside, path)
}
