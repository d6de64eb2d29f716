//! `/admin/api/smtp`, `/admin/api/email` and `/admin/api/notices`.

use schema::{
    AccountId, Error, Result,
    admin::{
        MailSent, MailServer, MailSettings, MailTemplate, MessageProvider, NoticeRecord,
        SendTemplate, SendTestMail, SetMailServer, SetMailSettings, SetMessageProvider,
    },
    page::{Page, PageQuery},
};
use serde::Deserialize;

use crate::{
    api::{paging, system::Nothing},
    cx::Cx,
    domain::{
        mail::settings::{Provider, Server, Settings, Via},
        notice::{Ending, Record},
        smtp::Security,
    },
    http::Json,
    services::{audit, mail, notices},
};

/// The template that a test of the settings sends.
const PLAIN_TEMPLATE: &str = "signed_up";

/// Names an account whose messages are meant.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct NoticesOf {
    /// The account.
    pub account: AccountId,
    /// Rows in the page: 1 to 100, 50 unless told.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub starting_after: Option<String>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<Json<MailSettings>> {
    Ok(Json(settings(mail::read(&cx).await?)))
}

pub async fn set(cx: Cx, _: Nothing, body: SetMailSettings) -> Result<Json<MailSettings>> {
    let SetMailSettings { via, from_name, from_address, reply_to, smtp, http, whatsapp } = body;
    let wish = mail::Wish {
        via: Via::parse(&via).ok_or_else(|| Error::field("via", "off, smtp or http"))?,
        from_name,
        from_address,
        reply_to,
        smtp: smtp.map(wished_server).transpose()?,
        http: http.map(wished_provider),
        whatsapp: whatsapp.map(wished_provider),
    };
    let set = mail::set(&cx, wish).await?;
    audit::note(&cx, "mail.set", &set.in_words()).await?;
    Ok(Json(settings(set)))
}

pub async fn test(cx: Cx, _: Nothing, body: SendTestMail) -> Result<Json<MailSent>> {
    Ok(Json(sent(&mail::test(&cx, PLAIN_TEMPLATE, &body.to).await?)))
}

pub async fn test_template(cx: Cx, _: Nothing, body: SendTemplate) -> Result<Json<MailSent>> {
    Ok(Json(sent(&mail::test(&cx, &body.template, &body.to).await?)))
}

pub async fn templates(cx: Cx, _: Nothing) -> Result<Json<Vec<MailTemplate>>> {
    let previews = mail::previews(&cx)?.into_iter();
    let template = |(name, can_be_stopped, letter): (&str, bool, _)| {
        let crate::domain::mail::letter::Letter { subject, text, html } = letter;
        MailTemplate { name: name.to_owned(), can_be_stopped, subject, text, html }
    };
    Ok(Json(previews.map(template).collect()))
}

pub async fn list(cx: Cx, at: NoticesOf) -> Result<Json<Page<NoticeRecord>>> {
    let page = PageQuery { limit: at.limit, starting_after: at.starting_after };
    let records = notices::list(&cx, at.account, paging::after(&page)?, page.size()).await?;
    let records = records.into_iter().map(record).collect();
    Ok(Json(Page::of(records, page.size(), |record: &NoticeRecord| record.id.to_string())))
}

fn wished_server(wish: SetMailServer) -> Result<mail::WishedServer> {
    let SetMailServer { host, port, security, username, password } = wish;
    let security = Security::parse(&security);
    let security = security.ok_or_else(|| Error::field("smtp.security", "starttls or tls"))?;
    Ok(mail::WishedServer { host, port, security, username, password })
}

fn wished_provider(wish: SetMessageProvider) -> mail::WishedProvider {
    mail::WishedProvider { url: wish.url, token: wish.token }
}

fn settings(set: Settings) -> MailSettings {
    let server = |it: Server| MailServer {
        host: it.host,
        port: it.port,
        security: it.security.as_str().to_owned(),
        username: it.username,
        has_password: it.password.is_some(),
    };
    let provider = |it: Provider| MessageProvider { url: it.url, has_token: !it.token.is_empty() };
    MailSettings {
        via: set.via.as_str().to_owned(),
        from_name: set.from_name,
        from_address: set.from_address,
        reply_to: set.reply_to,
        smtp: set.smtp.map(server),
        http: set.http.map(provider),
        whatsapp: set.whatsapp.map(provider),
    }
}

fn sent(ending: &Ending) -> MailSent {
    let ok = matches!(ending, Ending::Accepted(_));
    MailSent { ok, answer: ending.said().to_owned() }
}

fn record(record: Record) -> NoticeRecord {
    NoticeRecord {
        id: record.id,
        event: record.event,
        template: record.template,
        channel: record.channel.as_str().to_owned(),
        recipient: record.recipient,
        state: record.state.as_str().to_owned(),
        attempts: record.attempts,
        created_at: record.created_at.to_string(),
        tried_at: record.tried_at.map(|at| at.to_string()),
        next_at: record.next_at.map(|at| at.to_string()),
        answer: record.answer,
    }
}
