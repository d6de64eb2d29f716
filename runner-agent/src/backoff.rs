//! How long to wait before dialling again. Pure: the dice are an argument.

use std::time::Duration;

/// The ceiling of the first waits, and of the last ones.
const FIRST_MS: u64 = 500;
const LAST_MS: u64 = 30_000;
/// Dials that may find nobody before the ceiling begins to rise: a link that comes back is to be
/// found at once, and a packet into the void costs nobody anything.
const QUICK_DIALS: u32 = 10;
/// A connection that held for so long was a good one: the next failure is a first failure.
pub const STEADY: Duration = Duration::from_secs(10);
/// No edge may keep a runner away for longer than this by asking it to wait.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// Failures since the last good connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    /// Nobody answered: no route, no listener, no handshake in time.
    unreached: u32,
    /// Somebody answered, and said no.
    refused: u32,
}

impl Backoff {
    /// Nobody answered.
    pub fn unreached(&mut self) {
        self.unreached = self.unreached.saturating_add(1);
    }

    /// The edge answered that it cannot serve now, or closed a young connection.
    pub fn refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// A connection ended that had held for so long. Each second forgives one failure to reach the
    /// edge, so that a bad line is not mistaken for a bad edge, and [`STEADY`] forgives everything.
    pub fn held(&mut self, held: Duration) {
        let seconds = u32::try_from(held.as_secs()).unwrap_or(u32::MAX);
        self.unreached = self.unreached.saturating_sub(seconds);
        if held >= STEADY {
            *self = Self::default();
        }
    }

    /// The network is another one: what could not be reached may be reached now.
    pub fn network_changed(&mut self) {
        self.unreached = 0;
    }

    /// Failures in a row.
    pub fn failures(self) -> u32 {
        self.unreached.saturating_add(self.refused)
    }

    /// The longest that the next wait can be.
    pub fn ceiling(self) -> Duration {
        let doublings = self.unreached.saturating_sub(QUICK_DIALS).saturating_add(self.refused);
        let factor = 1u64.checked_shl(doublings.saturating_sub(1)).unwrap_or(u64::MAX);
        Duration::from_millis(FIRST_MS.saturating_mul(factor).min(LAST_MS))
    }

    /// The next wait: anything up to the ceiling, so that runners that were cut off together do not
    /// come back together; at least what the edge asked for.
    pub fn delay(self, dice: u32, asked: Option<Duration>) -> Duration {
        let jittered = self.ceiling().mul_f64(f64::from(dice) / f64::from(u32::MAX));
        asked.map_or(jittered, |asked| asked.min(ASKED_MAX) + jittered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(unreached: u32, refused: u32) -> Backoff {
        Backoff { unreached, refused }
    }

    #[test]
    fn the_first_dials_into_the_void_are_quick_and_later_ones_are_not() {
        assert_eq!(after(1, 0).ceiling(), Duration::from_millis(500));
        assert_eq!(after(11, 0).ceiling(), Duration::from_millis(500));
        assert_eq!(after(12, 0).ceiling(), Duration::from_secs(1));
        assert_eq!(after(17, 0).ceiling(), Duration::from_secs(30));
        assert_eq!(after(u32::MAX, u32::MAX).ceiling(), Duration::from_secs(30));
    }

    #[test]
    fn an_edge_that_says_no_is_left_alone_for_longer_each_time() {
        let ceilings: Vec<u64> =
            (1..=8).map(|n| after(0, n).ceiling().as_millis() as u64).collect();
        assert_eq!(ceilings, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn the_wait_is_anything_up_to_the_ceiling() {
        let backoff = after(0, 3);
        assert_eq!(backoff.delay(0, None), Duration::ZERO);
        assert_eq!(backoff.delay(u32::MAX, None), backoff.ceiling());
    }

    #[test]
    fn what_the_edge_asks_for_is_waited_and_no_more_than_five_minutes() {
        let ask = |seconds| after(0, 1).delay(0, Some(Duration::from_secs(seconds)));
        assert_eq!(ask(7), Duration::from_secs(7));
        assert_eq!(ask(86_400), Duration::from_secs(300));
    }

    #[test]
    fn a_connection_that_held_forgives() {
        let held = |seconds| {
            let mut backoff = after(5, 3);
            backoff.held(Duration::from_secs(seconds));
            backoff
        };
        assert_eq!((held(0), held(3), held(9)), (after(5, 3), after(2, 3), after(0, 3)));
        assert_eq!(held(10).failures(), 0);
    }

    #[test]
    fn another_network_forgives_what_the_old_one_could_not_reach() {
        let mut backoff = after(20, 3);
        backoff.network_changed();
        assert_eq!(backoff, after(0, 3));
    }
}
