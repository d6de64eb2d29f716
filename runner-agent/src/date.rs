//! The edge's clock, as the `Date` header gives it.

use schema::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Fri, 20 Nov 2026 06:43:18 GMT` (RFC 9110 section 5.6.7); the obsolete forms are not read.
pub fn parse(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let fields: Vec<&str> = rest.split([' ', ':']).collect();
    let [day, month, year, hour, minute, second, "GMT"] = fields.as_slice() else { return None };
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    let month = MONTHS.iter().position(|name| name == month)?;
    let days = days(number(year)?, i64::try_from(month).ok()? + 1, number(day)?);
    let minutes = (days * 24 + number(hour)?) * 60 + number(minute)?;
    Some(Timestamp::from_millis((minutes * 60 + number(second)?) * 1000))
}

/// Days since the epoch: Howard Hinnant's `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        let shown = |text| parse(text).map(|at| at.to_string());
        let expected = |text: &str| Some(text.to_owned());
        assert_eq!(shown("Fri, 20 Nov 2026 06:43:18 GMT"), expected("2026-11-20T06:43:18.000Z"));
        assert_eq!(shown("Thu, 29 Feb 2024 23:59:59 GMT"), expected("2024-02-29T23:59:59.000Z"));
        assert_eq!(shown("Thu, 01 Jan 1970 00:00:00 GMT"), expected("1970-01-01T00:00:00.000Z"));
        assert_eq!(shown("2026-11-20"), None);
        assert_eq!(shown("Fri, 20 Nov 2026 06:43:18 CET"), None);
    }
}
