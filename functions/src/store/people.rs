//! Who says that a mail address is theirs, who people are at Google, and who signed up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schema::{AccountId, Code, Error, Result, Timestamp};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{bound, db, number, rows, run, text};
use crate::domain::{
    password::Salt,
    person::{Person, Standing},
};

/// Of those who claim one address, so many may be meant by it.
pub const CLAIMANTS_MAX: i64 = 8;

/// Somebody who says that an address is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    pub account: AccountId,
    pub salt: Salt,
    pub is_verified: bool,
}

/// Who claims an address: whose it was shown to be, then the oldest.
pub async fn claimants(env: &Env, email: &str) -> Result<Vec<Claimant>> {
    #[derive(Deserialize)]
    struct Row {
        account: AccountId,
        salt: String,
        verified: i64,
    }
    let sql = "SELECT account, salt, verified_at IS NOT NULL AS verified FROM emails
               WHERE email = ?1
               ORDER BY verified DESC, claimed_at, account LIMIT ?2";
    let found = rows::<Row>(env, sql, &[text(email), number(CLAIMANTS_MAX)]).await?;
    let read = |row: Row| {
        let salt = URL_SAFE_NO_PAD.decode(&row.salt).ok().and_then(|salt| salt.try_into().ok());
        let salt = salt.ok_or_else(|| Error::unavailable("a salt is broken"))?;
        Ok(Claimant { account: row.account, salt, is_verified: row.verified != 0 })
    };
    found.into_iter().map(read).collect()
}

/// What a person told of themselves, for lists.
pub async fn describe(env: &Env, account: AccountId, person: &Person) -> Result<()> {
    let sql = "UPDATE signups SET name = ?2, country = ?3, phone = ?4 WHERE account = ?1";
    let told = [&person.name, &person.country, &person.phone].map(optional);
    let [name, country, phone] = told;
    run(env, sql, &[text(account), name, country, phone]).await
}

/// The account that was shown to have an address.
pub async fn owner(env: &Env, email: &str) -> Result<Option<AccountId>> {
    let sql = "SELECT account FROM emails WHERE email = ?1 AND verified_at IS NOT NULL";
    account(env, sql, email).await
}

/// The account of somebody at Google.
pub async fn by_google(env: &Env, sub: &str) -> Result<Option<AccountId>> {
    account(env, "SELECT account FROM google_people WHERE sub = ?1", sub).await
}

async fn account(env: &Env, sql: &str, of: &str) -> Result<Option<AccountId>> {
    #[derive(Deserialize)]
    struct Row {
        account: AccountId,
    }
    Ok(rows::<Row>(env, sql, &[text(of)]).await?.pop().map(|row| row.account))
}

/// Notes that an account claims an address; another claim of it that was never shown to be right is
/// gone.
pub async fn claim(
    env: &Env,
    account: AccountId,
    email: &str,
    salt: &Salt,
    now: Timestamp,
) -> Result<()> {
    let db = db(env)?;
    let forget = "DELETE FROM emails
                  WHERE account = ?1 AND email <> ?2 AND verified_at IS NULL";
    let claim = "INSERT INTO emails (email, account, salt, claimed_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING";
    let salt = URL_SAFE_NO_PAD.encode(salt);
    let statements = vec![
        bound(&db, forget, &[text(account), text(email)])?,
        bound(&db, claim, &[text(email), text(account), text(salt), number(now.millis())])?,
    ];
    db.batch(statements).await.map(drop).map_err(Error::unavailable)
}

/// Notes that a claimed address was shown to be the account's, which has no other then. Refused if
/// it was shown to be another's.
pub async fn verify(env: &Env, account: AccountId, email: &str, now: Timestamp) -> Result<()> {
    let db = db(env)?;
    let verify = "UPDATE emails SET verified_at = coalesce(verified_at, ?3)
                  WHERE account = ?1 AND email = ?2";
    let forget = "DELETE FROM emails WHERE account = ?1 AND email <> ?2";
    let statements = vec![
        bound(&db, verify, &[text(account), text(email), number(now.millis())])?,
        bound(&db, forget, &[text(account), text(email)])?,
    ];
    let done = db.batch(statements).await.map(drop).map_err(Error::unavailable);
    let message = "This mail address belongs to another account.";
    done.map_err(|error| taken(error, message))?;
    // Who claims another address meanwhile has let go of this one.
    if owner(env, email).await? != Some(account) {
        return Err(Error::new(Code::Conflict, "This mail address is no longer the account's."));
    }
    Ok(())
}

