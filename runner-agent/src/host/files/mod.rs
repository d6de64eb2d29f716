//! What the host does itself in a workspace: it makes projects, lists, reads and writes files. None
//! of it needs codex to run, or a key.
//!
//! The work is done beside the host's loop, which only begins it and passes on what it came to.

#[cfg(test)]
mod attacks;
mod change;
mod git;
mod prepare;
mod root;
mod template;
mod tree;
pub mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use bytes::Bytes;
use rustix::fs::FileType;
use schema::workspace::{self, Changed, Entry, FAILED, File, Kind, Span, Stat};
use schema::{Code, Error, OpId, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::root::Root;
use self::watch::Told;
use super::calls::Call;
use super::ops::Outcome;
use super::spec::Spec;
use super::{Host, feed};

/// Pieces of work that are done at once; beyond it they are refused.
const WORK_MAX: usize = 64;

/// Work in progress.
#[derive(Debug)]
pub struct Work {
    tasks: JoinSet<Done>,
    /// What changes files is done one after the other, so that what was looked at still holds.
    turn: Arc<Mutex<()>>,
}

/// A piece of work that has come to an end.
#[derive(Debug)]
pub struct Done {
    pub op: OpId,
    pub written: bool,
    pub outcome: Outcome,
}

impl Work {
    /// Work of an earlier host was cut off: what it had begun is removed.
    pub fn open(spec: &Spec) -> Result<Self> {
        match fs::remove_dir_all(staging(spec)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::unavailable(error)),
            _ => Ok(Self { tasks: JoinSet::new(), turn: Arc::default() }),
        }
    }

    /// Whether nothing is being done.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The next that has come to an end; none where nothing is being done.
    pub fn under_way(&mut self) -> Option<&mut JoinSet<Done>> {
        Some(&mut self.tasks).filter(|tasks| !tasks.is_empty())
    }
}

/// Waits for the next end. Work that broke down has no answer: whoever asked is told by its
/// deadline.
pub async fn next(tasks: &mut JoinSet<Done>) -> Option<Done> {
    match tasks.join_next().await {
        Some(Ok(done)) => Some(done),
        Some(Err(error)) => {
            tracing::error!(%error, "work on files broke down");
            None
        }
        None => None,
    }
}

impl Host {
    /// Begins a piece of work.
    pub(super) fn work(&mut self, call: Call) {
        let (op, written) = (call.op, call.is_written());
        if self.work.tasks.len() >= WORK_MAX {
            let message = "Too much is being done with files of this account. Try again shortly.";
            let error = Error::new(Code::ConcurrencyLimitExceeded, message).retry_after(1);
            return self.worked(Done { op, written, outcome: answer(Err(error)) });
        }
        let (spec, turn) = (self.spec.clone(), self.work.turn.clone());
        if call.method == workspace::WATCH {
            let watching = read(&call.params).and_then(|it| self.watcher.watch(&self.spec, &it));
            let outcome = answer(watching.and_then(|it| body(&it)));
            return self.worked(Done { op, written, outcome });
        }
        if call.method == workspace::PREPARE {
            self.work.tasks.spawn(async move {
                let prepared = prepare::prepare(&spec, op, &call.params).await;
                Done { op, written, outcome: answer(prepared.and_then(|it| body(&it))) }
            });
            return;
        }
        self.work.tasks.spawn_blocking(move || {
            let outcome = answer(act(&spec, &turn, &call.method, &call.params));
            Done { op, written, outcome }
        });
    }

    /// Tells what has changed in roots that are watched, to the latest thread of each.
    pub(super) fn tell_changes(&mut self, now: Instant) {
        for Told { root, changes, more } in self.watcher.due(now) {
            let Ok(work) = fs::canonicalize(self.spec.work()) else { continue };
            let Some(thread_id) = self.threads.latest_in(&work.join(&root)) else { continue };
            let thread_id = thread_id.to_owned();
            let params = Changed { thread_id, root, changes, more };
            let event = json!({ "method": workspace::CHANGED, "params": params });
            self.store.push(None, event.to_string().into(), false);
        }
    }

    /// A piece of work has come to an end.
    pub(super) fn worked(&mut self, done: Done) {
        let Done { op, written, outcome } = done;
        self.conclude(op, written, outcome);
    }
}

