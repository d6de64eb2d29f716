//! What waits to be sent to the hub: questions first, then answers, then events, then pieces of
//! something big; and within a class the processes take turns. Pure.
//!
//! Each process has [`ROOM_BYTES`] here. When they are taken, nothing more is read from its host
//! until some of it is sent: the host keeps its events on disk and sends pieces only when asked, so
//! it can wait, and no other process does.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use schema::AccountId;
use tokio::sync::OwnedSemaphorePermit;

/// What may wait of one process. More than a host sends by itself: events in flight and a few
/// pieces, so that a question does not wait in the host's socket either.
pub const ROOM_BYTES: u32 = 4 * 1024 * 1024;
/// Frames are gathered into one message up to here; a larger frame goes alone.
pub const BATCH_BYTES: usize = 256 * 1024;

/// What goes before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Questions, and what a process is doing: somebody waits for them.
    Control,
    /// What an operation came to.
    Answer,
    /// The log.
    Event,
    /// Pieces of something big.
    Chunk,
}

/// One frame as it goes over the wire.
#[derive(Debug)]
pub struct Frame {
    bytes: Bytes,
    /// Given back when the frame is sent or forgotten.
    _room: Option<OwnedSemaphorePermit>,
}

impl Frame {
    /// Head and body with their lengths, and the room that they take; the agent's own take none.
    pub fn new(bytes: Bytes, room: Option<OwnedSemaphorePermit>) -> Self {
        Self { bytes, _room: room }
    }
}

/// The frames of one class.
#[derive(Debug, Default)]
struct Lanes {
    frames: BTreeMap<AccountId, VecDeque<Frame>>,
    /// Processes with frames, the next first.
    turns: VecDeque<AccountId>,
}

/// Everything that waits.
#[derive(Debug, Default)]
pub struct Outbox {
    control: Lanes,
    answers: Lanes,
    events: Lanes,
    chunks: Lanes,
}

impl Outbox {
    /// Adds a frame behind those of its class and process.
    pub fn push(&mut self, class: Class, process: AccountId, frame: Frame) {
        let lanes = match class {
            Class::Control => &mut self.control,
            Class::Answer => &mut self.answers,
            Class::Event => &mut self.events,
            Class::Chunk => &mut self.chunks,
        };
        let lane = lanes.frames.entry(process).or_default();
        if lane.is_empty() {
            lanes.turns.push_back(process);
        }
        lane.push_back(frame);
    }

    /// The next message: what is there now, the most urgent first, up to [`BATCH_BYTES`].
    pub fn batch(&mut self) -> Option<Bytes> {
        let first = self.next(usize::MAX)?;
        let Some(second) = self.next(BATCH_BYTES.saturating_sub(first.len())) else {
            return Some(first);
        };
        let mut message = Vec::with_capacity(BATCH_BYTES);
        message.extend_from_slice(&first);
        message.extend_from_slice(&second);
        while let Some(frame) = self.next(BATCH_BYTES.saturating_sub(message.len())) {
            message.extend_from_slice(&frame);
        }
        Some(message.into())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lanes().all(|lanes| lanes.turns.is_empty())
    }

