//! What Stripe's webhooks brought, until it was acted on.

use schema::{Result, Timestamp, stripe::Event};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{number, rows, run, text};

/// An event that waits to be acted on.
#[derive(Debug, Deserialize)]
pub struct Waiting {
    pub id: String,
    pub body: String,
    pub tries: u32,
}

/// Keeps an event. Says whether it still is to be acted on: it may have come before.
pub async fn keep(
    env: &Env,
    event: &Event,
    body: &str,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<bool> {
    #[derive(Deserialize)]
    struct Row {
        waits: i64,
    }
    // The update changes nothing; it is there because only a written row is returned.
    let sql = "INSERT INTO stripe_events (id, type, api_version, heard_at, body, due_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET id = id
               RETURNING outcome IS NULL AS waits";
    let bindings = [
        text(&event.id),
        text(&event.r#type),
        event.api_version.as_deref().map_or(JsValue::NULL, JsValue::from_str),
        number(now.millis()),
        text(body),
        number(due_at.millis()),
    ];
    let row = rows::<Row>(env, sql, &bindings).await?.pop();
    Ok(row.is_none_or(|row| row.waits != 0))
}

/// An event as an operator sees it: never its body, which has customers in it.
#[derive(Debug, Clone, Deserialize)]
pub struct Heard {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub api_version: Option<String>,
    pub heard_at: i64,
    pub outcome: Option<String>,
    pub tries: u32,
    pub due_at: Option<i64>,
}

/// Events that came before a moment, newest first: those that wait, or all. One more than `size`.
pub async fn list(
    env: &Env,
    only_waiting: bool,
    before: (i64, &str),
    size: u32,
) -> Result<Vec<Heard>> {
    let sql = if only_waiting {
        "SELECT id, type, api_version, heard_at, outcome, tries, due_at FROM stripe_events
         WHERE outcome IS NULL AND (heard_at, id) < (?1, ?2)
         ORDER BY heard_at DESC, id DESC LIMIT ?3"
    } else {
        "SELECT id, type, api_version, heard_at, outcome, tries, due_at FROM stripe_events
         WHERE (heard_at, id) < (?1, ?2) ORDER BY heard_at DESC, id DESC LIMIT ?3"
    };
    rows(env, sql, &[number(before.0), text(before.1), number(i64::from(size) + 1)]).await
}

/// Notes what came of an event; it is never acted on again.
pub async fn done(env: &Env, id: &str, outcome: &str) -> Result<()> {
    let sql = "UPDATE stripe_events SET outcome = ?2, body = NULL, due_at = NULL WHERE id = ?1";
    run(env, sql, &[text(id), text(outcome)]).await
}

/// Puts off an event that could not be acted on.
pub async fn put_off(env: &Env, id: &str, tries: u32, due_at: Timestamp) -> Result<()> {
    let sql = "UPDATE stripe_events SET tries = ?2, due_at = ?3 WHERE id = ?1";
    run(env, sql, &[text(id), number(tries.into()), number(due_at.millis())]).await
}

/// Events that are due, the longest due first.
pub async fn due(env: &Env, now: Timestamp, most: u32) -> Result<Vec<Waiting>> {
    let sql = "SELECT id, body, tries FROM stripe_events
               WHERE due_at <= ?1 AND body IS NOT NULL ORDER BY due_at LIMIT ?2";
    rows(env, sql, &[number(now.millis()), number(most.into())]).await
}

/// Forgets events that were acted on and came before then, some at a time.
pub async fn forget(env: &Env, before: Timestamp, most: u32) -> Result<()> {
    let sql = "DELETE FROM stripe_events WHERE id IN (
                 SELECT id FROM stripe_events WHERE heard_at < ?1 AND outcome IS NOT NULL
                 ORDER BY heard_at LIMIT ?2)";
    run(env, sql, &[number(before.millis()), number(most.into())]).await
}

/// How many events wait to be acted on, counted so far at most.
pub async fn count_waiting(env: &Env, most: u32) -> Result<u32> {
    let sql = "SELECT 1 AS one FROM stripe_events
               WHERE outcome IS NULL AND heard_at >= 0 LIMIT ?1";
    super::count(env, sql, &[number(most.into())]).await
}
