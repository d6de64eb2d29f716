//! Rolling windows, exact, and the leases that bound what runs at once.

use std::collections::{HashMap, VecDeque};

use schema::{
    CallId, Timestamp,
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

/// The requests of one credential in the hour or day that ends now: every one counts until the same
/// moment of the next, so no burst at a boundary passes twice. Requests of one millisecond share an
/// element; the memory is bounded by the limit.
#[derive(Debug)]
pub struct Window {
    span_ms: i64,
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

impl Full {
    /// The wait in whole seconds, rounded up.
    pub fn seconds(self) -> u32 {
        u32::try_from((self.wait_ms + 999) / 1_000).unwrap_or(u32::MAX)
    }
}

impl Window {
    /// An hour in which nothing was asked.
    pub fn hour() -> Self {
        Self { span_ms: HOUR_MS, counted: VecDeque::new(), used: 0 }
    }

    /// A day in which nothing was asked.
    pub fn day() -> Self {
        Self { span_ms: DAY_MS, ..Self::hour() }
    }

    /// Whether a request of that weight fits.
    pub fn room(&mut self, weight: u32, limit: u32, now: Timestamp) -> Result<(), Full> {
        self.slide(now);
        if self.used.saturating_add(weight) > limit {
            return Err(Full { wait_ms: self.wait(weight, limit, now) });
        }
        Ok(())
    }

    /// Counts a request, one that fits or that storage remembers as counted before.
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
        let oldest = self.counted.front().map_or(now, |(at, _)| at.plus_millis(self.span_ms));
        // Rounded up: at the second that is named the request has left.
        let reset_at = oldest.plus_millis(999).seconds();
        Rate { limit, used: self.used, reset_at }
    }

    fn slide(&mut self, now: Timestamp) {
        while let Some((at, weight)) = self.counted.front() {
            if now.since(*at) < self.span_ms {
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
                return at.plus_millis(self.span_ms).since(now).max(1);
            }
        }
        self.span_ms
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

    fn count(window: &mut Window, weight: u32, limit: u32, ms: i64) -> Result<(), Full> {
        window.room(weight, limit, at(ms)).inspect(|()| window.add(at(ms), weight))
    }

    #[test]
    fn exactly_the_limit_of_a_burst_passes_and_again_after_the_window_slid() {
        let mut window = Window::hour();
        let passed = |window: &mut Window, now| {
            (0..600).filter(|i| count(window, 1, 500, now + i / 100).is_ok()).count()
        };
        assert_eq!(passed(&mut window, 0), 500);
        assert_eq!(passed(&mut window, HOUR_MS - 6), 0);
        assert_eq!(passed(&mut window, HOUR_MS + 10), 500);
    }

    #[test]
    fn a_full_window_says_when_to_come_back() {
        let window = &mut Window::hour();
        assert_eq!(count(window, 1, 2, 1_000), Ok(()));
        assert_eq!(count(window, 1, 2, 5_000), Ok(()));
        assert_eq!(count(window, 1, 2, 6_000), Err(Full { wait_ms: HOUR_MS - 5_000 }));
        assert_eq!(count(window, 2, 2, 6_000), Err(Full { wait_ms: HOUR_MS - 1_000 }));
        assert_eq!(window.rate(2, at(6_000)).reset_at, (HOUR_MS + 1_000) / 1_000);
    }

    #[test]
    fn a_day_slides_as_an_hour_does() {
        let window = &mut Window::day();
        assert_eq!(count(window, 1, 1, 1_000), Ok(()));
        assert_eq!(count(window, 1, 1, HOUR_MS * 3), Err(Full { wait_ms: HOUR_MS * 21 + 1_000 }));
        assert_eq!(count(window, 1, 1, DAY_MS + 1_000), Ok(()));
    }

    proptest! {
        /// In no hour, wherever it starts, do more than the limit pass; nor is one refused that had
        /// room.
        #[test]
        fn no_hour_holds_more_than_the_limit(gaps in prop::collection::vec(0i64..400_000, 1..200)) {
            let (mut window, mut now, mut passed) = (Window::hour(), 0, Vec::new());
            for gap in gaps {
                now += gap;
                let recent = passed.iter().filter(|then| now - **then < HOUR_MS).count();
                let verdict = count(&mut window, 1, 10, now);
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