/// Notes who an account's person is at Google, once.
pub async fn link_google(env: &Env, account: AccountId, sub: &str, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO google_people (sub, account, linked_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (sub) DO UPDATE SET account = account
                 WHERE account = excluded.account";
    let linked = run(env, sql, &[text(sub), text(account), number(now.millis())]).await;
    linked.map_err(|error| taken(error, "This account is linked to another Google account."))?;
    if by_google(env, sub).await? != Some(account) {
        let message = "This Google account is linked to another account.";
        return Err(Error::new(Code::Conflict, message));
    }
    Ok(())
}

fn taken(error: Error, message: &str) -> Error {
    if error.cause.as_deref().is_some_and(|cause| cause.contains("UNIQUE")) {
        return Error::new(Code::Conflict, message);
    }
    error
}

/// Somebody who signed up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Signup {
    pub account: AccountId,
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub country: Option<String>,
    pub phone: Option<String>,
    pub standing: String,
    pub created_at: i64,
    pub judged_at: Option<i64>,
}

/// Enters a sign-up.
pub async fn add_signup(
    env: &Env,
    (account, username): (AccountId, &str),
    person: &Person,
    standing: Standing,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO signups
                 (account, username, name, email, country, phone, standing, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let bindings = [
        text(account),
        text(username),
        optional(&person.name),
        optional(&person.email),
        optional(&person.country),
        optional(&person.phone),
        text(standing.as_str()),
        number(now.millis()),
    ];
    run(env, sql, &bindings).await
}

/// A sign-up.
pub async fn signup(env: &Env, account: AccountId) -> Result<Option<Signup>> {
    let sql = "SELECT account, username, name, email, country, phone, standing, created_at,
                 judged_at FROM signups WHERE account = ?1";
    Ok(rows(env, sql, &[text(account)]).await?.pop())
}

/// Sign-ups older than `after`, newest first, one more than `size`; those that stand somewhere, or
/// all.
pub async fn signups(
    env: &Env,
    standing: Option<Standing>,
    after: Option<AccountId>,
    size: u32,
) -> Result<Vec<Signup>> {
    // Above every id, of which the digits are hexadecimal.
    let after = after.map_or_else(|| "acct_g".to_owned(), |id| id.to_string());
    let (after, size) = (text(after), number(i64::from(size) + 1));
    match standing {
        Some(standing) => {
            let sql = "SELECT account, username, name, email, country, phone, standing,
                         created_at, judged_at FROM signups
                       WHERE standing = ?1 AND account < ?2 ORDER BY account DESC LIMIT ?3";
            rows(env, sql, &[text(standing.as_str()), after, size]).await
        }
        None => {
            let sql = "SELECT account, username, name, email, country, phone, standing,
                         created_at, judged_at FROM signups
                       WHERE account < ?1 ORDER BY account DESC LIMIT ?2";
            rows(env, sql, &[after, size]).await
        }
    }
}

/// Notes what became of a sign-up.
pub async fn judged(
    env: &Env,
    account: AccountId,
    standing: Standing,
    now: Timestamp,
) -> Result<()> {
    let sql = "UPDATE signups SET standing = ?2, judged_at = coalesce(judged_at, ?3)
               WHERE account = ?1";
    run(env, sql, &[text(account), text(standing.as_str()), number(now.millis())]).await
}

/// How many sign-ups stand somewhere, counted so far at most.
pub async fn count(env: &Env, standing: Standing, most: u32) -> Result<u32> {
    let sql = "SELECT 1 AS one FROM signups WHERE standing = ?1 LIMIT ?2";
    super::count(env, sql, &[text(standing.as_str()), number(most.into())]).await
}

fn optional(value: &Option<String>) -> JsValue {
    value.as_ref().map_or(JsValue::NULL, text)
}
