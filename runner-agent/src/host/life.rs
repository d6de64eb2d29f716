//! How the process begins and ends: on demand, when idle, after a failure not at once.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use rustix::process::Signal;
use schema::tunnel::{Process, ProcessState, Provider, Refusal};
use schema::{Code, OpId};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::calls::{After, Pending};
use super::child::{Child, describe};
use super::command::{self, Prepared};
use super::{Host, both_clocks, random_part};

/// After its end, what a process has written is read for this long at most: somebody else may hold
/// the other end of the pipe.
const DRAIN: Duration = Duration::from_secs(2);

/// Where a process stands.
#[derive(Debug)]
pub enum Life {
    /// It begins on demand.
    Stopped,
    /// It begins on demand, but not before that.
    Failed {
        why: String,
        until: Instant,
    },
    /// The binary and the jail are looked at.
    Preparing(JoinHandle<Result<Prepared>>),
    /// It runs, and has to introduce itself by then.
    Starting {
        until: Instant,
    },
    Running {
        since: Instant,
    },
    /// It was asked to end.
    Ending {
        step: Step,
        until: Instant,
        expected: bool,
        why: String,
    },
}

/// How it was asked to end.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    InputClosed,
    Terminated,
    Killed,
}

/// What the hub was told.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    state: ProcessState,
    turns: usize,
    provisioned: bool,
}

impl Life {
    pub fn preparing(&mut self) -> Option<&mut JoinHandle<Result<Prepared>>> {
        match self {
            Self::Preparing(task) => Some(task),
            Self::Stopped
            | Self::Failed { .. }
            | Self::Starting { .. }
            | Self::Running { .. }
            | Self::Ending { .. } => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Failed { until, .. } | Self::Starting { until } | Self::Ending { until, .. } => {
                Some(*until)
            }
            Self::Stopped | Self::Preparing(_) | Self::Running { .. } => None,
        }
    }
}

impl Host {
    pub(super) fn is_running(&self) -> bool {
        matches!(self.life, Life::Running { .. })
    }

    /// Whether the process has a turn, a question, or something to answer.
    fn is_busy(&self) -> bool {
        let open = self.store.now_open();
        !self.calls.is_idle() || !open.turns.is_empty() || !open.asks.is_empty()
    }

    pub(super) fn provisioned(&self) -> bool {
        self.spec.provider == Provider::Own || self.key.is_set()
    }

    /// What the process is doing, as the hub sees it.
    fn state(&self) -> ProcessState {
        match self.life {
            _ if self.store.stall().is_some() => ProcessState::Stalled,
            Life::Stopped => ProcessState::Stopped,
            Life::Failed { .. } => ProcessState::Failed,
            Life::Preparing(_) | Life::Starting { .. } => ProcessState::Starting,
            Life::Running { .. } => ProcessState::Running,
            // One that ends by order is no longer there for anybody.
            Life::Ending { expected: true, .. } => ProcessState::Stopped,
            Life::Ending { expected: false, .. } => ProcessState::Failed,
        }
    }

    pub(super) fn told_now(&self) -> Told {
        let turns = self.store.now_open().turns.len();
        Told { state: self.state(), turns, provisioned: self.provisioned() }
    }

    pub(super) fn describe(&self) -> Process {
        let Told { state, turns, provisioned } = self.told_now();
        let reason = match (&self.life, self.store.stall()) {
            (_, Some(why)) => why,
            (Life::Failed { why, .. } | Life::Ending { why, .. }, None) => why,
            _ => "",
        };
        let codex = self.prepared.as_ref().map(|prepared| prepared.facts.version.clone());
        Process {
            process: self.spec.process,
            state,
            reason: reason.to_owned(),
            codex: codex.unwrap_or_default(),
            provisioned,
            turns: u32::try_from(turns).unwrap_or(u32::MAX),
        }
    }

    /// Whether this host can go.
    pub(super) fn is_done(&self) -> bool {
        if self.child.is_some() || matches!(self.life, Life::Preparing(_)) {
            return false;
        }
        let linger = Duration::from_secs(self.spec.limits.linger_s);
        self.leaving || self.alone_since.is_some_and(|since| since.elapsed() >= linger)
    }

