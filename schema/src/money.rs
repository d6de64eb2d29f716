//! Money: whole micro-dollars, checked arithmetic, no floating point anywhere.

use std::{fmt, iter::Sum, str::FromStr};

use serde::{Deserialize, Serialize};

/// An amount in millionths of a US dollar. Signed: a posting is negative, a credit positive.
///
/// Arithmetic saturates: the range (nine trillion dollars) is far beyond any wallet, and a clamp at
/// its end can neither wrap a debt into a fortune nor end a request. [`MicroUsd::MAX`] keeps within
/// the integers that a JavaScript number holds exactly (2^53 - 1), because that is how storage
/// carries them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct MicroUsd(i64);

impl MicroUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount that storage carries exactly.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The given number of micro-dollars, clamped to what storage carries.
    pub const fn new(micros: i64) -> Self {
        if micros > Self::MAX.0 {
            Self::MAX
        } else if micros < -Self::MAX.0 {
            Self(-Self::MAX.0)
        } else {
            Self(micros)
        }
    }

    /// The given number of whole cents.
    pub const fn from_cents(cents: i64) -> Self {
        Self::new(cents.saturating_mul(10_000))
    }

    /// The number of micro-dollars.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The sum, clamped.
    pub const fn plus(self, other: Self) -> Self {
        Self::new(self.0.saturating_add(other.0))
    }

    /// The difference, clamped.
    pub const fn minus(self, other: Self) -> Self {
        Self::new(self.0.saturating_sub(other.0))
    }

    /// The same amount with the other sign.
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Nothing, if the amount is negative.
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// Dollars and cents, rounded towards zero: `12.34`. What the Codex CLI shows as its balance.
    pub fn dollars_and_cents(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs() / 10_000;
        format!("{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

/// Dollars with all six places: `12.340000`.
impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

/// The text is not an amount of dollars with at most six decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAmount;

/// Reads `12`, `12.5` or `-0.000001`. More than six decimals are refused, never rounded.
impl FromStr for MicroUsd {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(decimals) || decimals.len() > 6 {
            return Err(NotAnAmount);
        }
        let micros: i64 = format!("{whole}{decimals:0<6}").parse().map_err(|_| NotAnAmount)?;
        if micros > Self::MAX.0 {
            return Err(NotAnAmount);
        }
        Ok(Self(if negative { -micros } else { micros }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly_or_not_at_all() {
        assert_eq!("12".parse(), Ok(MicroUsd::new(12_000_000)));
        assert_eq!("-0.000001".parse(), Ok(MicroUsd::new(-1)));
        for bad in ["", "1.", ".5", "1.0000001", "1e3", "+1", "9999999999999999", "--1"] {
            assert_eq!(bad.parse::<MicroUsd>(), Err(NotAnAmount), "{bad}");
        }
    }

    #[test]
    fn amounts_are_shown_without_rounding_up() {
        assert_eq!(MicroUsd::new(12_349_999).dollars_and_cents(), "12.34");
        assert_eq!(MicroUsd::new(-12_349_999).to_string(), "-12.349999");
    }

    #[test]
    fn arithmetic_clamps_and_never_wraps() {
        assert_eq!(MicroUsd::MAX.plus(MicroUsd::MAX), MicroUsd::MAX);
        assert_eq!(MicroUsd::new(i64::MIN), MicroUsd::MAX.negated());
    }
}
