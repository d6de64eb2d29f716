//! A letter as it travels: MIME, by `lettre`'s builder, which encodes whatever is not plain. Time
//! and identity are given, so that the same letter is the same bytes, however often it is tried.

use std::time::{Duration, SystemTime};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use schema::{NoticeId, Timestamp};

use super::{MailAddress, letter::Letter, words::one_line};

/// Around a letter.
#[derive(Debug, Clone)]
pub struct Cover<'a> {
    pub id: NoticeId,
    pub at: Timestamp,
    pub from_name: &'a str,
    pub from: &'a MailAddress,
    pub reply_to: Option<&'a MailAddress>,
    pub to: &'a MailAddress,
    /// Where one click has no more of it (RFC 8058).
    pub unsubscribe: Option<&'a str>,
}

/// Headers of a letter beside the usual ones, by name.
pub fn more_headers(cover: &Cover<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned())];
    if let Some(link) = cover.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{link}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    headers
}

/// Who it is from, as a person reads it: `Gantry <hello@gantry.test>`.
pub fn sender(cover: &Cover<'_>) -> String {
    let name: String = one_line(cover.from_name, 80).replace(['"', '\\', '<', '>'], "");
    format!("\"{name}\" <{}>", cover.from)
}

/// The whole message. The error says what of it cannot be sent.
pub fn message(cover: &Cover<'_>, letter: &Letter) -> Result<Vec<u8>, String> {
    let address = |it: &MailAddress| it.as_str().parse::<Address>().map_err(|e| e.to_string());
    let from_name = Some(one_line(cover.from_name, 80)).filter(|name| !name.is_empty());
    let at = u64::try_from(cover.at.seconds()).unwrap_or_default();
    let mut builder = Message::builder()
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(at))
        .message_id(Some(format!("<{}@{}>", cover.id, cover.from.domain())))
        .from(Mailbox::new(from_name, address(cover.from)?))
        .to(Mailbox::new(None, address(cover.to)?))
        .subject(one_line(&letter.subject, 200));
    if let Some(reply_to) = cover.reply_to {
        builder = builder.reply_to(Mailbox::new(None, address(reply_to)?));
    }
    for (name, value) in more_headers(cover) {
        let name = HeaderName::new_from_ascii_str(name);
        builder = builder.raw_header(HeaderValue::new(name, one_line(&value, 2_000)));
    }
    let part =
        |kind: ContentType, text: &str| SinglePart::builder().header(kind).body(text.to_owned());
    // An id of ours is in no text before it is in this one.
    let both = MultiPart::alternative()
        .boundary(format!("part-{}", cover.id))
        .singlepart(part(ContentType::TEXT_PLAIN, &letter.text))
        .singlepart(part(ContentType::TEXT_HTML, &letter.html));
    builder.multipart(both).map(|message| message.formatted()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    fn made(from_name: &str, subject: &str, text: &str, unsubscribe: Option<&str>) -> String {
        let (from, to) = (address("we@ours.test"), address("ann@theirs.test"));
        let cover = Cover {
            id: NoticeId::from_bits(7),
            at: Timestamp::from_millis(1_790_000_000_000),
            from_name,
            from: &from,
            reply_to: Some(&from),
            to: &to,
            unsubscribe,
        };
        let letter = Letter { subject: subject.into(), text: text.into(), html: "<p>x</p>".into() };
        let bytes = message(&cover, &letter).unwrap();
        assert!(bytes.is_ascii());
        assert_eq!(bytes, message(&cover, &letter).unwrap(), "the same letter is the same bytes");
        String::from_utf8(bytes).unwrap()
    }

    fn headers(message: &str) -> Vec<&str> {
        let head = message.split("\r\n\r\n").next().unwrap();
        head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).collect()
    }

    #[test]
    fn a_letter_has_its_headers_and_both_parts() {
        let link = "https://x.test/stop?token=a";
        let made = made("Gantry", "Hello", "text", Some(link));
        for line in [
            "Message-ID: <ntc_00000000000000000000000000000007@ours.test>",
            "From: Gantry <we@ours.test>",
            "To: ann@theirs.test",
            "Subject: Hello",
            "Auto-Submitted: auto-generated",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Date: Mon, 21 Sep 2026 14:13:20 +0000",
        ] {
            assert!(headers(&made).contains(&line), "{line} in {made}");
        }
        assert!(made.contains("<https://x.test/stop?token=a>"));
        assert_eq!(made.matches("Content-Type: text/").count(), 2);
    }

    #[test]
    fn nothing_that_is_put_in_makes_a_header_of_its_own() {
        let plain = headers(&made("Gantry", "Hello", "text", Some("https://x.test"))).len();
        for evil in [
            "x\r\nBcc: all@theirs.test",
            "x\nBcc: all@theirs.test",
            "x\rBcc: all@theirs.test",
            "x\r\n\r\nbody",
            "x\0\r\n .\r\n",
            "\u{fc}\r\nBcc: y@z.test",
            "\" <evil@theirs.test>, \"",
            "x\u{2028}Bcc: y",
        ] {
            let made = made(evil, evil, evil, Some(&format!("https://x.test/{evil}")));
            let lines = headers(&made);
            assert_eq!(lines.len(), plain, "{evil:?} in {made}");
            assert!(!lines.iter().any(|line| line.starts_with("Bcc")), "{made}");
            let from: Vec<_> = lines.iter().filter(|line| line.starts_with("From:")).collect();
            assert!(from.len() == 1, "{made}");
        }
    }

    #[test]
    fn a_sender_is_one_person() {
        let (from, to) = (address("we@ours.test"), address("ann@theirs.test"));
        let from_name = "x\" <evil@theirs.test>, \"y\r\nBcc: z";
        let (id, at) = (NoticeId::from_bits(7), Timestamp::from_millis(0));
        let cover =
            Cover { id, at, from_name, from: &from, reply_to: None, to: &to, unsubscribe: None };
        assert_eq!(sender(&cover), "\"x evil@theirs.test, y Bcc: z\" <we@ours.test>");
    }
}
