//! When somebody is told that their wallet runs low: once for each fall below one of its levels,
//! and again only after it was above it.

use schema::MicroUsd;
use serde::{Deserialize, Serialize};

/// Under which name an account's facts hold this.
pub const FACT: &str = "low_balance";

/// Levels at most.
pub const LEVELS_MAX: usize = 5;

/// What a wallet's owner is told of, and what they have been told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LowBalance {
    /// As the owner chose; nothing if they did not.
    levels: Option<Vec<MicroUsd>>,
    /// The levels that the balance was at or above, and has not fallen below since.
    armed: Vec<MicroUsd>,
    falls: u64,
}

/// The levels of a deployment, for wallets whose owners chose none: dollars, separated by spaces.
/// Nothing if one of them is no amount.
pub fn parse(text: &str) -> Option<Vec<MicroUsd>> {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// A fall to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// The lowest level that the balance fell below.
    pub level: MicroUsd,
    /// Which one it is, of all that there were.
    pub number: u64,
}

impl LowBalance {
    /// The levels of this wallet: its owner's own, or the usual ones.
    pub fn levels<'a>(&'a self, usual: &'a [MicroUsd]) -> &'a [MicroUsd] {
        self.levels.as_deref().unwrap_or(usual)
    }

    /// Chooses other levels; an empty list is never told of.
    pub fn choose(&mut self, mut levels: Vec<MicroUsd>) {
        levels.sort_unstable();
        levels.dedup();
        levels.reverse();
        self.armed.retain(|level| levels.contains(level));
        self.levels = Some(levels);
    }

    /// Whether there is nothing to do about this balance: what almost every look comes to.
    pub fn is_settled(&self, usual: &[MicroUsd], balance: MicroUsd) -> bool {
        self.levels(usual).iter().all(|level| (balance >= *level) == self.armed.contains(level))
    }

    /// Takes a balance into account.
    pub fn look(&mut self, usual: &[MicroUsd], balance: MicroUsd) -> Option<Fall> {
        let fallen = self.armed.iter().copied().filter(|level| balance < *level).min();
        self.armed = self.levels(usual).iter().copied().filter(|level| balance >= *level).collect();
        let level = fallen?;
        self.falls += 1;
        Some(Fall { level, number: self.falls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: [MicroUsd; 2] = [MicroUsd::from_cents(500), MicroUsd::from_cents(100)];

    fn usd(cents: i64) -> MicroUsd {
        MicroUsd::from_cents(cents)
    }

    #[track_caller]
    fn check(low: &mut LowBalance, balance: i64, told: Option<i64>) {
        let settled = low.is_settled(&USUAL, usd(balance));
        let fall = low.look(&USUAL, usd(balance)).map(|fall| fall.level);
        assert_eq!(fall, told.map(usd), "{balance}");
        assert!(fall.is_none() || !settled, "{balance}");
        assert!(low.is_settled(&USUAL, usd(balance)));
    }

    #[test]
    fn a_fall_is_told_once_and_again_after_it_was_made_good() {
        let mut low = LowBalance::default();
        // Whoever never had so much did not lose it.
        check(&mut low, 0, None);
        check(&mut low, 90, None);
        check(&mut low, 1_000, None);
        check(&mut low, 500, None);
        check(&mut low, 499, Some(500));
        check(&mut low, 300, None);
        check(&mut low, 99, Some(100));
        check(&mut low, -5, None);
        check(&mut low, 200, None);
        check(&mut low, 99, Some(100));
        check(&mut low, 2_000, None);
        // Through both at once: the lower one says more.
        check(&mut low, 0, Some(100));
        check(&mut low, 600, None);
        check(&mut low, 499, Some(500));
    }

    #[test]
    fn each_fall_has_a_number_of_its_own() {
        let mut low = LowBalance::default();
        let mut numbers = Vec::new();
        for balance in [600, 400, 600, 400, 50] {
            numbers.extend(low.look(&USUAL, usd(balance)).map(|fall| fall.number));
        }
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[test]
    fn what_is_no_amount_is_no_level() {
        assert_eq!(parse("10 x"), None);
        assert_eq!(parse("10 2"), Some(vec![usd(1_000), usd(200)]));
        assert_eq!(parse(""), Some(vec![]));
    }

    #[test]
    fn levels_are_the_owners_to_choose() {
        let mut low = LowBalance::default();
        check(&mut low, 1_000, None);
        low.choose(vec![usd(200), usd(700), usd(200)]);
        assert_eq!(low.levels(&USUAL), [usd(700), usd(200)]);
        check(&mut low, 600, None);
        check(&mut low, 150, Some(200));
        low.choose(Vec::new());
        check(&mut low, 1_000, None);
        check(&mut low, 0, None);
    }
}
