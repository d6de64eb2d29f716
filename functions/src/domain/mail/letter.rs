//! A letter: a notice in words, as text and as HTML that say the same. No image, nothing from
//! elsewhere, and the link first where a terminal shows the text.

use askama::Template;

use super::words::{Action, Words, one_line, words};
use crate::domain::notice::Notice;

/// Characters of a name in a greeting.
const NAME_MAX_CHARS: usize = 40;

/// What is sent to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Who it is for, and who sends it.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    pub brand: &'a str,
    pub name: Option<&'a str>,
    /// Where to have no more of it.
    pub unsubscribe: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    subject: &'a str,
    brand: &'a str,
    greeting: &'a str,
    lines: &'a [String],
    block: Option<&'a str>,
    action: Option<&'a Action>,
    unsubscribe: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    brand: &'a str,
    greeting: &'a str,
    lines: &'a [String],
    block: Option<&'a str>,
    action: Option<&'a Action>,
    unsubscribe: Option<&'a str>,
}

impl Letter {
    /// Writes it. Nothing only if a template is broken.
    pub fn write(notice: &Notice, setting: &Setting<'_>) -> Option<Self> {
        let Setting { brand, name, unsubscribe } = *setting;
        let Words { subject, lines, action, block } = words(notice, brand);
        let subject = one_line(&subject, 200);
        let greeting = greeting(name);
        let (greeting, lines) = (greeting.as_str(), lines.as_slice());
        let (block, action) = (block.as_deref(), action.as_ref());
        let subject_line = subject.as_str();
        let html =
            Html { subject: subject_line, brand, greeting, lines, block, action, unsubscribe };
        let text = Text { brand, greeting, lines, block, action, unsubscribe };
        let (html, text) = (html.render().ok()?, text.render().ok()?);
        Some(Self { subject, text, html })
    }
}

/// The words of a notice for a phone.
pub fn short_text(notice: &Notice, brand: &str) -> String {
    let Words { subject, lines, action, .. } = words(notice, brand);
    let link = action.map(|action| format!("{}: {}", action.label, action.link));
    let parts = [vec![format!("{brand}: {subject}")], lines, link.into_iter().collect()];
    parts.concat().join("\n")
}

/// Who signs up chooses a name, and the mail may go to somebody else: a name that could say more
/// than a name is left out.
fn greeting(name: Option<&str>) -> String {
    let plain = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '\u{2019}');
    let name = name.map(str::trim).filter(|name| {
        !name.is_empty() && name.chars().count() <= NAME_MAX_CHARS && name.chars().all(plain)
    });
    name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"))
}

#[cfg(test)]
mod tests {
    use schema::{MicroUsd, Timestamp};

    use super::*;
    use crate::domain::notice::samples;

    fn write(notice: &Notice, name: &str) -> Letter {
        let unsubscribe = notice.topic().map(|_| "https://x.test/stop?token=a&b=c");
        let setting = Setting { brand: "A <Brand>", name: Some(name), unsubscribe };
        Letter::write(notice, &setting).unwrap()
    }

    #[test]
    fn text_and_html_of_every_notice_say_the_same() {
        for notice in samples("https://x.test", Timestamp::from_millis(0)) {
            let letter = write(&notice, "Ann");
            let words = words(&notice, "A <Brand>");
            assert!(!words.lines.is_empty() && !letter.subject.is_empty(), "{notice:?}");
            for line in &words.lines {
                assert!(letter.text.contains(line.as_str()), "{line} in {}", letter.text);
            }
            assert!(!letter.html.contains("<Brand>"), "what is not HTML is escaped");
            assert!(!letter.html.contains("<img") && !letter.html.contains("src="));
            if let Some(action) = &words.action {
                let first = letter.text.lines().next().unwrap_or_default();
                assert!(first.ends_with(&action.link), "the link stands first: {first}");
                assert!(letter.html.contains(&format!("href=\"{}", action.link)));
            }
            let stops = notice.topic().is_some();
            assert_eq!(letter.text.contains("/stop?token=a&b=c"), stops, "{}", letter.text);
        }
    }

    #[test]
    fn a_name_that_says_more_than_a_name_is_left_out() {
        assert!(
            write(&Notice::SignedUp, "Jos\u{e9} O'Neil-Smith").text.contains("Jos\u{e9} O'Neil")
        );
        for name in [
            "win at evil.test/prize",
            "a@b.test",
            "<b>x</b>",
            "x\r\nBcc: y",
            "1",
            " ",
            "so long a name that it can only be a message to somebody",
        ] {
            assert!(write(&Notice::SignedUp, name).text.starts_with("Hello,\n"), "{name}");
        }
    }

    #[test]
    fn a_short_text_ends_with_its_link() {
        let link = "https://x.test/pay".to_owned();
        let (balance, threshold) = (MicroUsd::new(1_500_000), MicroUsd::new(2_000_000));
        let text = short_text(&Notice::LowBalance { balance, threshold, link }, "Gantry");
        assert_eq!(
            text,
            "Gantry: Your balance is below $2.00\n$1.50 is left. Requests are refused when it is \
             used up.\nTop up: https://x.test/pay"
        );
    }
}
