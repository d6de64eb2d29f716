//! One mail by SMTP (RFC 5321), as a dialogue that knows no socket: what the server says goes in,
//! what to do next comes out. A password goes nowhere without TLS, and nothing that was said before
//! TLS counts after it (RFC 3207).

mod reply;

use base64::{Engine, engine::general_purpose::STANDARD};

use self::reply::{Ear, Reply};
use super::{mail::MailAddress, notice::Ending};

/// Said at the end, to whom it may concern.
pub const GOODBYE: &[u8] = b"QUIT\r\n";

/// What ends a message.
const END: &[u8] = b".\r\n";

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// After the greeting, as port 587 has it.
    Starttls,
    /// With the connection, as port 465 has it (RFC 8314).
    Tls,
}

impl Security {
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Starttls, Self::Tls].into_iter().find(|it| it.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Tls => "tls",
        }
    }
}

/// Who says they send.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub username: String,
    pub password: String,
}

/// One mail on its way.
pub struct Mail<'a> {
    pub from: &'a MailAddress,
    pub to: &'a MailAddress,
    /// Headers and body; ASCII, as MIME makes it.
    pub message: &'a [u8],
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Hear more.
    Listen,
    /// Say this, and hear.
    Say(Vec<u8>),
    /// Begin TLS, then tell [`Dialogue::secured`].
    Secure,
    /// Say the message. Then write down that it is handed over, for once its end is said nobody can
    /// take it back; then say the end.
    HandOver { message: Vec<u8>, end: &'static [u8] },
    /// It is over.
    Over(Ending),
}

/// What the server is to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Hello,
    Starttls,
    Plain,
    LoginName,
    LoginPassword,
    Authenticated,
    From,
    To,
    Data,
    End,
}

/// A dialogue with a server, from its greeting on.
pub struct Dialogue {
    awaited: Awaited,
    /// Whether what is said is encrypted.
    secure: bool,
    login: Option<Login>,
    hello: Vec<u8>,
    from: String,
    to: String,
    message: Vec<u8>,
    size: usize,
    ear: Ear,
}

impl Dialogue {
    /// A dialogue over a fresh connection.
    pub fn new(security: Security, login: Option<Login>, mail: &Mail<'_>) -> Self {
        Self {
            awaited: Awaited::Greeting,
            secure: security == Security::Tls,
            login,
            hello: format!("EHLO {}\r\n", mail.from.domain()).into_bytes(),
            from: mail.from.to_string(),
            to: mail.to.to_string(),
            message: stuffed(mail.message),
            size: mail.message.len(),
            ear: Ear::default(),
        }
    }

    /// What to do now that these bytes were heard.
    pub fn heard(&mut self, bytes: &[u8]) -> Step {
        self.ear.hear(bytes);
        match self.ear.take() {
            Ok(None) => Step::Listen,
            Ok(Some(reply)) => {
                // Each answer is awaited: what follows it was said before anything was asked.
                if !self.ear.is_empty() && self.awaited != Awaited::Starttls {
                    return self.cut("The server spoke out of turn.");
                }
                self.answer(&reply)
            }
            Err(why) => self.cut(&format!("The server said {why}.")),
        }
    }

    /// TLS has begun: nothing that was heard before counts.
    pub fn secured(&mut self) -> Step {
        self.ear.clear();
        self.secure = true;
        self.greet()
    }

    /// What the connection's end means, or that of patience.
    pub fn cut(&self, why: &str) -> Step {
        let why = why.to_owned();
        Step::Over(match self.awaited {
            Awaited::End => Ending::Unconfirmed(why),
            _ => Ending::Later(why),
        })
    }

