//! How this deployment reaches people: what an operator sets, with passwords sealed.

use std::net::IpAddr;

use schema::{Error, Result};
use serde::{Deserialize, Serialize};

use super::MailAddress;
use crate::domain::smtp::Security;

/// Where what is sealed here is bound to.
pub const PLACE: &str = "settings:mail";
/// The platform lets nothing out there.
const RELAY_PORT: u16 = 25;

/// How mail leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    #[default]
    Off,
    Smtp,
    Http,
}

impl Via {
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Smtp, Self::Http].into_iter().find(|via| via.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Smtp => "smtp",
            Self::Http => "http",
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub via: Via,
    pub from_name: String,
    pub from_address: String,
    pub reply_to: Option<String>,
    pub smtp: Option<Server>,
    pub http: Option<Provider>,
    pub whatsapp: Option<Provider>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub username: Option<String>,
    /// Sealed.
    pub password: Option<String>,
}

/// Somebody who takes messages by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    pub url: String,
    /// Sealed.
    pub token: String,
}

impl Settings {
    /// What is noted when they are set: no secret, and no address that may have one in it.
    pub fn in_words(&self) -> String {
        let from = Some(self.from_address.as_str()).filter(|from| !from.is_empty());
        let server = self.smtp.as_ref().map(|it| format!("smtp {}:{}", it.host, it.port));
        let parts = [
            Some(self.via.as_str().to_owned()),
            from.map(|from| format!("from {from}")),
            server,
            self.http.as_ref().map(|_| "a provider of mail".to_owned()),
            self.whatsapp.as_ref().map(|_| "WhatsApp".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Refuses what cannot work, or must not.
    pub fn check(&self, development: bool) -> Result<()> {
        if self.via != Via::Off && MailAddress::parse(&self.from_address).is_none() {
            return Err(Error::field("from_address", "a mail address such as hello@example.com"));
        }
        if self.from_name.chars().any(char::is_control) || self.from_name.chars().count() > 80 {
            return Err(Error::field("from_name", "at most 80 characters on one line"));
        }
        if self.reply_to.as_deref().is_some_and(|text| MailAddress::parse(text).is_none()) {
            return Err(Error::field("reply_to", "a mail address, or leave it out"));
        }
        if let Some(server) = &self.smtp {
            server.check(development)?;
        }
        for (field, provider) in [("http.url", &self.http), ("whatsapp.url", &self.whatsapp)] {
            if let Some(provider) = provider {
                check_url(field, &provider.url, development)?;
            }
        }
        match (self.via, &self.smtp, &self.http) {
            (Via::Smtp, None, _) => Err(Error::field("smtp", "name the server to send by")),
            (Via::Http, _, None) => Err(Error::field("http", "name the provider to send by")),
            _ => Ok(()),
        }
    }
}

impl Server {
    fn check(&self, development: bool) -> Result<()> {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if self.host.is_empty() || self.host.len() > 253 || !self.host.chars().all(fine) {
            return Err(Error::field("smtp.host", "a name such as smtp.example.com"));
        }
        if !development && is_private(&self.host) {
            return Err(Error::field("smtp.host", "not an address of a private network"));
        }
        if self.port == 0 || self.port == RELAY_PORT {
            let message = "587 (starttls) or 465 (tls); nothing reaches port 25 from here";
            return Err(Error::field("smtp.port", message));
        }
        if self.username.is_some() != self.password.is_some() {
            return Err(Error::field("smtp.password", "a username and a password, or neither"));
        }
        Ok(())
    }
}

fn check_url(field: &str, url: &str, development: bool) -> Result<()> {
    let rest = url.strip_prefix("https://").or_else(|| {
        let plain = url.strip_prefix("http://");
        plain.filter(|_| development)
    });
    let Some(rest) = rest else {
        return Err(Error::field(field, "an address that begins with https://"));
    };
    let clean = url.chars().all(|c| c.is_ascii_graphic());
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !clean || authority.is_empty() || authority.contains('@') {
        return Err(Error::field(field, "a whole address, without a name or password in it"));
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    };
    if !development && is_private(host) {
        return Err(Error::field(field, "not an address of a private network"));
    }
    Ok(())
}

/// Whether a name or address is one that only a private network has, as far as its text tells. What
/// a public name resolves to, the platform looks at: it connects to no private address.
pub fn is_private(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches([']', '.']).to_ascii_lowercase();
    let odd_number = host.chars().all(|c| c.is_ascii_digit() || c == '.') || host.starts_with("0x");
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
        }
        // No public mail server is named by its bare address of the sixth version.
        Ok(IpAddr::V6(_)) => true,
        Err(_) => {
            odd_number
                || !host.contains('.')
                || [".localhost", ".local", ".internal", ".home.arpa"]
                    .iter()
                    .any(|end| host.ends_with(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Settings {
        Settings {
            via: Via::Smtp,
            from_name: "Gantry".to_owned(),
            from_address: "hello@gantry.test".to_owned(),
            reply_to: None,
            smtp: Some(Server {
                host: "smtp.example.com".to_owned(),
                port: 587,
                security: Security::Starttls,
                username: Some("we".to_owned()),
                password: Some("sealed".to_owned()),
            }),
            http: None,
            whatsapp: None,
        }
    }

    #[track_caller]
    fn refused(change: impl Fn(&mut Settings), field: &str) {
        let mut settings = fine();
        change(&mut settings);
        let error = settings.check(false).unwrap_err();
        assert_eq!(error.details.first().map(|it| it.field.as_str()), Some(field));
    }

    #[test]
    fn what_cannot_work_is_refused_by_the_name_of_the_field() {
        assert!(fine().check(false).is_ok());
        refused(|it| it.from_address = "a@b\r\nBcc: c@d".to_owned(), "from_address");
        refused(|it| it.from_name = "a\r\nBcc: c@d".to_owned(), "from_name");
        refused(|it| it.reply_to = Some("x".to_owned()), "reply_to");
        refused(|it| it.smtp = None, "smtp");
        refused(|it| it.via = Via::Http, "http");
        let server =
            |change: fn(&mut Server)| move |it: &mut Settings| it.smtp.iter_mut().for_each(change);
        refused(server(|it| it.host = "a b".to_owned()), "smtp.host");
        refused(server(|it| it.host = "127.0.0.1".to_owned()), "smtp.host");
        refused(server(|it| it.port = 25), "smtp.port");
        refused(server(|it| it.password = None), "smtp.password");
        let provider = |url: &str| Some(Provider { url: url.to_owned(), token: String::new() });
        for url in
            ["http://x.test/", "https://", "https://a:b@x.test/", "https://10.0.0.1/", "ftp://x"]
        {
            refused(|it| it.whatsapp = provider(url), "whatsapp.url");
        }
    }

    #[test]
    fn private_places_are_known_by_their_text() {
        for host in [
            "localhost",
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "::ffff:10.0.0.1",
            "fe80::1",
            "2130706433",
            "0x7f000001",
            "127.1",
            "db.internal",
            "printer.local",
            "a.localhost",
            "localhost.",
            "intranet",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in
            ["smtp.example.com", "8.8.8.8", "172.32.0.1", "100.128.0.1", "mail.local.example"]
        {
            assert!(!is_private(host), "{host}");
        }
    }
}
