//! What calls cost, what the Unlimited plan gives, and what is for sale.

use askama::Template;
use schema::{MicroUsd, Result, Timestamp, admin::PriceRow};

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::offer::Offer,
    pages::{
        Nothing, Page,
        shown::{Usd, When},
    },
    services::{
        billing::{self, PriceVersion},
        subscriptions,
    },
};

/// Versions of prices that are shown.
const VERSIONS: u32 = 50;

struct Price {
    version: i64,
    model: String,
    input: Usd,
    cached: Option<Usd>,
    output: Usd,
    reasoning: Option<Usd>,
    per_call: Usd,
    bills: &'static str,
}

/// A price that was put in force.
struct Version {
    at: When,
    price: Price,
}

struct Sold {
    id: String,
    name: String,
    price: Usd,
    credit: Usd,
    audience: &'static str,
}

#[derive(Template)]
#[template(path = "admin/billing.html")]
pub struct Billing {
    frame: Frame,
    desk: Desk,
    prices: Vec<Price>,
    versions: Vec<Version>,
    plan: [(&'static str, &'static str, String); 3],
    offers: Vec<Sold>,
    sells: bool,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Billing>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let prices = billing::prices(&cx).await?.into_iter().map(price).collect();
    let versions = billing::price_versions(&cx, None, VERSIONS).await?.into_iter();
    let version = |it: PriceVersion| Version {
        at: Timestamp::from_millis(it.created_at).into(),
        price: price(it.row),
    };
    let versions = versions.map(version).collect();
    let plan = subscriptions::plan(&cx).await?;
    let usd = MicroUsd::dollars_and_cents;
    let plan = [
        ("price_usd", "A month costs (US dollars)", usd(MicroUsd::from_cents(plan.price_cents))),
        (
            "five_hours_usd",
            "Fair use in any five hours, at list price",
            usd(plan.limits.five_hours),
        ),
        ("three_days_usd", "Fair use in any three days", usd(plan.limits.three_days)),
    ];
    let offers = cx.config.offers.shown(Some(&[])).map(sold).collect();
    let sells = cx.config.payments().is_ok();
    Ok(PageOr::Page(Page(Billing { frame, desk, prices, versions, plan, offers, sells })))
}

fn price(row: PriceRow) -> Price {
    let usd = |micros| Usd(MicroUsd::new(micros));
    Price {
        version: row.id,
        model: row.model,
        input: usd(row.input),
        cached: row.cached_input.map(usd),
        output: usd(row.output),
        reasoning: row.reasoning.map(usd),
        per_call: usd(row.per_call),
        bills: if row.input_billing == "all" { "all input" } else { "new input" },
    }
}

fn sold(offer: &Offer) -> Sold {
    Sold {
        id: offer.id.clone(),
        name: offer.name.clone(),
        price: Usd(MicroUsd::from_cents(offer.price_cents)),
        credit: Usd(offer.credit()),
        audience: offer.audience.as_str(),
    }
}
