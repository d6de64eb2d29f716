//! How people are reached, and what they are told: settings, a test, and each template with sample
//! data.

use askama::Template;
use schema::{Error, Result};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::{
        mail::{
            letter::Letter,
            settings::{Settings, Via},
        },
        smtp::Security,
    },
    http::reply::{Answer, Html, Prose, Redirect, Reply},
    pages::{Nothing, Page},
    services::mail,
};

/// What a letter may load and do: nothing but look as it was written.
const LETTER_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Names a template.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Named {
    /// The template.
    template: String,
}

struct Preview {
    name: &'static str,
    can_be_stopped: bool,
    subject: String,
    text: String,
}

/// One of the values that a list offers.
struct Choice {
    value: &'static str,
    label: &'static str,
    is_set: bool,
}

/// Somebody who takes messages by HTTP.
struct Provider {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    url: String,
    has_token: bool,
}

#[derive(Template)]
#[template(path = "admin/mail.html")]
pub struct Mail {
    frame: Frame,
    desk: Desk,
    is_off: bool,
    via: Vec<Choice>,
    security: Vec<Choice>,
    has_password: bool,
    providers: [Provider; 2],
    set: Settings,
    previews: Vec<Preview>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Mail>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let set = mail::read(&cx).await?;
    let previews = mail::previews(&cx)?.into_iter();
    let preview = |(name, can_be_stopped, letter): (&'static str, bool, Letter)| Preview {
        name,
        can_be_stopped,
        subject: letter.subject,
        text: letter.text,
    };
    Ok(PageOr::Page(Page(Mail {
        frame,
        desk,
        is_off: set.via == Via::Off,
        via: via(set.via),
        security: security(set.smtp.as_ref().map(|it| it.security)),
        has_password: set.smtp.as_ref().is_some_and(|it| it.password.is_some()),
        providers: providers(&set),
        previews: previews.map(preview).collect(),
        set,
    })))
}

/// A letter as it is sent, alone in its window.
pub enum Shown {
    Letter(String),
    Go(String),
}

impl Answer for Shown {
    type Body = Prose;
    const STATUS: u16 = Html::STATUS;
    const CONTENT_TYPE: &'static str = Html::CONTENT_TYPE;
    fn reply(self) -> Result<Reply> {
        let html = match self {
            Self::Letter(html) => html,
            Self::Go(to) => return Redirect(to).reply(),
        };
        let mut reply = Html(html).reply()?;
        reply.headers = vec![("content-security-policy", LETTER_POLICY.to_owned())];
        Ok(reply)
    }
}

pub async fn letter(cx: Cx, at: Named) -> Result<Shown> {
    if Desk::of(&cx).await?.is_none() {
        return Ok(Shown::Go(super::way_in(&cx)));
    }
    let found = mail::previews(&cx)?.into_iter().find(|(name, _, _)| *name == at.template);
    let (_, _, letter) = found.ok_or_else(|| Error::not_found("template", &at.template))?;
    Ok(Shown::Letter(letter.html))
}

fn via(set: Via) -> Vec<Choice> {
    let choice = |via: Via, label| Choice { value: via.as_str(), label, is_set: via == set };
    vec![
        choice(Via::Off, "Not at all"),
        choice(Via::Smtp, "By a mail server (SMTP)"),
        choice(Via::Http, "By a provider (HTTP)"),
    ]
}

fn security(set: Option<Security>) -> Vec<Choice> {
    let choice = |security: Security, label| Choice {
        value: security.as_str(),
        label,
        is_set: set == Some(security),
    };
    vec![
        choice(Security::Starttls, "STARTTLS (usually port 587)"),
        choice(Security::Tls, "TLS (usually port 465)"),
    ]
}

fn providers(set: &Settings) -> [Provider; 2] {
    let url = |it: &Option<crate::domain::mail::settings::Provider>| {
        it.as_ref().map(|it| it.url.clone()).unwrap_or_default()
    };
    [
        Provider {
            name: "http",
            title: "Provider",
            about: "Takes mail in the form of Resend's POST /emails.",
            url: url(&set.http),
            has_token: set.http.is_some(),
        },
        Provider {
            name: "whatsapp",
            title: "WhatsApp",
            about: "Messages for phones go there besides.",
            url: url(&set.whatsapp),
            has_token: set.whatsapp.is_some(),
        },
    ]
}
