//! Prices, the active route, and what models came to.

use schema::{
    Error, Result,
    admin::{ModelUsage, PriceRow},
    time::{DAY_MS, HOUR_MS},
};

use crate::{
    cx::Cx,
    store::{settings, usage},
};

pub use crate::store::{settings::PriceVersion, usage::DailySum};

/// The prices in force.
pub async fn prices(cx: &Cx) -> Result<Vec<PriceRow>> {
    settings::prices_in_force(&cx.env).await
}

/// Above every price's number.
const END: i64 = 1 << 52;

/// Every price that was ever in force, the newest first, before one; one more than `size`.
pub async fn price_versions(cx: &Cx, before: Option<i64>, size: u32) -> Result<Vec<PriceVersion>> {
    settings::price_versions(&cx.env, before.unwrap_or(END).min(END), size).await
}

/// Puts a new price in force, and says which one was until now; that one stays for the charges that
/// it made.
pub async fn set_price(cx: &Cx, row: &PriceRow) -> Result<Option<PriceRow>> {
    let former = prices(cx).await?.into_iter().find(|it| it.model == row.model);
    settings::add_price(&cx.env, row, cx.now).await?;
    Ok(former)
}

/// The names of the routes, the active one first.
pub async fn routes(cx: &Cx) -> Result<Vec<String>> {
    let active = settings::get(&cx.env, settings::ACTIVE_ROUTE).await?;
    let mut names: Vec<_> = cx.config.routes.iter().map(|route| route.name.clone()).collect();
    names.sort_by_key(|name| Some(name) != active.as_ref());
    Ok(names)
}

/// Tries a route first from now on, and says which one was until now.
pub async fn choose_route(cx: &Cx, name: &str) -> Result<String> {
    if !cx.config.routes.iter().any(|route| route.name == name) {
        return Err(Error::field("provider", format!("there is no route `{name}`")));
    }
    let former = routes(cx).await?.into_iter().next().unwrap_or_default();
    settings::set(&cx.env, settings::ACTIVE_ROUTE, name).await?;
    Ok(former)
}

/// What each route and model came to in the last thirty days.
pub async fn model_usage(cx: &Cx) -> Result<Vec<ModelUsage>> {
    let since = cx.now.millis().div_euclid(HOUR_MS) - 30 * 24;
    usage::by_model(&cx.env, since).await
}

/// What each model of each route came to on each of the last thirty days.
pub async fn daily_usage(cx: &Cx) -> Result<Vec<DailySum>> {
    let midnight = cx.now.millis().div_euclid(DAY_MS) * 24;
    usage::by_day(&cx.env, midnight - 29 * 24).await
}
