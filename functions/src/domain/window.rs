//! What each credential of an account asked for lately: every request of an hour, and of a
//! publishable key also what it generated in a day.

use std::collections::HashMap;

use schema::{KeyId, Timestamp};

use super::{
    access::Holder,
    limit::{Full, Rate, Window},
};

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Every request of a credential in the hour that ends now.
    Hour(Holder),
    /// What a publishable key generated in the day that ends now.
    Day(KeyId),
}

impl Counter {
    /// How the text of a day's counter begins; an hour's is its holder's.
    pub const DAY: &'static str = "day:";

    /// As it is stored.
    pub fn text(self) -> String {
        match self {
            Self::Hour(holder) => holder.text(),
            Self::Day(key) => format!("{}{key}", Self::DAY),
        }
    }

    /// Reads what [`Counter::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(Self::DAY) {
            Some(key) => key.parse().ok().map(Self::Day),
            None => Holder::parse(text).map(Self::Hour),
        }
    }

    fn window(self) -> Window {
        match self {
            Self::Hour(_) => Window::hour(),
            Self::Day(_) => Window::day(),
        }
    }
}

/// A request that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub counter: Counter,
    pub at: Timestamp,
    pub weight: u32,
}

/// The windows of an account.
#[derive(Debug, Default)]
pub struct Windows {
    windows: HashMap<Counter, Window>,
    unstored: Vec<Counted>,
}

impl Windows {
    /// Whether a request of that weight fits; nothing is counted.
    pub fn room(
        &mut self,
        counter: Counter,
        weight: u32,
        limit: u32,
        now: Timestamp,
    ) -> Result<(), Full> {
        self.of(counter).room(weight, limit, now)
    }

    /// Counts a request that fits.
    pub fn count(&mut self, counter: Counter, weight: u32, at: Timestamp) {
        self.of(counter).add(at, weight);
        match self.unstored.last_mut() {
            Some(last) if last.counter == counter && last.at == at => last.weight += weight,
            _ => self.unstored.push(Counted { counter, at, weight }),
        }
    }

    /// Where a counter stands.
    pub fn rate(&mut self, counter: Counter, limit: u32, now: Timestamp) -> Rate {
        self.of(counter).rate(limit, now)
    }

    /// Puts back a request that storage remembers as counted.
    pub fn restore(&mut self, counted: Counted) {
        self.of(counted.counter).add(counted.at, counted.weight);
    }

    /// The counted requests that storage has not got yet.
    pub fn unstored(&self) -> &[Counted] {
        &self.unstored
    }

    /// Storage has got the first `count` of them.
    pub fn stored(&mut self, count: usize) {
        self.unstored.drain(..count.min(self.unstored.len()));
    }

    fn of(&mut self, counter: Counter) -> &mut Window {
        self.windows.entry(counter).or_insert_with(|| counter.window())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_reads_back_from_its_text() {
        let key = KeyId::from_bits(7);
        let hour = Counter::Hour(Holder::Key(key));
        for counter in [hour, Counter::Day(key), Counter::Hour(Holder::Username)] {
            assert_eq!(Counter::parse(&counter.text()), Some(counter));
        }
        assert_eq!(Counter::parse("day:"), None);
    }

    #[test]
    fn requests_of_one_moment_are_stored_as_one() {
        let mut windows = Windows::default();
        let (hour, day) = (Counter::Hour(Holder::Static), Counter::Day(KeyId::from_bits(1)));
        for at in [1, 1, 2] {
            windows.count(hour, 1, Timestamp::from_millis(at));
        }
        windows.count(day, 1, Timestamp::from_millis(2));
        assert_eq!(windows.unstored().iter().map(|c| c.weight).collect::<Vec<_>>(), [2, 1, 1]);
        windows.stored(2);
        assert_eq!(windows.unstored().iter().map(|c| c.counter).collect::<Vec<_>>(), [day]);
    }
}
