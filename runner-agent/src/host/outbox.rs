//! What goes to the hub next: pure, so that its order can be proved.
//!
//! What a person waits for goes first: the state of the process and its questions, then answers,
//! then events, then pieces of bulk. Events are held within a window until they are acknowledged;
//! the journal is their queue. The rest is bounded by what the hub has asked for.

use std::collections::VecDeque;

use schema::tunnel::{EVENTS_IN_FLIGHT, EVENTS_IN_FLIGHT_BYTES, Process, Seq};
use schema::{AskId, OpId};

use super::ops::Outcome;

/// Pieces that may be asked for ahead; a hub that asks for more is broken.
pub const PULLS_MAX: usize = 1_024;

/// One frame to be.
#[derive(Debug, PartialEq)]
pub enum Next {
    Process(Process),
    Ask(AskId),
    Answer(OpId, Outcome),
    Event(Seq),
    Chunk(OpId, u64),
}

/// What waits to be sent over one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    process: Option<Process>,
    asks: VecDeque<AskId>,
    answers: VecDeque<(OpId, Outcome)>,
    pulls: VecDeque<(OpId, u64)>,
    /// The last event that was sent.
    sent: Seq,
    /// Sizes of those after the last acknowledged one.
    in_flight: VecDeque<usize>,
    in_flight_bytes: usize,
}

impl Outbox {
    /// Of a connection whose other end has stored events through this one.
    pub fn new(stored: Seq) -> Self {
        Self { sent: stored, ..Self::default() }
    }

    /// The newest state replaces an older one that waits.
    pub fn process(&mut self, process: Process) {
        self.process = Some(process);
    }

    /// A question, ahead of its event.
    pub fn ask(&mut self, ask: AskId) {
        self.asks.push_back(ask);
    }

    pub fn answer(&mut self, op: OpId, outcome: Outcome) {
        self.answers.push_back((op, outcome));
    }

    /// A piece of bulk; false if there are too many already.
    pub fn pull(&mut self, op: OpId, offset: u64) -> bool {
        if self.pulls.len() >= PULLS_MAX {
            return false;
        }
        self.pulls.push_back((op, offset));
        true
    }

    /// Pieces of this are no longer wanted.
    pub fn forget(&mut self, op: OpId) {
        self.pulls.retain(|(it, _)| *it != op);
    }

    /// Events through this one have been stored.
    pub fn ack(&mut self, through: Seq) {
        let unacked = usize::try_from(self.sent.0.saturating_sub(through.0)).unwrap_or(usize::MAX);
        while self.in_flight.len() > unacked {
            self.in_flight_bytes -= self.in_flight.pop_front().unwrap_or_default();
        }
        self.sent = self.sent.max(through);
    }

    /// The event that would be sent next.
    pub fn wanted(&self) -> Seq {
        self.sent.next()
    }

    /// Whether there is room in the window for any event at all.
    pub fn has_room(&self) -> bool {
        self.in_flight.len() < EVENTS_IN_FLIGHT && self.in_flight_bytes < EVENTS_IN_FLIGHT_BYTES
    }

    /// Whether something waits that is not an event.
    pub fn is_urgent(&self) -> bool {
        let bulk = !self.pulls.is_empty();
        self.process.is_some() || !self.asks.is_empty() || !self.answers.is_empty() || bulk
    }

    /// What to send next, where the [`wanted`](Self::wanted) event has this size, if it is there.
    pub fn next(&mut self, event_bytes: Option<usize>) -> Option<Next> {
        if let Some(process) = self.process.take() {
            return Some(Next::Process(process));
        }
        if let Some(ask) = self.asks.pop_front() {
            return Some(Next::Ask(ask));
        }
        if let Some((op, outcome)) = self.answers.pop_front() {
            return Some(Next::Answer(op, outcome));
        }
        if let Some(bytes) = event_bytes.filter(|bytes| self.admits(*bytes)) {
            self.sent = self.sent.next();
            self.in_flight.push_back(bytes);
            self.in_flight_bytes += bytes;
            return Some(Next::Event(self.sent));
        }
        self.pulls.pop_front().map(|(op, offset)| Next::Chunk(op, offset))
    }

