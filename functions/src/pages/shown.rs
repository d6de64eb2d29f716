//! How values look on pages: moments, dollars and counts. What is written here is markup of ours
//! around digits, so templates print it as it is.

use std::fmt;

use askama::filters::HtmlSafe;
use schema::{MicroUsd, Timestamp};

/// A moment as `<time>`, to the minute.
pub struct When(Timestamp);

impl HtmlSafe for When {}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        iso(f, &self.0.to_string())
    }
}

/// The same of a moment that comes as text; of a text that is none, only what a moment may have.
pub struct WhenText(String);

impl HtmlSafe for WhenText {}

impl From<&str> for WhenText {
    fn from(text: &str) -> Self {
        Self(text.chars().filter(|c| c.is_ascii_digit() || "-:TZ.".contains(*c)).collect())
    }
}

impl fmt::Display for WhenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        iso(f, &self.0)
    }
}

fn iso(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let minute = text.get(..16).unwrap_or(text).replace('T', " ");
    write!(f, "<time datetime=\"{text}\">{minute}</time>")
}

/// Dollars, with cents and what is needed of the micro-dollars: `$1,234.50`, `-$0.000125`.
pub struct Usd(pub MicroUsd);

impl HtmlSafe for Usd {}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.micros().unsigned_abs();
        let sign = if self.0 < MicroUsd::ZERO { "-" } else { "" };
        let decimals = format!("{:06}", micros % 1_000_000);
        let (cents, rest) = decimals.split_at(2);
        let rest = rest.trim_end_matches('0');
        write!(f, "{sign}${}.{cents}{rest}", Count(micros / 1_000_000))
    }
}

/// A whole number in groups of three: `1,234,567`.
pub struct Count(pub u64);

impl HtmlSafe for Count {}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_show_cents_and_no_more_micro_dollars_than_there_are() {
        let shown = |micros| Usd(MicroUsd::new(micros)).to_string();
        assert_eq!(shown(0), "$0.00");
        assert_eq!(shown(1_234_500_000), "$1,234.50");
        assert_eq!(shown(-125), "-$0.000125");
        assert_eq!(shown(1_030_100), "$1.0301");
        assert_eq!(shown(-1_000_000_000_000), "-$1,000,000.00");
    }

    #[test]
    fn counts_stand_in_groups_of_three() {
        let shown = |count| Count(count).to_string();
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1_000, 1_234_567].map(shown)[..]);
    }

    #[test]
    fn a_moment_is_machine_readable_and_a_text_that_is_none_is_no_markup() {
        let at = When::from(Timestamp::from_millis(1_709_210_096_789)).to_string();
        let text = "<time datetime=\"2024-02-29T12:34:56.789Z\">2024-02-29 12:34</time>";
        assert_eq!(at, text);
        assert_eq!(WhenText::from("2024-02-29T12:34:56.789Z").to_string(), text);
        let odd = WhenText::from("\"><script>alert(1)</script>").to_string();
        assert_eq!(odd, "<time datetime=\"1\">1</time>");
    }
}
