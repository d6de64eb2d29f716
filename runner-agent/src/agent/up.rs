//! What hosts say, and where it waits for the hub.

use bytes::Bytes;
use schema::AccountId;
use schema::tunnel::{self, BadFrame, FromRunner, Process, ProcessState};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Agent;
use super::attachment::{Event, Up};
use super::outbox::{Class, Frame};

impl Agent {
    /// Something from a host.
    pub(super) fn host_said(&mut self, up: Up) {
        let Up { process, serial, what } = up;
        if !self.fleet.hosted.get(&process).is_some_and(|hosted| hosted.hears(serial)) {
            return;
        }
        self.last_up = Instant::now();
        match what {
            // The hub hears it from the host itself.
            Event::Attached(now) => self.told(now),
            Event::Frames(message, room) => {
                if let Err(error) = self.frames(process, &message, room) {
                    self.host_ended(process, &format!("it said what is no frame: {error}"));
                }
            }
            Event::Ended(why) => self.host_ended(process, &why),
        }
    }

    fn frames(
        &mut self,
        process: AccountId,
        message: &Bytes,
        mut room: OwnedSemaphorePermit,
    ) -> Result<(), BadFrame> {
        let mut rest = message.as_ref();
        while let Some((head, _, after)) = tunnel::pop::<FromRunner>(rest)? {
            let bytes = message.slice_ref(rest.get(..rest.len() - after.len()).unwrap_or_default());
            rest = after;
            self.frames_up += 1;
            let class = self.class(process, head)?;
            // A message larger than all the room took all of it, and its last frame gives it back.
            let part = if rest.is_empty() { room.num_permits() } else { bytes.len() };
            let room = room.split(part.min(room.num_permits()));
            if let Some(class) = class.filter(|_| self.pulse.is_some()) {
                self.outbox.push(class, process, Frame::new(bytes, room));
            }
        }
        Ok(())
    }

    /// What goes before what, and what is not for the hub at all. What the agent itself has to know
    /// of it is noted.
    fn class(&mut self, process: AccountId, head: FromRunner) -> Result<Option<Class>, BadFrame> {
        match head {
            FromRunner::Event { seq, .. } => {
                if let Some(hosted) = self.fleet.hosted.get_mut(&process) {
                    hosted.said = hosted.said.max(seq);
                }
                Ok(Some(Class::Event))
            }
            FromRunner::Ask { .. } => Ok(Some(Class::Control)),
            FromRunner::Chunk { .. } => Ok(Some(Class::Chunk)),
            FromRunner::Answer { op, .. } => {
                if let Some(hosted) = self.fleet.hosted.get_mut(&process) {
                    hosted.answered(op);
                }
                let own = self.leaving.as_ref().is_some_and(|leaving| leaving.asked(op));
                Ok((!own).then_some(Class::Answer))
            }
            FromRunner::Process(now) => {
                self.told(now);
                Ok(Some(Class::Control))
            }
            FromRunner::Hello(_) | FromRunner::Ping { .. } | FromRunner::Bye { .. } => {
                Err(BadFrame("what only an agent says".to_owned()))
            }
        }
    }

    fn told(&mut self, now: Process) {
        let ended = matches!(now.state, ProcessState::Stopped | ProcessState::Failed);
        let before = self.fleet.hosted.get(&now.process).map(|hosted| hosted.process.state);
        let ran = before == Some(ProcessState::Running);
        self.fleet.told(now);
        if ended && ran && self.credential.ephemeral {
            self.leave_for_good();
        }
    }

    fn host_ended(&mut self, process: AccountId, why: &str) {
        self.outbox.forget(process);
        let given_up = self.fleet.ended(process, why, Instant::now());
        let now = self.fleet.hosted.get(&process).map(|hosted| hosted.process.clone());
        if let Some(now) = now.filter(|_| self.pulse.is_some()) {
            self.say_own(&FromRunner::Process(now));
        }
        let message = format!("The process cannot be hosted: {why}");
        for op in given_up {
            let code = schema::Code::RunnerUnavailable;
            self.answer(op, Some(tunnel::Refusal { code, message: message.clone() }));
        }
    }
}
