//! What has to be known of threads so that a process that was started again can go on with them:
//! which ones it has loaded, and which policy each one last had.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use serde_json::value::RawValue;

use super::spec::write_private;
use crate::dialect::{self, Params, Policy};

/// Threads whose policy is remembered; the oldest are forgotten first, for ids sort by age.
const THREADS_MAX: usize = 2_000;

/// The threads of one process.
#[derive(Debug, Default)]
pub struct Threads {
    path: PathBuf,
    policies: BTreeMap<String, Policy>,
    loaded: HashSet<String>,
    /// The latest thread that runs in a directory.
    latest: HashMap<PathBuf, String>,
    /// Loaded again by us: their policy has to be said once more with the next turn.
    resumed: HashSet<String>,
}

impl Threads {
    /// Reads what an earlier host has written down.
    pub fn open(path: PathBuf) -> Self {
        let policies = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { path, policies: policies.unwrap_or_default(), ..Self::default() }
    }

    /// The process has ended, and everything is to be loaded again.
    pub fn forget_loaded(&mut self) {
        self.loaded.clear();
        self.resumed.clear();
    }

    pub fn is_loaded(&self, thread: &str) -> bool {
        self.loaded.contains(thread)
    }

    pub fn load(&mut self, thread: &str) {
        self.loaded.insert(thread.to_owned());
    }

    /// The thread that was last begun or gone on with in that very directory.
    pub fn latest_in(&self, folder: &Path) -> Option<&str> {
        self.latest.get(folder).map(String::as_str)
    }

    pub fn unload(&mut self, thread: &str) {
        self.loaded.remove(thread);
    }

    pub fn resumed(&mut self, thread: &str) {
        self.load(thread);
        self.resumed.insert(thread.to_owned());
    }

    /// Whether the thread was loaded again since its last turn.
    pub fn take_resumed(&mut self, thread: &str) -> bool {
        self.resumed.remove(thread)
    }

    pub fn policy(&self, thread: &str) -> Policy {
        self.policies.get(thread).cloned().unwrap_or_default()
    }

    /// Learns from the answer to `thread/start`, `thread/resume` or `thread/fork`.
    pub fn learn(&mut self, result: &RawValue, sent: Option<&Params>) {
        let Ok(result) = serde_json::from_str::<Value>(result.get()) else { return };
        let Some(thread) = result.pointer("/thread/id").and_then(Value::as_str) else { return };
        self.load(thread);
        let cwd = result.get("cwd").or_else(|| result.pointer("/thread/cwd"));
        if let Some(cwd) = cwd.and_then(Value::as_str) {
            if self.latest.len() >= THREADS_MAX {
                self.latest.clear();
            }
            self.latest.insert(PathBuf::from(cwd), thread.to_owned());
        }
        let some = |name: &str| result.get(name).filter(|it| !it.is_null()).cloned();
        let profile = sent.and_then(|sent| sent.get("permissions"));
        let policy = Policy {
            approval: some("approvalPolicy"),
            sandbox: some("sandbox"),
            profile: profile.and_then(dialect::profile_name).map(str::to_owned),
        };
        self.set(thread, policy);
    }

    /// Learns from what a turn was started with, which holds for the following turns too.
    pub fn override_policy(&mut self, thread: &str, sent: &Params) {
        let mut policy = self.policy(thread);
        let some = |name: &str| sent.get(name).filter(|it| !it.is_null());
        if let Some(approval) = some("approvalPolicy") {
            policy.approval = Some(approval.clone());
        }
        if let Some(sandbox) = some("sandboxPolicy") {
            policy.sandbox = Some(sandbox.clone());
            policy.profile = None;
        }
        if let Some(profile) = some("permissions").and_then(dialect::profile_name) {
            policy.profile = Some(profile.to_owned());
        }
        self.set(thread, policy);
    }

    fn set(&mut self, thread: &str, policy: Policy) {
        if self.policies.get(thread) == Some(&policy) {
            return;
        }
        self.policies.insert(thread.to_owned(), policy);
        if self.policies.len() > THREADS_MAX {
            self.policies.pop_first();
        }
        // Without it a thread falls back to the settings it was started with.
        let text = serde_json::to_vec(&self.policies).unwrap_or_default();
        if let Err(error) = write_private(&self.path, &text, false) {
            tracing::warn!(%error, "the policy of a thread cannot be written down");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_outlives_the_host_and_the_last_turn_decides() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("threads.json");
        let mut threads = Threads::open(path.clone());
        let answer = json!({
            "thread": { "id": "T" }, "approvalPolicy": "never", "sandbox": { "type": "readOnly" },
        });
        let answer = serde_json::value::to_raw_value(&answer).unwrap();
        threads.learn(&answer, None);
        assert!(threads.is_loaded("T"));
        let sent = json!({ "approvalPolicy": "untrusted" });
        threads.override_policy("T", sent.as_object().unwrap());
        let threads = Threads::open(path);
        let wanted = Policy {
            approval: Some(json!("untrusted")),
            sandbox: Some(json!({ "type": "readOnly" })),
            profile: None,
        };
        assert_eq!((threads.policy("T"), threads.is_loaded("T")), (wanted, false));
    }
}
