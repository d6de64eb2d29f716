//! Which provider is asked first, and what each of them and each model came to.

use askama::Template;
use schema::{Result, admin::ModelUsage};

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
}

#[derive(Template)]
#[template(path = "admin/models.html")]
pub struct Models {
    frame: Frame,
    desk: Desk,
    routes: Vec<String>,
    models: Vec<String>,
    rows: Vec<Row>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Models>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let (routes, models) = (billing::routes(&cx).await?, models::list(&cx).await?);
    let rows = billing::model_usage(&cx).await?.into_iter().map(row).collect();
    Ok(PageOr::Page(Page(Models { frame, desk, routes, models, rows })))
}

fn row(it: ModelUsage) -> Row {
    Row {
        provider: it.provider,
        model: it.model,
        requests: Count(it.requests),
        input: Count(it.input_tokens),
        output: Count(it.output_tokens),
        charged: Usd(it.charged_micro_usd),
    }
}
