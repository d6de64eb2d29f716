//! How this deployment reaches people, as its operator sets and tries it.

use schema::{Error, Result};

use super::audit;
use crate::{
    cx::{self, Cx},
    domain::{
        mail::{
            MailAddress,
            letter::{Letter, Setting},
            settings::{PLACE, Provider, Server, Settings, Via},
        },
        notice::{self, Ending, Notice},
        smtp::Security,
    },
    remote::courier::{self, Parcel},
    store::settings,
};

/// What an operator wishes; a secret that is left out stays as it is.
pub struct Wish {
    pub via: Via,
    pub from_name: String,
    pub from_address: String,
    pub reply_to: Option<String>,
    pub smtp: Option<WishedServer>,
    pub http: Option<WishedProvider>,
    pub whatsapp: Option<WishedProvider>,
}

pub struct WishedServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub username: Option<String>,
    pub password: Option<String>,
}

pub struct WishedProvider {
    pub url: String,
    pub token: Option<String>,
}

/// What is set.
pub async fn read(cx: &Cx) -> Result<Settings> {
    let text = settings::get(&cx.env, settings::MAIL).await?;
    text.map_or_else(
        || Ok(Settings::default()),
        |text| serde_json::from_str(&text).map_err(Error::internal),
    )
}

/// Sets it, with its secrets sealed.
pub async fn set(cx: &Cx, wish: Wish) -> Result<Settings> {
    let former = read(cx).await?;
    let Wish { via, from_name, from_address, reply_to, smtp, http, whatsapp } = wish;
    let set = Settings {
        via,
        from_name,
        from_address,
        reply_to,
        smtp: smtp.map(|wish| server(cx, wish, former.smtp.as_ref())).transpose()?,
        http: http.map(|it| provider(cx, "http", it, former.http.as_ref())).transpose()?,
        whatsapp: whatsapp
            .map(|it| provider(cx, "whatsapp", it, former.whatsapp.as_ref()))
            .transpose()?,
    };
    set.check(cx.config.development)?;
    let text = serde_json::to_string(&set).map_err(Error::internal)?;
    settings::set(&cx.env, settings::MAIL, &text).await?;
    Ok(set)
}

/// A password goes to the server that it was given for, and to no other.
fn server(cx: &Cx, wish: WishedServer, former: Option<&Server>) -> Result<Server> {
    let WishedServer { host, port, security, username, password } = wish;
    let same = former.filter(|it| it.host == host && it.username == username);
    let password = match (password, &username) {
        (Some(password), _) => Some(seal(cx, &password)?),
        (None, None) => None,
        (None, Some(_)) => match same.and_then(|it| it.password.clone()) {
            Some(kept) => Some(kept),
            None => {
                let message = "say it again: host or username are others";
                return Err(Error::field("smtp.password", message));
            }
        },
    };
    Ok(Server { host, port, security, username, password })
}

fn provider(
    cx: &Cx,
    field: &str,
    wish: WishedProvider,
    former: Option<&Provider>,
) -> Result<Provider> {
    let WishedProvider { url, token } = wish;
    let kept = former.filter(|it| it.url == url).map(|it| it.token.clone());
    let token = match (token, kept) {
        (Some(token), _) => seal(cx, &token)?,
        (None, Some(kept)) => kept,
        (None, None) => {
            let message = "say it again: the address is another";
            return Err(Error::field(&format!("{field}.token"), message));
        }
    };
    Ok(Provider { url, token })
}

fn seal(cx: &Cx, text: &str) -> Result<String> {
    let sealed = cx.config.sealing.seal(PLACE, text, cx::random()?);
    sealed.ok_or_else(|| Error::unavailable("the secret SEALING_KEYS is not set"))
}

/// One notice of each template, in words.
pub fn previews(cx: &Cx) -> Result<Vec<(&'static str, bool, Letter)>> {
    let origin = cx.origin()?;
    let samples = notice::samples(&origin, cx.now).into_iter();
    samples.map(|it| Ok((it.template(), it.topic().is_some(), letter(cx, &origin, &it)?))).collect()
}

fn letter(cx: &Cx, origin: &str, notice: &Notice) -> Result<Letter> {
    let stop = notice.topic().map(|_| format!("{origin}/api/v1/notices/unsubscribe?token=sample"));
    let (brand, unsubscribe) = (cx.config.brand.as_str(), stop.as_deref());
    let letter = Letter::write(notice, &Setting { brand, name: Some("Ann"), unsubscribe });
    letter.ok_or_else(|| Error::internal("a template is broken"))
}

/// Sends a sample at once, and says what came of it.
pub async fn test(cx: &Cx, template: &str, to: &str) -> Result<Ending> {
    if MailAddress::parse(to).is_none() {
        return Err(Error::field("to", "a mail address such as ann@example.com"));
    }
    let origin = cx.origin()?;
    let samples = notice::samples(&origin, cx.now);
    let notice = samples.iter().find(|notice| notice.template() == template);
    let notice = notice.ok_or_else(|| Error::field("template", "there is no such template"))?;
    let letter = letter(cx, &origin, notice)?;
    let settings = read(cx).await?;
    // Before it is sent: a mail without a note would be worse than a note without a mail.
    audit::note(cx, "mail.tested", &format!("{template} to {to}")).await?;
    let (id, at) = (cx::new_id(cx.now)?, cx.now);
    let parcel = Parcel { id, at, to, letter: &letter, unsubscribe: None };
    Ok(courier::mail(&cx.config, &settings, &parcel, || Ok(())).await)
}
