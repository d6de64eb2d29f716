//! One answer on its way to the client, written as the script wants it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use hyper::body::Frame;
use tokio::time::{Instant, sleep, sleep_until};

use super::log::{End, Ticket};
use super::script::{Delivery, Gate};
use super::stage::{Raw, Stage};
use super::take::Take;
use super::wire::Mark;

/// How an answer is to be written.
pub struct Staging {
    pub stage: Arc<Stage>,
    pub delivery: Delivery,
    pub gate: Option<Gate>,
    /// The bytes after which the connection is dropped.
    pub cut: Option<usize>,
}

struct Performance {
    take: Take,
    staging: Staging,
    ticket: Ticket,
    started: Instant,
    sent: usize,
    events: usize,
    over: bool,
}

/// The frames of a composed answer. Each is on the wire before the next is asked for.
pub fn take(
    take: Take,
    staging: Staging,
    ticket: Ticket,
) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    let started = Instant::now();
    let performance =
        Performance { take, staging, ticket, started, sent: 0, events: 0, over: false };
    stream::unfold(performance, Performance::next)
}

/// The frames of an answer given byte by byte.
pub fn raw(raw: Raw, ticket: Ticket) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    let mut frames: Vec<_> =
        raw.chunks.into_iter().map(|chunk| Ok(Frame::data(Bytes::from(chunk)))).collect();
    let end = if raw.cut { End::Cut } else { End::Sent };
    if raw.cut {
        frames.push(Err(cut()));
    }
    stream::unfold((frames.into_iter(), ticket), move |(mut frames, ticket)| async move {
        flush().await;
        let frame = frames.next();
        if frames.len() == 0 {
            ticket.end(end);
        }
        frame.map(|frame| (frame, (frames, ticket)))
    })
}

impl Performance {
    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Performance)> {
        flush().await;
        if self.over || self.sent == self.end() {
            return self.close();
        }
        self.pause().await;
        let end = self.frame_end();
        let bytes = self.take.bytes.slice(self.sent..end);
        self.sent = end;
        self.count();
        Some((Ok(Frame::data(bytes)), self))
    }

    /// Clients leave after the last event without waiting for the end of the body.
    fn end_well(&self) {
        if self.staging.cut.is_none() {
            self.ticket.end(End::Sent);
        }
    }

    /// The last frame is out: the body ends, or the connection is dropped.
    fn close(mut self) -> Option<(io::Result<Frame<Bytes>>, Performance)> {
        if self.over || self.staging.cut.is_none() {
            return None;
        }
        self.over = true;
        self.ticket.end(End::Cut);
        Some((Err(cut()), self))
    }

    fn end(&self) -> usize {
        self.staging.cut.unwrap_or(self.take.bytes.len()).min(self.take.bytes.len())
    }

    /// The bytes before the gate, if there is one.
    fn gate_at(&self) -> Option<usize> {
        let gate = self.staging.gate.as_ref()?;
        Some(end_of(&self.take.marks, gate.after))
    }

    async fn pause(&self) {
        if let (Some(gate), Some(at)) = (&self.staging.gate, self.gate_at())
            && at == self.sent
        {
            self.staging.stage.pass(&gate.name).await;
        }
        let (Some(produced), Some(next)) = (self.produced(), self.take.marks.get(self.events))
        else {
            return;
        };
        if next.tokens > produced {
            self.keep_time(produced).await;
        }
    }

    async fn keep_time(&self, produced: u64) {
        match self.staging.delivery {
            Delivery::Slow(pause) => sleep(pause).await,
            Delivery::Pace(pause) => sleep_until(self.started + times(pause, produced + 1)).await,
            Delivery::Each | Delivery::Burst | Delivery::Split(_) => {}
        }
    }

    fn frame_end(&self) -> usize {
        let wanted = match self.staging.delivery {
            Delivery::Burst => usize::MAX,
            Delivery::Split(bytes) => self.sent + bytes,
            Delivery::Each | Delivery::Slow(_) | Delivery::Pace(_) => {
                end_of(&self.take.marks, self.events + 1)
            }
        };
        let gate = self.gate_at().filter(|at| *at > self.sent);
        wanted.min(gate.unwrap_or(usize::MAX)).min(self.end())
    }

    fn count(&mut self) {
        let marks = self.take.marks.get(self.events..).unwrap_or_default();
        self.events += marks.iter().take_while(|mark| mark.end <= self.sent).count();
        self.ticket.sent(self.events, self.produced().unwrap_or_default());
        if self.sent == self.take.bytes.len() {
            self.ticket.reported(self.take.usage.take());
            self.end_well();
        }
    }

    /// The output tokens in the events sent so far.
    fn produced(&self) -> Option<u64> {
        let Some(last) = self.events.checked_sub(1) else { return Some(0) };
        self.take.marks.get(last).map(|mark| mark.tokens)
    }
}

/// The bytes of the first `events` events; of all, if there are no more.
pub fn end_of(marks: &[Mark], events: usize) -> usize {
    let Some(last) = events.checked_sub(1) else { return 0 };
    marks.get(last).or(marks.last()).map_or(0, |mark| mark.end)
}

/// A pause per token; short enough to add up without loss.
pub fn times(pause: Duration, tokens: u64) -> Duration {
    pause.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX))
}

/// The server writes out what it has whenever a body is not ready: so each frame becomes a write.
async fn flush() {
    let mut asked = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut asked, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the script drops the connection here")
}
