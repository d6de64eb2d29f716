//! Operations that were passed to hosts lately. One that comes again is the same one: it was taken
//! once, so it is not refused the second time. Pure.

use std::collections::{BTreeSet, VecDeque};

use schema::OpId;

/// As many as a hub lets wait at once.
const RECENT_MAX: usize = 4_096;

/// The last of them; the oldest are forgotten.
#[derive(Debug, Default)]
pub struct Recent {
    order: VecDeque<OpId>,
    known: BTreeSet<OpId>,
}

impl Recent {
    /// It is passed on now.
    pub fn note(&mut self, op: OpId) {
        if !self.known.insert(op) {
            return;
        }
        self.order.push_back(op);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Whether it was passed on before.
    pub fn knows(&self, op: OpId) -> bool {
        self.known.contains(&op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recent = Recent::default();
        let op = |n: usize| OpId::from_bits(n as u128);
        (0..=RECENT_MAX).for_each(|n| recent.note(op(n)));
        recent.note(op(RECENT_MAX));
        assert!(!recent.knows(op(0)) && recent.knows(op(1)) && recent.knows(op(RECENT_MAX)));
        assert_eq!(recent.order.len(), RECENT_MAX);
    }
}
