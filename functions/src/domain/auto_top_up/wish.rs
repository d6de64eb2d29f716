//! What a customer may agree to.

use schema::{Error, MicroUsd, Result};

use super::{Terms, Unit, times, units_up};

/// No threshold is below it: calls are refused before a balance is that of none.
const THRESHOLD_MIN: MicroUsd = MicroUsd::from_cents(100);
/// Neither a threshold nor a target is above it.
const AMOUNT_MAX: MicroUsd = MicroUsd::from_cents(1_000_000);
/// No wallet takes more in a month by itself.
const CAP_MAX: MicroUsd = MicroUsd::from_cents(2_000_000);
const CENT: i64 = 10_000;

/// What a customer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    pub threshold: MicroUsd,
    pub target: MicroUsd,
    pub monthly_cap: MicroUsd,
}

impl Wish {
    /// The terms, or what is wrong with them.
    pub fn terms(self, unit: Unit) -> Result<Terms> {
        let Self { threshold, target, monthly_cap } = self;
        let shown = MicroUsd::dollars_and_cents;
        if threshold < THRESHOLD_MIN || threshold > AMOUNT_MAX {
            let message = format!("from {} to {} dollars", shown(THRESHOLD_MIN), shown(AMOUNT_MAX));
            return Err(Error::field("thresholdUsd", message));
        }
        if target <= threshold || target > AMOUNT_MAX {
            let message = format!(
                "above the threshold of {} dollars, and at most {}",
                shown(threshold),
                shown(AMOUNT_MAX)
            );
            return Err(Error::field("targetUsd", message));
        }
        if monthly_cap.micros() % CENT != 0 || monthly_cap > CAP_MAX {
            let message = format!("whole cents, and at most {} dollars", shown(CAP_MAX));
            return Err(Error::field("monthlyCapUsd", message));
        }
        let once = times(unit.price, units_up(target.minus(threshold), unit.credit));
        if monthly_cap < once {
            let message = format!(
                "at least {} dollars: what one top-up from the threshold to the target costs",
                shown(once)
            );
            return Err(Error::field("monthlyCapUsd", message));
        }
        Ok(Terms { threshold, target, monthly_cap, unit })
    }
}

/// A dollar for a dollar.
impl Default for Unit {
    fn default() -> Self {
        Self { price: MicroUsd::from_cents(100), credit: MicroUsd::from_cents(100) }
    }
}

impl Unit {
    /// Reads the operator's unit, `1.00 1.00`: its price in dollars and the credit for it; the
    /// usual one where there is no text, and nothing if that cannot be charged.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        let amounts = text.split_whitespace().map(|word| word.parse::<MicroUsd>().ok());
        let [price, credit] = amounts.collect::<Option<Vec<_>>>()?.try_into().ok()?;
        // Stripe takes no less than half a dollar.
        let fits = price.micros() % CENT == 0 && price >= MicroUsd::from_cents(50);
        let fits = fits && price <= AMOUNT_MAX && credit > MicroUsd::ZERO && credit <= AMOUNT_MAX;
        fits.then_some(Self { price, credit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(cents: i64) -> MicroUsd {
        MicroUsd::from_cents(cents)
    }

    const PACK: Unit =
        Unit { price: MicroUsd::from_cents(1_000), credit: MicroUsd::from_cents(1_500) };

    #[track_caller]
    fn check(threshold: MicroUsd, target: MicroUsd, cap: MicroUsd, wrong: Option<&str>) {
        let said = Wish { threshold, target, monthly_cap: cap }.terms(PACK);
        let field = said.as_ref().err().map(|error| error.details[0].field.as_str());
        assert_eq!(field, wrong, "{said:?}");
    }

    #[test]
    fn terms_that_cannot_work_are_refused_by_the_field_that_is_wrong() {
        check(usd(500), usd(2_000), usd(1_000), None);
        check(usd(100), usd(101), usd(1_000), None);
        check(usd(99), usd(2_000), usd(1_000), Some("thresholdUsd"));
        check(usd(1_000_001), usd(1_000_002), usd(1_000), Some("thresholdUsd"));
        check(usd(500), usd(500), usd(1_000), Some("targetUsd"));
        check(usd(500), usd(1_000_001), usd(2_000_000), Some("targetUsd"));
        check(usd(500), usd(2_000), usd(999), Some("monthlyCapUsd"));
        // Two packs fill this gap.
        check(usd(500), usd(2_001), usd(1_999), Some("monthlyCapUsd"));
        check(usd(500), usd(2_000), usd(2_000_001), Some("monthlyCapUsd"));
        check(usd(500), usd(2_000), MicroUsd::new(10_000_001), Some("monthlyCapUsd"));
    }

    #[test]
    fn a_unit_can_be_charged() {
        assert_eq!(Unit::parse("10.00 15"), Some(PACK));
        assert_eq!(Unit::parse(""), Unit::parse("1 1"));
        for bad in ["1", "1 1 1", "0.49 1", "1.001 1", "1 0", "1 -1", "20000 1", "x 1"] {
            assert_eq!(Unit::parse(bad), None, "{bad}");
        }
    }
}
