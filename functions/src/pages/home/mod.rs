//! The home page, and what machines ask for before it: the site's map, rules for robots, its icon.

mod files;
mod structured;

use askama::Template;
use schema::{MicroUsd, Result, admin::PriceRow};

use super::{Frame, Lasting, Nothing};
use crate::{
    cx::Cx,
    domain::access::Access::Public,
    http::{Family, Route, get, route::fetched},
    services::{assets, billing, setup, subscriptions},
};

/// The routes of this subject; the map lists the documentation of the others.
pub fn routes(api: &[Family]) -> Vec<Route> {
    let calls = api.iter().flat_map(|family| &family.routes).map(Route::id).collect();
    let mut routes = vec![
        get("/", Public, "home", "The home page", read),
        fetched("/favicon.ico", Public, "home", "The icon", |cx, request| async move {
            assets::file(&cx, &request).await
        }),
    ];
    routes.extend(files::routes(calls));
    routes
}

/// What a model costs, in dollars for a million tokens.
struct Price {
    model: String,
    input: String,
    cached: String,
    output: String,
    call: Option<String>,
}

/// What is bought at once.
struct Pack {
    name: String,
    pays: String,
    gets: String,
}

/// What is sold, as far as anything is.
#[derive(Default)]
struct Shop {
    packs: Vec<Pack>,
    /// What the plan costs in a month.
    plan: Option<String>,
}

#[derive(Template)]
#[template(path = "home/home.html")]
pub struct Home {
    frame: Frame,
    /// Where people find this deployment; empty where nobody has said.
    origin: String,
    install: String,
    start: String,
    model: String,
    prices: Vec<Price>,
    shop: Shop,
    /// For machines; it holds nothing that a page could run.
    structured: String,
}

async fn read(cx: Cx, _: Nothing) -> Result<Lasting<Home>> {
    let codex = setup::public(&cx)?;
    let prices = billing::prices(&cx).await?;
    let shop = shop(&cx).await?;
    let origin = cx.origin()?;
    Ok(Lasting(Home {
        structured: structured::text(&cx.config.brand, &origin, &shop),
        frame: Frame::of(&cx),
        origin,
        install: codex.official_install_command,
        start: codex.logged_in_override_command,
        model: codex.display_model,
        prices: prices.iter().map(price).collect(),
        shop,
    }))
}

async fn shop(cx: &Cx) -> Result<Shop> {
    if cx.config.payments().is_err() {
        return Ok(Shop::default());
    }
    let packs = cx.config.offers.shown(None).map(|offer| Pack {
        name: offer.name.clone(),
        pays: dollars(MicroUsd::from_cents(offer.price_cents)),
        gets: dollars(offer.credit()),
    });
    let plan = subscriptions::plan(cx).await?;
    let plan = Some(dollars(MicroUsd::from_cents(plan.price_cents)));
    Ok(Shop { packs: packs.collect(), plan })
}

fn price(row: &PriceRow) -> Price {
    let of = |micro_usd| dollars(MicroUsd::new(micro_usd));
    Price {
        model: row.model.clone(),
        input: of(row.input),
        cached: of(row.cached_input.unwrap_or(row.input)),
        output: of(row.output),
        call: (row.per_call > 0).then(|| of(row.per_call)),
    }
}

/// Dollars with cents, or with as many decimals as there are; whole ones without. Thousands are
/// set apart.
fn dollars(amount: MicroUsd) -> String {
    let exact = amount.to_string();
    let (whole, decimals) = exact.split_once('.').unwrap_or((&exact, ""));
    let mut set_apart = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            set_apart.push(',');
        }
        set_apart.push(digit);
    }
    match decimals.trim_end_matches('0') {
        "" => format!("${set_apart}"),
        decimals => format!("${set_apart}.{decimals:0<2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_decimals_that_it_needs() {
        let check = |micro_usd, text: &str| assert_eq!(dollars(MicroUsd::new(micro_usd)), text);
        check(5_000_000, "$5");
        check(100_000_000, "$100");
        check(1_120_000_000, "$1,120");
        check(1_234_567_000_001, "$1,234,567.000001");
        check(12_500_000, "$12.50");
        check(125_000, "$0.125");
        check(0, "$0");
    }
}
