//! When a balance is low: each threshold is told of once, when the balance falls below it, and
//! again only after the balance was back.

use schema::MicroUsd;

/// The thresholds of a deployment: dollars, separated by spaces; nothing if one of them is no
/// amount.
pub fn parse(text: &str) -> Option<Vec<MicroUsd>> {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// The lowest threshold that a balance is below.
pub fn below(balance: MicroUsd, thresholds: &[MicroUsd]) -> Option<MicroUsd> {
    thresholds.iter().copied().filter(|threshold| balance < *threshold).min()
}

/// Whether a balance that is below `now` is to be told of, when it was below `before`.
pub fn has_fallen(before: Option<MicroUsd>, now: Option<MicroUsd>) -> bool {
    now.is_some_and(|now| before.is_none_or(|before| now < before))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of while a balance moves.
    fn told(balances: &[i64]) -> Vec<i64> {
        let thresholds = parse("10 2").unwrap();
        let dollars = |amount: i64| MicroUsd::new(amount * 1_000_000);
        let at = |balance: i64| below(dollars(balance), &thresholds);
        let mut before = balances.first().and_then(|first| at(*first));
        let mut told = Vec::new();
        for balance in balances {
            let now = at(*balance);
            if has_fallen(before, now) {
                told.extend(now.map(|threshold| threshold.micros() / 1_000_000));
            }
            before = now;
        }
        told
    }

    #[test]
    fn each_threshold_is_told_of_once_on_the_way_down() {
        assert_eq!(told(&[50, 10, 9, 8, 3, 2, 1, 0, -1]), [10, 2]);
        assert_eq!(told(&[50, 1]), [2], "two at once are one");
        assert_eq!(told(&[50, 9, 50, 9, 1, 5, 1]), [10, 10, 2, 2]);
        assert_eq!(told(&[0, 50, 0]), [2], "a wallet that begins empty has not fallen");
    }

    #[test]
    fn what_is_no_amount_is_no_threshold() {
        assert_eq!(parse("10 x"), None);
        assert_eq!(parse(""), Some(vec![]));
    }
}
