//! What the hub says, and who of the machine is to hear it. Bodies pass through unread, except for
//! the name of the method while draining.

use std::borrow::Cow;

use bytes::Bytes;
use schema::tunnel::{self, BadFrame, FromRunner, Refusal, ToRunner};
use schema::workspace::PREFIX;
use schema::{AccountId, Code, OpId, Timestamp};
use serde::Deserialize;
use tokio::time::Instant;

use super::outbox::{Class, Frame};
use super::{Agent, Outcome, dial, now};
use crate::agent::pulse::Pulse;

/// Under this name stands what the agent itself says: there is no such account.
const OWN: AccountId = AccountId::from_bits(0);

/// What begins a turn.
const BEGINS_TURN: [&str; 4] =
    ["turn/start", "review/start", "thread/compact/start", "thread/shellCommand"];

/// What an operation needs of its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// The process, which is begun if it does not run.
    Process,
    /// Only its host.
    Host,
}

impl Agent {
    /// A batch of frames from the hub.
    pub(super) fn hub_said(&mut self, message: &Bytes) -> Result<(), BadFrame> {
        let mut rest = message.as_ref();
        while let Some((head, body, after)) = tunnel::pop::<ToRunner>(rest)? {
            let frame = message.slice_ref(rest.get(..rest.len() - after.len()).unwrap_or_default());
            rest = after;
            self.frames_down += 1;
            self.take(head, body, frame);
        }
        Ok(())
    }

    fn take(&mut self, head: ToRunner, body: &[u8], frame: Bytes) {
        match head {
            ToRunner::Welcome { version, generation, now, stored, draining } => {
                if version > tunnel::VERSION {
                    let reason = format!("the hub speaks version {version} of the tunnel");
                    self.outcome = Some(Outcome::TooOld(reason));
                    return;
                }
                self.welcomed(generation, now, draining);
                self.fleet.resume(stored);
            }
            ToRunner::Start { op, process, .. } => {
                self.operate(op, process, Needs::Process, body, frame);
            }
            ToRunner::Call { op, process, .. } | ToRunner::Notify { op, process } => {
                let ours = named(body).is_some_and(|method| method.starts_with(PREFIX));
                let needs = if ours { Needs::Host } else { Needs::Process };
                self.operate(op, process, needs, body, frame);
            }
            ToRunner::Stop { op, process }
            | ToRunner::Reply { op, process, .. }
            | ToRunner::Read { op, process, .. } => {
                self.operate(op, process, Needs::Host, &[], frame);
            }
            ToRunner::Ack(stored) => {
                if let Some(hosted) = self.fleet.hosted.get_mut(&stored.process) {
                    hosted.stored = stored.through;
                    self.fleet.pass(stored.process, frame);
                }
            }
            ToRunner::Pull { process, .. } | ToRunner::Drop { process, .. } => {
                self.fleet.pass(process, frame);
            }
            ToRunner::Drain { op, on } => {
                tracing::info!(on, "the edge wants this runner drained, or not any more");
                self.drained_by_hub = on;
                self.answer(op, None);
                if on && self.credential.ephemeral {
                    self.leave_for_good();
                }
            }
            ToRunner::Pong { n } => {
                if let Some(pulse) = &mut self.pulse {
                    pulse.answered(Instant::now(), Some(n));
                }
            }
        }
    }

    fn welcomed(&mut self, generation: u64, hub_now: Timestamp, draining: bool) {
        let ahead = hub_now.since(now());
        if (ahead - self.clock_ahead_ms).abs() > dial::CLOCK_TRUSTED_MS {
            self.clock_ahead_ms = ahead;
        }
        tracing::info!(generation, draining, "connected");
        self.since = Instant::now();
        self.pulse = Some(Pulse::begin(self.since));
        self.welcome_by = None;
        self.tunnels += 1;
        self.reason.clear();
        self.drained_by_hub = draining;
        self.connected.send_replace(true);
    }

    fn operate(&mut self, op: OpId, process: AccountId, needs: Needs, body: &[u8], frame: Bytes) {
        let refusal = self.refusal(process, needs, body);
        if let Some(refusal) = refusal.filter(|_| !self.recent.knows(op)) {
            return self.answer(op, Some(refusal));
        }
        let known = self.fleet.know(&self.settings, &self.edge.url, process);
        let hosted = match known {
            Ok(hosted) => hosted,
            Err(error) => return self.answer(op, unavailable(&format!("{error:#}"))),
        };
        if !hosted.has_room(frame.len()) {
            let message = "Too much is under way for this process: wait for some of it.";
            let code = Code::ConcurrencyLimitExceeded;
            return self.answer(op, Some(Refusal { code, message: message.to_owned() }));
        }
        if needs == Needs::Process && !hosted.counts() {
            // It takes its place now, so that the next one finds it taken.
            hosted.process.state = tunnel::ProcessState::Starting;
        }
        hosted.opened(op, frame.clone());
        self.recent.note(op);
        self.fleet.send(process, frame);
    }

    /// Why it is not done here and now.
    fn refusal(&self, process: AccountId, needs: Needs, body: &[u8]) -> Option<Refusal> {
        if needs == Needs::Host {
            return None;
        }
        let runs = self.fleet.hosted.get(&process).is_some_and(|hosted| hosted.counts());
        if self.draining() && (!runs || begins_turn(body)) {
            return unavailable(
                "This runner is draining: it takes no new work. Running turns go on.",
            );
        }
        let capacity = self.capacity();
        if !runs && self.fleet.load() >= capacity {
            return unavailable(&format!("This runner hosts {capacity} processes already."));
        }
        None
    }

    /// Processes at most.
    pub(super) fn capacity(&self) -> u32 {
        self.settings.capacity.unwrap_or(self.credential.capacity)
    }

    /// Whether new work is kept away.
    pub(super) fn draining(&self) -> bool {
        self.drained_here || self.drained_by_hub || self.leaving.is_some()
    }

    /// Answers for the agent itself.
    pub(super) fn answer(&mut self, op: OpId, refused: Option<Refusal>) {
        self.say_own(&FromRunner::Answer { op, size: 0, refused });
    }

    /// Says something of the agent's own, ahead of what processes say.
    pub(super) fn say_own(&mut self, head: &FromRunner) {
        let mut bytes = Vec::new();
        match tunnel::push(&mut bytes, head, b"") {
            Ok(()) => {
                let frame = Frame::new(bytes.into(), None);
                self.outbox.push(Class::Control, OWN, frame);
            }
            Err(error) => tracing::error!(%error, "a frame could not be written"),
        }
    }
}

fn unavailable(message: &str) -> Option<Refusal> {
    Some(Refusal { code: Code::RunnerUnavailable, message: message.to_owned() })
}

fn begins_turn(body: &[u8]) -> bool {
    named(body).is_some_and(|method| BEGINS_TURN.contains(&method.as_ref()))
}

/// The method of a call.
fn named(body: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
    }
    serde_json::from_slice::<Named>(body).ok().map(|named| named.method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_a_turn_is_new_work() {
        assert!(begins_turn(br#"{"method":"turn/start","params":{"threadId":"t"}}"#));
        assert!(begins_turn(br#"{"params":{},"method":"review\/start"}"#));
        for method in ["turn/interrupt", "turn/steer", "thread/read", "thread/resume"] {
            let body = format!(r#"{{"method":"{method}","params":{{"x":"turn/start"}}}}"#);
            assert!(!begins_turn(body.as_bytes()), "{method}");
        }
        assert!(!begins_turn(b""));
    }
}
