//! An order of a marketplace: what it comes to, and the text that its buyer is sent.

use schema::{AccountId, Error, KeyId, MicroUsd, Result, Timestamp, agent::ShellBlocks};
use serde::{Deserialize, Serialize};

use super::token;

const NUMBER_MAX_CHARS: usize = 64;

/// An order, with all that was drawn for it before anything else was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// As the marketplace numbers it.
    pub number: String,
    pub account: AccountId,
    pub username: String,
    pub credit: MicroUsd,
    pub note: String,
    pub key: KeyId,
    /// See [`Secrets`]; sealed for [`place`].
    pub secrets: String,
    pub created_at: Timestamp,
    /// When all of it was done.
    pub completed_at: Option<Timestamp>,
}

/// What its buyer signs in and pays with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The text of the wallet's key.
    pub key: String,
    pub password: String,
}

/// What an order is booked under in its wallet, and what its secrets are sealed for.
pub fn place(number: &str) -> String {
    format!("order:{number}")
}

/// An order's number as it was sent, if it can be one.
pub fn number(text: &str) -> Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !starts || text.len() > NUMBER_MAX_CHARS || !text.chars().all(fine) {
        let message = "1 to 64 letters, digits, `-`, `_` or `.`, a letter or digit first";
        return Err(Error::field("order_number", message));
    }
    Ok(text.to_owned())
}

/// A password of 100 random bits, in groups so that a person can copy it by eye.
pub fn password(random: [u8; 16]) -> String {
    let text = token::unguessable_tail(random);
    let groups: Vec<&str> =
        [0..5, 5..10, 10..15, 15..20].map(|at| text.get(at)).into_iter().flatten().collect();
    groups.join("-")
}

/// A kind of shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Posix,
    PowerShell,
}

/// What the buyer is told of their order, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub number: &'a str,
    pub username: &'a str,
    pub password: &'a str,
    pub key: &'a str,
    /// In dollars.
    pub credit: &'a str,
}

/// A part of a text that is not whole yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// What is not known before the field of this name has been filled in.
    Blank(&'static str),
}

/// Blanks, as they stand in a text until it is taken apart: nothing that anybody types or that a
/// command is made of.
const BLANKS: [(char, &str); 3] =
    [('\u{e000}', "order_number"), ('\u{e001}', "credit_usd"), ('\u{e002}', "name")];

/// The text as it will be, with a blank for what is not known yet. Of what is drawn when the order
/// is made there are only names in it: `key` and `password` are shown as they are given.
pub fn preview(
    key: &str,
    password: &str,
    origin: (&str, &str),
    shell: (Shell, &ShellBlocks),
) -> Vec<Part> {
    let [number, credit, username] = BLANKS.map(|(mark, _)| mark.to_string());
    let told = Told { number: &number, username: &username, password, key, credit: &credit };
    let text = text(told, origin, shell);
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((at, mark)) = rest.char_indices().find_map(|(at, c)| Some((at, blank(c)?))) {
        let (before, after) = rest.split_at(at);
        parts.extend([Part::Text(before.to_owned()), Part::Blank(mark)]);
        rest = after.trim_start_matches(|c| blank(c) == Some(mark));
    }
    parts.push(Part::Text(rest.to_owned()));
    parts
}

fn blank(mark: char) -> Option<&'static str> {
    BLANKS.iter().find(|(known, _)| *known == mark).map(|(_, field)| *field)
}

/// The text that the buyer is sent: how to sign in, what there is in the wallet, and a block for
/// each state in which they may be.
pub fn text(
    told: Told,
    (brand, origin): (&str, &str),
    (shell, blocks): (Shell, &ShellBlocks),
) -> String {
    let Told { number, username, password, key, credit } = told;
    let (title, install) = match shell {
        Shell::Posix => (
            "Linux, macOS and WSL: paste each block into a terminal",
            "Install Codex (needs Node.js)",
        ),
        Shell::PowerShell => {
            ("Windows: paste each block into PowerShell", "Install Node.js, Git and Codex")
        }
    };
    let ShellBlocks { install: installs, setup, start, resume, smoke_test } = blocks;
    format!(
        "{brand} order {number}\n\
         \n\
         Dashboard: {origin}\n\
         Username: {username}\n\
         Password: {password}\n\
         API key: {key}\n\
         Wallet credit: ${credit}\n\
         \n\
         {title}\n\
         \n\
         === 1. {install} ===\n\
         {installs}\n\
         \n\
         === 2. Set up, once ===\n\
         {setup}\n\
         \n\
         === 3. Check that it answers ===\n\
         {smoke_test}\n\
         \n\
         === 4. Start a new conversation ===\n\
         {start}\n\
         \n\
         === 5. Go on with the last conversation ===\n\
         {resume}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_marketplaces_write() {
        for good in ["1", "G2G-2026.11_7", &"9".repeat(64)] {
            assert_eq!(number(good).as_deref(), Ok(good));
        }
        for bad in ["", " 1", "-1", "a b", "a/b", "a\nb", "ü", &"9".repeat(65)] {
            assert!(number(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_has_four_groups_of_five() {
        let text = password([7; 16]);
        let groups: Vec<_> = text.split('-').map(str::len).collect();
        assert_eq!(groups, [5; 4]);
        assert_ne!(password([8; 16]), text);
    }

    #[test]
    fn a_text_says_how_to_sign_in_and_has_every_block_as_it_is() {
        let told = Told {
            number: "7",
            username: "ann-x",
            password: "a-b",
            key: "cdx_sk_1",
            credit: "25.50",
        };
        let block = |name: &str| format!("{name} \"$HOME\" 'x'\n{name} 2");
        let blocks = ShellBlocks {
            install: block("install"),
            setup: block("setup"),
            start: block("start"),
            resume: block("resume"),
            smoke_test: block("smoke"),
        };
        for shell in [Shell::Posix, Shell::PowerShell] {
            let brand = ("Gantry", "https://gantry.test");
            let text = text(told, brand, (shell, &blocks));
            for part in ["Gantry order 7", "https://gantry.test", "ann-x", "a-b", "$25.50"] {
                assert!(text.contains(part), "{part} in {text}");
            }
            for name in ["install", "setup", "smoke", "start", "resume"] {
                assert!(text.contains(&format!("===\n{}\n", block(name))), "{name} in {text}");
            }
            // The preview is the same, once its blanks are filled.
            let filled = |part: Part| match part {
                Part::Text(text) => text,
                Part::Blank("order_number") => "7".to_owned(),
                Part::Blank("credit_usd") => "25.50".to_owned(),
                Part::Blank(name) => format!("ann-x{}", name.replace("name", "")),
            };
            let parts = preview("cdx_sk_1", "a-b", brand, (shell, &blocks));
            assert_eq!(parts.into_iter().map(filled).collect::<String>(), text);
        }
    }
}
