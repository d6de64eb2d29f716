//! Mail as values: addresses, letters, and the form in which they travel.

pub mod letter;
pub mod mime;
pub mod settings;
mod words;

use std::fmt;

/// Bytes of an address (RFC 5321 section 4.5.3.1.3, less its brackets).
const ADDRESS_MAX_BYTES: usize = 254;
const LOCAL_MAX_BYTES: usize = 64;

/// An address that can stand in a command and in a header as it is: letters, digits and a few signs
/// on both sides of one `@`. Quoted forms and those beyond ASCII are not taken, for servers read
/// them in different ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress(String);

impl MailAddress {
    /// Nothing if it is no such address.
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.split_once('@')?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        let local_fine = local.len() <= LOCAL_MAX_BYTES
            && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
        let label = |part: &str| {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (1..=63).contains(&part.len())
                && part.chars().all(fine)
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        let fine = text.len() <= ADDRESS_MAX_BYTES && local_fine && domain.split('.').all(label);
        fine.then(|| Self(text.to_owned()))
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_and_nothing_more() {
        for fine in
            ["a@b.test", "first.last+tag@mail.example.com", "o'neil@x-y.test", "a@localhost"]
        {
            assert!(MailAddress::parse(fine).is_some(), "{fine}");
        }
        for not in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c.test",
            "a@b .test",
            "a@b.test\r\nRCPT TO:<x@y>",
            "a\r@b.test",
            "a\n@b.test",
            "<a@b.test>",
            "a@b.test>",
            "\"a b\"@c.test",
            "a,b@c.test",
            ".a@b.test",
            "a.@b.test",
            "a..b@c.test",
            "a@.test",
            "a@b..test",
            "a@-b.test",
            "a@b-.test",
            "a@[127.0.0.1]",
            "a@b.test\0",
            "\u{fc}@b.test",
            "a@\u{fc}.test",
            "a@b.test ",
        ] {
            assert!(MailAddress::parse(not).is_none(), "{not:?}");
        }
        assert!(MailAddress::parse(&format!("{}@b.test", "a".repeat(65))).is_none());
        let long = format!("a@{}", ["b".repeat(60).as_str(); 5].join("."));
        assert!(MailAddress::parse(&long).is_none());
    }
}
