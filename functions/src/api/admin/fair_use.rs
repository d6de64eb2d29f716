//! `/admin/api/billing/fup-settings`.

use schema::{
    AccountId, Error, MicroUsd, Result, Timestamp,
    admin::fair_use::{AccountFairUse, FairUse, FairUseQuery, SetFairUse, WindowUse},
};

use super::users::amount;
use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::{
        fair_use::{Limits, Meter, OwnLimits},
        unlimited,
    },
    http::Json,
    services::{
        audit,
        subscriptions::{self, UnlimitedPlan},
    },
};

/// What Stripe takes at least, and more than anybody asks for a month.
const PRICE_CENTS: std::ops::RangeInclusive<i64> = 50..=99_999_999;

pub async fn read(cx: Cx, at: FairUseQuery) -> Result<Json<FairUse>> {
    let plan = subscriptions::plan(&cx).await?;
    let account = match at.user_id {
        Some(id) => Some(account(&cx, id).await?),
        None => None,
    };
    Ok(Json(FairUse {
        price_usd: MicroUsd::from_cents(plan.price_cents).dollars_and_cents(),
        five_hours_micro_usd: plan.limits.five_hours,
        three_days_micro_usd: plan.limits.three_days,
        account,
    }))
}

pub async fn set(cx: Cx, _: Nothing, body: SetFairUse) -> Result<Json<FairUse>> {
    let limit = |field: &str, text: &Option<String>| {
        let read = text.as_deref().map(|text| amount(field, text)).transpose()?;
        if read.is_some_and(|it| it < MicroUsd::ZERO) {
            return Err(Error::field(field, "not below zero"));
        }
        Ok(read)
    };
    let five_hours = limit("five_hours_usd", &body.five_hours_usd)?;
    let three_days = limit("three_days_usd", &body.three_days_usd)?;
    let price_cents = body.price_usd.as_deref().map(price).transpose()?;
    if let Some(id) = body.user_id {
        if price_cents.is_some() {
            return Err(Error::field("price_usd", "the price is everybody's: leave `user_id` out"));
        }
        subscriptions::set_limits(&cx, id, OwnLimits { five_hours, three_days }).await?;
    } else {
        let now = subscriptions::plan(&cx).await?;
        let limits = Limits {
            five_hours: five_hours.unwrap_or(now.limits.five_hours),
            three_days: three_days.unwrap_or(now.limits.three_days),
        };
        let price_cents = price_cents.unwrap_or(now.price_cents);
        subscriptions::set_plan(&cx, UnlimitedPlan { price_cents, limits }).await?;
    }
    let whose = body.user_id.map_or_else(|| "everybody".to_owned(), |id| id.to_string());
    let show = |limit: Option<MicroUsd>| limit.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let price = show(price_cents.map(MicroUsd::from_cents));
    let (five_hours, three_days) = (show(five_hours), show(three_days));
    let detail = format!("{whose} five_hours {five_hours} three_days {three_days} price {price}");
    audit::note(&cx, "fair_use.set", &detail).await?;
    read(cx, FairUseQuery { user_id: body.user_id }).await
}

async fn account(cx: &Cx, user_id: AccountId) -> Result<AccountFairUse> {
    let (_, state) = subscriptions::state(cx, user_id).await?;
    let status = unlimited::status(state.subscription.as_ref()).to_owned();
    Ok(AccountFairUse {
        user_id,
        status,
        subscription: state.subscription.map(|it| it.id),
        active: state.covers,
        own_five_hours_micro_usd: state.own.five_hours,
        own_three_days_micro_usd: state.own.three_days,
        reserved_micro_usd: state.reserved,
        windows: state.meters.into_iter().map(window).collect(),
    })
}

fn window(meter: Meter) -> WindowUse {
    WindowUse {
        minutes: meter.span.minutes(),
        used_micro_usd: meter.used,
        limit_micro_usd: meter.limit,
        resets_at: Timestamp::from_millis(meter.resets_at.saturating_mul(1_000)).to_string(),
    }
}

/// A price in whole cents: Stripe knows no smaller ones.
fn price(text: &str) -> Result<i64> {
    let micros = amount("price_usd", text)?.micros();
    let cents = micros / 10_000;
    if micros % 10_000 != 0 || !PRICE_CENTS.contains(&cents) {
        return Err(Error::field("price_usd", "whole cents, from 0.50 to 999999.99"));
    }
    Ok(cents)
}
