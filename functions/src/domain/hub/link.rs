//! The connection: who may hold it, what comes in over it, and when it counts as lost.

use schema::tunnel::{
    self, CloseCode, FromRunner, Hello, LEASE_MS, MESSAGE_MAX_BYTES, Process, ProcessState,
    Provider, Seq, Stored, ToRunner, VERSION, VERSION_MIN,
};
use schema::{AccountId, Timestamp};

use super::{
    EventRow, Hub, Link, Output, PLACES_MAX, Said,
    command::{Standing, Told},
    out::Out,
    peek,
};

/// Why a connection is ended.
struct Fault {
    code: CloseCode,
    reason: String,
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Self { code: CloseCode::BadFrame, reason: reason.to_owned() }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self { code: CloseCode::BadFrame, reason }
    }
}

impl Hub {
    /// A connection was let in. The one before it is told, and must not come back by itself.
    pub(super) fn opened(&mut self, generation: u64, now: Timestamp, out: &mut Out) {
        if let Some(old) = self.link.filter(|old| old.generation < generation) {
            let reason = format!("connection {generation} of this runner took over");
            self.lost(&reason, now, out);
            let (generation, code) = (old.generation, CloseCode::Replaced);
            out.outputs.push(Output::Close { generation, code, reason });
        }
        self.link = Some(Link { generation, welcomed: false });
        self.kept.generation = generation;
        out.batch.kept = Some(self.kept.clone());
    }

    /// A message of a connection; of an older one it is not heard any more.
    pub(super) fn message(&mut self, generation: u64, bytes: &[u8], now: Timestamp, out: &mut Out) {
        if !self.is_current(generation) {
            return;
        }
        self.kept.seen_at = Some(now);
        let mut acks = Vec::new();
        let heard = self.frames(bytes, &mut acks, now, out);
        for process in acks {
            let through = self.places.get(&process).map_or(Seq(0), |place| place.last);
            out.send(&ToRunner::Ack(Stored { process, through }), b"");
        }
        if let Err(Fault { code, reason }) = heard {
            self.hang_up(code, &reason, now, out);
        }
    }

    fn frames(
        &mut self,
        bytes: &[u8],
        acks: &mut Vec<AccountId>,
        now: Timestamp,
        out: &mut Out,
    ) -> Result<(), Fault> {
        if bytes.len() > MESSAGE_MAX_BYTES {
            let size = bytes.len();
            return Err(
                format!("a message of {size} bytes; {MESSAGE_MAX_BYTES} is the most").into()
            );
        }
        let mut rest = bytes;
        while let Some((head, body, after)) = tunnel::pop(rest).map_err(|bad| bad.0)? {
            self.frame(head, body, acks, now, out)?;
            rest = after;
        }
        Ok(())
    }

    fn frame(
        &mut self,
        head: FromRunner,
        body: &[u8],
        acks: &mut Vec<AccountId>,
        now: Timestamp,
        out: &mut Out,
    ) -> Result<(), Fault> {
        if self.is_linked() == matches!(head, FromRunner::Hello(_)) {
            return Err("`hello` has to be the first frame, and only the first".into());
        }
        if let FromRunner::Event { process, .. }
        | FromRunner::Ask { process, .. }
        | FromRunner::Process(Process { process, .. }) = &head
            && !self.has_room(*process)
        {
            return Err("more processes than a runner can have".into());
        }
        match head {
            FromRunner::Hello(hello) => self.hello(hello, now, out),
            FromRunner::Answer { op, size, refused } => {
                Ok(self.answered(op, size, refused, body, now, out)?)
            }
            FromRunner::Event { process, seq, at, ask } => {
                if !acks.contains(&process) {
                    acks.push(process);
                }
                let said = peek::said(body).ok_or("an event that is no message")?;
                let row = EventRow { account: process, place: 0, seq, at, said, ask };
                self.event(row, out)
            }
            FromRunner::Ask { process, seq, at, ask } => {
                let said = peek::said(body).ok_or("a question that is no message")?;
                Ok(self.asked((ask, process), (seq, at), said, out)?)
            }
            FromRunner::Chunk { op, offset, last } => {
                Ok(self.chunk(op, offset, last, body, now, out)?)
            }
            FromRunner::Process(process) => {
                self.process(process, out);
                Ok(())
            }
            FromRunner::Ping { n } => {
                out.send(&ToRunner::Pong { n }, b"");
                Ok(())
            }
            FromRunner::Bye { reason } => {
                self.kept.reason = reason;
                Ok(())
            }
        }
    }

