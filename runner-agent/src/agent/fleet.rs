//! The processes of this machine: which there are, what they are doing, how to reach their hosts.
//! What a process says is not remembered here, only what was asked of it and not answered.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use schema::tunnel::{Process, ProcessState, Provider, Seq, Stored};
use schema::{AccountId, OpId};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::attachment::{Attachment, Up};
use crate::config::Settings;
use crate::host::{self, Spec};

/// Operations of one process that may be unanswered. At the maximum further ones are refused.
pub const OPEN_MAX: usize = 1_024;
/// And so many bytes of them.
pub const OPEN_MAX_BYTES: usize = 16 * 1024 * 1024;
/// What hosts say waits here for the agent; at the maximum their connections are not read.
pub const UPS_MAX: usize = 64;
/// A host that ended is looked for again after this, doubled with every failure…
const AGAIN: Duration = Duration::from_millis(100);
/// … up to this.
const AGAIN_MAX: Duration = Duration::from_secs(10);
/// After so many failures in a row what was asked is refused instead of kept.
const FAILURES_MAX: u32 = 4;

/// One account's process, as the agent knows it.
#[derive(Debug)]
pub struct Hosted {
    spec: Spec,
    attachment: Option<Attachment>,
    /// What it was last said to be doing.
    pub process: Process,
    /// Where the hub stands.
    pub stored: Seq,
    /// The last event that passed.
    pub said: Seq,
    /// Operations without an answer, as they came: a host that is begun anew gets them again.
    open: BTreeMap<OpId, Bytes>,
    open_bytes: usize,
    failures: u32,
    again_at: Option<Instant>,
}

impl Hosted {
    fn new(spec: Spec) -> Self {
        let process = Process {
            process: spec.process,
            state: ProcessState::Stopped,
            reason: String::new(),
            codex: String::new(),
            provisioned: spec.key().is_file(),
            turns: 0,
        };
        let (open, stored) = (BTreeMap::new(), Seq::default());
        Self {
            spec,
            attachment: None,
            process,
            stored,
            said: stored,
            open,
            open_bytes: 0,
            failures: 0,
            again_at: None,
        }
    }

    /// Whether it takes one of the places: it runs, or is about to.
    pub fn counts(&self) -> bool {
        self.process.state != ProcessState::Stopped || !self.open.is_empty()
    }

    /// Whether something goes on that somebody waits for.
    pub fn busy(&self) -> bool {
        self.process.turns > 0 || !self.open.is_empty()
    }

    /// Whether one more operation can be remembered.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.open.len() < OPEN_MAX && self.open_bytes + bytes <= OPEN_MAX_BYTES
    }

    /// Operations without an answer.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Remembers an operation until it is answered.
    pub fn opened(&mut self, op: OpId, frame: Bytes) {
        self.open_bytes += frame.len();
        if let Some(before) = self.open.insert(op, frame) {
            self.open_bytes -= before.len();
        }
    }

    /// The answer has come: its host does its work.
    pub fn answered(&mut self, op: OpId) {
        self.failures = 0;
        if let Some(frame) = self.open.remove(&op) {
            self.open_bytes -= frame.len();
        }
    }

    /// Forgets the operations: whoever asked asks again, or is told.
    pub fn forget_open(&mut self) -> Vec<OpId> {
        self.open_bytes = 0;
        std::mem::take(&mut self.open).into_keys().collect()
    }

    /// Whether this is what its present connection says.
    pub fn hears(&self, serial: u64) -> bool {
        self.attachment.as_ref().is_some_and(|attachment| attachment.serial == serial)
    }
}

/// All of them.
#[derive(Debug)]
pub struct Fleet {
    /// By their accounts.
    pub hosted: BTreeMap<AccountId, Hosted>,
    /// Where the hub stands with processes that are not known here, or not any more.
    elsewhere: BTreeMap<AccountId, Seq>,
    up: mpsc::Sender<Up>,
    serial: u64,
}

