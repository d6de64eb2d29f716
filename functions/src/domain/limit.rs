//! The rolling hour, exact, and the leases that bound what runs at once.

use std::collections::{HashMap, VecDeque};

use schema::{CallId, Timestamp, time::HOUR_MS};
use serde::{Deserialize, Serialize};

/// The requests of one credential in the hour that ends now: every one counts until the same moment of the
/// next hour, so no burst at a boundary passes twice. Requests of one millisecond share an element; the
/// memory is bounded by the limit.
#[derive(Debug, Default)]
pub struct Window {
    counted: VecDeque<(Timestamp, u32)>,
    used: u32,
}

/// Where a credential stands, as the `X-RateLimit-*` headers say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub limit: u32,
    pub used: u32,
    /// When the oldest counted request leaves the window, in Unix seconds.
    pub reset_at: i64,
}

impl Rate {
    /// Requests that are still free.
    pub const fn remaining(self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

/// The window is full for as many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    pub wait_ms: i64,
}

impl Window {
    /// Counts a request of that weight, if it fits.
    pub fn count(&mut self, weight: u32, limit: u32, now: Timestamp) -> Result<(), Full> {
        self.slide(now);
        if self.used.saturating_add(weight) > limit {
            return Err(Full { wait_ms: self.wait(weight, limit, now) });
        }
        self.add(now, weight);
        Ok(())
    }

    /// Puts back what storage remembers of a request that was counted before.
    pub fn add(&mut self, at: Timestamp, weight: u32) {
        self.used = self.used.saturating_add(weight);
        match self.counted.back_mut() {
            Some((last, sum)) if *last == at => *sum = sum.saturating_add(weight),
            _ => self.counted.push_back((at, weight)),
        }
    }

    /// Where the window stands.
    pub fn rate(&mut self, limit: u32, now: Timestamp) -> Rate {
        self.slide(now);
        let oldest = self.counted.front().map_or(now, |(at, _)| at.plus_millis(HOUR_MS));
        // Rounded up: at the second that is named the request has left.
        let reset_at = oldest.plus_millis(999).seconds();
        Rate { limit, used: self.used, reset_at }
    }

    fn slide(&mut self, now: Timestamp) {
        while let Some((at, weight)) = self.counted.front() {
            if now.since(*at) < HOUR_MS {
                break;
            }
            self.used = self.used.saturating_sub(*weight);
            self.counted.pop_front();
        }
    }

    /// Milliseconds until enough of the oldest requests have left.
    fn wait(&self, weight: u32, limit: u32, now: Timestamp) -> i64 {
        let mut used = self.used;
        for (at, counted) in &self.counted {
            used = used.saturating_sub(*counted);
            if used.saturating_add(weight) <= limit {
                return at.plus_millis(HOUR_MS).since(now).max(1);
            }
        }
        HOUR_MS
    }
}

/// The calls that run now, each until its deadline: what crashed gives its place back by itself.
#[derive(Debug, Default)]
pub struct Leases(HashMap<CallId, Timestamp>);

impl Leases {
    /// Takes a place, if one of `at_once` is free.
    pub fn take(
        &mut self,
        call: CallId,
        at_once: u32,
        deadline: Timestamp,
        now: Timestamp,
    ) -> bool {
        if self.running() >= at_once {
            self.0.retain(|_, deadline| now < *deadline);
        }
        if self.running() >= at_once {
            return false;
        }
        self.0.insert(call, deadline);
        true
    }

    /// Gives the place back.
    pub fn release(&mut self, call: CallId) {
        self.0.remove(&call);
    }

    /// Calls that run now.
    pub fn running(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn exactly_the_limit_of_a_burst_passes_and_again_after_the_window_slid() {
        let mut window = Window::default();
        let passed = |window: &mut Window, now| {
            (0..600).filter(|i| window.count(1, 500, at(now + i / 100)).is_ok()).count()
        };
        assert_eq!(passed(&mut window, 0), 500);
        assert_eq!(passed(&mut window, HOUR_MS - 6), 0);
        assert_eq!(passed(&mut window, HOUR_MS + 10), 500);
    }

    #[test]
    fn a_full_window_says_when_to_come_back() {
        let mut window = Window::default();
        assert_eq!(window.count(1, 2, at(1_000)), Ok(()));
        assert_eq!(window.count(1, 2, at(5_000)), Ok(()));
        assert_eq!(window.count(1, 2, at(6_000)), Err(Full { wait_ms: HOUR_MS - 5_000 }));
        assert_eq!(window.count(2, 2, at(6_000)), Err(Full { wait_ms: HOUR_MS - 1_000 }));
        assert_eq!(window.rate(2, at(6_000)).reset_at, (HOUR_MS + 1_000) / 1_000);
    }

    proptest! {
        /// In no hour, wherever it starts, do more than the limit pass; nor is one refused that had room.
        #[test]
        fn no_hour_holds_more_than_the_limit(gaps in prop::collection::vec(0i64..400_000, 1..200)) {
            let (mut window, mut now, mut passed) = (Window::default(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                let recent = passed.iter().filter(|then| now - **then < HOUR_MS).count();
                let verdict = window.count(1, 10, at(now));
                prop_assert_eq!(verdict.is_ok(), recent < 10);
                if verdict.is_ok() {
                    passed.push(now);
                }
            }
        }
    }

    #[test]
    fn five_at_once_means_five_and_a_lost_call_gives_its_place_back() {
        let call = |n| CallId::from_bits(n);
        let mut leases = Leases::default();
        assert!((0..5).all(|n| leases.take(call(n), 5, at(100), at(0))));
        assert!(!leases.take(call(5), 5, at(100), at(99)));
        leases.release(call(0));
        assert!(leases.take(call(6), 5, at(200), at(99)));
        assert!(leases.take(call(7), 5, at(200), at(100)));
        assert_eq!(leases.running(), 2);
    }
}
