//! How far the books have been looked through, and where they differ.

use schema::{
    AccountId, Error, MicroUsd, Result, Timestamp,
    time::{DAY_MS, HOUR_MS},
};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{bound, db, number, rows, text};
use crate::domain::reconciliation::{Difference, Phase, Run, UsageSum};

/// A run as it is kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Kept {
    pub day: i64,
    pub phase: String,
    pub cursor: Option<String>,
    pub looked: i64,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// A difference as it is kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    pub id: i64,
    pub reason: String,
    pub account: AccountId,
    pub subject: String,
    pub expected: MicroUsd,
    pub found: MicroUsd,
    pub detail: String,
    pub found_at: Timestamp,
    pub seen_at: Timestamp,
    pub resolved_at: Option<Timestamp>,
}

impl Kept {
    /// The day that it compares.
    pub fn date(&self) -> String {
        Timestamp::from_millis(self.day.saturating_mul(DAY_MS)).date()
    }

    /// The run; nothing of a phase that is not known here.
    pub fn run(&self) -> Option<Run> {
        let (day, cursor, looked) = (self.day, self.cursor.clone(), self.looked);
        Some(Run { day, phase: Phase::parse(&self.phase)?, cursor, looked })
    }
}

/// The newest run.
pub async fn newest(env: &Env) -> Result<Option<Kept>> {
    let sql = "SELECT day, phase, cursor, looked, started_at, finished_at
               FROM reconciliation_runs ORDER BY day DESC LIMIT 1";
    Ok(rows(env, sql, &[]).await?.pop())
}

/// Begins a run; whoever comes second changes nothing.
pub async fn begin(env: &Env, run: &Run, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO reconciliation_runs (day, phase, looked, started_at)
               VALUES (?1, ?2, 0, ?3) ON CONFLICT (day) DO NOTHING";
    super::run(env, sql, &[number(run.day), text(run.phase.as_str()), number(now.millis())]).await
}

/// What a page has shown: its differences, and what it looked at.
#[derive(Debug, Default)]
pub struct Page {
    pub differences: Vec<Difference>,
    /// Everything that was looked at, by account and subject.
    pub looked: Vec<(AccountId, String)>,
}

/// Writes a page and where the run goes on, in one transaction: nothing is looked at twice, and
/// nothing is left out. A page that somebody else has written meanwhile is written once more, which
/// changes nothing.
pub async fn keep(env: &Env, page: &Page, run: &Run, now: Timestamp) -> Result<()> {
    let db = db(env)?;
    let at = number(now.millis());
    let seen = "INSERT INTO reconciliation_differences
                  (reason, account, subject, expected, found, detail, found_at, seen_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
                ON CONFLICT (account, subject, reason) WHERE resolved_at IS NULL DO UPDATE SET
                  expected = excluded.expected, found = excluded.found, detail = excluded.detail,
                  seen_at = excluded.seen_at";
    let written = page.differences.iter().map(|it| {
        let bindings = [
            text(it.reason.as_str()),
            text(it.account),
            text(&it.subject),
            number(it.expected.micros()),
            number(it.found.micros()),
            text(&it.detail),
            at.clone(),
        ];
        bound(&db, seen, &bindings)
    });
    let mut statements = written.collect::<Result<Vec<_>>>()?;
    let looked = page.looked.iter().map(|(account, subject)| (account.to_string(), subject));
    let looked = serde_json::to_string(&looked.collect::<Vec<_>>()).map_err(Error::internal)?;
    // What was looked at in this page and was not written by it just now is well.
    let well = "UPDATE reconciliation_differences SET resolved_at = ?2
                WHERE resolved_at IS NULL AND seen_at < ?2 AND EXISTS (
                  SELECT 1 FROM json_each(?1)
                  WHERE value ->> 0 = account AND subject GLOB value ->> 1)";
    statements.push(bound(&db, well, &[text(looked), at.clone()])?);
    let on = "UPDATE reconciliation_runs SET phase = ?2, cursor = ?3, looked = ?4, finished_at = ?5
              WHERE day = ?1 AND finished_at IS NULL";
    let cursor = run.cursor.as_deref().map_or(JsValue::NULL, JsValue::from_str);
    let finished = if run.phase == Phase::Done { at } else { JsValue::NULL };
    let phase = text(run.phase.as_str());
    let bindings = [number(run.day), phase, cursor, number(run.looked), finished];
    statements.push(bound(&db, on, &bindings)?);
    db.batch(statements).await.map(drop).map_err(Error::unavailable)
}

/// Differences, those that are there first and then the newest first.
pub async fn differences(env: &Env, most: u32) -> Result<Vec<Seen>> {
    let sql = "SELECT id, reason, account, subject, expected, found, detail, found_at, seen_at,
                 resolved_at FROM reconciliation_differences
               ORDER BY resolved_at IS NOT NULL, id DESC LIMIT ?1";
    rows(env, sql, &[number(most.into())]).await
}

/// Accounts after one, in the order of their ids: those of the directory, and those that usage was
/// summed for between two moments.
pub async fn accounts(
    env: &Env,
    after: Option<&str>,
    (from, until): (Timestamp, Timestamp),
    most: u32,
) -> Result<Vec<AccountId>> {
    #[derive(Deserialize)]
    struct Row {
        id: AccountId,
    }
    let sql = "SELECT id FROM accounts WHERE id > ?1 UNION
               SELECT account FROM usage_hourly WHERE account > ?1 AND +hour >= ?2 AND +hour < ?3
               ORDER BY id LIMIT ?4";
    let after = text(after.unwrap_or_default());
    let bindings = [after, number(hour(from)), number(hour(until)), number(most.into())];
    Ok(rows::<Row>(env, sql, &bindings).await?.into_iter().map(|row| row.id).collect())
}

/// An account's sums between two moments.
pub async fn usage(
    env: &Env,
    account: AccountId,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<UsageSum>> {
    let sql = "SELECT hour, model, route, requests, input, output, charged FROM usage_hourly
               WHERE account = ?1 AND hour >= ?2 AND hour < ?3";
    rows(env, sql, &[text(account), number(hour(from)), number(hour(until))]).await
}

const fn hour(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR_MS)
}

/// How many differences are still seen, counted so far at most.
pub async fn count_open(env: &Env, most: u32) -> Result<u32> {
    let sql = "SELECT 1 AS one FROM reconciliation_differences
               WHERE resolved_at IS NULL AND account > '' LIMIT ?1";
    super::count(env, sql, &[number(most.into())]).await
}
