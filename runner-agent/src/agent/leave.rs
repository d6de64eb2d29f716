//! How the agent ends: on a signal, by the hub's word, or when its work is done.
//!
//! Draining keeps new work away and waits for running turns. Detaching leaves everything running
//! for the next agent, which takes it over.

use std::time::Duration;

use schema::tunnel::{FromRunner, ToRunner};
use schema::{AccountId, OpId};
use tokio::time::{Instant, timeout};

use super::status::{Control, Status};
use super::{Agent, now};
use crate::cli::exit;
use crate::config::OnTerm;
use crate::tunnel::{self, Said};

/// Processes that are told to stop have so long, then the agent goes without them.
const STOPPED_BY: Duration = Duration::from_secs(10);
/// The same, when somebody is in a hurry.
const FORCED_BY: Duration = Duration::from_secs(2);
/// A hub that can be reached has asked everything again by then.
const ASKED_BY: Duration = Duration::from_secs(5);
/// Hosts that say nothing for so long have said it all.
const QUIET: Duration = Duration::from_millis(250);
/// The last words have so long to go out.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the person, or whatever started the agent, wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, SIGINT: as configured; the second time at once.
    Terminate,
    /// SIGUSR2: leave everything running.
    Detach,
    /// SIGQUIT: as the second SIGTERM.
    Force,
}

/// Why the agent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that ran has ended.
    Drained,
    /// Everything that runs goes on.
    Detached,
    /// The work of an ephemeral runner is done: it is to be unregistered.
    Left,
    /// Turns were stopped.
    Forced,
    /// A newer connection took over.
    Replaced(String),
    /// The credential is void.
    Revoked(String),
    /// The version is not taken.
    TooOld(String),
}

impl Outcome {
    /// The program's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Drained | Self::Detached | Self::Left => 0,
            Self::Forced => exit::FORCED,
            Self::Replaced(_) => exit::REPLACED,
            Self::Revoked(_) => exit::REVOKED,
            Self::TooOld(_) => exit::TOO_OLD,
        }
    }

    /// For a person.
    pub fn words(&self) -> String {
        let said = |what: &str, reason: &str, next: &str| {
            format!("{what}: {}. {next}", reason.trim_end_matches('.'))
        };
        match self {
            Self::Drained => "Drained: every turn has ended.".to_owned(),
            Self::Detached => {
                "Detached: processes go on, the next agent takes them over.".to_owned()
            }
            Self::Left => "The work is done: this runner leaves for good.".to_owned(),
            Self::Forced => "Ended at once: running turns were stopped.".to_owned(),
            Self::Replaced(reason) => said(
                "A newer connection of this runner took over",
                reason,
                "Unless you started another agent, revoke this runner: somebody has its key.",
            ),
            Self::Revoked(reason) => said(
                "The edge refuses this runner",
                reason,
                "To use this machine again: `runner-agent register --replace` with a new token.",
            ),
            Self::TooOld(reason) => said(
                "The edge takes no agent of this version",
                reason,
                "Update it; processes go on meanwhile.",
            ),
        }
    }
}

/// The way out.
#[derive(Debug)]
pub(super) struct Leaving {
    /// When patience ends with the present step.
    pub by: Instant,
    outcome: Outcome,
    /// Until then what the hub asked before is not known to be all: it is about to ask again.
    asked_by: Instant,
    /// Turns have ended, or patience has: processes were told to stop.
    stopping: bool,
    /// The operations that told them.
    ops: Vec<OpId>,
}

impl Leaving {
    /// When there is something to decide.
    pub fn next(&self, now: Instant) -> Instant {
        if self.asked_by > now { self.by.min(self.asked_by) } else { self.by }
    }

    /// Whether only hosts are waited for.
    pub const fn stopping(&self) -> bool {
        self.stopping
    }

    /// Whether the hub did not ask for this.
    pub fn asked(&self, op: OpId) -> bool {
        self.ops.contains(&op)
    }
}

impl Agent {
    pub(super) fn signalled(&mut self, signal: Signal) {
        let first = self.leaving.is_none();
        let detach = first && self.settings.on_term == OnTerm::Detach;
        if signal == Signal::Detach || (signal == Signal::Terminate && detach) {
            self.outcome = Some(Outcome::Detached);
            return;
        }
        if first {
            let turns = self.fleet.turns();
            tracing::info!(turns, "draining: waiting for running turns; a second signal ends now");
            self.leave(Outcome::Drained);
        }
        if let Some(leaving) = self.leaving.as_mut().filter(|_| !first || signal == Signal::Force) {
            tracing::warn!("told to end at once");
            match leaving.stopping {
                true => self.outcome = Some(leaving.outcome.clone()),
                false => leaving.by = Instant::now(),
            }
        }
    }

    /// The work of an ephemeral runner is done.
    pub(super) fn leave_for_good(&mut self) {
        if self.leaving.is_none() {
            tracing::info!("the work is done: leaving for good");
            self.leave(Outcome::Left);
        }
    }

    fn leave(&mut self, outcome: Outcome) {
        let outcome = if self.credential.ephemeral { Outcome::Left } else { outcome };
        let now = Instant::now();
        let busy = self.fleet.is_busy();
        let (by, asked_by) = (now + self.settings.grace, if busy { now + ASKED_BY } else { now });
        let (stopping, ops) = (false, Vec::new());
        self.leaving = Some(Leaving { by, outcome, asked_by, stopping, ops });
        if busy {
            self.tell_hub_of_draining();
        }
    }

