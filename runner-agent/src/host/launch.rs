//! The agent's side of a host's life: starting one that outlives its starter, and finding one that
//! is alive.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::journal;
use super::spec::Spec;

/// A host listens within this time; reading a long journal is what takes longest.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// This very program, also when its file has been replaced or removed since it began: a host has to
/// understand the agent that starts it.
const PROGRAM: &str = "/proc/self/exe";
/// What the end of the log may add to an error.
const LOG_TAIL_BYTES: u64 = 2_000;
/// What a host keeps of the agent's environment: what programs need, and the way to the network.
const KEPT: [&str; 12] = [
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "RUST_LOG",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// A connection to the host of this spec, if one is alive. The process that holds the lock on the
/// pid file is the host; a socket without one is a left-over.
pub async fn find(spec: &Spec) -> Option<UnixStream> {
    pid(spec)?;
    UnixStream::connect(&spec.socket).await.ok()
}

/// The process id of a host that is alive, even if it does not listen yet.
pub fn pid(spec: &Spec) -> Option<u32> {
    let file = File::open(spec.pid()).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => None,
        Err(_) => fs::read_to_string(spec.pid()).ok()?.trim().parse().ok(),
    }
}

/// Whether a host that is not alive has left events that no hub has acknowledged: it should be
/// launched, although nobody asks for anything.
pub fn has_unsent(spec: &Spec) -> bool {
    journal::has_unsent(&spec.journal())
}

/// A connection to the host of this spec, which is started if none is alive: in a process group of
/// its own, so that it outlives this process.
pub async fn launch(spec: &Spec) -> Result<UnixStream> {
    if let Some(stream) = find(spec).await {
        return Ok(stream);
    }
    let path = spec.write()?;
    let mut child = spawn(spec, &path)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(stream) = find(spec).await {
            return Ok(stream);
        }
        // Another starter may have been quicker; then ours ends, and theirs is found.
        let ended = child.try_wait()?.filter(|_| pid(spec).is_none());
        if let Some(status) = ended {
            bail!("the host of {} ended with {status}: {}", spec.process, log_tail(&spec.log()));
        }
        if Instant::now() > deadline {
            bail!("the host of {} does not listen: {}", spec.process, log_tail(&spec.log()));
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn spawn(spec: &Spec, path: &Path) -> Result<Child> {
    let mut options = OpenOptions::new();
    let log = options.append(true).create(true).mode(0o600).open(spec.log())?;
    let mut command = Command::new(PROGRAM);
    // What a list of processes shows is the name by which the agent was called.
    let name = std::env::args_os().next().unwrap_or_else(|| env!("CARGO_PKG_NAME").into());
    command.arg0(name).args(["host", "--spec"]).arg(path).process_group(0).kill_on_drop(false);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // What the agent was started with is nobody's business further down.
    command.env_clear().current_dir("/");
    command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.spawn().context("the host cannot be started")
}

fn log_tail(path: &Path) -> String {
    let tail = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let from = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
        file.seek(SeekFrom::Start(from))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    };
    tail().unwrap_or_else(|error| format!("its log cannot be read ({error})"))
}
