//! Which provider is asked first, and what each of them and each model came to.

mod daily;

use askama::Template;
use schema::{MicroUsd, Result, admin::ModelUsage};

use self::daily::Daily;
use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Nothing, Page,
        shown::{Count, Usd},
    },
    services::{billing, models},
};

struct Row {
    provider: String,
    model: String,
    requests: Count,
    input: Count,
    output: Count,
    charged: Usd,
    /// Of all that was charged.
    percent: i64,
}

#[derive(Template)]
#[template(path = "admin/models.html")]
pub struct Models {
    frame: Frame,
    desk: Desk,
    routes: Vec<String>,
    models: Vec<String>,
    rows: Vec<Row>,
    daily: Daily,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Models>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let (routes, models) = (billing::routes(&cx).await?, models::list(&cx).await?);
    let usage = billing::model_usage(&cx).await?;
    let all = usage.iter().map(|it| it.charged_micro_usd).sum();
    let rows = usage.into_iter().map(|it| row(it, all)).collect();
    let daily = daily::daily(&billing::daily_usage(&cx).await?);
    Ok(PageOr::Page(Page(Models { frame, desk, routes, models, rows, daily })))
}

fn row(it: ModelUsage, all: MicroUsd) -> Row {
    let (part, whole) = (it.charged_micro_usd.micros(), all.micros().max(1));
    Row {
        provider: it.provider,
        model: it.model,
        requests: Count(it.requests),
        input: Count(it.input_tokens),
        output: Count(it.output_tokens),
        charged: Usd(it.charged_micro_usd),
        percent: (part.saturating_mul(200) / whole).saturating_add(1) / 2,
    }
}
