//! What operators did: who, what, to whom, with what. Rows are only ever added.

use schema::{Result, Timestamp};
use serde::Deserialize;
use worker::Env;

use super::{number, rows, run, text};

/// Something that was done.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    pub id: i64,
    pub at: i64,
    pub actor: String,
    pub act: String,
    pub detail: String,
}

/// Notes an act.
pub async fn note(env: &Env, now: Timestamp, actor: &str, act: &str, detail: &str) -> Result<()> {
    let sql = "INSERT INTO audit (at, actor, act, detail) VALUES (?1, ?2, ?3, ?4)";
    run(env, sql, &[number(now.millis()), text(actor), text(act), text(detail)]).await
}

/// Rows before one, newest first, at most so many: of an actor, of an act, of both, or all.
pub async fn list(
    env: &Env,
    (actor, act): (Option<&str>, Option<&str>),
    before: i64,
    most: u32,
) -> Result<Vec<Row>> {
    let (at, most) = (number(before), number(most.into()));
    let (sql, bindings) = match (actor, act) {
        (None, None) => (
            "SELECT id, at, actor, act, detail FROM audit
             WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            vec![at, most],
        ),
        (Some(actor), None) => (
            "SELECT id, at, actor, act, detail FROM audit
             WHERE actor = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2",
            vec![at, most, text(actor)],
        ),
        (None, Some(act)) => (
            "SELECT id, at, actor, act, detail FROM audit
             WHERE act = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2",
            vec![at, most, text(act)],
        ),
        (Some(actor), Some(act)) => (
            "SELECT id, at, actor, act, detail FROM audit
             WHERE actor = ?3 AND act = ?4 AND id < ?1 ORDER BY id DESC LIMIT ?2",
            vec![at, most, text(actor), text(act)],
        ),
    };
    rows(env, sql, &bindings).await
}

/// Rows from a number on and before another whose detail has a text in it, newest first, at most so
/// many; of an actor and of an act, where they are named.
pub async fn search(
    env: &Env,
    (actor, act): (Option<&str>, Option<&str>),
    sought: &str,
    (from, before): (i64, i64),
    most: u32,
) -> Result<Vec<Row>> {
    let sql = "SELECT id, at, actor, act, detail FROM audit
               WHERE id >= ?1 AND id < ?2 AND instr(detail, ?3) > 0
                 AND (?4 = '' OR actor = ?4) AND (?5 = '' OR act = ?5)
               ORDER BY id DESC LIMIT ?6";
    let of = [actor, act].map(|it| text(it.unwrap_or_default()));
    let [actor, act] = of;
    let bindings = [number(from), number(before), text(sought), actor, act, number(most.into())];
    rows(env, sql, &bindings).await
}

/// The number of the newest row; zero while there is none.
pub async fn newest(env: &Env) -> Result<i64> {
    let newest = rows::<Row>(
        env,
        "SELECT id, at, actor, act, detail FROM audit ORDER BY id DESC LIMIT 1",
        &[],
    );
    Ok(newest.await?.first().map_or(0, |row| row.id))
}
