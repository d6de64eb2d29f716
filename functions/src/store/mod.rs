//! D1: SQL in, values out. The directory, settings and sums; never a balance, a limit or a lock.

pub mod audit;
pub mod customers;
pub mod directory;
pub mod events;
pub mod orders;
pub mod payments;
pub mod people;
pub mod projects;
pub mod reconciliation;
pub mod runners;
pub mod settings;
pub mod subscriptions;
pub mod usage;

use schema::{Error, Result};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

/// The binding of the database in `wrangler.toml`.
const DB: &str = "DB";

fn db(env: &Env) -> Result<D1Database> {
    env.d1(DB).map_err(Error::unavailable)
}

fn bound(db: &D1Database, sql: &str, bindings: &[JsValue]) -> Result<D1PreparedStatement> {
    db.prepare(sql).bind(bindings).map_err(Error::unavailable)
}

async fn rows<T: DeserializeOwned>(env: &Env, sql: &str, bindings: &[JsValue]) -> Result<Vec<T>> {
    let found = bound(&db(env)?, sql, bindings)?.all().await.map_err(Error::unavailable)?;
    found.results().map_err(Error::unavailable)
}

/// How many rows a query finds, which names how many it takes at most.
async fn count(env: &Env, sql: &str, bindings: &[JsValue]) -> Result<u32> {
    #[derive(serde::Deserialize)]
    struct One {}
    let found = rows::<One>(env, sql, bindings).await?.len();
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

async fn run(env: &Env, sql: &str, bindings: &[JsValue]) -> Result<()> {
    bound(&db(env)?, sql, bindings)?.run().await.map(drop).map_err(Error::unavailable)
}

/// A number as JavaScript has it; ours stay below 2^53.
#[expect(clippy::cast_precision_loss, reason = "money and times stay below 2^53")]
fn number(value: i64) -> JsValue {
    JsValue::from_f64(value as f64)
}

fn text(value: impl ToString) -> JsValue {
    JsValue::from_str(&value.to_string())
}
