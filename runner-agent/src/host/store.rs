//! The journal in use: what waits to be written, what is open after it, and what happens when the
//! disk is full.
//!
//! A snapshot of what is open is written before the events that it follows from are removed.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use schema::tunnel::Seq;
use schema::{AskId, Timestamp};
use serde_json::json;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::journal::{Draft, Journal};
use super::now;
use super::open::Open;
use super::record::Record;
use super::spec::{Spec, write_private};

/// Between two attempts to write to a full disk.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// Between two times that data is brought to the disk.
const SYNC_EVERY: Duration = Duration::from_millis(100);

/// Events on their way to the disk, and on it.
#[derive(Debug)]
pub struct Store {
    journal: Journal,
    open: Open,
    drafts: Vec<Draft>,
    stall: Option<Stall>,
    snapshot: PathBuf,
    /// Whether what a host before this one left open has been closed.
    is_recovered: bool,
    dirty_since: Option<Instant>,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
struct Stall {
    why: String,
    try_at: Instant,
}

impl Store {
    /// Opens what is there.
    pub fn open(spec: &Spec) -> Result<Self> {
        let snapshot = spec.private.join("open.json");
        let open = fs::read(&snapshot).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let mut open: Open = open.unwrap_or_default();
        let from = open.through;
        let max = spec.limits.journal_max_bytes;
        let journal = Journal::open(spec.journal(), max, from, |record| {
            if record.seq > from {
                open.observe(record);
            }
        })?;
        Ok(Self {
            journal,
            open,
            drafts: Vec::new(),
            stall: None,
            snapshot,
            is_recovered: false,
            dirty_since: None,
            syncing: None,
        })
    }

    /// What is open.
    pub fn now_open(&self) -> &Open {
        &self.open
    }

    /// A turn runs, as an answer says before any event does. Whoever reads that answer waits for
    /// its end, so a host that dies before the event comes must have left word of it.
    pub fn turn_begins(&mut self, turn: &str, thread: &str) {
        if self.open.begin(turn, thread)
            && let Err(error) = self.save(false)
        {
            tracing::warn!(%error, "what is open cannot be written down");
        }
    }

    /// A question has been answered.
    pub fn answered(&mut self, ask: AskId) {
        self.open.asks.remove(&ask);
    }

    pub fn last(&self) -> Seq {
        self.journal.last()
    }

    /// Whether all that was said is on disk.
    pub fn is_written(&self) -> bool {
        self.drafts.is_empty()
    }

    /// Why nothing can be written, if so.
    pub fn stall(&self) -> Option<&str> {
        self.stall.as_ref().map(|stall| stall.why.as_str())
    }

    pub fn get(&mut self, seq: Seq) -> io::Result<Option<&Record>> {
        self.journal.get(seq)
    }

    /// An event, to be written with the next [`flush`](Self::flush).
    pub fn push(&mut self, ask: Option<AskId>, body: Bytes, matters: bool) {
        self.drafts.push(Draft { at: now(), ask, body, matters });
    }

    /// Everything that is open has ended with the process.
    pub fn push_closing(&mut self, why: &str) {
        for body in self.open.closing(why, now()) {
            self.push(None, body, true);
        }
    }

    /// Writes what waits, and returns the questions among it. On a full disk it goes on waiting,
    /// and nothing more is taken from the process.
    pub fn flush(&mut self, at: Instant) -> Vec<AskId> {
        let mut asks = Vec::new();
        let waits = self.stall.as_ref().is_some_and(|stall| stall.try_at > at);
        if self.drafts.is_empty() || waits {
            return asks;
        }
        let first = match self.journal.append(&self.drafts) {
            Ok(first) => first,
            Err(error) => {
                if self.stall.is_none() {
                    tracing::error!(%error, "the journal cannot be written; the process waits");
                }
                let why = format!("the journal cannot be written: {error}");
                self.stall = Some(Stall { why, try_at: at + TRY_AGAIN });
                return asks;
            }
        };
        if self.stall.take().is_some() {
            tracing::info!("the journal can be written again");
        }
        self.dirty_since.get_or_insert(at);
        for (number, draft) in (first.0..).zip(self.drafts.drain(..)) {
            asks.extend(draft.ask);
            if draft.matters || draft.ask.is_some() {
                let Draft { at, ask, body, .. } = draft;
                self.open.observe(&Record { seq: Seq(number), at, ask, body });
            }
        }
        self.open.through = self.journal.last();
        asks
    }