impl Fleet {
    /// Finds what earlier agents left: every account whose host was ever told a spec.
    pub fn discover(settings: &Settings, edge: &str, up: mpsc::Sender<Up>) -> Result<Self> {
        let mut hosted = BTreeMap::new();
        let entries = match fs::read_dir(settings.hosts()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            entries => Some(entries.context("the directory of hosts cannot be read")?),
        };
        for entry in entries.into_iter().flatten() {
            let entry = entry?;
            let Ok(process) = entry.file_name().to_string_lossy().parse() else { continue };
            let fresh = settings.spec(edge, process)?;
            // A host that runs listens where it was told to when it began.
            let spec = match Spec::read(&fresh.path()) {
                Ok(told) if host::pid(&told).is_some() => told,
                Ok(_) | Err(_) => fresh,
            };
            hosted.insert(process, Hosted::new(spec));
        }
        Ok(Self { hosted, elsewhere: BTreeMap::new(), up, serial: 0 })
    }

    /// A process pays on as it was begun, and the agent says once how all of them pay: were the two
    /// different, turns would be paid for twice, or not at all.
    pub fn check_provider(&self, provider: Provider) -> Result<()> {
        let other = self.hosted.iter().find(|(_, hosted)| hosted.spec.provider != provider);
        if let Some((process, _)) = other {
            bail!(
                "the host of {process} was begun with another `provider`: take that back and \
                 drain, or try again when the host has ended by itself"
            );
        }
        Ok(())
    }

    /// Processes that count towards the capacity.
    pub fn load(&self) -> u32 {
        let counting = self.hosted.values().filter(|hosted| hosted.counts()).count();
        u32::try_from(counting).unwrap_or(u32::MAX)
    }

    /// Whether something goes on that somebody waits for.
    pub fn is_busy(&self) -> bool {
        self.hosted.values().any(Hosted::busy)
    }

    /// Whether the hub has stored every event that passed.
    pub fn all_stored(&self) -> bool {
        self.hosted.values().all(|hosted| hosted.said <= hosted.stored)
    }

    /// Turns that run.
    pub fn turns(&self) -> u32 {
        self.hosted.values().map(|hosted| hosted.process.turns).sum()
    }

    /// Goes on from where the hub stands: connects to every host that lives, and begins those anew
    /// that ended before the hub had everything.
    pub fn resume(&mut self, stored: Vec<Stored>) {
        self.elsewhere = stored.into_iter().map(|it| (it.process, it.through)).collect();
        for (process, hosted) in &mut self.hosted {
            // What the hub does not name it does not know: it gets that from the beginning.
            hosted.stored = self.elsewhere.remove(process).unwrap_or_default();
        }
        let processes: Vec<AccountId> = self.hosted.keys().copied().collect();
        for process in processes {
            let Some(hosted) = self.hosted.get(&process) else { continue };
            let lives = hosted.attachment.is_some() || host::pid(&hosted.spec).is_some();
            if lives || host::has_unsent(&hosted.spec) {
                self.attach(process, true);
            }
        }
    }

    /// Connects to the hosts that live, before there is a tunnel: to know what they are doing.
    pub fn attach_living(&mut self) {
        let living = self.hosted.values().filter(|it| host::pid(&it.spec).is_some());
        let living: Vec<AccountId> = living.map(|it| it.spec.process).collect();
        living.into_iter().for_each(|process| self.attach(process, false));
    }

