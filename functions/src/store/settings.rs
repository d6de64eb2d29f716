//! What an operator changes at run time: prices and the active route. Each isolate keeps them for a
//! few seconds; the directory's absence then changes nothing.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use js_sys::futures::spawn_local;
use schema::{Error, MicroUsd, Result, Timestamp, admin::PriceRow};
use serde::{Deserialize, Serialize};
use worker::Env;

use super::{number, rows, run, text};
use crate::{
    config::Config,
    cx,
    domain::{
        fair_use::Limits,
        price::{InputBilling, PerMillion, Price},
        unlimited,
    },
};

/// What an operator can change.
#[derive(Debug, Default)]
pub struct Settings {
    /// The price in force, by model.
    pub prices: HashMap<String, Price>,
    /// The route to try first.
    pub active_route: Option<String>,
    /// The Unlimited plan.
    pub unlimited: UnlimitedPlan,
}

/// The Unlimited plan as the operator sells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlimitedPlan {
    /// For a month.
    pub price_cents: i64,
    /// Fair use, for who has no limits of their own.
    pub limits: Limits,
}

impl Default for UnlimitedPlan {
    fn default() -> Self {
        Self { price_cents: unlimited::PRICE_CENTS, limits: Limits::DEFAULT }
    }
}

/// Settings that were read alone, each with the moment at which it was.
type Recent = HashMap<&'static str, (Timestamp, Option<String>)>;

thread_local! {
    static RECENT: RefCell<Recent> = RefCell::default();
    static KEPT: RefCell<Option<(Timestamp, Rc<Settings>)>> = const { RefCell::new(None) };
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// The settings, at most a few seconds old. Only the first request of an isolate waits for them.
pub async fn current(env: &Env, config: &Rc<Config>) -> Result<Rc<Settings>> {
    let now = cx::now(config);
    let kept = KEPT.with_borrow(Clone::clone);
    let Some((read_at, settings)) = kept else { return refresh(env, now).await };
    let age = now.since(read_at);
    if age >= config.settings_ttl_ms && config.settings_ttl_ms == 0 {
        return refresh(env, now).await;
    }
    if age >= config.settings_ttl_ms && !READING.replace(true) {
        let env = env.clone();
        spawn_local(async move {
            if let Err(error) = refresh(&env, now).await {
                worker::console_error!("settings: {}", error.cause.unwrap_or_default());
            }
            READING.set(false);
        });
    }
    Ok(settings)
}

/// A setting that was made.
#[derive(Deserialize)]
struct Made {
    name: String,
    value: String,
}

async fn refresh(env: &Env, now: Timestamp) -> Result<Rc<Settings>> {
    let mut prices = HashMap::new();
    for row in prices_in_force(env).await? {
        let model = row.model.clone();
        prices.insert(model, price(row)?);
    }
    let sql = "SELECT name, value FROM settings WHERE name IN (?1, ?2)";
    let made = rows::<Made>(env, sql, &[text(ACTIVE_ROUTE), text(UNLIMITED_PLAN)]).await?;
    let value = |name: &str| made.iter().find(|it| it.name == name).map(|it| it.value.clone());
    let (active_route, unlimited) = (value(ACTIVE_ROUTE), plan(value(UNLIMITED_PLAN))?);
    let settings = Rc::new(Settings { prices, active_route, unlimited });
    KEPT.set(Some((now, settings.clone())));
    Ok(settings)
}

/// The newest price of each model.
pub async fn prices_in_force(env: &Env) -> Result<Vec<PriceRow>> {
    let sql = "SELECT id, model, input, cached_input, output, reasoning, per_call, input_billing
               FROM prices WHERE id IN (SELECT max(id) FROM prices GROUP BY model) ORDER BY model";
    rows(env, sql, &[]).await
}

/// Prices that were ever in force, the newest first, before one; one more than `size`.
pub async fn price_versions(env: &Env, before: i64, size: u32) -> Result<Vec<PriceVersion>> {
    let sql = "SELECT id, model, input, cached_input, output, reasoning, per_call, input_billing,
                 created_at, NOT EXISTS (SELECT 1 FROM prices AS later
                   WHERE later.model = prices.model AND later.id > prices.id) AS in_force
               FROM prices WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    rows(env, sql, &[number(before), number(i64::from(size) + 1)]).await
}

/// A price, and how it stands.
#[derive(Debug, Clone, Deserialize)]
pub struct PriceVersion {
    #[serde(flatten)]
    pub row: PriceRow,
    pub created_at: i64,
    pub in_force: i64,
}

/// Adds a price; the one before it stays, for the charges that it made.
pub async fn add_price(env: &Env, row: &PriceRow, now: Timestamp) -> Result<()> {
    let optional = |value: Option<i64>| value.map_or(wasm_bindgen::JsValue::NULL, number);
    let sql = "INSERT INTO prices
               (model, input, cached_input, output, reasoning, per_call, input_billing, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let bindings = [
        text(&row.model),
        number(row.input),
        optional(row.cached_input),
        number(row.output),
        optional(row.reasoning),
        number(row.per_call),
        text(&row.input_billing),
        number(now.millis()),
    ];
    run(env, sql, &bindings).await
}

/// The setting under which the active route is kept.
pub const ACTIVE_ROUTE: &str = "active_route";
/// The setting under which it is kept how people are reached.
pub const MAIL: &str = "mail";

const UNLIMITED_PLAN: &str = "unlimited_plan";

/// The Unlimited plan as it is sold now.
pub async fn unlimited_plan(env: &Env) -> Result<UnlimitedPlan> {
    plan(get(env, UNLIMITED_PLAN).await?)
}

fn plan(made: Option<String>) -> Result<UnlimitedPlan> {
    let Some(text) = made else { return Ok(UnlimitedPlan::default()) };
    serde_json::from_str(&text).map_err(Error::unavailable)
}

/// Sells it like this from now on.
pub async fn set_unlimited_plan(env: &Env, plan: UnlimitedPlan) -> Result<()> {
    let text = serde_json::to_string(&plan).map_err(Error::internal)?;
    set(env, UNLIMITED_PLAN, &text).await
}

/// A setting, if it was ever made.
pub async fn get(env: &Env, name: &str) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Row {
        value: String,
    }
    let found =
        rows::<Row>(env, "SELECT value FROM settings WHERE name = ?1", &[text(name)]).await?;
    Ok(found.into_iter().next().map(|row| row.value))
}

/// A setting that anybody may ask for as often as they like: read once in a few seconds.
pub async fn recent(env: &Env, config: &Config, name: &'static str) -> Result<Option<String>> {
    let now = cx::now(config);
    let kept = RECENT.with_borrow(|recent| recent.get(name).cloned());
    if let Some((read_at, value)) = kept
        && now.since(read_at) < config.settings_ttl_ms
    {
        return Ok(value);
    }
    let value = get(env, name).await?;
    RECENT.with_borrow_mut(|recent| recent.insert(name, (now, value.clone())));
    Ok(value)
}

/// Makes a setting.
pub async fn set(env: &Env, name: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    run(env, sql, &[text(name), text(value)]).await
}

fn price(row: PriceRow) -> Result<Price> {
    let billing = InputBilling::parse(&row.input_billing);
    Ok(Price {
        id: row.id,
        input: PerMillion(row.input),
        cached_input: row.cached_input.map(PerMillion),
        output: PerMillion(row.output),
        reasoning: row.reasoning.map(PerMillion),
        per_call: MicroUsd::new(row.per_call),
        input_billing: billing.ok_or_else(|| Error::unavailable("a price has no billing rule"))?,
    })
}
