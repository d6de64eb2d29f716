//! Which subscriptions, and checkouts of subscriptions, are to be read again at Stripe, and when.

use schema::{AccountId, Error, Result, Timestamp};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{number, rows, run, text};

/// What is to be read again.
pub struct Due {
    /// `sub_…` or `cs_…`.
    pub id: String,
    pub account: AccountId,
}

/// Writes down when to read it again; never, if nothing will come of it any more.
pub async fn put(env: &Env, due: &Due, check_at: Option<Timestamp>) -> Result<()> {
    let sql = "INSERT INTO subscriptions (id, account, check_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (id) DO UPDATE SET check_at = excluded.check_at";
    let check_at = check_at.map_or(JsValue::NULL, |at| number(at.millis()));
    run(env, sql, &[text(&due.id), text(due.account), check_at]).await
}

/// Those whose time has come, the longest due first.
pub async fn due(env: &Env, now: Timestamp, most: u32) -> Result<Vec<Due>> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        account: String,
    }
    let sql = "SELECT id, account FROM subscriptions WHERE check_at <= ?1
               ORDER BY check_at LIMIT ?2";
    let found = rows::<Row>(env, sql, &[number(now.millis()), number(i64::from(most))]).await?;
    let read = |row: Row| {
        let account = row.account.parse();
        let account = account.map_err(|_| Error::unavailable("a subscription has no account"))?;
        Ok(Due { id: row.id, account })
    };
    found.into_iter().map(read).collect()
}