    /// A hub has stored events through this one, and wants the next ones. Returns after which one
    /// to go on. What a host before this one left open is closed now, for only now is known which
    /// number comes next.
    pub fn attach(&mut self, after: Seq, has_process: bool) -> io::Result<Seq> {
        self.journal.skip_to(after)?;
        self.ack(after)?;
        if !std::mem::replace(&mut self.is_recovered, true) && !has_process {
            self.recover();
        }
        // A hub that knows less than was forgotten here has lost it.
        Ok(after.max(Seq(self.journal.first().0.saturating_sub(1))))
    }

    /// A hub has stored events through this one.
    pub fn ack(&mut self, through: Seq) -> io::Result<()> {
        if self.journal.ack(through.min(self.journal.last())) {
            self.save(false)?;
            self.journal.trim()?;
        }
        Ok(())
    }

    /// When there is something to do again.
    pub fn deadline(&self) -> Option<Instant> {
        let stall = self.stall.as_ref().map(|stall| stall.try_at);
        let sync = self.dirty_since.filter(|_| self.syncing.is_none());
        stall.into_iter().chain(sync.map(|since| since + SYNC_EVERY)).min()
    }

    /// Begins to bring data to the disk, if it is time.
    pub fn sync(&mut self, at: Instant) {
        let due = self.dirty_since.is_some_and(|since| since + SYNC_EVERY <= at);
        if !due || self.syncing.is_some() {
            return;
        }
        self.dirty_since = None;
        match self.journal.handle() {
            Ok(Some(file)) => self.syncing = Some(spawn_blocking(move || file.sync_data())),
            Ok(None) => {}
            Err(error) => self.synced(Err(error)),
        }
    }

    /// What brings data to the disk now.
    pub fn syncing(&mut self) -> Option<&mut JoinHandle<io::Result<()>>> {
        self.syncing.as_mut()
    }

    pub fn synced(&mut self, result: io::Result<()>) {
        self.syncing = None;
        if let Err(error) = result {
            tracing::error!(%error, "the journal cannot be brought to the disk");
        }
    }

    /// Leaves everything as the next host wants to find it.
    pub fn close(&mut self) -> Result<()> {
        self.save(true)?;
        self.journal.save_acked()?;
        Ok(())
    }

    fn recover(&mut self) {
        let Some(pid) = self.open.pid else { return };
        tracing::warn!(pid, "the host before this one ended with its process");
        let why = "the host ended, and the process with it";
        self.push_exit(json!({ "status": null, "signal": null }), false, why);
        self.push_closing(why);
    }

    /// The process has ended.
    pub fn push_exit(&mut self, status: serde_json::Value, expected: bool, message: &str) {
        let mut params = status;
        if let Some(params) = params.as_object_mut() {
            params.insert("expected".to_owned(), json!(expected));
            params.insert("message".to_owned(), json!(message));
        }
        let event = json!({ "method": "gantry/process/exited", "params": params });
        self.push(None, event.to_string().into(), true);
    }

    /// What is not brought to the disk outlives the host, but not the machine.
    fn save(&self, to_disk: bool) -> io::Result<()> {
        write_private(&self.snapshot, &serde_json::to_vec(&self.open)?, to_disk)
    }
}

/// A moment of the wall clock.
pub fn timestamp(now: std::time::SystemTime) -> Timestamp {
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
