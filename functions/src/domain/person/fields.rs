//! What people write of themselves: read, or refused by the name of the field.

use schema::{Error, Result};

use crate::domain::country::COUNTRIES;

/// The longest name.
const NAME_MAX_CHARS: usize = 100;
/// The longest mail address (RFC 5321), and its part before the `@`.
const EMAIL_MAX_BYTES: usize = 254;
const LOCAL_MAX_BYTES: usize = 64;
/// Digits of a phone number with its country (E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Whether a character could end a line or change how a text is shown: in a header, a mail, a log
/// or a message. No text that a person writes of themselves needs one.
fn is_unruly(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || c == '\u{feff}'
}

/// A text on one line.
pub fn line(field: &str, text: &str, most: usize) -> Result<String> {
    if text.chars().any(is_unruly) {
        return Err(Error::field(field, "one line, without control characters"));
    }
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most {
        return Err(Error::field(field, format!("1 to {most} characters")));
    }
    Ok(text.to_owned())
}

/// What somebody is called.
pub fn name(text: &str) -> Result<String> {
    line("name", text, NAME_MAX_CHARS)
}

/// A mail address in lower case: what mail servers of today take, which is less than RFC 5321 has.
pub fn email(text: &str) -> Result<String> {
    let email = line("email", text, EMAIL_MAX_BYTES)?.to_ascii_lowercase();
    let wrong = || Error::field("email", "a mail address such as ann@example.com");
    let (local, domain) = email.split_once('@').ok_or_else(wrong)?;
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    if !atoms || local.len() > LOCAL_MAX_BYTES || !is_domain(domain) {
        return Err(wrong());
    }
    Ok(email)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(fine)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    text.contains('.') && text.split('.').all(is_label) && top.chars().any(|c| c.is_alphabetic())
}

/// A phone number, as `+` and digits. Spaces and the usual marks between digits are left out.
pub fn phone(text: &str) -> Result<String> {
    let text = line("phone", text, 40)?;
    let phone: String = text.chars().filter(|c| !" -().".contains(*c)).collect();
    let digits = phone.strip_prefix('+').unwrap_or_default();
    let fine = PHONE_DIGITS.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if !fine {
        let message = "begin with + and the country's number, such as +14155550123";
        return Err(Error::field("phone", message));
    }
    Ok(phone)
}

/// A country, as its two letters.
pub fn country(text: &str) -> Result<String> {
    let code = text.to_ascii_uppercase();
    let known = COUNTRIES.iter().any(|(its, _)| *its == code);
    known.then_some(code).ok_or_else(|| Error::field("country", "two letters (ISO 3166-1): DE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_lower_case() {
        for (text, read) in [
            ("Ann@Example.COM", "ann@example.com"),
            (" a.b+c@x-y.example ", "a.b+c@x-y.example"),
            ("o'brien@xn--mnchen-3ya.example", "o'brien@xn--mnchen-3ya.example"),
        ] {
            assert_eq!(email(text).as_deref(), Ok(read));
        }
    }

    #[test]
    fn what_is_no_address_or_more_than_one_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "a.".repeat(130));
        for text in [
            "",
            "ann",
            "@x.example",
            "ann@",
            "ann@x",
            "a b@x.example",
            "ann@x..example",
            ".ann@x.example",
            "a..b@x.example",
            "ann@-x.example",
            "ann@x.example.",
            "ann@1.2.3.4",
            "ann@x.example,bob@x.example",
            "<ann@x.example>",
            "ann@x.example>",
            "\"a\"@x.example",
            "ann@x.example\r\nBcc: bob@x.example",
            "ann@x.example\n",
            "a\0@x.example",
            "ann@x_y.example",
            "änn@x.example",
            "a@b@x.example",
            &long,
            &longer,
        ] {
            let refused = email(text).unwrap_err();
            assert_eq!(refused.details[0].field, "email", "{text}");
        }
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(name(" Åsa O'Neil-李 ").as_deref(), Ok("Åsa O'Neil-李"));
        for text in ["", " ", "a\r\nBcc: x@y.z", "a\nb", "a\tb", "a\0", "a\u{2028}b", "\u{202e}a"] {
            assert!(name(text).is_err(), "{text:?}");
        }
        assert!(name(&"ä".repeat(100)).is_ok() && name(&"ä".repeat(101)).is_err());
    }

    #[test]
    fn a_phone_is_a_number_that_the_world_can_call() {
        assert_eq!(phone("+49 (30) 901-820").as_deref(), Ok("+4930901820"));
        for text in ["", "030 901820", "+0301234567", "+49", "+1234567890123456", "+49x30901820"] {
            assert!(phone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_country_is_one_that_there_is() {
        assert_eq!(country("de").as_deref(), Ok("DE"));
        for text in ["", "D", "XX", "DEU", "Germany"] {
            assert!(country(text).is_err(), "{text}");
        }
    }
}
