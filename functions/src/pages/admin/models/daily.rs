//! Thirty days by provider and model, as a chart draws them: a table for each measure, a column for
//! each of the largest pairs, and one for all others.

use std::cmp::Reverse;

use schema::{MicroUsd, Timestamp, time::DAY_MS};

use crate::{
    pages::shown::{Count, Usd},
    services::billing::DailySum,
};

/// Columns of a chart, which has as many colours.
const COLUMNS_MAX: usize = 4;

/// What is drawn, one measure at a time.
pub struct Daily {
    /// A provider with a model each, the largest first.
    pub pairs: Vec<String>,
    pub measures: [Measure; 3],
}

pub struct Measure {
    pub label: &'static str,
    /// How a script words a number of it.
    pub unit: &'static str,
    /// Newest first.
    pub days: Vec<Day>,
}

pub struct Day {
    pub date: String,
    /// One for each pair.
    pub cells: Vec<Cell>,
}

/// A number, for scripts and for people.
pub struct Cell {
    pub value: String,
    pub shown: String,
}

impl Cell {
    fn count(number: u64) -> Self {
        Self { value: number.to_string(), shown: Count(number).to_string() }
    }

    fn usd(amount: MicroUsd) -> Self {
        Self { value: format!("{}e-6", amount.micros()), shown: Usd(amount).to_string() }
    }
}

/// What a pair came to, on a day or in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    requests: u64,
    tokens: u64,
    charged: MicroUsd,
}

impl Sum {
    fn add(&mut self, more: &DailySum) {
        self.requests = self.requests.saturating_add(more.requests);
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.charged = self.charged.plus(MicroUsd::new(more.charged));
    }
}

/// The sums, newest first, as tables.
pub fn daily(sums: &[DailySum]) -> Daily {
    let pairs = largest(sums);
    let days = by_day(sums, &pairs);
    let measure = |label, unit, cell: fn(&Sum) -> Cell| {
        let day = |(date, sums): &(String, Vec<Sum>)| Day {
            date: date.clone(),
            cells: sums.iter().map(cell).collect(),
        };
        Measure { label, unit, days: days.iter().map(day).collect() }
    };
    let measures = [
        measure("Paid by wallets", "usd", |sum| Cell::usd(sum.charged)),
        measure("Requests", "count", |sum| Cell::count(sum.requests)),
        measure("Tokens", "count", |sum| Cell::count(sum.tokens)),
    ];
    Daily { pairs, measures }
}

fn name(sum: &DailySum) -> String {
    format!("{} · {}", sum.route, sum.model)
}

/// The pairs by what they came to; where there are many, the small ones are one.
fn largest(sums: &[DailySum]) -> Vec<String> {
    let mut totals: Vec<(String, Sum)> = Vec::new();
    for sum in sums {
        let name = name(sum);
        if !totals.iter().any(|(known, _)| *known == name) {
            totals.push((name.clone(), Sum::default()));
        }
        let own = totals.iter_mut().find(|(known, _)| *known == name);
        own.into_iter().for_each(|(_, total)| total.add(sum));
    }
    totals.sort_by_key(|(name, it)| (Reverse((it.charged, it.requests)), name.clone()));
    let mut pairs: Vec<String> = totals.into_iter().map(|(name, _)| name).collect();
    if pairs.len() > COLUMNS_MAX {
        pairs.truncate(COLUMNS_MAX - 1);
        pairs.push("all others".to_owned());
    }
    pairs
}

/// A row for each day with a sum for each pair; the last takes what is no other's.
fn by_day(sums: &[DailySum], pairs: &[String]) -> Vec<(String, Vec<Sum>)> {
    let mut days: Vec<(String, Vec<Sum>)> = Vec::new();
    for sum in sums {
        let date = Timestamp::from_millis(sum.day.saturating_mul(DAY_MS)).date();
        if days.last().is_none_or(|(last, _)| *last != date) {
            days.push((date, vec![Sum::default(); pairs.len()]));
        }
        let name = name(sum);
        let at = pairs.iter().position(|pair| *pair == name);
        let at = at.unwrap_or(pairs.len().saturating_sub(1));
        let cell = days.last_mut().and_then(|(_, sums)| sums.get_mut(at));
        cell.into_iter().for_each(|cell| cell.add(sum));
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(day: i64, route: &str, model: &str, charged: i64) -> DailySum {
        let (route, model) = (route.to_owned(), model.to_owned());
        DailySum { day, route, model, requests: 1, tokens: 1_000, charged }
    }

    fn shown(measure: &Measure) -> Vec<(&str, Vec<&str>)> {
        let days = measure.days.iter();
        days.map(|day| {
            (day.date.as_str(), day.cells.iter().map(|cell| cell.shown.as_str()).collect())
        })
        .collect()
    }

    #[test]
    fn each_measure_has_a_row_for_each_day_and_a_column_for_each_pair() {
        let sums = [sum(2, "b", "m", 5), sum(1, "a", "m", 3), sum(1, "b", "m", 4)];
        let Daily { pairs, measures: [paid, requests, tokens] } = daily(&sums);
        assert_eq!(pairs, ["b · m", "a · m"]);
        let (second, first) = ("1970-01-03", "1970-01-02");
        let expected =
            [(second, vec!["$0.000005", "$0.00"]), (first, vec!["$0.000004", "$0.000003"])];
        assert_eq!(shown(&paid), expected);
        assert_eq!(paid.days[0].cells[0].value, "5e-6");
        assert_eq!(shown(&requests), [(second, vec!["1", "0"]), (first, vec!["1", "1"])]);
        assert_eq!(shown(&tokens)[1], (first, vec!["1,000", "1,000"]));
    }

    #[test]
    fn many_small_pairs_are_one_and_nothing_is_lost() {
        let sums: Vec<_> = (0..7).map(|at| sum(1, "a", &format!("m{at}"), at)).collect();
        let Daily { pairs, measures: [_, requests, _] } = daily(&sums);
        assert_eq!(pairs, ["a · m6", "a · m5", "a · m4", "all others"]);
        assert_eq!(shown(&requests), [("1970-01-02", vec!["1", "1", "1", "4"])]);
        assert!(daily(&[]).pairs.is_empty());
    }
}
