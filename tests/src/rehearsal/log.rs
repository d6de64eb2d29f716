//! What came in and what was produced, kept for the tests that ask.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use http::{Method, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::usage::Usage;

/// Records kept; the oldest goes when one more arrives.
const RECORDS_MAX: usize = 20_000;

/// Bytes of bodies kept; the oldest records go when they are exceeded.
const BODIES_MAX_BYTES: usize = 64 << 20;

/// One request, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; as a string if it is none.
    pub body: Value,
    /// The directives that were played.
    pub script: String,
    pub status: Option<u16>,
    pub response_id: Option<String>,
    /// The `usage` member, once the event that carries it was sent.
    pub usage: Option<Value>,
    /// Events sent; a JSON answer is one.
    pub events: usize,
    /// Output tokens in the events sent.
    pub output_tokens: u64,
    pub end: End,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Still in work.
    Running,
    /// All of the answer was sent.
    Sent,
    /// The connection was dropped on purpose.
    Cut,
    /// The client went away before the end.
    HungUp,
}

/// Requests for a response, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub arrived: usize,
    pub running: usize,
    pub max_running: usize,
    pub sent: usize,
    pub cut: usize,
    pub hung_up: usize,
}

impl Record {
    /// The `usage` member, if it was sent and is whole.
    pub fn usage(&self) -> Option<Usage> {
        self.usage.as_ref().and_then(Usage::from_wire)
    }
}

/// The log of one rehearsal.
#[derive(Debug, Default)]
pub struct Log {
    pages: Mutex<Pages>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Pages {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    counts: Counts,
}

/// Owns copies: slices of what was read would keep the buffers of their connections alive.
#[derive(Debug)]
struct Entry {
    method: Method,
    path: String,
    headers: BTreeMap<String, String>,
    body: Box<[u8]>,
    /// Whether it asks for a response, and is counted.
    counted: bool,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    script: String,
    status: Option<u16>,
    response_id: Option<String>,
    usage: Option<Value>,
    events: usize,
    output_tokens: u64,
    end: End,
}

/// The right to write into one record. Dropped before its end, it records that the client left.
#[derive(Debug)]
pub struct Ticket {
    log: Arc<Log>,
    entry: Arc<Entry>,
}

impl Log {
    pub fn records(&self) -> Vec<Record> {
        let entries = lock(&self.pages).entries.clone();
        entries.iter().map(|entry| entry.record()).collect()
    }

    /// The bodies of those that ask for a response, as they came.
    pub fn bodies(&self) -> Vec<Box<[u8]>> {
        let entries = &lock(&self.pages).entries;
        entries.iter().filter(|entry| entry.counted).map(|entry| entry.body.clone()).collect()
    }

    pub fn counts(&self) -> Counts {
        lock(&self.pages).counts
    }

    /// Forgets what is over; what still runs stays counted.
    pub fn reset(&self) {
        let mut pages = lock(&self.pages);
        pages.entries.retain(|entry| lock(&entry.progress).end == End::Running);
        pages.bytes = pages.entries.iter().map(|entry| entry.body.len()).sum();
        let running = pages.counts.running;
        pages.counts =
            Counts { arrived: running, running, max_running: running, ..Counts::default() };
    }

    /// Waits until the counts are as wished.
    pub async fn wait(&self, wished: impl Fn(Counts) -> bool) {
        let mut changed = self.changed.subscribe();
        // The log outlives its own sender's receivers, so waiting cannot fail.
        while !wished(self.counts()) && changed.changed().await.is_ok() {}
    }

    /// Opens a record.
    pub fn arrive(self: &Arc<Log>, parts: &Parts, body: &[u8], counted: bool) -> Ticket {
        let headers = parts.headers.iter();
        let entry = Arc::new(Entry {
            method: parts.method.clone(),
            path: parts.uri.to_string(),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: body.into(),
            counted,
            progress: Mutex::default(),
        });
        let mut pages = lock(&self.pages);
        pages.add(Arc::clone(&entry));
        if counted {
            let counts = &mut pages.counts;
            counts.arrived += 1;
            counts.running += 1;
            counts.max_running = counts.max_running.max(counts.running);
        }
        drop(pages);
        self.changed.send_replace(());
        Ticket { log: Arc::clone(self), entry }
    }

    fn close(&self, entry: &Entry, end: End) {
        let mut progress = lock(&entry.progress);
        if progress.end != End::Running {
            return;
        }
        progress.end = end;
        drop(progress);
        if entry.counted {
            lock(&self.pages).counts.close(end);
        }
        self.changed.send_replace(());
    }
}

impl Pages {
    fn add(&mut self, entry: Arc<Entry>) {
        self.bytes += entry.body.len();
        self.entries.push_back(entry);
        while self.entries.len() > RECORDS_MAX || self.bytes > BODIES_MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.body.len();
        }
    }
}

impl Counts {
    fn close(&mut self, end: End) {
        self.running -= 1;
        match end {
            End::Running => self.running += 1,
            End::Sent => self.sent += 1,
            End::Cut => self.cut += 1,
            End::HungUp => self.hung_up += 1,
        }
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress {
            script: String::new(),
            status: None,
            response_id: None,
            usage: None,
            events: 0,
            output_tokens: 0,
            end: End::Running,
        }
    }
}

impl Entry {
    fn record(&self) -> Record {
        let progress = lock(&self.progress);
        Record {
            method: self.method.to_string(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: serde_json::from_slice(&self.body).unwrap_or_else(|_| text(&self.body).into()),
            script: progress.script.clone(),
            status: progress.status,
            response_id: progress.response_id.clone(),
            usage: progress.usage.clone(),
            events: progress.events,
            output_tokens: progress.output_tokens,
            end: progress.end,
        }
    }
}

impl Ticket {
    pub fn authorization(&self) -> Option<&str> {
        self.entry.headers.get(header::AUTHORIZATION.as_str()).map(String::as_str)
    }

    pub fn body(&self) -> &[u8] {
        &self.entry.body
    }

    pub fn plays(&self, script: &str) {
        script.clone_into(&mut lock(&self.entry.progress).script);
    }

    pub fn answers(&self, status: u16, response_id: Option<&str>) {
        let mut progress = lock(&self.entry.progress);
        progress.status = Some(status);
        progress.response_id = response_id.map(str::to_owned);
    }

    pub fn sent(&self, events: usize, output_tokens: u64) {
        let mut progress = lock(&self.entry.progress);
        progress.events = events;
        progress.output_tokens = output_tokens;
    }

    pub fn reported(&self, usage: Option<Value>) {
        lock(&self.entry.progress).usage = usage;
    }

    pub fn end(&self, end: End) {
        self.log.close(&self.entry, end);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(End::HungUp);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A test that panics elsewhere must not take the log with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
