//! What a mail server says: a code and lines (RFC 5321 section 4.2), read from bytes as they come.

/// Bytes of a line, its end included. The standard allows 512; some say more.
const LINE_MAX_BYTES: usize = 2_048;
/// Lines of one reply.
const LINES_MAX: usize = 100;

/// One whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// What stands after the code, a line each, without control characters.
    pub lines: Vec<String>,
}

impl Reply {
    /// For a person: `250 2.0.0 queued`.
    pub fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" "))
    }

    pub const fn is_fine(&self) -> bool {
        self.code >= 200 && self.code < 300
    }

    pub const fn is_final(&self) -> bool {
        self.code >= 500
    }
}

/// What has been heard and is not yet a reply.
#[derive(Debug, Default)]
pub struct Ear {
    bytes: Vec<u8>,
}

impl Ear {
    pub fn hear(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether anything was heard that is no part of a reply that was taken.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets what was heard.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The next whole reply. Nothing if it has not ended yet; an error if it is none, or too long.
    pub fn take(&mut self) -> Result<Option<Reply>, &'static str> {
        let mut lines = Vec::new();
        let mut code = None;
        let mut rest = self.bytes.as_slice();
        loop {
            let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
                let too_long = rest.len() > LINE_MAX_BYTES;
                return if too_long { Err("a line without an end") } else { Ok(None) };
            };
            if end > LINE_MAX_BYTES || lines.len() == LINES_MAX {
                return Err("a reply that is too long");
            }
            let (line, after) = rest.split_at(end);
            rest = after.get(2..).unwrap_or_default();
            let (its, more, text) = parts(line).ok_or("no reply of a mail server")?;
            if code.is_some_and(|code| code != its) {
                return Err("a reply with two codes");
            }
            code = Some(its);
            lines.push(text);
            if !more {
                let left = rest.to_vec();
                self.bytes = left;
                return Ok(Some(Reply { code: its, lines }));
            }
        }
    }
}

/// The code of a line, whether more lines follow, and its text.
fn parts(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(digits.first(), Some(b'2'..=b'5')) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (more, text) = match rest.split_first() {
        None => (false, &[][..]),
        Some((b' ', text)) => (false, text),
        Some((b'-', text)) => (true, text),
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(text);
    Some((code, more, text.chars().filter(|c| !c.is_control()).collect()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hear(text: &str) -> (Result<Option<Reply>, &'static str>, Ear) {
        let mut ear = Ear::default();
        ear.hear(text.as_bytes());
        (ear.take(), ear)
    }

    #[test]
    fn a_reply_of_many_lines_is_one() {
        let (reply, ear) = hear("250-one\r\n250-two\r\n250 three\r\n220 x");
        let reply = reply.unwrap().unwrap();
        assert_eq!((reply.code, reply.text().as_str()), (250, "250 one two three"));
        assert!(!ear.is_empty());
        assert_eq!(hear("250\r\n").0.unwrap().unwrap().lines, [""]);
    }

    #[test]
    fn what_is_no_reply_is_said_to_be_none() {
        for text in
            ["HTTP/1.1 400\r\n", "25\r\n", "650 x\r\n", "250x\r\n", "\r\n", "250-a\r\n251 b\r\n"]
        {
            assert!(hear(text).0.is_err(), "{text:?}");
        }
        assert!(hear(&"2".repeat(LINE_MAX_BYTES + 1)).0.is_err());
        assert!(hear(&"250-x\r\n".repeat(LINES_MAX + 1)).0.is_err());
    }

    #[test]
    fn a_line_ends_with_both_characters_and_only_so() {
        assert_eq!(hear("250 x\n250 y\r").0, Ok(None));
        assert_eq!(hear("250 x\u{7}\ty\r\n").0.unwrap().unwrap().lines, ["xy"]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_come(
            lines in prop::collection::vec("[ -~]{0,40}", 1..6),
            cuts in prop::collection::vec(1usize..20, 0..40)
        ) {
            let last = lines.len() - 1;
            let text: String = lines.iter().enumerate()
                .map(|(at, line)| format!("250{}{line}\r\n", if at == last { ' ' } else { '-' }))
                .collect();
            let mut ear = Ear::default();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                ear.hear(head);
                rest = tail;
                if !rest.is_empty() {
                    prop_assert_eq!(ear.take(), Ok(None));
                }
            }
            ear.hear(rest);
            prop_assert_eq!(ear.take(), Ok(Some(Reply { code: 250, lines })));
        }

        #[test]
        fn nothing_that_is_heard_ends_the_process_or_grows_for_ever(
            heard in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..40)
        ) {
            let mut ear = Ear::default();
            for bytes in heard {
                ear.hear(&bytes);
                if ear.take().is_err() {
                    return Ok(());
                }
                prop_assert!(ear.bytes.len() <= LINES_MAX * LINE_MAX_BYTES + 600);
            }
        }
    }
}
