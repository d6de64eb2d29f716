//! What the requests of one rehearsal share: the log, the gates, and what a test queued up.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::log::Log;
use super::request::Asked;
use super::take::Ids;

/// One rehearsal.
#[derive(Debug, Default)]
pub struct Stage {
    pub log: Arc<Log>,
    pub ids: Ids,
    /// The only bearer that is let in; any is when there is none.
    key: Option<String>,
    next: Mutex<VecDeque<Next>>,
    open_gates: watch::Sender<HashSet<String>>,
    /// What was asked before, for `once`.
    met: Mutex<HashSet<u64>>,
    random: RandomState,
}

/// What the next request gets instead of what its prompt asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Directives, as in a prompt but without the cue.
    Script(String),
    /// An answer given byte by byte.
    Raw(Raw),
}

/// An answer given byte by byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Raw {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Each is written by itself.
    pub chunks: Vec<String>,
    /// Whether the connection is dropped after the chunks.
    pub cut: bool,
}

impl Default for Raw {
    fn default() -> Raw {
        Raw { status: 200, headers: BTreeMap::new(), chunks: Vec::new(), cut: false }
    }
}

impl Stage {
    /// A rehearsal that lets in only one key.
    pub fn with_key(key: Option<String>) -> Stage {
        Stage { key, ..Stage::default() }
    }

    pub fn admits(&self, authorization: Option<&str>) -> bool {
        let bearer = authorization.and_then(|value| value.strip_prefix("Bearer "));
        bearer.is_some_and(|bearer| self.key.as_ref().is_none_or(|key| key == bearer))
    }

    pub fn queue(&self, next: Next) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).push_back(next);
    }

    pub fn take_next(&self) -> Option<Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Opens a gate for all who wait and all who come, until the next reset.
    pub fn release(&self, gate: &str) {
        self.open_gates.send_modify(|open| {
            open.insert(gate.to_owned());
        });
    }

    /// Waits until a gate is open.
    pub async fn pass(&self, gate: &str) {
        // The stage holds the sender, so waiting cannot fail.
        let _ = self.open_gates.subscribe().wait_for(|open| open.contains(gate)).await;
    }

    /// Whether this is asked for the first time. Clients that try again shuffle the members of the
    /// body, so its bytes do not tell.
    pub fn is_first(&self, asked: &Asked) -> bool {
        let asked = self.random.hash_one(asked);
        self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(asked)
    }

    /// Closes the gates and forgets the past; responses in work go on.
    pub fn reset(&self) {
        self.log.reset();
        self.open_gates.send_modify(HashSet::clear);
        self.next.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
