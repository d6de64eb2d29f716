//! A real mail server: `smtp-server` with a certificate of its own, which a world trusts that is
//! planned [`with_mail`](crate::world::Plan::with_mail), and no other.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::certificate::Certificate;
use crate::part::Part;

/// What signs in there.
pub const USERNAME: &str = "gantry";
pub const PASSWORD: &str = "the-password-of-the-mail-server";
/// Who mails of a world are from.
pub const FROM: &str = "hello@gantry.test";

/// A running server.
#[derive(Debug)]
pub struct MailServer {
    part: Part,
    certificate: Certificate,
    starttls: u64,
    tls: u64,
}

/// A mail that was caught.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Mail {
    /// `from` and `to`, as the dialogue had them.
    pub envelope: Value,
    /// The headers of the same names, as `postal-mime` reads them.
    pub from: Value,
    pub to: Value,
    pub subject: String,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub html: String,
    /// All of them: `key` and `value`.
    pub headers: Vec<Value>,
    #[serde(rename = "messageId")]
    pub message_id: String,
    /// All of it, a character for each byte.
    pub raw: String,
    /// Whether it came under TLS.
    pub secure: bool,
    pub user: Option<String>,
}

impl Mail {
    /// A header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|header| header["key"] == name.to_lowercase());
        found.and_then(|header| header["value"].as_str()).unwrap_or_default()
    }

    /// The first link of the text.
    pub fn link(&self) -> &str {
        let word = self.text.split_whitespace().find(|word| word.starts_with("http"));
        word.unwrap_or_else(|| panic!("no link in {}", self.text))
    }
}

impl MailServer {
    /// A server that takes everything.
    pub async fn start() -> Self {
        Self::start_taking(0).await
    }

    /// A server that takes mails of at most so many bytes.
    pub async fn start_taking(most_bytes: u32) -> Self {
        let certificate = Certificate::new();
        let [cert, key] = certificate.files().map(|file| file.to_string_lossy().into_owned());
        let most = most_bytes.to_string();
        let part = Part::start("mail/server.mjs", &[&cert, &key, &most]);
        let ports = |events: &[Value]| {
            let ports = events.first()?;
            Some((ports["starttls"].as_u64()?, ports["tls"].as_u64()?))
        };
        let (starttls, tls) = part.until("ports", ports).await;
        Self { part, certificate, starttls, tls }
    }

    /// What a runtime has to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate.text
    }

    /// The same as a file.
    pub fn certificate_file(&self) -> PathBuf {
        let [certificate, _] = self.certificate.files();
        certificate
    }

    /// The port that `starttls` or `tls` listens on.
    pub fn port(&self, security: &str) -> u64 {
        if security == "tls" { self.tls } else { self.starttls }
    }

    /// The body of `POST /admin/api/smtp/settings` that sends by it.
    pub fn settings(&self, security: &str) -> Value {
        json!({
            "via": "smtp", "from_name": "Gantry", "from_address": FROM,
            "smtp": {
                "host": "localhost", "port": self.port(security), "security": security,
                "username": USERNAME, "password": PASSWORD,
            },
        })
    }

    /// Refuses so many times: at `auth`, `rcpt` or `data`.
    pub async fn refuse(&self, at: &str, code: u16, text: &str, times: u32) {
        self.rule(&json!({
            "at": at, "act": "refuse", "code": code, "text": text, "times": times,
        }))
        .await;
    }

    /// Says nothing, for ever, once: at `auth`, at `rcpt`, or to the `data` that it has taken.
    pub async fn stall(&self, at: &str) {
        self.rule(&json!({ "at": at, "act": "stall", "times": 1 })).await;
    }

    /// Takes the next mail, and hangs up without a word.
    pub async fn drop_after_data(&self) {
        self.rule(&json!({ "at": "data", "act": "drop", "times": 1 })).await;
    }

    async fn rule(&self, rule: &Value) {
        let known = self.part.events("rules").len();
        self.part.tell(rule);
        self.part.count("rules", known + 1).await;
    }

    /// Waits for the first mail to an address.
    pub async fn next(&self, to: &str) -> Mail {
        self.nth(to, 0).await
    }

    /// Waits for the mail to an address that came after so many others.
    pub async fn nth(&self, to: &str, before: usize) -> Mail {
        let found = |events: &[Value]| to_address(events, to).into_iter().nth(before);
        self.part.until(&format!("mail to {to}"), found).await
    }

    /// The mails to an address so far.
    pub fn mails(&self, to: &str) -> Vec<Mail> {
        let mails = self.part.events("mail").into_iter();
        mails.map(read).filter(|mail| mail.envelope["to"][0] == to).collect()
    }

    /// Waits until so many of these happened: `auth`, `rcpt`, `mail`, `refused`.
    pub async fn count(&self, what: &str, count: usize) -> Vec<Value> {
        self.part.count(what, count).await
    }

    /// How many of these happened so far.
    pub fn seen(&self, what: &str) -> Vec<Value> {
        self.part.events(what)
    }
}

fn to_address(events: &[Value], to: &str) -> Vec<Mail> {
    let mails = events.iter().filter_map(|event| event.get("mail"));
    mails.filter(|mail| mail["envelope"]["to"][0] == to).cloned().map(read).collect()
}

fn read(mail: Value) -> Mail {
    serde_json::from_value(mail).expect("a mail")
}
