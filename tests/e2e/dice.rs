//! Chance that can be repeated: the seed is printed, and `GANTRY_SEED` sets it.

use std::env;

/// A small generator (splitmix64); good enough to pick moments.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Another seed each time, unless one is set.
    pub fn new() -> Self {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).expect("random bytes");
        let set = env::var("GANTRY_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = set.unwrap_or(u64::from_le_bytes(bytes));
        println!("GANTRY_SEED={seed}");
        Self(seed)
    }

    /// Independent of what this one throws later.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// Below the bound, and 0 if there is nothing below it.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % (bound.max(1) as u64)).unwrap_or_default()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
