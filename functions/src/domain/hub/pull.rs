//! A body that is fetched piece by piece, a few pieces ahead of what was handed on.

use schema::tunnel::{CHUNK_BYTES, CHUNKS_IN_FLIGHT};

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pull {
    size: u64,
    /// Where the next piece begins that is to be asked for…
    asked: u64,
    /// … that is to come…
    received: u64,
    /// … and that is to be handed on.
    passed: u64,
}

/// What a piece is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// The next one.
    Next,
    /// The next one, and no more will come.
    Last,
    /// It has been here before.
    Known,
    /// The body ended short of its size: it changed, or could not be read on.
    Cut,
    /// None that was asked for.
    Wrong,
}

const PIECE: u64 = CHUNK_BYTES as u64;
const AHEAD: u64 = PIECE * CHUNKS_IN_FLIGHT as u64;

impl Pull {
    pub const fn new(size: u64) -> Self {
        Self { size, asked: 0, received: 0, passed: 0 }
    }

    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The next piece to ask for, if one more may be under way.
    pub fn ask(&mut self) -> Option<u64> {
        let free = self.asked < self.size && self.asked.saturating_sub(self.passed) < AHEAD;
        free.then(|| {
            let offset = self.asked;
            self.asked = (offset + PIECE).min(self.size);
            offset
        })
    }

    /// What was under way is lost: it is asked for again.
    pub const fn again(&mut self) {
        self.asked = self.received;
    }

    pub fn take(&mut self, offset: u64, bytes: usize, last: bool) -> Worth {
        let end = offset.saturating_add(bytes as u64);
        if offset < self.received {
            return Worth::Known;
        }
        if offset > self.received || end > self.size {
            return Worth::Wrong;
        }
        if last && end < self.size {
            return Worth::Cut;
        }
        if bytes == 0 {
            return if self.size == 0 { Worth::Last } else { Worth::Wrong };
        }
        self.received = end;
        if end == self.size { Worth::Last } else { Worth::Next }
    }

    pub const fn pass(&mut self, bytes: u64) {
        self.passed = self.passed.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_pieces_are_under_way_and_no_more() {
        let mut pull = Pull::new(PIECE * 6 + 1);
        let asked: Vec<_> = std::iter::from_fn(|| pull.ask()).collect();
        assert_eq!(asked, [0, PIECE, 2 * PIECE, 3 * PIECE]);
        assert_eq!(pull.take(0, CHUNK_BYTES, false), Worth::Next);
        assert_eq!(pull.ask(), None);
        pull.pass(PIECE);
        assert_eq!((pull.ask(), pull.ask()), (Some(4 * PIECE), None));
    }

    #[test]
    fn what_a_cut_connection_had_under_way_is_asked_for_again() {
        let mut pull = Pull::new(PIECE * 3);
        let _ = (pull.ask(), pull.ask());
        assert_eq!(pull.take(0, CHUNK_BYTES, false), Worth::Next);
        pull.again();
        assert_eq!(pull.ask(), Some(PIECE));
        assert_eq!(pull.take(0, CHUNK_BYTES, false), Worth::Known);
    }

    #[test]
    fn a_body_that_ends_too_soon_is_no_body() {
        let mut pull = Pull::new(10);
        assert_eq!(pull.ask(), Some(0));
        assert_eq!(pull.take(0, 4, true), Worth::Cut);
        assert_eq!(pull.take(0, 11, true), Worth::Wrong);
        assert_eq!(pull.take(5, 5, true), Worth::Wrong);
        assert_eq!(pull.take(0, 0, false), Worth::Wrong);
        assert_eq!(pull.take(0, 10, true), Worth::Last);
        assert_eq!(pull.ask(), None);
    }
}
