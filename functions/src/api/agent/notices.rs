//! `/api/v1/notices`: what the customer was told, and what they want no more of.

use askama::Template;
use schema::{
    Error, Result, agent,
    page::{Page, PageQuery},
};
use serde::Deserialize;

use crate::{
    api::{paging, system::Nothing},
    cx::Cx,
    domain::notice::{Record, Topic},
    http::{Html, Json, body},
    services::notices,
};

/// Names a topic of an account, signed.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct StopAt {
    /// As it stands in a mail.
    pub token: String,
}

/// What the messages were, newest first.
pub async fn list(cx: Cx, at: PageQuery) -> Result<Json<Page<agent::Notice>>> {
    let records = notices::list(&cx, cx.account()?, paging::after(&at)?, at.size()).await?;
    let shown = records.into_iter().map(shown).collect();
    Ok(Json(Page::of(shown, at.size(), |notice: &agent::Notice| notice.id.to_string())))
}

/// What the customer wants to be told beside what they have to be.
pub async fn wanted(cx: Cx, _: Nothing) -> Result<Json<agent::WantedNotices>> {
    let unwanted = notices::unwanted(&cx, cx.account()?).await?;
    let on = |topic| Some(!unwanted.contains(&topic));
    let (low_balance, fair_use) = (on(Topic::LowBalance), on(Topic::FairUse));
    Ok(Json(agent::WantedNotices { low_balance, fair_use }))
}

/// Chooses it.
pub async fn choose(
    cx: Cx,
    _: Nothing,
    body: agent::WantedNotices,
) -> Result<Json<agent::WantedNotices>> {
    let named = [(Topic::LowBalance, body.low_balance), (Topic::FairUse, body.fair_use)];
    let named = named.into_iter().filter_map(|(topic, on)| Some((topic, on?)));
    notices::choose(&cx, &named.collect::<Vec<_>>()).await?;
    wanted(cx, Nothing {}).await
}

fn shown(record: Record) -> agent::Notice {
    agent::Notice {
        id: record.id,
        event: record.event,
        template: record.template,
        channel: record.channel.as_str().to_owned(),
        recipient: record.recipient,
        state: record.state.as_str().to_owned(),
        attempts: record.attempts,
        created_at: record.created_at.to_string(),
        tried_at: record.tried_at.map(|at| at.to_string()),
        next_at: record.next_at.map(|at| at.to_string()),
    }
}

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct StopPage<'a> {
    brand: &'a str,
    what: &'a str,
    /// Whether it has been stopped.
    done: bool,
}

/// Asks: programs that look at links before their readers do must change nothing.
pub async fn ask_to_stop(cx: Cx, at: StopAt) -> Result<Html> {
    let stop = notices::stop_of(&cx, &at.token)?;
    page(&cx, stop.topic, false)
}

/// Stops, whether by the page's button or by a mail program's own (RFC 8058).
pub async fn stop(cx: Cx, request: web_sys::Request) -> Result<Html> {
    let url = request.url();
    let query = body::query(url.split_once('?').map_or("", |(_, query)| query));
    let token = query.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
    let stop = notices::stop_of(&cx, token.unwrap_or_default())?;
    notices::want(&cx, stop, false).await?;
    page(&cx, stop.topic, true)
}

fn page(cx: &Cx, topic: Topic, done: bool) -> Result<Html> {
    let what = match topic {
        Topic::LowBalance => "when your balance is low",
        Topic::FairUse => "when your fair use is nearly used up",
    };
    let page = StopPage { brand: &cx.config.brand, what, done };
    page.render().map(Html).map_err(Error::internal)
}
