//! `/admin/api/billing`, `/admin/api/prices`, `/admin/api/model-provider`,
//! `/admin/api/model-usage`.

use schema::{
    Error, Result, Timestamp,
    admin::{
        Billing, ModelProvider, ModelUsage, PriceRow, PriceVersion, SetModelProvider, SetPrice,
    },
    page::{Page, PageQuery},
};

use super::{
    super::system::Nothing,
    users::{amount, short},
};
use crate::{
    api::paging,
    cx::Cx,
    domain::price::{self, InputBilling},
    http::Json,
    services::{audit, billing},
};

pub async fn read(cx: Cx, _: Nothing) -> Result<Json<Billing>> {
    Ok(Json(Billing { prices: billing::prices(&cx).await? }))
}

/// Which page of prices.
pub async fn versions(cx: Cx, at: PageQuery) -> Result<Json<Page<PriceVersion>>> {
    let rows = billing::price_versions(&cx, paging::after(&at)?, at.size()).await?;
    let rows = rows.into_iter().map(|it| PriceVersion {
        price: it.row,
        created_at: Timestamp::from_millis(it.created_at).to_string(),
        in_force: it.in_force != 0,
    });
    Ok(Json(Page::of(rows.collect(), at.size(), |row: &PriceVersion| row.price.id.to_string())))
}

pub async fn set_price(cx: Cx, _: Nothing, body: SetPrice) -> Result<Json<Billing>> {
    let optional = |field: &str, text: &Option<String>| {
        text.as_deref().map(|text| micros(field, text)).transpose()
    };
    let rule = body.input_billing.as_deref().unwrap_or(InputBilling::NewContext.as_str());
    let rule = InputBilling::parse(rule);
    let rule = rule.ok_or_else(|| Error::field("input_billing", "new_context or all"))?;
    if body.model.is_empty() {
        return Err(Error::field("model", "name a model"));
    }
    let row = PriceRow {
        id: 0,
        model: short("model", body.model)?,
        input: micros("input_usd_per_million", &body.input_usd_per_million)?,
        cached_input: optional("cached_input_usd_per_million", &body.cached_input_usd_per_million)?,
        output: micros("output_usd_per_million", &body.output_usd_per_million)?,
        reasoning: optional("reasoning_usd_per_million", &body.reasoning_usd_per_million)?,
        per_call: optional("per_call_usd", &body.per_call_usd)?.unwrap_or(0),
        input_billing: rule.as_str().to_owned(),
    };
    let former = billing::set_price(&cx, &row).await?;
    audit::note(&cx, "price.set", &price::change(former.as_ref(), &row)).await?;
    read(cx, Nothing {}).await
}

pub async fn provider(cx: Cx, _: Nothing) -> Result<Json<ModelProvider>> {
    let routes = billing::routes(&cx).await?;
    Ok(Json(ModelProvider { active: routes.first().cloned().unwrap_or_default(), routes }))
}

pub async fn choose_provider(
    cx: Cx,
    _: Nothing,
    body: SetModelProvider,
) -> Result<Json<ModelProvider>> {
    let former = billing::choose_route(&cx, &body.provider).await?;
    audit::note(&cx, "provider.chosen", &format!("{} after {former}", body.provider)).await?;
    provider(cx, Nothing {}).await
}

pub async fn model_usage(cx: Cx, _: Nothing) -> Result<Json<Vec<ModelUsage>>> {
    Ok(Json(billing::model_usage(&cx).await?))
}

/// A price in dollars as micro-dollars. A million tokens for a dollar are a micro-dollar each.
fn micros(field: &str, text: &str) -> Result<i64> {
    let price = amount(field, text)?.micros();
    if price < 0 { Err(Error::field(field, "not below zero")) } else { Ok(price) }
}
