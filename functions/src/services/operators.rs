//! Operators: who they are, and their browsers' sessions. A session is no right of its own:
//! whatever it was begun with is looked at again on each request.

use schema::{AccountId, Code, Error, Result};

use super::{
    accounts::unexpected,
    admission, audit,
    people::attempts::{self, Subject},
    sessions,
};
use crate::{
    config::Config,
    cx::Cx,
    domain::{
        access::{Access, Credential, Scope},
        account::{Command, Knock, Outcome},
        admission::{Refusal, ended},
        attempts::Kind,
        cookie,
        link::Claims,
        operator::{self, By, OPERATOR, OPERATOR_MS, Operator, Session},
        session::{self, Single, Ticket},
        token,
    },
    objects::stub,
};

/// The operator whose static token a bearer is. A digest is compared, so the comparison's timing
/// tells nothing of the token.
pub fn by_token(config: &Config, bearer: &str) -> Option<Operator> {
    let hash = token::hash(bearer);
    let known = config.admin_tokens.contains(&hash);
    known.then(|| Operator::of(By::Token(operator::print(&hash))))
}

/// Signs in with a static token or a managed key in a password's place. The answer has a whole
/// `Set-Cookie`.
pub async fn login(cx: &Cx, name: Option<&str>, password: &str) -> Result<(Operator, String)> {
    let name = operator::name(name)?;
    let gate = Subject::Account(cx.config.operator);
    let leave = attempts::allow_both(cx, Kind::Login, gate).await?;
    let by = recognise(cx, password.trim()).await?;
    attempts::passed_both(cx, leave, cx.config.operator).await?;
    let epoch = begin(cx, &by).await?;
    let until = cx.now.plus_millis(OPERATOR_MS);
    let body = Session { by, name, epoch };
    let signed = sessions::sign(cx, OPERATOR, until, &body)?;
    let operator = Operator { by: body.by, name: body.name, until: Some(until) };
    let detail = format!("from {} until {until}", cx.address());
    audit::note_as(cx, &operator.actor(), "operator.signed_in", &detail).await?;
    Ok((operator, cookie::set(cookie::ADMIN, &signed.text, OPERATOR_MS)))
}

/// Ends the session that the request came with, so that no copy of its cookie is good any more.
/// The answer is a whole `Set-Cookie` that takes it away; see [`sessions::end`].
pub async fn logout(cx: &Cx) -> Result<String> {
    sessions::own_page(cx)?;
    if let Some(Claims { id, expires_at: until, body, .. }) = presented(cx) {
        let single = Single { id, epoch: Some(body.epoch), until };
        match tell(cx, keeper(cx, &body.by), session::Command::Spend(single)).await {
            // It had ended before.
            Err(error) if error.code == Code::PermissionDenied => {}
            told => {
                told?;
                let operator = Operator { by: body.by, name: body.name, until: Some(until) };
                let detail = format!("before {until}");
                audit::note_as(cx, &operator.actor(), "operator.signed_out", &detail).await?;
            }
        }
    }
    Ok(cookie::clear(cookie::ADMIN))
}

/// The operator who looks at a page; nothing where nobody is signed in as one. What keeps us from
/// knowing is an error.
pub async fn visitor(cx: &Cx) -> Result<Option<Operator>> {
    let authorization = cx.header("authorization");
    let bearer = token::bearer(&authorization);
    match admission::admit(cx, Access::Admin, bearer, &cx.address()).await {
        Ok(admitted) => Ok(admitted.operator),
        Err(Refusal { error, .. }) => match error.code {
            Code::AuthenticationRequired | Code::PermissionDenied => Ok(None),
            _ => Err(error),
        },
    }
}

