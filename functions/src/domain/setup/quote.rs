//! How a value is written so that a reader has it as it was: POSIX shells, PowerShell and TOML.
//!
//! No reader takes a NUL; what is quoted here has none.

use std::fmt::Write;

/// One word of a POSIX shell. Within single quotes nothing but their end has a meaning.
pub fn posix(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// One verbatim string of PowerShell. It takes five characters for a single quote, each of which
/// ends the string unless it is doubled.
pub fn powershell(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            text.push(c);
        }
        text.push(c);
    }
    text.push('\'');
    text
}

/// A basic string of TOML, for any value.
pub fn toml(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            _ if c.is_control() => {
                // Writing to a text does not fail.
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A literal string of TOML: no double quote stands around it, for Windows PowerShell loses those
/// on the way to a program. The value has no control characters and no three single quotes in a
/// row, at its end no two.
pub fn toml_literal(value: &str) -> String {
    let quotes = if value.contains('\'') { "'''" } else { "'" };
    format!("{quotes}{value}{quotes}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What a POSIX shell makes of a word.
    fn read_by_sh(word: &str) -> String {
        let said = Command::new("sh").args(["-c", &format!("printf %s {word}")]).output().unwrap();
        assert!(said.status.success(), "{word}: {said:?}");
        String::from_utf8(said.stdout).unwrap()
    }

    /// What PowerShell makes of a verbatim string, by its language's specification (2.3.5.2.1).
    fn read_by_powershell(text: &str) -> Option<String> {
        let is_quote = |c: char| "'\u{2018}\u{2019}\u{201a}\u{201b}".contains(c);
        let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
        let mut value = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            if is_quote(c) && !chars.next().is_some_and(is_quote) {
                return None;
            }
            value.push(c);
        }
        Some(value)
    }

    const NASTY: [&str; 10] = [
        "",
        "plain",
        "it's",
        "''",
        "a \"b\" $HOME `id` $(id) %PATH% \\ ! # & | ; < > * ? ~",
        "two\nlines\tand a tab",
        "-flag",
        "@{a=1}",
        "d\u{2019}accord \u{2018}x\u{2019}",
        "Größe 漢字 🦀",
    ];

    #[test]
    fn what_shells_give_a_meaning_has_none_within_quotes() {
        for value in NASTY {
            assert_eq!(read_by_sh(&posix(value)), value);
            assert_eq!(read_by_powershell(&powershell(value)).as_deref(), Some(value));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_value_passes_through_a_posix_shell(value in "[^\0]*") {
            prop_assert_eq!(read_by_sh(&posix(&value)), value);
        }

        #[test]
        fn any_value_passes_through_powershell(value in "(['$`\" a\u{2018}-\u{201b}]|[^\0])*") {
            prop_assert_eq!(read_by_powershell(&powershell(&value)), Some(value));
        }
    }
}
