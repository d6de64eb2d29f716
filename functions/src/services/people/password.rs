//! Passwords: changed by who knows the present one, or by who reads the mailbox.

use std::time::Duration;

use futures::future::{join, join_all};
use schema::{AccountId, Code, Error, Result};
use serde::{Deserialize, Serialize};

use super::{
    super::notices,
    attempts::{self, Subject},
    card, check_secret_key, link, new_link_id, salt_of, tell, void_link,
};
use crate::{
    cx::Cx,
    domain::{
        attempts::Kind,
        link::Claims,
        notice::Notice,
        password,
        person::{self, Card, fields, secret},
    },
    store::people,
};

/// What a link is good for that sets another password, for how long, and where it leads.
const RESET: &str = "reset_password";
const RESET_MS: i64 = 3_600_000;
const RESET_PATH: &str = "/reset";
/// How long it takes to ask for such a link, whether or not there is an account: longer than the
/// work.
const FORGOT_TAKES_MS: u64 = 400;

/// What a link says that sets another password.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reset {
    account: AccountId,
    /// Where it was sent.
    email: String,
    /// Of the password in whose place another comes: so every link is good once.
    print: String,
}

/// Sends a link to whoever has that address, if anybody does. Neither the answer nor how long it
/// takes tells.
pub async fn forgot(cx: &Cx, email: &str) -> Result<()> {
    let email = fields::email(email)?;
    attempts::allow(cx, Kind::Forgot, Subject::Address).await?;
    let pause = worker::Delay::from(Duration::from_millis(FORGOT_TAKES_MS));
    join(send(cx, &email), pause).await.0
}

async fn send(cx: &Cx, email: &str) -> Result<()> {
    match attempts::allow(cx, Kind::Forgot, Subject::Name(email)).await {
        Err(Error { code: Code::RateLimitExceeded, .. }) => return Ok(()),
        other => other?,
    }
    let claimants = people::claimants(&cx.env, email).await?;
    let cards = join_all(claimants.iter().map(|claimant| card(cx, claimant.account))).await;
    // An address that an account has only asked for is not yet where it is written to.
    let mut theirs = claimants.iter().zip(cards.into_iter().collect::<Result<Vec<_>>>()?);
    let is_reached = |card: &Card| card.person.email.as_deref() == Some(email);
    let Some((claimant, card)) = theirs.find(|(_, card)| is_reached(card)) else { return Ok(()) };
    let id = new_link_id()?;
    let event = format!("reset_password:{id}");
    let print = password::print(card.password.as_ref());
    let body = Reset { account: claimant.account, email: email.to_owned(), print };
    let expires_at = cx.now.plus_millis(RESET_MS);
    let link = link(cx, RESET_PATH, &Claims { purpose: RESET.to_owned(), id, expires_at, body })?;
    notices::tell(cx, claimant.account, &event, Notice::ResetPassword { link }).await
}

/// Takes a link's token and sets another password. Where nobody had shown the address to be theirs
/// before, whatever else opens the account is void: who claimed it first may not have been its
/// owner.
pub async fn reset(cx: &Cx, token: &str, new: &str) -> Result<()> {
    attempts::allow(cx, Kind::Reset, Subject::Address).await?;
    let claims = cx.config.signing.verify::<Reset>(RESET, token, cx.now);
    let Reset { account, email, print } = claims.ok_or_else(void_link)?.body;
    let before = card(cx, account).await?;
    if password::print(before.password.as_ref()) != print {
        return Err(void_link());
    }
    secret::check("password", new, &before.person)?;
    let claimants = people::claimants(&cx.env, &email).await?;
    let kept = password::keep(new, salt_of(&before, &claimants)?)?;
    if !before.person.is_verified() && before.person.email.as_ref() == Some(&email) {
        people::verify(&cx.env, account, &email, cx.now).await?;
    }
    tell(cx, account, person::Command::Recover { kept, instead_of: print, email }).await?;
    attempts::passed(cx, Kind::Login, Subject::Account(account)).await
}

/// Sets another password for who knows the present one.
pub async fn change(cx: &Cx, account: AccountId, current: &str, new: &str) -> Result<()> {
    check_secret_key(cx)?;
    let before = card(cx, account).await?;
    if before.password.is_none() {
        let message = "This account has no password yet. Ask for a link to one by mail.";
        return Err(Error::new(Code::Conflict, message));
    }
    secret::check("newPassword", new, &before.person)?;
    check(cx, account, &before, ("currentPassword", current)).await?;
    let kept = password::keep(new, salt_of(&before, &[])?)?;
    let instead_of = password::print(before.password.as_ref());
    let command = person::Command::SetPassword { kept, instead_of, chosen: true };
    tell(cx, account, command).await.map(drop)
}

/// Gives an account its first password; where it has one, nothing changes.
pub async fn give(cx: &Cx, account: AccountId, text: &str) -> Result<()> {
    let before = card(cx, account).await?;
    if before.password.is_some() {
        return Ok(());
    }
    let kept = password::keep(text, salt_of(&before, &[])?)?;
    let instead_of = password::print(None);
    let command = person::Command::SetPassword { kept, instead_of, chosen: false };
    match tell(cx, account, command).await {
        // Somebody else has given it one since it was looked at.
        Err(error) if error.code == Code::InvalidRequest => Ok(()),
        told => told.map(drop),
    }
}

/// Checks a password that somebody with a key says is the account's, as often as a stranger may.
pub(super) async fn check(
    cx: &Cx,
    account: AccountId,
    card: &Card,
    (field, given): (&str, &str),
) -> Result<()> {
    let leave = attempts::allow_both(cx, Kind::Login, Subject::Account(account)).await?;
    if password::find(std::slice::from_ref(&card.password), given)?.is_none() {
        return Err(Error::field(field, "not the account's password"));
    }
    attempts::passed_both(cx, leave, account).await
}
