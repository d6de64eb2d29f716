//! Being signed in with a browser: sessions begin and end, and links that open a page signed in.

use schema::{AccountId, Code, Error, Result, Timestamp};
use serde::Serialize;

use super::{accounts::unexpected, impersonation};
use crate::{
    cx::{self, Cx},
    domain::{
        account::{Command, Outcome},
        admission, cookie,
        link::Claims,
        next,
        session::{self, Link, Manners, SESSION, SESSION_MS, SSO, SSO_MS, Session, Single, Ticket},
    },
    objects::stub,
};

/// Begins a session. The answer is a whole `Set-Cookie`.
pub async fn begin(cx: &Cx, account: AccountId) -> Result<String> {
    let epoch = epoch(cx, account).await?;
    let session = Session { account, issued_at: cx.now, epoch };
    let signed = sign(cx, SESSION, cx.now.plus_millis(SESSION_MS), session)?;
    Ok(cookie::set(cookie::SESSION, &signed.text, SESSION_MS))
}

/// The epoch of a session that begins now, where the account may be used.
pub(super) async fn epoch(cx: &Cx, account: AccountId) -> Result<u32> {
    tell(cx, account, session::Command::Begin).await
}

/// Ends the session that the request came with, so that no copy of its cookie is good any more, or
/// every session of its account. The answer is a whole `Set-Cookie` that takes it away, also where
/// there was none: so it answers our own pages only, for a browser heeds it in a foreign form's
/// answer, too, with which it sent no cookie.
pub async fn end(cx: &Cx, everywhere: bool) -> Result<String> {
    own_page(cx)?;
    if let Some(taken) = impersonation::end(cx).await? {
        return Ok(taken);
    }
    if let Some(claims) = presented(cx) {
        let Session { account, epoch, .. } = claims.body;
        let (id, until, epoch) = (claims.id, claims.expires_at, Some(epoch));
        match tell(cx, account, session::Command::Spend(Single { id, epoch, until })).await {
            // It had ended before, so it ends no other either.
            Err(error) if error.code == Code::PermissionDenied => {}
            Ok(_) if everywhere => end_all(cx, account).await?,
            told => drop(told?),
        }
    }
    Ok(cookie::clear(cookie::SESSION))
}

/// Ends every session of an account and calls back every link that opens a page signed in: after a
/// new password, or where somebody asks for it.
pub async fn end_all(cx: &Cx, account: AccountId) -> Result<()> {
    tell(cx, account, session::Command::EndAll).await.map(drop)
}

/// A link that opens a page of ours signed in: once, within minutes, and that page alone.
pub async fn sso_link(cx: &Cx, account: AccountId, next: &str) -> Result<String> {
    let next = next::page(Some(next))?;
    let origin = cx.origin()?;
    let epoch = tell(cx, account, session::Command::Begin).await?;
    let signed = sign(cx, SSO, cx.now.plus_millis(SSO_MS), Link { account, epoch, next })?;
    Ok(format!("{origin}/api/v1/auth/sso?token={}", signed.text))
}

/// Whether such a link could be good, before it is used up.
pub fn looks_good(cx: &Cx, token: &str) -> Result<()> {
    link(cx, token).map(drop)
}

/// Uses such a link up: a session's whole `Set-Cookie`, and the page that it opens.
pub async fn redeem(cx: &Cx, token: &str) -> Result<(String, String)> {
    let Claims { id, expires_at: until, body, .. } = link(cx, token)?;
    let Link { account, epoch, next } = body;
    let single = Single { id, epoch: Some(epoch), until };
    tell(cx, account, session::Command::Spend(single)).await?;
    Ok((begin(cx, account).await?, next))
}

/// Uses something up that is good once with this account.
pub async fn spend(cx: &Cx, account: AccountId, single: Single) -> Result<()> {
    tell(cx, account, session::Command::Spend(single)).await.map(drop)
}

/// The session that the request came with: signed by us and not expired. Whether it has ended is
/// for its account to say.
pub fn presented(cx: &Cx) -> Option<Claims<Session>> {
    cx.config.signing.verify(SESSION, &cx.cookie(cookie::SESSION)?, cx.now)
}

/// Whom a session's cookie speaks for, where it counts; nothing where there is no cookie.
pub fn ticket(cx: &Cx) -> Result<Option<(AccountId, Ticket)>> {
    if cx.cookie(cookie::SESSION).is_none() {
        return Ok(None);
    }
    let claims = presented(cx).ok_or_else(admission::ended)?;
    manners(cx)?;
    Ok(Some((claims.body.account, Ticket { id: claims.id, epoch: claims.body.epoch })))
}

/// Refuses what changes something and is not of our own pages: there a cookie does not count.
pub fn manners(cx: &Cx) -> Result<()> {
    let method = cx.request.as_ref().map(|it| it.method()).unwrap_or_default();
    let [site, origin, content_type] =
        ["sec-fetch-site", "origin", "content-type"].map(|name| cx.header(name));
    let manners =
        Manners { method: &method, site: &site, origin: &origin, content_type: &content_type };
    manners.check(&cx.origin()?)
}

/// Refuses what another site's page had a browser send.
pub fn own_page(cx: &Cx) -> Result<()> {
    if session::is_own_page(&cx.header("sec-fetch-site"), &cx.header("origin"), &cx.origin()?) {
        return Ok(());
    }
    let message = "This works on this site's own pages only. Open the page and try again there.";
    Err(Error::new(Code::PermissionDenied, message))
}

/// A text that is good for one purpose, and its id.
pub struct Signed {
    pub id: String,
    pub text: String,
}

/// Signs something for one purpose.
pub fn sign(cx: &Cx, purpose: &str, expires_at: Timestamp, body: impl Serialize) -> Result<Signed> {
    let id: String = cx::random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let claims = Claims { purpose: purpose.to_owned(), id: id.clone(), expires_at, body };
    let text = cx.config.signing.sign(&claims);
    let text = text.ok_or_else(|| Error::unavailable("SIGNING_SECRETS is not set"))?;
    Ok(Signed { id, text })
}

fn link(cx: &Cx, token: &str) -> Result<Claims<Link>> {
    cx.config.signing.verify(SSO, token, cx.now).ok_or_else(|| {
        let message = "This link is not good, or no longer: it works once and for some minutes. \
                       Sign in, or ask for a new one.";
        Error::new(Code::PermissionDenied, message)
    })
}

async fn tell(cx: &Cx, account: AccountId, command: session::Command) -> Result<u32> {
    match stub::ask(&cx.env, account, Command::Session(command)).await? {
        Outcome::Epoch(epoch) => Ok(epoch),
        other => Err(unexpected(&other)),
    }
}