    fn answer(&mut self, reply: &Reply) -> Step {
        match self.awaited {
            Awaited::Greeting if reply.code == 220 => self.greet(),
            Awaited::Hello if reply.is_fine() => self.offered(reply),
            Awaited::Starttls if reply.code == 220 => Step::Secure,
            Awaited::Plain | Awaited::Authenticated if reply.code == 235 => self.begin(reply),
            Awaited::LoginName if reply.code == 334 => {
                self.awaited = Awaited::LoginPassword;
                self.say_login(|login| &login.username)
            }
            Awaited::LoginPassword if reply.code == 334 => {
                self.awaited = Awaited::Authenticated;
                self.say_login(|login| &login.password)
            }
            Awaited::From if reply.is_fine() => {
                self.ask(Awaited::To, &format!("RCPT TO:<{}>", self.to))
            }
            Awaited::To if reply.is_fine() => self.ask(Awaited::Data, "DATA"),
            Awaited::Data if reply.code == 354 => {
                self.awaited = Awaited::End;
                Step::HandOver { message: std::mem::take(&mut self.message), end: END }
            }
            Awaited::End if reply.is_fine() => Step::Over(Ending::Accepted(reply.text())),
            Awaited::Greeting
            | Awaited::Hello
            | Awaited::Starttls
            | Awaited::Plain
            | Awaited::LoginName
            | Awaited::LoginPassword
            | Awaited::Authenticated => Step::Over(Ending::Later(reply.text())),
            Awaited::From | Awaited::To | Awaited::Data | Awaited::End => {
                // Of this mail, unless it is of who we are.
                let of_us = matches!(reply.code, 530 | 534 | 535 | 538);
                let ending =
                    if reply.is_final() && !of_us { Ending::Refused } else { Ending::Later };
                Step::Over(ending(reply.text()))
            }
        }
    }

    fn greet(&mut self) -> Step {
        self.awaited = Awaited::Hello;
        Step::Say(self.hello.clone())
    }

    /// What the server can do, and what follows from it.
    fn offered(&mut self, reply: &Reply) -> Step {
        let offers = reply.lines.get(1..).unwrap_or_default();
        let offer = |name: &str| {
            let mut all = offers.iter().map(|line| line.to_ascii_uppercase());
            all.find(|line| line.split(' ').next() == Some(name))
        };
        if !self.secure {
            if offer("STARTTLS").is_none() {
                let why = "The server offers no STARTTLS, and nothing is sent without it.";
                return Step::Over(Ending::Later(why.to_owned()));
            }
            return self.ask(Awaited::Starttls, "STARTTLS");
        }
        let most = offer("SIZE").and_then(|line| line.split(' ').nth(1)?.parse::<usize>().ok());
        if let Some(most) = most.filter(|most| *most > 0 && *most < self.size) {
            let why = format!("The mail has {} bytes, and the server takes {most}.", self.size);
            return Step::Over(Ending::Refused(why));
        }
        let Some(login) = &self.login else { return self.begin(reply) };
        let ways = offer("AUTH").unwrap_or_default();
        let way = |name: &str| ways.split(' ').skip(1).any(|way| way == name);
        if way("PLAIN") {
            let token = format!("\0{}\0{}", login.username, login.password);
            let line = format!("AUTH PLAIN {}", STANDARD.encode(token));
            return self.ask(Awaited::Plain, &line);
        }
        if way("LOGIN") {
            return self.ask(Awaited::LoginName, "AUTH LOGIN");
        }
        let why = "The server offers neither AUTH PLAIN nor AUTH LOGIN.";
        Step::Over(Ending::Later(why.to_owned()))
    }

    fn begin(&mut self, _: &Reply) -> Step {
        // Not needed any more.
        self.login = None;
        self.ask(Awaited::From, &format!("MAIL FROM:<{}>", self.from))
    }

    fn ask(&mut self, awaited: Awaited, line: &str) -> Step {
        self.awaited = awaited;
        Step::Say(format!("{line}\r\n").into_bytes())
    }

    fn say_login(&self, part: impl Fn(&Login) -> &String) -> Step {
        let text = self.login.as_ref().map(|login| STANDARD.encode(part(login)));
        Step::Say(format!("{}\r\n", text.unwrap_or_default()).into_bytes())
    }
}

/// A message as it stands between `DATA` and its end: lines end with CRLF and no other way, and one
/// that begins with a dot has another before it, so that nothing in it is taken for its end.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    for line in lines(message) {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The lines of a message, however they end; the last end is not the start of another line.
fn lines(message: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        found.push(line);
        let ending = if after.starts_with(b"\r\n") { 2 } else { 1 };
        rest = after.get(ending..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests;
