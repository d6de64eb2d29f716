//! Medians and the like of what was measured, in milliseconds.

use std::time::Duration;

/// Times of one kind.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Milliseconds that so many of a hundred stayed below; 0 of nothing.
    pub fn percentile(&self, of_100: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = sorted.len().saturating_sub(1) * of_100 / 100;
        sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    /// `p50 0.41 ms, p99 0.80 ms`
    pub fn said(&self) -> String {
        format!("p50 {:.3} ms, p99 {:.3} ms", self.percentile(50), self.percentile(99))
    }
}

/// `1.9` of `3.8` and `2.0`; nothing of nothing.
pub fn ratio(ours: f64, theirs: f64) -> String {
    if theirs > 0.0 { format!("{:.2}", ours / theirs) } else { "-".to_owned() }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
