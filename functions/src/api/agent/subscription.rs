//! `/api/v1/wallet/subscription`.

use schema::{
    MicroUsd, Result, Timestamp,
    agent::subscription::{ChangeSubscription, FairUseWindow, Subscription},
};

use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::{fair_use::Meter, unlimited},
    http::Json,
    services::subscriptions,
};

/// How the account stands with the Unlimited plan.
pub async fn read(cx: Cx, _: Nothing) -> Result<Json<Subscription>> {
    let (plan, state) = subscriptions::state(&cx, cx.account()?).await?;
    let reading = state.subscription;
    Ok(Json(Subscription {
        plan: unlimited::PLAN.to_owned(),
        price_usd: MicroUsd::from_cents(plan.price_cents).dollars_and_cents(),
        status: unlimited::status(reading.as_ref()).to_owned(),
        active: state.covers,
        period_ends_at: reading.as_ref().map(|it| it.period_end.to_string()),
        cancel_at_period_end: reading.as_ref().is_some_and(|it| it.ends_with_period),
        active_until: state.covers.then(|| state.until.to_string()),
        fallback: state.fallback,
        windows: state.meters.into_iter().map(window).collect(),
    }))
}

/// Changes what the customer may change of it.
pub async fn change(cx: Cx, _: Nothing, body: ChangeSubscription) -> Result<Json<Subscription>> {
    let account = cx.account()?;
    if let Some(session) = &body.session_id {
        subscriptions::came_back(&cx, account, session).await?;
    }
    if let Some(on) = body.fallback {
        subscriptions::set_fallback(&cx, account, on).await?;
    }
    if let Some(ends) = body.cancel_at_period_end {
        subscriptions::set_ends_with_period(&cx, account, ends).await?;
    }
    read(cx, Nothing {}).await
}

/// The dollars behind a window are between the operator and their prices; its share is what a
/// customer plans by.
fn window(meter: Meter) -> FairUseWindow {
    let share = meter.basis_points();
    FairUseWindow {
        minutes: meter.span.minutes(),
        used_percent: format!("{}.{:02}", share / 100, share % 100),
        resets_at: Timestamp::from_millis(meter.resets_at.saturating_mul(1_000)).to_string(),
    }
}