    /// Forgets what waits for one process: it is sent again by whoever holds it.
    pub fn forget(&mut self, process: AccountId) {
        for lanes in [&mut self.control, &mut self.answers, &mut self.events, &mut self.chunks] {
            lanes.frames.remove(&process);
            lanes.turns.retain(|turn| *turn != process);
        }
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn lanes(&self) -> impl Iterator<Item = &Lanes> {
        [&self.control, &self.answers, &self.events, &self.chunks].into_iter()
    }

    /// The most urgent frame, if it fits.
    fn next(&mut self, room: usize) -> Option<Bytes> {
        let all = [&mut self.control, &mut self.answers, &mut self.events, &mut self.chunks];
        let lanes = all.into_iter().find(|lanes| !lanes.turns.is_empty())?;
        let process = *lanes.turns.front()?;
        let lane = lanes.frames.get_mut(&process)?;
        if lane.front()?.bytes.len() > room {
            return None;
        }
        let frame = lane.pop_front()?;
        lanes.turns.pop_front();
        match lane.is_empty() {
            true => drop(lanes.frames.remove(&process)),
            false => lanes.turns.push_back(process),
        }
        Some(frame.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId::from_bits(1);
    const BOB: AccountId = AccountId::from_bits(2);

    fn frame(text: &str) -> Frame {
        Frame::new(Bytes::copy_from_slice(text.as_bytes()), None)
    }

    #[test]
    fn questions_go_first_and_pieces_last() {
        let mut outbox = Outbox::default();
        outbox.push(Class::Chunk, ALICE, frame("chunk "));
        outbox.push(Class::Event, ALICE, frame("event "));
        outbox.push(Class::Answer, ALICE, frame("answer "));
        outbox.push(Class::Control, ALICE, frame("ask "));
        assert_eq!(outbox.batch().unwrap(), "ask answer event chunk ");
        assert!(outbox.is_empty() && outbox.batch().is_none());
    }

    #[test]
    fn processes_take_turns_and_each_keeps_its_order() {
        let mut outbox = Outbox::default();
        for text in ["a1 ", "a2 ", "a3 "] {
            outbox.push(Class::Event, ALICE, frame(text));
        }
        outbox.push(Class::Event, BOB, frame("b1 "));
        assert_eq!(outbox.batch().unwrap(), "a1 b1 a2 a3 ");
    }

    #[test]
    fn a_message_ends_before_a_frame_that_would_not_fit() {
        let mut outbox = Outbox::default();
        let piece = "x".repeat(BATCH_BYTES - 10);
        outbox.push(Class::Chunk, ALICE, frame(&piece));
        outbox.push(Class::Chunk, BOB, frame(&piece));
        outbox.push(Class::Control, ALICE, frame("ask"));
        let sizes: Vec<usize> = std::iter::from_fn(|| outbox.batch()).map(|m| m.len()).collect();
        assert_eq!(sizes, [piece.len() + 3, piece.len()]);
    }

    #[test]
    fn a_question_waits_for_no_more_than_the_message_that_is_being_written() {
        let mut outbox = Outbox::default();
        for _ in 0..256 {
            let bytes = Bytes::from_static(&[0; 256 * 1024]);
            outbox.push(Class::Chunk, ALICE, Frame::new(bytes, None));
        }
        assert_eq!(outbox.batch().unwrap().len(), 256 * 1024);
        outbox.push(Class::Control, BOB, frame("ask"));
        assert_eq!(outbox.batch().unwrap(), "ask", "what does not fit beside it goes later");
    }

    #[test]
    fn a_single_large_frame_goes_alone() {
        let mut outbox = Outbox::default();
        outbox.push(Class::Event, ALICE, frame(&"x".repeat(BATCH_BYTES * 3)));
        outbox.push(Class::Event, ALICE, frame("after"));
        assert_eq!(outbox.batch().unwrap().len(), BATCH_BYTES * 3);
        assert_eq!(outbox.batch().unwrap(), "after");
    }

    #[test]
    fn room_is_given_back_when_a_frame_leaves_or_is_forgotten() {
        let room = std::sync::Arc::new(tokio::sync::Semaphore::new(10));
        let mut outbox = Outbox::default();
        for process in [ALICE, BOB] {
            let taken = room.clone().try_acquire_many_owned(4).unwrap();
            outbox.push(Class::Event, process, Frame::new(Bytes::from("four"), Some(taken)));
        }
        assert_eq!(room.available_permits(), 2);
        outbox.forget(BOB);
        assert_eq!(room.available_permits(), 6);
        assert_eq!(outbox.batch().unwrap(), "four");
        assert_eq!(room.available_permits(), 10);
    }
}
