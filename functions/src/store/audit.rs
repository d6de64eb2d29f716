//! What operators did: who, what, to whom, with what. Rows are only ever added.

use schema::{Result, Timestamp};
use worker::Env;

use super::{number, run, text};

/// Notes an act.
pub async fn note(env: &Env, now: Timestamp, actor: &str, act: &str, detail: &str) -> Result<()> {
    let sql = "INSERT INTO audit (at, actor, act, detail) VALUES (?1, ?2, ?3, ?4)";
    run(env, sql, &[number(now.millis()), text(actor), text(act), text(detail)]).await
}