/// Who an operator's cookie speaks for, where it counts, and the account that knows whether it
/// still does; nothing where there is no cookie.
pub fn session(cx: &Cx) -> Result<Option<(Operator, AccountId, Credential)>> {
    if cx.cookie(cookie::ADMIN).is_none() {
        return Ok(None);
    }
    let Claims { id, expires_at, body, .. } = presented(cx).ok_or_else(ended)?;
    sessions::manners(cx)?;
    let (account, credential) = credential(cx, &body, id)?;
    let operator = Operator { by: body.by, name: body.name, until: Some(expires_at) };
    Ok(Some((operator, account, credential)))
}

/// What a session is asked about, and which account to ask.
pub fn credential(cx: &Cx, session: &Session, id: String) -> Result<(AccountId, Credential)> {
    let key = match &session.by {
        By::Token(print) if !is_configured(&cx.config, print) => return Err(ended()),
        By::Token(_) => None,
        By::Key { key, .. } => Some(*key),
    };
    let ticket = Ticket { id, epoch: session.epoch };
    Ok((keeper(cx, &session.by), Credential::Operator { ticket, key }))
}

/// The operator who asks, for something that ends with their session; who sends a credential
/// instead of a session ends it with that credential alone.
pub(super) async fn lent(cx: &Cx) -> Result<(Session, String)> {
    let nobody = || Error::internal("an operator's act without an operator");
    let Operator { by, name, until } = cx.operator.clone().ok_or_else(nobody)?;
    if let Some(Claims { id, body, .. }) = presented(cx).filter(|_| until.is_some()) {
        return Ok((body, id));
    }
    let epoch = begin(cx, &by).await?;
    Ok((Session { by, name, epoch }, cx.request_id.to_string()))
}

/// The session that the request came with: signed by us and not expired.
fn presented(cx: &Cx) -> Option<Claims<Session>> {
    cx.config.signing.verify(OPERATOR, &cx.cookie(cookie::ADMIN)?, cx.now)
}

fn is_configured(config: &Config, print: &str) -> bool {
    config.admin_tokens.iter().any(|token| operator::print(token) == print)
}

/// Whose word a text is, or why it is nobody's. A wrong one counts as wrong bearers do.
async fn recognise(cx: &Cx, password: &str) -> Result<By> {
    if let Some(Operator { by, .. }) = by_token(&cx.config, password) {
        return Ok(by);
    }
    let wrong = || {
        let message = "This is no operator's token or key. Check it for missing characters.";
        admission::miss(&cx.address(), Error::new(Code::AuthenticationRequired, message), cx.now)
    };
    let account = token::account_of(password).ok_or_else(wrong)?;
    let credential = Credential::Key(token::hash(password));
    let address = cx.address().parse().ok();
    let knock = Knock { credential, address, scope: Scope::Admin, weight: 1 };
    match stub::knock(&cx.env, account, knock).await {
        Ok(pass) => {
            let none = || Error::internal("a key was let in as something else");
            let key = pass.caller.holder.key().ok_or_else(none)?;
            Ok(By::Key { account, key })
        }
        Err(Refusal { error, .. }) if error.code == Code::AuthenticationRequired => Err(wrong()),
        Err(Refusal { error, .. }) => Err(error),
    }
}

/// The account that knows which sessions are over: the key's own, and the deployment's for a token.
fn keeper(cx: &Cx, by: &By) -> AccountId {
    match by {
        By::Token(_) => cx.config.operator,
        By::Key { account, .. } => *account,
    }
}

async fn begin(cx: &Cx, by: &By) -> Result<u32> {
    if matches!(by, By::Token(_)) {
        // The deployment's own account is there from its first use, and may be at rest since.
        match admission::operators_own(cx).await {
            Ok(_) | Err(Refusal { error: Error { code: Code::PermissionDenied, .. }, .. }) => {}
            Err(Refusal { error, .. }) => return Err(error),
        }
    }
    tell(cx, keeper(cx, by), session::Command::BeginOperators).await
}

async fn tell(cx: &Cx, account: AccountId, command: session::Command) -> Result<u32> {
    match stub::ask(&cx.env, account, Command::Session(command)).await? {
        Outcome::Epoch(epoch) => Ok(epoch),
        other => Err(unexpected(&other)),
    }
}
