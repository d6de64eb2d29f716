//! Being let in, before any work: whose account a credential belongs to, and whether it is let in
//! there.
//!
//! Wrong credentials are limited for each address, and behind one address there may be an owner and
//! a stranger: so the limit shields the directory, and never shuts out who is right. A key has 256
//! random bits and names the account that decides over it, so a well-formed one is always looked
//! at; so is a username that has been found before. What must be looked up has to wait.

use std::{cell::RefCell, collections::HashMap};

use schema::{AccountId, Code, Error, Result, Timestamp};

use crate::{
    cx::Cx,
    domain::{
        access::{Access, Caller, Credential, Scope},
        account::Knock,
        admission::{Pass, Refusal},
        limit::Rate,
        link::Claims,
        operator::{By, Operator},
        session::Ticket,
        token,
    },
    objects::stub,
    services::{impersonation, operators, sessions},
    store::directory,
};

/// Credentials that one address may get wrong in a minute.
const MISSES_MAX: u32 = 30;
const MISSES_WINDOW_MS: i64 = 60_000;
/// Addresses remembered in an isolate; beyond it the memory starts anew.
const ADDRESSES_MAX: usize = 10_000;

thread_local! {
    static MISSES: RefCell<HashMap<String, (Timestamp, u32)>> = RefCell::default();
}

/// Who was let in to a route.
#[derive(Debug, Default)]
pub struct Admitted {
    /// None for the public, and for a static token of an operator where no account is meant.
    pub pass: Option<Pass>,
    /// Who they are, if they run the system.
    pub operator: Option<Operator>,
}

/// Lets a caller in to a route, or says why not.
pub async fn admit(
    cx: &Cx,
    access: Access,
    bearer: Option<&str>,
    address: &str,
) -> Result<Admitted, Refusal> {
    let by_token = || bearer.and_then(|bearer| operators::by_token(&cx.config, bearer));
    let operator = if access == Access::Public { None } else { by_token() };
    let scope = match access {
        Access::Public => return Ok(Admitted::default()),
        Access::ApiOrTicket(_) if bearer.is_none() && shows_ticket(cx) => {
            return Ok(Admitted::default());
        }
        Access::Admin if operator.is_some() => return Ok(Admitted { pass: None, operator }),
        Access::ApiOrAdmin(_) if operator.is_some() => {
            return Ok(Admitted { pass: Some(operators_own(cx).await?), operator });
        }
        Access::Admin => match operators_session(cx, bearer, address).await? {
            Some(admitted) => return Ok(admitted),
            None => Scope::Admin,
        },
        Access::Api(scope) | Access::ApiOrAdmin(scope) | Access::ApiOrTicket(scope) => scope,
    };
    let (account, credential) = match session(cx, access, bearer, address).await? {
        Some(session) => session,
        None => locate(cx, bearer, &|| address.to_owned()).await?,
    };
    let guessed = !matches!(credential, Credential::Session(_));
    let knock = Knock { credential, address: address.parse().ok(), scope, weight: 1 };
    let passed = stub::knock(&cx.env, account, knock).await;
    let admitted = |pass: Pass| Admitted { operator: by_key(&pass), pass: Some(pass) };
    passed.map(admitted).map_err(|Refusal { error, rate }| {
        // A session is signed by us: one that has ended was no guess.
        let error = if guessed && error.code == Code::AuthenticationRequired {
            miss(address, error, cx.now)
        } else {
            error
        };
        Refusal { error, rate }
    })
}

/// Lets in who is signed in as an operator and sends no credential, under the same rules as what
/// they signed in with.
async fn operators_session(
    cx: &Cx,
    bearer: Option<&str>,
    address: &str,
) -> Result<Option<Admitted>, Refusal> {
    if bearer.is_some() || !cx.header("authorization").is_empty() {
        return Ok(None);
    }
    let Some((operator, account, credential)) = operators::session(cx)? else { return Ok(None) };
    let pass = still_operator(cx, account, credential, address).await?;
    // A token acts on no account's behalf, as where it is sent itself.
    let pass = Some(pass).filter(|_| matches!(operator.by, By::Key { .. }));
    Ok(Some(Admitted { pass, operator: Some(operator) }))
}

async fn still_operator(
    cx: &Cx,
    keeper: AccountId,
    credential: Credential,
    address: &str,
) -> Result<Pass, Refusal> {
    let knock = Knock { credential, address: address.parse().ok(), scope: Scope::Admin, weight: 1 };
    stub::knock(&cx.env, keeper, knock).await
}

fn by_key(pass: &Pass) -> Option<Operator> {
    let Caller { account, holder } = pass.caller;
    let key = holder.key().filter(|_| pass.operator)?;
    Some(Operator::of(By::Key { account, key }))
}

/// Whether a request shows a ticket, good or not.
fn shows_ticket(cx: &Cx) -> bool {
    let url = cx.request.as_ref().map(web_sys::Request::url).unwrap_or_default();
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair.starts_with("ticket="))
}

