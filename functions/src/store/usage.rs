//! Sums of usage by account, model, route and hour. Absolute, so that writing them twice changes
//! nothing.

use schema::{
    AccountId, Error, MicroUsd, Result,
    admin::{ModelUsage, MoneyCounts},
};
use serde::Deserialize;
use worker::Env;

use super::{bound, db, number, rows, text};

/// One account's sum of one hour.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct HourlySum {
    pub hour: i64,
    pub model: String,
    pub route: String,
    pub requests: i64,
    pub input: i64,
    pub output: i64,
    pub charged: i64,
}

/// Writes an account's sums.
pub async fn put(env: &Env, account: AccountId, sums: &[HourlySum]) -> Result<()> {
    let db = db(env)?;
    let sql = "INSERT INTO usage_hourly
                 (account, hour, model, route, requests, input, output, charged)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (account, hour, model, route) DO UPDATE SET requests = excluded.requests,
                 input = excluded.input, output = excluded.output, charged = excluded.charged";
    let statement = |sum: &HourlySum| {
        let bindings = [
            text(account),
            number(sum.hour),
            text(&sum.model),
            text(&sum.route),
            number(sum.requests),
            number(sum.input),
            number(sum.output),
            number(sum.charged),
        ];
        bound(&db, sql, &bindings)
    };
    let statements = sums.iter().map(statement).collect::<Result<Vec<_>>>()?;
    db.batch(statements).await.map(drop).map_err(Error::unavailable)
}

/// Sums by route and model since an hour, all accounts together.
pub async fn by_model(env: &Env, since_hour: i64) -> Result<Vec<ModelUsage>> {
    #[derive(Deserialize)]
    struct Row {
        route: String,
        model: String,
        requests: u64,
        input: u64,
        output: u64,
        charged: i64,
    }
    let sql = "SELECT route, model, sum(requests) AS requests, sum(input) AS input,
                 sum(output) AS output, sum(charged) AS charged
               FROM usage_totals WHERE hour >= ?1 GROUP BY route, model ORDER BY charged DESC";
    let found = rows::<Row>(env, sql, &[number(since_hour)]).await?;
    let shown = |row: Row| ModelUsage {
        provider: row.route,
        model: row.model,
        requests: row.requests,
        input_tokens: row.input,
        output_tokens: row.output,
        charged_micro_usd: MicroUsd::new(row.charged),
    };
    Ok(found.into_iter().map(shown).collect())
}

/// What one model of one provider came to on a day.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DailySum {
    /// Days since 1970.
    pub day: i64,
    pub route: String,
    pub model: String,
    pub requests: u64,
    pub tokens: u64,
    pub charged: i64,
}

/// Sums by day, route and model since an hour, newest first, all accounts together.
pub async fn by_day(env: &Env, since_hour: i64) -> Result<Vec<DailySum>> {
    let sql = "SELECT hour / 24 AS day, route, model, sum(requests) AS requests,
                 sum(input + output) AS tokens, sum(charged) AS charged
               FROM usage_totals WHERE hour >= ?1 GROUP BY day, route, model
               ORDER BY day DESC, route, model";
    rows(env, sql, &[number(since_hour)]).await
}

/// The sum of everything since an hour.
pub async fn total(env: &Env, since_hour: i64) -> Result<MoneyCounts> {
    #[derive(Deserialize)]
    struct Row {
        requests: u64,
        input: u64,
        output: u64,
        charged: i64,
    }
    let sql = "SELECT coalesce(sum(requests), 0) AS requests, coalesce(sum(input), 0) AS input,
                 coalesce(sum(output), 0) AS output, coalesce(sum(charged), 0) AS charged
               FROM usage_totals WHERE hour >= ?1 LIMIT 1";
    let found = rows::<Row>(env, sql, &[number(since_hour)]).await?.pop();
    let shown = |row: Row| MoneyCounts {
        requests: row.requests,
        input_tokens: row.input,
        output_tokens: row.output,
        charged_micro_usd: MicroUsd::new(row.charged),
    };
    Ok(found.map(shown).unwrap_or_default())
}

/// Accounts that were charged in an hour, some of them.
pub async fn accounts(env: &Env, hour: i64, most: u32) -> Result<Vec<AccountId>> {
    #[derive(Deserialize)]
    struct Row {
        account: AccountId,
    }
    let sql = "SELECT DISTINCT account FROM usage_hourly WHERE hour = ?1 ORDER BY account LIMIT ?2";
    let found = rows::<Row>(env, sql, &[number(hour), number(most.into())]).await?;
    Ok(found.into_iter().map(|row| row.account).collect())
}
