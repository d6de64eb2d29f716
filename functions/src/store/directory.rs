//! The directory: which accounts and keys there are. Who may do what is decided by the account's
//! object.

use std::{cell::RefCell, collections::HashMap};

use schema::{AccountId, Code, Error, KeyId, Result, Timestamp, admin::User};
use serde::Deserialize;
use worker::Env;

use super::{number, rows, run, text};
use crate::domain::account::Profile;

/// Usernames kept in an isolate; a username never changes hands.
const USERNAMES_MAX: usize = 10_000;

thread_local! {
    static USERNAMES: RefCell<HashMap<String, AccountId>> = RefCell::default();
}

/// The account of a username that this isolate has looked up before.
pub fn known(username: &str) -> Option<AccountId> {
    USERNAMES.with_borrow(|known| known.get(username).copied())
}

/// The account of a username.
pub async fn find(env: &Env, username: &str) -> Result<Option<AccountId>> {
    #[derive(Deserialize)]
    struct Row {
        id: AccountId,
    }
    let sql = "SELECT id FROM accounts WHERE username = ?1";
    let Some(row) = rows::<Row>(env, sql, &[text(username)]).await?.pop() else { return Ok(None) };
    USERNAMES.with_borrow_mut(|known| {
        if known.len() >= USERNAMES_MAX {
            known.clear();
        }
        known.insert(username.to_owned(), row.id);
    });
    Ok(Some(row.id))
}

/// Enters an account, unless it is there.
pub async fn add(env: &Env, profile: &Profile) -> Result<()> {
    let sql = "INSERT INTO accounts (id, username, plan, active, note, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO NOTHING";
    let bindings = [
        text(profile.id),
        text(&profile.username),
        text(profile.plan.as_str()),
        number(profile.active.into()),
        text(&profile.note),
        number(profile.created_at.millis()),
    ];
    run(env, sql, &bindings).await.map_err(|error| {
        if error.cause.as_deref().is_some_and(|cause| cause.contains("UNIQUE")) {
            return Error::new(Code::Conflict, "This username is taken. Choose another.");
        }
        error
    })
}

/// Notes whether an account may be used.
pub async fn set_active(env: &Env, id: AccountId, active: bool) -> Result<()> {
    let sql = "UPDATE accounts SET active = ?2 WHERE id = ?1";
    run(env, sql, &[text(id), number(active.into())]).await
}

#[derive(Deserialize)]
struct AccountRow {
    id: AccountId,
    username: String,
    plan: String,
    active: i64,
    note: String,
    created_at: i64,
}

impl AccountRow {
    fn shown(self) -> User {
        User {
            id: self.id,
            username: self.username,
            plan: self.plan,
            active: self.active != 0,
            note: self.note,
            created_at: Timestamp::from_millis(self.created_at).to_string(),
        }
    }
}

/// Accounts older than `after`, newest first, one more than `size`.
pub async fn list(env: &Env, after: Option<AccountId>, size: u32) -> Result<Vec<User>> {
    let sql = "SELECT id, username, plan, active, note, created_at FROM accounts
               WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    // Above every id, of which the digits are hexadecimal.
    let after = after.map_or_else(|| "acct_g".to_owned(), |id| id.to_string());
    let found = rows::<AccountRow>(env, sql, &[text(after), number(i64::from(size) + 1)]).await?;
    Ok(found.into_iter().map(AccountRow::shown).collect())
}

/// Accounts whose usernames begin like this, in their order.
pub async fn beginning(env: &Env, start: &str, most: u32) -> Result<Vec<User>> {
    let sql = "SELECT id, username, plan, active, note, created_at FROM accounts
               WHERE username >= ?1 AND username < ?2 ORDER BY username LIMIT ?3";
    // Above every username that begins so: they are ASCII.
    let end = format!("{start}\u{7f}");
    let found =
        rows::<AccountRow>(env, sql, &[text(start), text(end), number(most.into())]).await?;
    Ok(found.into_iter().map(AccountRow::shown).collect())
}

/// An account, as the directory has it.
pub async fn entry(env: &Env, id: AccountId) -> Result<Option<User>> {
    let sql = "SELECT id, username, plan, active, note, created_at FROM accounts WHERE id = ?1";
    Ok(rows::<AccountRow>(env, sql, &[text(id)]).await?.pop().map(AccountRow::shown))
}

/// A key, as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyEntry {
    pub id: KeyId,
    pub account: AccountId,
    pub username: String,
}

/// Keys older than `after`, newest first, one more than `size`.
pub async fn keys(env: &Env, after: Option<KeyId>, size: u32) -> Result<Vec<KeyEntry>> {
    let sql = "SELECT keys.id, keys.account, accounts.username
               FROM keys JOIN accounts ON accounts.id = keys.account
               WHERE keys.id < ?1 ORDER BY keys.id DESC LIMIT ?2";
    // Above every id, of which the digits are hexadecimal.
    let after = after.map_or_else(|| "key_g".to_owned(), |id| id.to_string());
    rows(env, sql, &[text(after), number(i64::from(size) + 1)]).await
}

/// Enters a key of an account, so that an operator finds it.
pub async fn add_key(env: &Env, account: AccountId, key: KeyId) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO keys (id, account) VALUES (?1, ?2)";
    run(env, sql, &[text(key), text(account)]).await
}

/// The account of a key.
pub async fn account_of_key(env: &Env, id: KeyId) -> Result<Option<AccountId>> {
    #[derive(Deserialize)]
    struct Row {
        account: AccountId,
    }
    let sql = "SELECT account FROM keys WHERE id = ?1";
    Ok(rows::<Row>(env, sql, &[text(id)]).await?.pop().map(|row| row.account))
}
