//! An operator looks at an account as its owner does: begun with a note, marked on every page,
//! ended by itself, with the operator's session, or when they stop. The customer's own sessions are
//! as before.

use schema::{AccountId, Code, Result, Timestamp};

use super::{accounts, audit, operators, sessions};
use crate::{
    cx::Cx,
    domain::{
        access::Holder,
        cookie,
        impersonation::{self, IMPERSONATION, IMPERSONATION_MS, Impersonation},
        link::Claims,
        operator::Operator,
        session::Single,
    },
};

/// Somebody who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    pub account: AccountId,
    /// By what a person knows the account.
    pub label: String,
    /// Under what the operator's acts are noted.
    pub actor: String,
    pub until: Timestamp,
}

/// Begins to look. The answer has a whole `Set-Cookie`.
pub async fn begin(cx: &Cx, account: AccountId) -> Result<(Looking, String)> {
    let (operator, session) = operators::lent(cx).await?;
    let described = accounts::describe(cx, account).await?;
    let epoch = sessions::epoch(cx, account).await?;
    let person = described.person;
    let label = person.name.or(person.email).unwrap_or_else(|| account.to_string());
    let until = cx.now.plus_millis(IMPERSONATION_MS);
    let body = Impersonation { account, label, epoch, operator, session };
    let signed = sessions::sign(cx, IMPERSONATION, until, &body)?;
    // Before it can happen: what was seen without a note would be worse than a note of nothing.
    audit::note(cx, "impersonation.begun", &format!("{account} until {until}")).await?;
    let cookie = cookie::set(cookie::IMPERSONATION, &signed.text, IMPERSONATION_MS);
    Ok((looking(body, until), cookie))
}

/// Ends it for good, where the request comes from who looks: a whole `Set-Cookie` then.
pub async fn end(cx: &Cx) -> Result<Option<String>> {
    let Some(Claims { id, expires_at: until, body, .. }) = presented(cx) else {
        // One that is over is taken away, too, and nothing else with it.
        let held = cx.cookie(cookie::IMPERSONATION).filter(|_| shows_nothing_else(cx));
        return Ok(held.map(|_| cookie::clear(cookie::IMPERSONATION)));
    };
    let single = Single { id, epoch: Some(body.epoch), until };
    match sessions::spend(cx, body.account, single).await {
        // It had ended before.
        Err(error) if error.code == Code::PermissionDenied => {}
        spent => {
            spent?;
            let (actor, whom) = (actor(body.operator), body.account.to_string());
            audit::note_as(cx, &actor, "impersonation.ended", &whom).await?;
        }
    }
    Ok(Some(cookie::clear(cookie::IMPERSONATION)))
}

/// Who looks with this request, as the cookie says that we signed. Whether they still may is for
/// [`super::admission`] to ask.
pub fn looking_at(cx: &Cx) -> Option<Looking> {
    let claims = presented(cx)?;
    Some(looking(claims.body, claims.expires_at))
}

/// Refuses who looks what is the owner's.
pub fn refuse(cx: &Cx) -> Result<()> {
    looking_at(cx).map_or(Ok(()), |_| Err(impersonation::refused()))
}

/// Refuses who was let in as the owner what is not lent to who looks.
pub fn check(cx: &Cx, method: &str, lent: bool) -> Result<()> {
    let by_session = cx.caller.as_ref().is_some_and(|it| it.holder == Holder::Session);
    if by_session && looking_at(cx).is_some() {
        impersonation::may(method, lent)?;
    }
    Ok(())
}

/// The session that the request came with: signed by us and not expired. Where a credential is
/// sent, no cookie is looked at; and what an operator does as one they do not do as the owner.
pub fn presented(cx: &Cx) -> Option<Claims<Impersonation>> {
    let counts = shows_nothing_else(cx) && cx.operator.is_none();
    let cookie = cx.cookie(cookie::IMPERSONATION).filter(|_| counts)?;
    cx.config.signing.verify(IMPERSONATION, &cookie, cx.now)
}

fn shows_nothing_else(cx: &Cx) -> bool {
    cx.header("authorization").is_empty()
}

fn looking(body: Impersonation, until: Timestamp) -> Looking {
    let Impersonation { account, label, operator, .. } = body;
    Looking { account, label, actor: actor(operator), until }
}

fn actor(session: crate::domain::operator::Session) -> String {
    Operator { by: session.by, name: session.name, until: None }.actor()
}
