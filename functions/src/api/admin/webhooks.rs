//! `/admin/api/webhooks`: what Stripe told us of, and what came of it.

use schema::{
    Result, Timestamp,
    admin::WebhookEvent,
    page::{Page, PageQuery},
};
use serde::Deserialize;

use crate::{
    api::paging,
    cx::Cx,
    http::Json,
    services::payments::events::{self, Heard},
};

/// Which events.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct WebhooksOf {
    /// Only those that have not been acted on.
    waiting: bool,
    /// Rows in the page: 1 to 100, 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    starting_after: Option<String>,
}

pub async fn list(cx: Cx, at: WebhooksOf) -> Result<Json<Page<WebhookEvent>>> {
    let page = PageQuery { limit: at.limit, starting_after: at.starting_after };
    let before = page.starting_after.as_deref().map(cursor).transpose()?;
    let heard = events::list(&cx, at.waiting, before, page.size()).await?;
    let size = usize::try_from(page.size()).unwrap_or(usize::MAX);
    let more = heard.len() > size;
    let last = heard.iter().take(size).next_back().filter(|_| more);
    let next_cursor = last.map(|it| format!("{}:{}", it.heard_at, it.id));
    let data = heard.into_iter().take(size).map(shown).collect();
    Ok(Json(Page { data, has_more: more, next_cursor }))
}

/// Stripe's ids say nothing of time, so a place in the list is both.
fn cursor(text: &str) -> Result<(i64, String)> {
    let (at, id) = text.split_once(':').ok_or_else(paging::odd)?;
    Ok((paging::read(at)?, id.to_owned()))
}

fn shown(heard: Heard) -> WebhookEvent {
    let time = |at| Timestamp::from_millis(at).to_string();
    WebhookEvent {
        id: heard.id,
        r#type: heard.kind,
        api_version: heard.api_version,
        heard_at: time(heard.heard_at),
        outcome: heard.outcome,
        tries: heard.tries,
        due_at: heard.due_at.map(time),
    }
}
