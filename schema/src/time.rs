//! Time: milliseconds since the Unix epoch, and its two renderings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Timestamp(i64);

/// One day in milliseconds.
pub const DAY_MS: i64 = 86_400_000;
/// One hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

impl Timestamp {
    /// The moment that many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as `*_at` fields and rate-limit headers carry them.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment that many milliseconds later.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to here; negative if it is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-20 03:30:41 UTC`, for people. Rounded up: by then it has come.
    pub fn to_second(self) -> String {
        let up = self.plus_millis(999);
        let s = up.0.rem_euclid(DAY_MS) / 1000;
        let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
        format!("{} {h:02}:{m:02}:{s:02} UTC", up.date())
    }

    /// `2026-11-20`, in UTC.
    pub fn date(self) -> String {
        let (year, month, day) = civil(self.0.div_euclid(DAY_MS));
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// The first moment of this moment's calendar month, in UTC.
    pub const fn month_start(self) -> Self {
        let days = self.0.div_euclid(DAY_MS);
        let (_, _, day) = civil(days);
        Self((days - day + 1).saturating_mul(DAY_MS))
    }

    /// The first moment of the calendar month after this moment's, in UTC.
    pub const fn next_month_start(self) -> Self {
        // No month has more days than that, and none fewer than 28.
        self.month_start().plus_millis(31 * DAY_MS).month_start()
    }
}

/// ISO 8601 in UTC: `2026-11-20T03:30:41.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.rem_euclid(DAY_MS);
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        write!(f, "{}T{h:02}:{m:02}:{s:02}.{:03}Z", self.date(), ms % 1000)
    }
}

/// The Gregorian date of a day counted from the epoch: Howard Hinnant's `civil_from_days`.
const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_iso_8601() {
        let shown = |ms| Timestamp::from_millis(ms).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(shown(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(shown(4_107_542_399_000), "2100-02-28T23:59:59.000Z");
    }

    #[test]
    fn a_month_begins_and_the_next_one_follows() {
        let moment = |ms| Timestamp::from_millis(ms);
        let shown = |at: Timestamp| (at.month_start().date(), at.next_month_start().date());
        let of = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(shown(moment(1_709_210_096_789)), of("2024-02-01", "2024-03-01"));
        assert_eq!(shown(moment(1_706_745_599_999)), of("2024-01-01", "2024-02-01"));
        assert_eq!(shown(moment(0)), of("1970-01-01", "1970-02-01"));
        assert_eq!(shown(moment(-1)), of("1969-12-01", "1970-01-01"));
        assert_eq!(moment(1_709_210_096_789).month_start().millis().rem_euclid(DAY_MS), 0);
    }
}