    /// Makes a process known.
    pub fn know(
        &mut self,
        settings: &Settings,
        edge: &str,
        process: AccountId,
    ) -> Result<&mut Hosted> {
        use std::collections::btree_map::Entry;
        match self.hosted.entry(process) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let hosted = place.insert(Hosted::new(settings.spec(edge, process)?));
                hosted.stored = self.elsewhere.remove(&process).unwrap_or_default();
                Ok(hosted)
            }
        }
    }

    /// Passes an operation, which is among the open ones already, to a process's host. The host is
    /// found or begun if need be, and then is told all that is open.
    pub fn send(&mut self, process: AccountId, frame: Bytes) {
        let Some(hosted) = self.hosted.get(&process) else { return };
        if !hosted.attachment.as_ref().is_some_and(|attachment| attachment.send(frame)) {
            self.attach(process, true);
        }
    }

    /// Passes what means nothing to a host that has to be begun for it.
    pub fn pass(&mut self, process: AccountId, frame: Bytes) {
        let attachment = self.hosted.get(&process).and_then(|it| it.attachment.as_ref());
        if attachment.is_some_and(|attachment| !attachment.send(frame)) {
            self.attach(process, true);
        }
    }

    /// A new connection, instead of the old one.
    fn attach(&mut self, process: AccountId, launch: bool) {
        self.serial += 1;
        let Some(hosted) = self.hosted.get_mut(&process) else { return };
        hosted.again_at = None;
        let (spec, up) = (hosted.spec.clone(), self.up.clone());
        let attachment = Attachment::begin(spec, launch, hosted.stored, self.serial, up);
        for frame in hosted.open.values() {
            // There is room for as many as are remembered.
            attachment.send(frame.clone());
        }
        hosted.attachment = Some(attachment);
    }

    /// What a process is doing, from its own host.
    pub fn told(&mut self, process: Process) {
        if let Some(hosted) = self.hosted.get_mut(&process.process) {
            hosted.process = process;
        }
    }

    /// A connection is over: the host ended, or replaced it. It is looked for again if somebody
    /// waits for it; after some failures the operations that are given up are returned.
    pub fn ended(&mut self, process: AccountId, why: &str, now: Instant) -> Vec<OpId> {
        let Some(hosted) = self.hosted.get_mut(&process) else { return Vec::new() };
        hosted.attachment = None;
        let needed = hosted.busy() || host::has_unsent(&hosted.spec);
        if host::pid(&hosted.spec).is_none() {
            hosted.process.state = ProcessState::Stopped;
        }
        if !needed && host::pid(&hosted.spec).is_none() {
            tracing::debug!(%process, why, "the host ended");
            return Vec::new();
        }
        hosted.failures += 1;
        tracing::warn!(%process, why, failures = hosted.failures, "lost a host: looking for it");
        let wait = AGAIN.saturating_mul(1 << hosted.failures.min(10)).min(AGAIN_MAX);
        hosted.again_at = Some(now + wait);
        if hosted.failures < FAILURES_MAX {
            return Vec::new();
        }
        hosted.process.turns = 0;
        hosted.process.reason = why.to_owned();
        hosted.process.state = ProcessState::Failed;
        hosted.forget_open()
    }

    /// When the next lost host is to be looked for.
    pub fn again_at(&self) -> Option<Instant> {
        self.hosted.values().filter_map(|hosted| hosted.again_at).min()
    }

    /// Looks for the lost hosts whose time has come.
    pub fn look_again(&mut self, now: Instant) {
        let due = |it: &&Hosted| it.again_at.is_some_and(|at| at <= now);
        let due: Vec<AccountId> =
            self.hosted.values().filter(due).map(|it| it.spec.process).collect();
        due.into_iter().for_each(|process| self.attach(process, true));
    }

    /// The tunnel is gone: whoever asked will ask again.
    pub fn forget_open(&mut self) {
        self.hosted.values_mut().for_each(|hosted| drop(hosted.forget_open()));
    }
}

/// Asks every host of this machine to end, with what it hosts: nobody will come back for them.
pub fn end_hosts(settings: &Settings, edge: &str) -> Result<()> {
    let (up, _) = mpsc::channel(1);
    for hosted in Fleet::discover(settings, edge, up)?.hosted.into_values() {
        let pid = host::pid(&hosted.spec).and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Options, Place};

    #[test]
    fn how_processes_pay_is_not_changed_under_those_that_run() {
        let folder = tempfile::tempdir().unwrap();
        let (state_dir, config) = (Some(folder.path().to_owned()), folder.path().join("config"));
        fs::write(&config, "provider = \"own\"").unwrap();
        let place = Place { state_dir, config: Some(config) };
        let settings = Settings::decide(&place, Options::default()).unwrap();
        let mut fleet = Fleet::discover(&settings, "http://edge", mpsc::channel(1).0).unwrap();
        let process = AccountId::from_bits(1);
        let spec = settings.spec("http://edge", process).unwrap();
        fleet.hosted.insert(process, Hosted::new(spec));
        assert!(fleet.check_provider(Provider::Own).is_ok());
        let refusal = fleet.check_provider(Provider::Edge).unwrap_err().to_string();
        assert!(refusal.contains(&process.to_string()), "{refusal}");
    }
}