/// A part of a file that is read.
#[derive(Debug)]
pub struct Opened {
    pub file: fs::File,
    pub about: File,
    /// Bytes of the part.
    pub bytes: u64,
    /// Whether the file has to stay as it is until it has been read.
    keeps: bool,
}

impl Opened {
    pub fn new(file: fs::File, about: &rustix::fs::Stat, span: Span, keeps: bool) -> Self {
        let size = u64::try_from(about.st_size).unwrap_or_default();
        let (offset, bytes) = span.within(size);
        let (etag, modified_at) = (root::etag(about), root::modified_at(about));
        Self { file, about: File { etag, size, offset, modified_at }, bytes, keeps }
    }

    /// Whether it can be read on.
    pub fn holds(&self) -> bool {
        let is_same = |about| root::etag(&about) == self.about.etag;
        !self.keeps || rustix::fs::fstat(&self.file).is_ok_and(is_same)
    }
}

/// Opens a file of a root, or of the whole workspace if none is named.
pub fn open(spec: &Spec, root: Option<&str>, path: &str, span: Span) -> Result<Opened> {
    let (within, path) = match root {
        Some(root) => (root, path),
        None => ("", path.strip_prefix('/').unwrap_or(path)),
    };
    let (file, about) = Root::open(&spec.account, within)?.file(path)?;
    Ok(Opened::new(file, &about, span, root.is_some()))
}

fn act(spec: &Spec, turn: &Mutex<()>, method: &str, params: &[u8]) -> Result<String> {
    match method {
        workspace::TREE => body(&tree::tree(spec, &read(params)?)?),
        workspace::STAT => {
            let Stat { root, path } = read(params)?;
            body(&tree::stat(spec, &root, &path)?)
        }
        workspace::WRITE => body(&change::write(spec, turn, &read(params)?)?),
        workspace::REMOVE => body(&change::remove(spec, turn, &read(params)?)?),
        _ => {
            let message = format!("This runner knows no `{method}`: update it.");
            Err(Error::new(Code::RunnerUnavailable, message))
        }
    }
}

/// What something is, if it is shown at all.
fn kind(about: &rustix::fs::Stat) -> Option<Kind> {
    match FileType::from_raw_mode(about.st_mode) {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Directory),
        FileType::Symlink => Some(Kind::Link),
        _ => None,
    }
}

fn entry(path: String, kind: Kind, about: &rustix::fs::Stat) -> Entry {
    let is_file = kind == Kind::File;
    let size = if is_file { u64::try_from(about.st_size).unwrap_or_default() } else { 0 };
    let etag = if is_file { root::etag(about) } else { String::new() };
    Entry { path, kind, size, modified_at: root::modified_at(about), etag }
}

/// Where what is not whole yet is kept: codex cannot look there.
fn staging(spec: &Spec) -> PathBuf {
    spec.private.join("staging")
}

fn read<T: DeserializeOwned>(params: &[u8]) -> Result<T> {
    serde_json::from_slice(params).map_err(|error| {
        Error::new(Code::InvalidRequest, format!("The params are not right: {error}."))
    })
}

fn body(result: &impl Serialize) -> Result<String> {
    serde_json::to_string(result).map_err(Error::internal)
}

/// As codex would answer.
fn answer(result: Result<String>) -> Outcome {
    Ok(match result {
        Ok(result) => feed::wrap("result", &result),
        Err(error) => {
            let error = json!({ "code": FAILED, "message": error.message, "data": error });
            Bytes::from(json!({ "error": error }).to_string())
        }
    })
}

#[cfg(test)]
mod tests {
    use schema::AccountId;
    use schema::tunnel::Provider;
    use tempfile::TempDir;

    use super::*;
    use crate::host::spec::{Jail, Limits};

    /// A place for an account, with an empty workspace.
    pub fn world() -> (TempDir, Spec) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let spec = Spec {
            process: AccountId::from_bits(7),
            edge: String::new(),
            ca_file: None,
            account: root.join("account"),
            private: root.join("private"),
            socket: root.join("socket"),
            cache: root.join("cache"),
            codex: root.join("codex"),
            jail: Jail::Off,
            provider: Provider::Own,
            template: None,
            limits: Limits::default(),
            model: None,
        };
        fs::create_dir_all(spec.work()).unwrap();
        fs::create_dir_all(staging(&spec)).unwrap();
        (folder, spec)
    }
}
