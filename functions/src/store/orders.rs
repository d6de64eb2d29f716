//! Orders of a marketplace. An order's row decides what it is: the first one written stands.

use schema::{AccountId, KeyId, MicroUsd, Result, Timestamp};
use serde::Deserialize;
use worker::Env;

use super::{number, rows, run, text};
use crate::domain::order::Order;

/// Enters an order, unless its number is taken.
pub async fn add(env: &Env, order: &Order) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO orders
                 (number, account, username, credit, note, key, secrets, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let bindings = [
        text(&order.number),
        text(order.account),
        text(&order.username),
        number(order.credit.micros()),
        text(&order.note),
        text(order.key),
        text(&order.secrets),
        number(order.created_at.millis()),
    ];
    run(env, sql, &bindings).await
}

/// Notes that an order is ready to be delivered; the first time stands.
pub async fn complete(env: &Env, order: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE orders SET completed_at = ?2 WHERE number = ?1 AND completed_at IS NULL";
    run(env, sql, &[text(order), number(now.millis())]).await
}

#[derive(Deserialize)]
struct OrderRow {
    number: String,
    account: AccountId,
    username: String,
    credit: i64,
    note: String,
    key: KeyId,
    secrets: String,
    created_at: i64,
    completed_at: Option<i64>,
}

impl OrderRow {
    fn order(self) -> Order {
        Order {
            number: self.number,
            account: self.account,
            username: self.username,
            credit: MicroUsd::new(self.credit),
            note: self.note,
            key: self.key,
            secrets: self.secrets,
            created_at: Timestamp::from_millis(self.created_at),
            completed_at: self.completed_at.map(Timestamp::from_millis),
        }
    }
}

/// An order by its number.
pub async fn find(env: &Env, order: &str) -> Result<Option<Order>> {
    let sql = "SELECT number, account, username, credit, note, key, secrets, created_at,
                 completed_at FROM orders WHERE number = ?1";
    Ok(rows::<OrderRow>(env, sql, &[text(order)]).await?.pop().map(OrderRow::order))
}

/// Orders older than that of an account, newest first, one more than `size`.
pub async fn list(env: &Env, after: Option<AccountId>, size: u32) -> Result<Vec<Order>> {
    let sql = "SELECT number, account, username, credit, note, key, secrets, created_at,
                 completed_at FROM orders WHERE account < ?1 ORDER BY account DESC LIMIT ?2";
    // Above every id, of which the digits are hexadecimal.
    let after = after.map_or_else(|| "acct_g".to_owned(), |id| id.to_string());
    let found = rows::<OrderRow>(env, sql, &[text(after), number(i64::from(size) + 1)]).await?;
    Ok(found.into_iter().map(OrderRow::order).collect())
}