/// The session of who comes without a bearer, where one is enough. Only then is it looked for.
async fn session(
    cx: &Cx,
    access: Access,
    bearer: Option<&str>,
    address: &str,
) -> Result<Option<(AccountId, Credential)>, Refusal> {
    let is_enough = matches!(access, Access::Api(_) | Access::ApiOrTicket(_));
    if bearer.is_some() || !is_enough || !cx.header("authorization").is_empty() {
        return Ok(None);
    }
    if let Some(Claims { id, body, .. }) = impersonation::presented(cx) {
        sessions::manners(cx)?;
        let (keeper, credential) = operators::credential(cx, &body.operator, body.session)?;
        still_operator(cx, keeper, credential, address).await?;
        let ticket = Ticket { id, epoch: body.epoch };
        return Ok(Some((body.account, Credential::Session(ticket))));
    }
    let ticket = sessions::ticket(cx)?;
    Ok(ticket.map(|(account, ticket)| (account, Credential::Session(ticket))))
}

/// Who is signed in to a page, if anybody is; they are counted like every caller. Only a session
/// that is none sends them to sign in: whatever else is in the way is told.
pub async fn signed_in(cx: &Cx) -> Result<Option<Pass>> {
    let authorization = cx.header("authorization");
    let bearer = token::bearer(&authorization);
    match admit(cx, Access::Api(Scope::Account), bearer, &cx.address()).await {
        Ok(admitted) => Ok(admitted.pass),
        Err(Refusal { error, .. }) if authorization.is_empty() => match error.code {
            Code::AuthenticationRequired | Code::PermissionDenied => Ok(None),
            _ => Err(error),
        },
        Err(Refusal { error, .. }) => Err(error),
    }
}

/// Whose account asks on a public route, if anybody says so: a wrong key is refused as everywhere,
/// and a session that has ended is a stranger's.
pub async fn visitor(cx: &Cx) -> Result<Option<AccountId>> {
    let authorization = cx.header("authorization");
    let bearer = token::bearer(&authorization);
    match admit(cx, Access::Api(Scope::Account), bearer, &cx.address()).await {
        Ok(admitted) => Ok(admitted.pass.map(|pass| pass.caller.account)),
        Err(Refusal { error, .. }) if authorization.is_empty() => match error.code {
            Code::AuthenticationRequired | Code::PermissionDenied => Ok(None),
            _ => Err(error),
        },
        Err(Refusal { error, .. }) => Err(error),
    }
}

/// Lets an operator in to their own account, which is there from its first use.
pub async fn operators_own(cx: &Cx) -> Result<Pass, Refusal> {
    let (credential, scope) = (Credential::Static, Scope::Agent);
    let knock = Knock { credential, address: None, scope, weight: 1 };
    stub::knock(&cx.env, cx.config.operator, knock).await
}

/// The account that decides over a credential: the key names it, the directory knows a username's.
pub async fn locate(
    cx: &Cx,
    bearer: Option<&str>,
    address: &dyn Fn() -> String,
) -> Result<(AccountId, Credential)> {
    let Some(bearer) = bearer else {
        let message = "Send a key as `Authorization: Bearer …`.";
        return Err(Error::new(Code::AuthenticationRequired, message));
    };
    let hash = token::hash(bearer);
    let wrong = || miss(&address(), unknown(), cx.now);
    if token::looks_like_key(bearer) {
        return Ok((token::account_of(bearer).ok_or_else(wrong)?, Credential::Key(hash)));
    }
    if cx.config.api_tokens.contains(&hash) {
        return Ok((cx.config.operator, Credential::Static));
    }
    let known = match directory::known(bearer) {
        Some(account) => Some(account),
        None if wait_ms(&address(), cx.now).is_some() => None,
        None => directory::find(&cx.env, bearer).await?,
    };
    Ok((known.ok_or_else(wrong)?, Credential::Username(bearer.to_owned())))
}

/// What a wrong credential is told: that it is wrong, and after many from one address, to wait.
pub fn miss(address: &str, error: Error, now: Timestamp) -> Error {
    if let Some(wait_ms) = wait_ms(address, now) {
        let seconds = u32::try_from((wait_ms + 999) / 1_000).unwrap_or(60);
        let message = format!(
            "Too many wrong credentials have come from your address. Try again in {seconds}s."
        );
        return Error::new(Code::RateLimitExceeded, message).retry_after(seconds);
    }
    MISSES.with_borrow_mut(|misses| {
        if misses.len() >= ADDRESSES_MAX {
            misses.clear();
        }
        let (since, count) = misses.entry(address.to_owned()).or_insert((now, 0));
        if now.since(*since) >= MISSES_WINDOW_MS {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    });
    error
}

/// Milliseconds until an address with too many wrong credentials may try another; nothing while it
/// may.
fn wait_ms(address: &str, now: Timestamp) -> Option<i64> {
    let (since, count) = MISSES.with_borrow(|misses| misses.get(address).copied())?;
    let wait_ms = MISSES_WINDOW_MS - now.since(since);
    (count >= MISSES_MAX && wait_ms > 0).then_some(wait_ms)
}

/// Where an address stands with wrong credentials, for answers that no account can speak for.
pub fn rate_of(address: &str, now: Timestamp) -> Rate {
    let known = MISSES.with_borrow(|misses| misses.get(address).copied());
    let recent = known.filter(|(since, _)| now.since(*since) < MISSES_WINDOW_MS);
    let (since, used) = recent.unwrap_or((now, 0));
    let reset_at = since.plus_millis(MISSES_WINDOW_MS + 999).seconds();
    Rate { limit: MISSES_MAX, used: used.min(MISSES_MAX), reset_at }
}

fn unknown() -> Error {
    let message = "This credential is not known here. Check it for missing characters.";
    Error::new(Code::AuthenticationRequired, message)
}