    /// The hub learns it from a hello, and nothing is lost by one more.
    fn tell_hub_of_draining(&mut self) {
        if self.ears.is_some() {
            self.lost("draining, or not any more: telling the hub", None);
        }
    }

    /// Takes the next step on the way out, if it is time.
    pub(super) fn proceed_leaving(&mut self, now: Instant) {
        let Some(leaving) = &mut self.leaving else { return };
        let running = self.fleet.turns() > 0;
        let late = leaving.by <= now;
        let idle = !self.fleet.is_busy() && (self.pulse.is_some() || leaving.asked_by <= now);
        if !leaving.stopping && (late || idle) {
            leaving.stopping = true;
            leaving.by = now + if running { FORCED_BY } else { STOPPED_BY };
            if running {
                leaving.outcome = Outcome::Forced;
            }
            self.stop_all();
        }
        let stopped = !self.fleet.is_busy();
        // What processes say at their end is to be stored, so that no host has to stay for it.
        let heard = self.pulse.is_none() || self.fleet.all_stored();
        if let Some(leaving) = self.leaving.as_ref().filter(|leaving| leaving.stopping) {
            let quiet = leaving.ops.is_empty() || self.quiet_at() <= now;
            if (stopped && heard && quiet) || leaving.by <= now {
                self.outcome = Some(leaving.outcome.clone());
            }
        }
    }

    /// When hosts will have said nothing for a while.
    pub(super) fn quiet_at(&self) -> Instant {
        self.last_up + QUIET
    }

    /// Every process is told to stop, by operations of the agent's own.
    fn stop_all(&mut self) {
        let running = self.fleet.hosted.iter().filter(|(_, hosted)| hosted.counts());
        let running: Vec<AccountId> = running.map(|(process, _)| *process).collect();
        for process in running {
            let mut random = [0; 10];
            if getrandom::fill(&mut random).is_err() {
                continue;
            }
            let op = OpId::new(now(), random);
            let mut frame = Vec::new();
            if schema::tunnel::push(&mut frame, &ToRunner::Stop { op, process }, b"").is_ok()
                && let Some(hosted) = self.fleet.hosted.get_mut(&process)
            {
                let frame = bytes::Bytes::from(frame);
                hosted.opened(op, frame.clone());
                self.leaving.iter_mut().for_each(|leaving| leaving.ops.push(op));
                self.fleet.send(process, frame);
            }
        }
    }

    /// The last words.
    pub(super) async fn goodbye(mut self, outcome: Outcome) -> Outcome {
        let leaves = matches!(outcome, Outcome::Drained | Outcome::Left | Outcome::Forced);
        if leaves && self.pulse.is_some() {
            self.say_own(&FromRunner::Bye { reason: outcome.words() });
        }
        let last_words = async {
            let mut mouth = match (self.mouth.take(), self.saying.take()) {
                (Some(mouth), _) => mouth,
                (None, Some(saying)) => saying.await.ok()?,
                (None, None) => return None,
            };
            while let Some(frames) = self.outbox.batch() {
                mouth = tunnel::say(mouth, Said::Frames(frames)).await.ok()?;
            }
            tunnel::say(mouth, Said::Goodbye(outcome.words())).await.ok()
        };
        // Whoever is not there to hear them will notice the silence.
        let _heard = timeout(LAST_WORDS, last_words).await;
        outcome
    }

    pub(super) fn controlled(&mut self, control: Control) {
        match control {
            Control::Status(answer) => drop(answer.send(self.status())),
            Control::Drain(on, answer) => {
                let changed = self.drained_here != on;
                self.drained_here = on;
                if changed {
                    tracing::info!(on, "draining, by the word of someone on this machine");
                    self.tell_hub_of_draining();
                }
                if on && self.credential.ephemeral {
                    self.leave_for_good();
                }
                drop(answer.send(self.drain_words(on)));
            }
        }
    }

    fn drain_words(&self, on: bool) -> String {
        let turns = self.fleet.turns();
        match (on, self.drained_by_hub || self.leaving.is_some()) {
            (true, _) => format!("Draining: no new work is taken; {turns} turns go on."),
            (false, false) => "New work is taken again.".to_owned(),
            (false, true) => "Still draining: the edge or a signal wants it so.".to_owned(),
        }
    }

    fn status(&self) -> Status {
        let open: usize = self.fleet.hosted.values().map(|hosted| hosted.open()).sum();
        let round_trip = self.pulse.as_ref().and_then(|pulse| pulse.round_trip);
        Status {
            runner: self.credential.runner,
            name: self.credential.name.clone(),
            url: self.credential.url.clone(),
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            codex: self.facts.as_ref().map(|facts| facts.version.clone()).unwrap_or_default(),
            pid: std::process::id(),
            connection: self.connection(),
            reason: self.reason.clone(),
            since_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            generation: self.generation,
            tunnels: self.tunnels,
            round_trip_ms: round_trip.map(|round_trip| round_trip.as_secs_f64() * 1_000.0),
            draining: self.draining(),
            capacity: self.capacity(),
            load: self.fleet.load(),
            open_operations: u32::try_from(open).unwrap_or(u32::MAX),
            frames_up: self.frames_up,
            frames_down: self.frames_down,
            processes: self.fleet.hosted.values().map(|it| it.process.clone()).collect(),
        }
    }
}
