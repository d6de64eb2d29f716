//! How a deployment reaches people.

use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::{MailSecurity, MailVia};

/// `GET /admin/api/smtp/settings`: what is set, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MailSettings {
    /// How mail leaves: `off`, `smtp` or `http`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "MailVia"))]
    pub via: String,
    /// Who mail is from, as a person reads it.
    pub from_name: String,
    /// Who mail is from.
    pub from_address: String,
    /// Where answers go, if elsewhere.
    pub reply_to: Option<String>,
    /// The mail server.
    pub smtp: Option<MailServer>,
    /// The provider that takes mail by HTTP.
    pub http: Option<MessageProvider>,
    /// The provider of WhatsApp messages.
    pub whatsapp: Option<MessageProvider>,
}

/// A mail server, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `starttls` or `tls`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "MailSecurity"))]
    pub security: String,
    /// Who signs in.
    pub username: Option<String>,
    /// Whether a password is kept.
    pub has_password: bool,
}

/// A provider, without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MessageProvider {
    /// Where messages are posted.
    pub url: String,
    /// Whether a token is kept.
    pub has_token: bool,
}

/// `POST /admin/api/smtp/settings`: all of it anew. A secret that is left out stays as it is, as
/// long as it goes to the same place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SetMailSettings {
    /// How mail leaves: `off`, `smtp` or `http`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "MailVia"))]
    pub via: String,
    /// Who mail is from, as a person reads it.
    pub from_name: String,
    /// Who mail is from.
    pub from_address: String,
    /// Where answers go, if elsewhere.
    pub reply_to: Option<String>,
    /// The mail server.
    pub smtp: Option<SetMailServer>,
    /// The provider that takes mail by HTTP, in the form of Resend's `POST /emails`.
    pub http: Option<SetMessageProvider>,
    /// The provider of WhatsApp messages.
    pub whatsapp: Option<SetMessageProvider>,
}

/// A mail server to send by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetMailServer {
    /// Its name.
    pub host: String,
    /// Its port: 587 with `starttls`, 465 with `tls`.
    pub port: u16,
    /// `starttls` or `tls`; nothing is sent in the open.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "MailSecurity"))]
    pub security: String,
    /// Who signs in.
    #[serde(default)]
    pub username: Option<String>,
    /// Their password.
    #[serde(default)]
    pub password: Option<String>,
}

/// A provider to send by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetMessageProvider {
    /// Where messages are posted.
    pub url: String,
    /// The bearer that it wants.
    #[serde(default)]
    pub token: Option<String>,
}

/// `POST /admin/api/smtp/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SendTestMail {
    /// Whom to write to.
    pub to: String,
}

/// `POST /admin/api/email/templates/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SendTemplate {
    /// The template's name.
    pub template: String,
    /// Whom to write to.
    pub to: String,
}

/// What came of a mail that was sent at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MailSent {
    /// Whether the server accepted it.
    pub ok: bool,
    /// What the server said, or why nothing reached it.
    pub answer: String,
}

/// One template with sample data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MailTemplate {
    /// Its name.
    pub name: String,
    /// Whether somebody can have no more of it.
    pub can_be_stopped: bool,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}
