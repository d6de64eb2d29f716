//! A letter by whichever way the deployment has set up.

use super::{
    mail_http,
    smtp::{self, Server},
    whatsapp,
};
use crate::{
    config::Config,
    domain::{
        mail::{
            MailAddress,
            letter::Letter,
            mime::{self, Cover},
            settings::{PLACE, Settings, Via},
        },
        notice::Ending,
        smtp::{Login, Mail},
    },
};
use schema::{NoticeId, Timestamp};

/// One letter to one address.
pub struct Parcel<'a> {
    pub id: NoticeId,
    pub at: Timestamp,
    pub to: &'a str,
    pub letter: &'a Letter,
    pub unsubscribe: Option<&'a str>,
}

const SEALED: &str = "What is sealed in the settings does not open: set the password again.";

/// Sends a letter. `handed` is told before it can no longer be taken back, where that is known.
pub async fn mail(
    config: &Config,
    settings: &Settings,
    parcel: &Parcel<'_>,
    handed: impl FnOnce() -> Result<(), String>,
) -> Ending {
    let Parcel { id, at, to, letter, unsubscribe } = *parcel;
    let address = |text: &str| MailAddress::parse(text);
    let Some(to) = address(to) else {
        return Ending::Refused("No mail address that can be written to.".to_owned());
    };
    let Some(from) = address(&settings.from_address) else {
        return Ending::Later("The settings name no sender.".to_owned());
    };
    let reply_to = settings.reply_to.as_deref().and_then(address);
    let (from_name, reply_to) = (settings.from_name.as_str(), reply_to.as_ref());
    let cover = Cover { id, at, from_name, from: &from, reply_to, to: &to, unsubscribe };
    let open = |sealed: &String| config.sealing.open(PLACE, sealed);
    match (settings.via, &settings.smtp, &settings.http) {
        (Via::Smtp, Some(server), _) => {
            let login = match (&server.username, &server.password) {
                (Some(username), Some(sealed)) => {
                    let Some(password) = open(sealed) else {
                        return Ending::Later(SEALED.to_owned());
                    };
                    Some(Login { username: username.clone(), password })
                }
                _ => None,
            };
            let message = match mime::message(&cover, letter) {
                Ok(message) => message,
                Err(why) => return Ending::Refused(why),
            };
            let (host, port, security) = (server.host.as_str(), server.port, server.security);
            let patience_ms = config.mail_patience_ms;
            let server = Server { host, port, security, login, patience_ms };
            smtp::send(server, &Mail { from: &from, to: &to, message: &message }, handed).await
        }
        (Via::Http, _, Some(provider)) => match open(&provider.token) {
            Some(token) => mail_http::send(&provider.url, &token, &cover, letter).await,
            None => Ending::Later(SEALED.to_owned()),
        },
        (Via::Off | Via::Smtp | Via::Http, _, _) => {
            Ending::Later("No way to send mail is set up.".to_owned())
        }
    }
}

/// Sends a text to a phone.
pub async fn phone(
    config: &Config,
    settings: &Settings,
    id: NoticeId,
    to: &str,
    text: &str,
) -> Ending {
    let Some(provider) = &settings.whatsapp else {
        return Ending::Later("No way to send WhatsApp messages is set up.".to_owned());
    };
    match config.sealing.open(PLACE, &provider.token) {
        Some(token) => whatsapp::send(&provider.url, &token, id, to, text).await,
        None => Ending::Later(SEALED.to_owned()),
    }
}
