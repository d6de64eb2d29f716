//! What was measured, for a person. Every figure of a target is also told as a ratio to the
//! pass-through's, taken round by round, of which the median is shown.

use std::fmt::Write;

use super::kind::Kind;
use super::measure::{Cell, Round};

pub const FLOOR: &str = "passthrough";
pub const DIRECT: &str = "direct";

/// A figure of one target in one round, given what the provider itself did in that round.
pub type Figure = fn(&Round, &Round) -> f64;

pub const PER_SECOND: Figure = |it, _| it.per_second;
pub const ADDED_P50: Figure = |it, direct| it.first_byte_p50 - direct.first_byte_p50;
pub const ADDED_P99: Figure = |it, direct| it.first_byte_p99 - direct.first_byte_p99;
pub const ADDED_DELAY: Figure = |it, direct| it.delay_p50 - direct.delay_p50;
pub const CPU: Figure = |it, _| it.cpu;
pub const PEAK_MB: Figure = |it, _| it.peak_mb;

impl Cell {
    /// The median of a figure over the rounds.
    pub fn figure(&self, target: &str, figure: Figure) -> Option<f64> {
        let direct = self.rounds.get(DIRECT)?;
        let rounds = self.rounds.get(target)?.iter().zip(direct);
        median(rounds.map(|(it, direct)| figure(it, direct)).collect())
    }

    /// A figure's ratio to another target's: the median of those of each round, or, where what is
    /// added is so little that it drowns in a round's noise, the ratio of the medians.
    pub fn ratio(&self, target: &str, to: &str, figure: Figure) -> Option<f64> {
        let direct = self.rounds.get(DIRECT)?;
        let pairs = self.rounds.get(target)?.iter().zip(self.rounds.get(to)?).zip(direct);
        let pairs: Vec<(f64, f64)> = pairs
            .map(|((it, other), direct)| (figure(it, direct), figure(other, direct)))
            .collect();
        if pairs.iter().all(|(it, other)| *it > 0.0 && *other > 0.0) {
            return median(pairs.iter().map(|(it, other)| it / other).collect());
        }
        let (it, other): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let ratio = median(it)? / median(other)?;
        Some(ratio).filter(|ratio| ratio.is_finite() && *ratio > 0.0)
    }

    pub fn failed(&self, target: &str) -> usize {
        self.rounds.get(target).into_iter().flatten().map(|round| round.failed).sum()
    }

    /// The cell as a table.
    pub fn table(&self, targets: &[&'static str]) -> String {
        let name = title(self.kind);
        let others = self.others * 100.0;
        let mut text = format!(
            "\n{name}, {} at once (other programs took {others:.0} % of the machine)\n",
            self.connections
        );
        let _ = writeln!(
            text,
            "{:<12}{:>17}{:>20}{:>20}{:>20}{:>19}{:>16}",
            "",
            "requests/s",
            "+first byte p50 ms",
            "+first byte p99 ms",
            "+delay per event ms",
            "CPU s/1,000",
            "peak MB"
        );
        for target in targets {
            let paced = matches!(self.kind, Kind::Paced(_));
            let is_direct = *target == DIRECT;
            let of = |figure: Figure, digits: usize, shown: bool| {
                if shown { self.both(target, figure, digits) } else { String::new() }
            };
            let _ = writeln!(
                text,
                "{target:<12}{:>17}{:>20}{:>20}{:>20}{:>19}{:>16}{}",
                of(PER_SECOND, 0, true),
                of(ADDED_P50, 3, !is_direct),
                of(ADDED_P99, 3, !is_direct),
                of(ADDED_DELAY, 3, paced && !is_direct),
                of(CPU, 3, !is_direct),
                of(PEAK_MB, 0, !is_direct),
                match self.failed(target) {
                    0 => String::new(),
                    failed => format!("  {failed} FAILED"),
                },
            );
        }
        for failure in &self.failures {
            let _ = writeln!(text, "FAILED {failure}");
        }
        text
    }

    /// A figure with its ratio to the floor.
    fn both(&self, target: &str, figure: Figure, digits: usize) -> String {
        let Some(value) = self.figure(target, figure) else { return "-".to_owned() };
        match self.ratio(target, FLOOR, figure) {
            Some(ratio) => format!("{value:.digits$} ({})", short(ratio)),
            None => format!("{value:.digits$}"),
        }
    }
}

pub fn title(kind: Kind) -> String {
    match kind {
        Kind::Json => "JSON".to_owned(),
        Kind::Stream(1) => "1 event".to_owned(),
        Kind::Stream(deltas) => format!("{deltas} events"),
        Kind::Burst(deltas) => format!("{deltas} events in one burst"),
        Kind::Paced(deltas) => format!("{deltas} events, 5 ms apart"),
    }
}

/// A ratio in about three digits.
pub fn short(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let high = values.get(middle)?;
    if values.len() % 2 == 1 { Some(*high) } else { Some((high + values[middle - 1]) / 2.0) }
}
