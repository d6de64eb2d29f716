//! Being let in, before any work: whose account a credential belongs to, and whether it is let in there.

use std::{cell::RefCell, collections::HashMap};

use schema::{AccountId, Code, Error, Result, Timestamp};

use crate::{
    config::Config,
    cx::Cx,
    domain::{
        access::{Access, Credential, Scope},
        account::Knock,
        admission::{Pass, Refusal},
        limit::Rate,
        token,
    },
    objects::stub,
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

/// Lets a caller in to a route, or says why not. Operators and the public have no pass.
pub async fn admit(
    cx: &Cx,
    access: Access,
    bearer: Option<&str>,
    address: &str,
) -> Result<Option<Pass>, Refusal> {
    let scope = match access {
        Access::Public => return Ok(None),
        Access::Admin if is_operator(&cx.config, bearer) => return Ok(None),
        Access::Admin => Scope::Admin,
        Access::Api(scope) => scope,
    };
    let (account, credential) = locate(cx, bearer, address).await?;
    let knock = Knock { credential, address: address.parse().ok(), scope, weight: 1 };
    let passed = stub::knock(&cx.env, account, knock).await;
    passed.inspect_err(|refusal| miss(address, &refusal.error, cx.now)).map(Some)
}

/// The account that decides over a credential: the key names it, the directory knows a username's.
pub async fn locate(
    cx: &Cx,
    bearer: Option<&str>,
    address: &str,
) -> Result<(AccountId, Credential)> {
    refuse_guesser(address, cx.now)?;
    let Some(bearer) = bearer else {
        let message = "Send a key as `Authorization: Bearer …`.";
        return Err(Error::new(Code::AuthenticationRequired, message));
    };
    let hash = token::hash(bearer);
    if token::looks_like_key(bearer) {
        let account = token::account_of(bearer).ok_or_else(unknown);
        let account = account.inspect_err(|error| miss(address, error, cx.now))?;
        return Ok((account, Credential::Key(hash)));
    }
    if cx.config.api_tokens.contains(&hash) {
        return Ok((cx.config.operator, Credential::Static));
    }
    let found = directory::find(&cx.env, bearer).await?.ok_or_else(unknown);
    let account = found.inspect_err(|error| miss(address, error, cx.now))?;
    Ok((account, Credential::Username(bearer.to_owned())))
}

/// Remembers a wrong credential from an address.
pub fn miss(address: &str, error: &Error, now: Timestamp) {
    if error.code != Code::AuthenticationRequired {
        return;
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
}

/// Where an address stands with wrong credentials, for answers that no account can speak for.
pub fn rate_of(address: &str, now: Timestamp) -> Rate {
    let (since, used) = MISSES.with_borrow(|m| m.get(address).copied()).unwrap_or((now, 0));
    let reset_at = since.plus_millis(MISSES_WINDOW_MS + 999).seconds();
    Rate { limit: MISSES_MAX, used: used.min(MISSES_MAX), reset_at }
}

fn refuse_guesser(address: &str, now: Timestamp) -> Result<()> {
    let Some((since, count)) = MISSES.with_borrow(|misses| misses.get(address).copied()) else {
        return Ok(());
    };
    let wait_ms = MISSES_WINDOW_MS - now.since(since);
    if count < MISSES_MAX || wait_ms <= 0 {
        return Ok(());
    }
    let seconds = u32::try_from((wait_ms + 999) / 1_000).unwrap_or(60);
    let message = format!("Too many wrong credentials from your address. Try again in {seconds}s.");
    Err(Error::new(Code::RateLimitExceeded, message).retry_after(seconds))
}

/// A digest is compared, so the comparison's timing tells nothing of the token.
fn is_operator(config: &Config, bearer: Option<&str>) -> bool {
    bearer.is_some_and(|bearer| config.admin_tokens.contains(&token::hash(bearer)))
}

fn unknown() -> Error {
    let message = "This credential is not known here. Check it for missing characters.";
    Error::new(Code::AuthenticationRequired, message)
}