    /// A single event that is larger than the window goes alone.
    fn admits(&self, bytes: usize) -> bool {
        let fits = self.in_flight_bytes + bytes <= EVENTS_IN_FLIGHT_BYTES;
        self.in_flight.is_empty() || (self.in_flight.len() < EVENTS_IN_FLIGHT && fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    const OP: OpId = OpId::from_bits(1);

    #[test]
    fn what_a_person_waits_for_goes_first() {
        let mut outbox = Outbox::new(Seq(4));
        assert!(outbox.pull(OP, 0));
        outbox.answer(OP, Ok(Bytes::new()));
        outbox.ask(AskId::from_bits(2));
        assert_eq!(outbox.next(Some(9)), Some(Next::Ask(AskId::from_bits(2))));
        assert_eq!(outbox.next(Some(9)), Some(Next::Answer(OP, Ok(Bytes::new()))));
        assert_eq!(outbox.next(Some(9)), Some(Next::Event(Seq(5))));
        assert_eq!(outbox.next(None), Some(Next::Chunk(OP, 0)));
        assert_eq!(outbox.next(None), None);
    }

    #[test]
    fn an_event_larger_than_the_window_goes_alone() {
        let mut outbox = Outbox::new(Seq(0));
        assert_eq!(outbox.next(Some(10)), Some(Next::Event(Seq(1))));
        assert_eq!(outbox.next(Some(EVENTS_IN_FLIGHT_BYTES + 1)), None);
        outbox.ack(Seq(1));
        let next = outbox.next(Some(EVENTS_IN_FLIGHT_BYTES + 1));
        assert_eq!(next, Some(Next::Event(Seq(2))));
        assert_eq!(outbox.next(Some(1)), None);
    }

    #[test]
    fn bulk_that_was_dropped_is_not_sent() {
        let mut outbox = Outbox::new(Seq(0));
        assert!(outbox.pull(OP, 0) && outbox.pull(OpId::from_bits(2), 0));
        outbox.forget(OP);
        assert_eq!(outbox.next(None), Some(Next::Chunk(OpId::from_bits(2), 0)));
        assert_eq!(outbox.next(None), None);
    }

    #[test]
    fn a_hub_that_pulls_without_end_is_told_no() {
        let mut outbox = Outbox::new(Seq(0));
        assert!((0..PULLS_MAX as u64).all(|offset| outbox.pull(OP, offset)));
        assert!(!outbox.pull(OP, 0));
    }

    proptest! {
        #[test]
        fn events_go_in_order_within_the_window_and_all_of_them(
            sizes in prop::collection::vec(1usize..400_000, 1..200),
            acks in prop::collection::vec(any::<prop::sample::Index>(), 0..400),
        ) {
            let mut outbox = Outbox::new(Seq(0));
            let (mut sent, mut acked) = (0usize, 0usize);
            let mut acks = acks.into_iter();
            while acked < sizes.len() {
                while let Some(next) = outbox.next(sizes.get(sent).copied()) {
                    sent += 1;
                    prop_assert_eq!(next, Next::Event(Seq(sent as u64)));
                }
                let bytes: usize = sizes[acked..sent].iter().sum();
                prop_assert!(sent > acked);
                prop_assert!(sent - acked == 1 || bytes <= EVENTS_IN_FLIGHT_BYTES);
                prop_assert!(sent - acked <= EVENTS_IN_FLIGHT);
                acked = acks.next().map_or(sent, |ack| acked + 1 + ack.index(sent - acked));
                outbox.ack(Seq(acked as u64));
                // An acknowledgement that comes twice changes nothing.
                outbox.ack(Seq(acked as u64));
            }
            prop_assert_eq!(sent, sizes.len());
        }
    }
}