    fn hello(&mut self, hello: Hello, now: Timestamp, out: &mut Out) -> Result<(), Fault> {
        if hello.version < VERSION_MIN {
            let reason = format!(
                "version {} of the tunnel is no longer spoken here: update the runner to one that \
                 speaks {VERSION_MIN}",
                hello.version
            );
            return Err(Fault { code: CloseCode::TooOld, reason });
        }
        let generation = self.kept.generation;
        if hello.generation != generation {
            let other = hello.generation;
            return Err(format!("`hello` of connection {other} on connection {generation}").into());
        }
        let new =
            hello.processes.iter().filter(|it| !self.places.contains_key(&it.process)).count();
        if new + self.places.len() > PLACES_MAX {
            return Err("more processes than a runner can have".into());
        }
        let version = hello.version.min(VERSION);
        self.kept.told = Told {
            version,
            agent: hello.agent,
            codex: hello.codex,
            schema: hello.schema,
            platform: hello.platform,
            boot: hello.boot,
            own_provider: hello.provider == Provider::Own,
            draining: hello.draining,
        };
        self.link = Some(Link { generation, welcomed: true });
        self.kept.linked = true;
        self.kept.connected_at = Some(now);
        self.kept.lost_at = None;
        self.kept.reason.clear();
        out.batch.kept = Some(self.kept.clone());
        self.compare(hello.processes, out);
        let known = self.places.iter().filter(|(_, place)| place.last > Seq(0));
        let stored =
            known.map(|(process, place)| Stored { process: *process, through: place.last });
        let (stored, draining) = (stored.collect(), self.kept.draining);
        out.send(&ToRunner::Welcome { version, generation, now, stored, draining }, b"");
        self.reply_again(out);
        self.send_again(now, out);
        Ok(())
    }

    /// Takes over which processes there are; what is not named is not there any more.
    fn compare(&mut self, processes: Vec<Process>, out: &mut Out) {
        for (account, place) in &mut self.places {
            let Some(known) = &mut place.process else { continue };
            let named = processes.iter().any(|process| process.process == *account);
            if !named && known.state != ProcessState::Stopped {
                known.state = ProcessState::Stopped;
                "the runner does not have it any more".clone_into(&mut known.reason);
                known.provisioned = false;
                known.turns = 0;
                out.changed.insert(*account);
            }
        }
        for process in processes {
            self.process(process, out);
        }
    }

    fn process(&mut self, process: Process, out: &mut Out) {
        let account = process.process;
        let place = self.place_mut(account);
        if place.process.as_ref() != Some(&process) {
            place.process = Some(process);
            out.changed.insert(account);
        }
    }

    /// An event: the next is stored, one that is known is acknowledged again, and one that leaves a
    /// gap is an error, because what is missing would be lost. A log that is new here may begin
    /// anywhere: its beginning may lie with a runner that was revoked since.
    fn event(&mut self, mut row: EventRow, out: &mut Out) -> Result<(), Fault> {
        let account = row.account;
        let place = self.place_mut(account);
        if row.seq <= place.last {
            return Ok(());
        }
        let is_new = place.last == Seq(0);
        if !is_new && row.seq != place.last.next() {
            let (seq, last) = (row.seq.0, place.last.0);
            return Err(format!("event {seq} of {account} after event {last}").into());
        }
        if is_new {
            place.first = row.seq;
            out.changed.insert(account);
        }
        place.last = row.seq;
        row.place = place.number;
        if is_new {
            self.begun(account, row.seq, out);
        }
        if let Some(ask) = row.ask {
            self.asked((ask, account), (row.seq, row.at), row.said.clone(), out)?;
        }
        if row.said.method == peek::NO_LONGER {
            self.no_longer(account, &Said::clone(&row.said), out);
        }
        self.count(&row, out);
        out.batch.events.push(row);
        if !out.outputs.iter().any(|it| matches!(it, Output::Said(said) if *said == account)) {
            out.outputs.push(Output::Said(account));
        }
        Ok(())
    }

    /// Ends the connection from our side.
    pub(super) fn hang_up(&mut self, code: CloseCode, reason: &str, now: Timestamp, out: &mut Out) {
        let Some(link) = self.link else { return };
        // What it has been sent before may still be of use to it.
        out.flush();
        let (generation, reason) = (link.generation, reason.to_owned());
        self.lost(&reason, now, out);
        out.outputs.push(Output::Close { generation, code, reason });
    }

    /// The connection is gone; who waits for it waits on, for as long as a lease.
    pub(super) fn lost(&mut self, reason: &str, now: Timestamp, out: &mut Out) {
        let welcomed = self.is_linked();
        self.link = None;
        if !welcomed {
            return;
        }
        self.kept.linked = false;
        self.kept.lost_at = Some(now);
        // What the runner said of its leave is better than how the connection ended.
        if self.kept.reason.is_empty() {
            reason.clone_into(&mut self.kept.reason);
        }
        out.batch.kept = Some(self.kept.clone());
    }

    /// Time passed.
    pub(super) fn tick(&mut self, alive_at: Option<Timestamp>, now: Timestamp, out: &mut Out) {
        self.kept.seen_at = self.kept.seen_at.max(alive_at);
        let lost = self.standing(now) == Standing::Offline;
        if lost && self.is_linked() {
            let seconds = LEASE_MS / 1_000;
            let reason = format!("there was no sign of life for {seconds} s");
            // It counts as lost since then, not since now.
            let since = self.kept.seen_at.unwrap_or(now);
            self.hang_up(CloseCode::Unavailable, &reason, since, out);
        }
        if lost {
            self.give_up(now, out);
        }
        self.end_late(now, out);
        self.lapse_turns(now, out);
    }
}