    /// When there is something to do without anything having happened.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let idle = Duration::from_secs(self.spec.limits.idle_stop_s);
        let linger = Duration::from_secs(self.spec.limits.linger_s);
        let idle = (self.is_running() && !self.is_busy()).then(|| self.used_at + idle);
        let drained = self.child.as_ref().and_then(|child| child.ended).map(|end| end.1 + DRAIN);
        let linger = self.alone_since.map(|since| since + linger);
        let times = [idle, drained, linger, self.life.deadline(), self.calls.deadline()];
        times
            .into_iter()
            .chain([self.store.deadline(), self.late.deadline(), self.watcher.deadline()])
            .flatten()
            .min()
    }

    /// Does what it is time for.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.late.deadline().is_some_and(|deadline| deadline <= now) {
            let passed = self.late.due(both_clocks());
            self.note_all(passed);
        }
        self.tell_changes(now);
        self.flush(now);
        self.store.sync(now);
        self.refuse_overdue(now);
        self.end_if_drained(now);
        match &self.life {
            Life::Stopped if self.is_wanted() => self.prepare(),
            Life::Failed { until, .. } if self.is_wanted() && *until <= now => self.prepare(),
            Life::Starting { until } if *until <= now => {
                self.end_process(false, "it did not introduce itself in time");
            }
            Life::Ending { step, until, .. } if *until <= now => self.press(*step, now),
            Life::Running { .. } => self.stop_if_idle(now),
            Life::Stopped
            | Life::Failed { .. }
            | Life::Preparing(_)
            | Life::Starting { .. }
            | Life::Ending { .. } => {}
        }
        // What is not acknowledged is in the journal, and the next agent starts a host for it: to
        // stay for it would be to stay for ever where no agent comes.
        let works = !self.work.is_idle() || !self.store.is_written();
        let needed = self.agent.is_some() || self.child.is_some() || works;
        if needed || !self.calls.is_idle() {
            self.alone_since = None;
        } else {
            self.alone_since.get_or_insert(now);
        }
    }

    fn is_wanted(&self) -> bool {
        !self.leaving && (!self.calls.waiting.is_empty() || !self.starts.is_empty())
    }

    fn stop_if_idle(&mut self, now: Instant) {
        let idle = Duration::from_secs(self.spec.limits.idle_stop_s);
        if self.is_busy() {
            self.used_at = now;
        } else if self.used_at + idle <= now {
            self.end_process(true, "nobody used it");
        }
    }

    fn prepare(&mut self) {
        let spec = self.spec.clone();
        let task = tokio::spawn(async move { command::prepare(&spec).await });
        self.life = Life::Preparing(task);
    }

    pub(super) fn prepared(&mut self, prepared: Result<Prepared>) {
        let begun = prepared.and_then(|prepared| {
            let command = command::command(&self.spec, &prepared, self.proxy.as_ref());
            let child = Child::spawn(command, &self.spec.log())?;
            Ok((prepared, child))
        });
        match begun {
            Ok((prepared, child)) => self.begin(prepared, child),
            Err(error) => self.fail(&format!("{error:#}")),
        }
        if self.leaving {
            self.end_process(true, "the host ends");
        }
    }

    fn begin(&mut self, prepared: Prepared, child: Child) {
        let version = &prepared.facts.version;
        tracing::info!(pid = child.pid, codex = %version, "the process begins");
        let params = json!({ "codex": version, "pid": child.pid });
        let event = json!({ "method": "gantry/process/started", "params": params });
        self.store.push(None, event.to_string().into(), true);
        self.prepared = Some(prepared);
        self.child = Some(child);
        self.garbage = 0;
        let until = Instant::now() + Duration::from_secs(self.spec.limits.start_s);
        self.life = Life::Starting { until };
        let client = json!({
            "name": "gantry_runner", "title": "Gantry runner", "version": env!("CARGO_PKG_VERSION"),
        });
        let capabilities = json!({ "experimentalApi": true });
        let params = json!({ "clientInfo": client, "capabilities": capabilities }).to_string();
        self.request(
            "initialize",
            params.as_bytes(),
            Pending { op: None, deadline: until, written: false, after: After::Introduced },
        );
    }

    /// The process has introduced itself, and takes calls.
    pub(super) fn running(&mut self, introduced: Bytes) {
        let now = Instant::now();
        self.introduced = introduced;
        self.life = Life::Running { since: now };
        self.used_at = now;
        self.notice("initialized", None);
        for op in std::mem::take(&mut self.starts) {
            self.answer(op, Ok(Bytes::new()));
        }
        while let Some(call) = self.calls.waiting.pop_front() {
            self.dispatch(call);
        }
    }

    /// Asks the process to end: by the end of its input at first, which it takes as a good-bye.
    pub(super) fn end_process(&mut self, expected: bool, why: &str) {
        let Some(child) = &mut self.child else { return };
        if matches!(self.life, Life::Ending { .. }) {
            return;
        }
        tracing::info!(pid = child.pid, why, "the process is asked to end");
        child.input.close();
        let until = Instant::now() + Duration::from_secs(self.spec.limits.grace_s);
        let step = Step::InputClosed;
        self.life = Life::Ending { step, until, expected, why: why.to_owned() };
    }

    /// It did not end when it was asked to.
    fn press(&mut self, step: Step, now: Instant) {
        let (signal, next) = match step {
            Step::InputClosed => (Signal::TERM, Step::Terminated),
            Step::Terminated | Step::Killed => (Signal::KILL, Step::Killed),
        };
        if let Some(child) = &self.child {
            tracing::warn!(pid = child.pid, ?signal, "the process does not end by itself");
            child.signal(signal);
        }
        if let Life::Ending { step, until, .. } = &mut self.life {
            *step = next;
            *until = now + Duration::from_secs(self.spec.limits.grace_s);
        }
    }

    pub(super) fn reaped(&mut self, status: ExitStatus) {
        if let Some(child) = &mut self.child {
            child.ended = Some((status, Instant::now()));
            // What it left running belongs to its group.
            child.signal(Signal::KILL);
        }
    }

    /// The process has ended, and all that it said has been read and written down.
    fn end_if_drained(&mut self, now: Instant) {
        let Some(child) = &self.child else { return };
        let Some((status, at)) = child.ended else { return };
        let drained = child.output.ended || at + DRAIN <= now;
        if !drained || self.store.stall().is_some() {
            return;
        }
        self.garbage += u64::from(child.output.unfinished() > 0) + child.output.skipped;
        self.child = None;
        self.ended(status, now);
    }

    fn ended(&mut self, status: ExitStatus, now: Instant) {
        let how = describe(status);
        let (expected, message) = match &self.life {
            Life::Ending { expected, why, .. } if !why.is_empty() => {
                (*expected, format!("{how}: {why}"))
            }
            _ => (false, how),
        };
        let steady = Duration::from_secs(self.spec.limits.steady_s);
        if matches!(self.life, Life::Running { since } if since + steady <= now) {
            self.failures = 0;
        }
        tracing::info!(%message, expected, garbage = self.garbage, "the process has ended");
        let last = self.late.end(both_clocks());
        self.note_all(last);
        let reaped = json!({ "status": status.code(), "signal": status.signal() });
        self.store.push_exit(reaped, expected, &message);
        self.store.push_closing(&format!("the process ended ({message})"));
        self.threads.forget_loaded();
        for pending in self.calls.lost() {
            self.lost(pending, &message);
        }
        if expected {
            self.life = Life::Stopped;
            self.failures = 0;
        } else {
            self.fail(&message);
        }
        for op in std::mem::take(&mut self.stops) {
            self.answer(op, Ok(Bytes::new()));
        }
        self.flush(now);
    }

    /// It will not run for a while: a random part of a time that doubles with every failure.
    fn fail(&mut self, why: &str) {
        tracing::warn!(why, failures = self.failures, "the process failed");
        let limits = &self.spec.limits;
        let doubled = limits.backoff_ms.saturating_mul(1 << self.failures.min(20));
        let wait = random_part(Duration::from_millis(doubled.min(limits.backoff_max_ms)));
        self.failures += 1;
        self.life = Life::Failed { why: why.to_owned(), until: Instant::now() + wait };
        let message = format!("the process of this account does not start: {why}");
        for op in std::mem::take(&mut self.starts) {
            self.answer(op, Err(unavailable(&message)));
        }
    }

    fn lost(&mut self, pending: Pending, how: &str) {
        let message = format!("the process ended before it answered ({how})");
        if let After::Resumed { call, .. } = pending.after {
            self.leave_undone(&call, &message);
        } else if let Some(op) = pending.op {
            self.finish(op, pending.written, Err(unavailable(&message)));
        }
    }

    /// Nothing that waits for the process will be done.
    pub(super) fn refuse_waiting(&mut self, why: &str) {
        for call in std::mem::take(&mut self.calls.waiting) {
            self.leave_undone(&call, why);
        }
        for op in std::mem::take(&mut self.starts) {
            self.answer(op, Err(unavailable(why)));
        }
    }

    /// Starts it now, whatever happened before.
    pub(super) fn start(&mut self, op: OpId) {
        if self.is_running() {
            self.answer(op, Ok(Bytes::new()));
            return;
        }
        self.starts.push(op);
        if matches!(self.life, Life::Failed { .. }) {
            self.life = Life::Stopped;
        }
    }

    /// Ends it, and whatever waits for it.
    pub(super) fn stop(&mut self, op: OpId) {
        self.refuse_waiting("the process was told to end");
        if let Life::Preparing(task) = &self.life {
            task.abort();
            self.life = Life::Stopped;
        }
        if self.child.is_none() {
            self.life = Life::Stopped;
            self.answer(op, Ok(Bytes::new()));
            return;
        }
        self.stops.push(op);
        self.end_process(true, "it was told to");
    }
}

pub(super) fn unavailable(message: &str) -> Refusal {
    Refusal { code: Code::RunnerUnavailable, message: message.to_owned() }
}
