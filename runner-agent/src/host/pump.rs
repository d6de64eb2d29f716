//! What goes to the hub: one message at a time, filled from the outbox by what is there.

use anyhow::{Context, Result};
use schema::tunnel::{FromRunner, MESSAGE_MAX_BYTES, Seq};
use tokio::time::Instant;

use super::Host;
use super::door::{Agent, Attachment};
use super::frames::answer_head;
use super::outbox::Next;
use super::record::HEAD_BYTES;
use crate::local::{Batch, FromHost, VERSION};

/// A message that has reached this size is sent: what is urgent must not wait behind much.
const MESSAGE_BYTES: usize = 128 * 1024;
/// What a frame may need beside its body.
const FRAME_BYTES: usize = 512;

impl Host {
    /// An agent takes over.
    pub(super) fn attached(&mut self, attachment: Attachment) {
        let after = attachment.after;
        let sent = match self.store.attach(after, self.child.is_some()) {
            Ok(sent) => sent,
            Err(error) => {
                tracing::error!(%error, "the journal does not take what the hub says");
                return;
            }
        };
        let last = self.store.last().0;
        tracing::info!(after = after.0, sent = sent.0, last, "an agent is attached");
        let mut agent = attachment.admit(sent);
        let mut first = Batch::default();
        let (process, pid) = (self.describe(), std::process::id());
        let hello = FromHost::Attached { version: VERSION, pid, process: process.clone() };
        let begun = first.push(&hello, b"").is_ok() && agent.outlet.put(first).is_ok();
        if !begun {
            return;
        }
        agent.outbox.process(process);
        for ask in self.store.now_open().asks.keys() {
            agent.outbox.ask(*ask);
        }
        self.agent = Some(agent);
        self.told = Some(self.told_now());
        self.flush(Instant::now());
    }

    /// The connection has ended; what was not acknowledged is sent again over the next.
    pub(super) fn detached(&mut self, why: &str) {
        tracing::info!(why, "the agent is gone");
        self.agent = None;
    }

    /// Puts the next message on its way, if the last one is through.
    pub(super) fn pump(&mut self) {
        let told = self.told_now();
        if self.told.as_ref() != Some(&told) {
            let process = self.describe();
            if let Some(agent) = &mut self.agent {
                agent.outbox.process(process);
            }
            self.told = Some(told);
        }
        let Some(mut agent) = self.agent.take_if(|agent| agent.outlet.is_free()) else { return };
        match self.fill(&mut agent) {
            Ok(()) => self.agent = Some(agent),
            Err(error) => {
                tracing::error!(%error, "nothing can be sent to the agent");
                self.detached("nothing can be sent");
            }
        }
    }

    fn fill(&mut self, agent: &mut Agent) -> Result<()> {
        let mut batch = Batch::default();
        while batch.len() < MESSAGE_BYTES {
            let event = self.next_event(agent)?;
            let fits = |bytes| batch.is_empty() || batch.len() + bytes < MESSAGE_MAX_BYTES;
            // One that does not fit goes first in the next message.
            if event.is_some_and(|bytes| !fits(bytes + FRAME_BYTES)) && !agent.outbox.is_urgent() {
                break;
            }
            let event = event.filter(|bytes| fits(bytes + FRAME_BYTES));
            let Some(next) = agent.outbox.next(event) else { break };
            self.put(next, &mut batch)?;
        }
        if !batch.is_empty() {
            agent.outlet.put(batch)?;
        }
        Ok(())
    }

    fn next_event(&mut self, agent: &Agent) -> Result<Option<usize>> {
        let wanted = agent.outbox.wanted();
        if !agent.outbox.has_room() || wanted > self.store.last() {
            return Ok(None);
        }
        let record = self.store.get(wanted)?.context("an event is missing in the journal")?;
        Ok(Some(record.body.len() + HEAD_BYTES))
    }

    fn put(&mut self, next: Next, batch: &mut Batch) -> Result<()> {
        let process = self.spec.process;
        match next {
            Next::Process(process) => batch.push(&FromRunner::Process(process), b"")?,
            Next::Ask(ask) => {
                if let Some(open) = self.store.now_open().asks.get(&ask) {
                    let (seq, at) = (open.seq, open.at);
                    batch.push(&FromRunner::Ask { process, seq, at, ask }, &open.body)?;
                }
            }
            Next::Answer(op, outcome) => {
                let head = answer_head(op, &outcome, self.spool.size(op));
                batch.push(&head, outcome.as_deref().unwrap_or_default())?;
            }
            Next::Event(seq) => self.put_event(seq, batch)?,
            Next::Chunk(op, offset) => {
                let (piece, last) = self.spool.piece(op, offset);
                batch.push(&FromRunner::Chunk { op, offset, last }, &piece)?;
            }
        }
        Ok(())
    }

    fn put_event(&mut self, seq: Seq, batch: &mut Batch) -> Result<()> {
        let process = self.spec.process;
        let record = self.store.get(seq)?.context("an event is missing in the journal")?;
        let (at, ask) = (record.at, record.ask);
        batch.push(&FromRunner::Event { process, seq, at, ask }, &record.body)?;
        Ok(())
    }
}
