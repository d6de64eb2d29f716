//! What a person has to look at: payments that nobody can settle, and what Stripe told us of.

use askama::Template;
use schema::{Result, Timestamp, admin::Problem};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Page,
        pager::{Pager, ROWS},
        shown::When,
    },
    services::payments::{self, events},
};

/// Problems that are shown.
const SHOWN_MAX: u32 = 100;

/// Which events.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// `waiting` for those that have not been acted on.
    events: String,
    /// The last event of the page before.
    after: Option<String>,
}

struct Event {
    id: String,
    kind: String,
    heard: When,
    outcome: Option<String>,
    tries: u32,
    due: Option<When>,
}

#[derive(Template)]
#[template(path = "admin/payments.html")]
pub struct Payments {
    frame: Frame,
    desk: Desk,
    problems: Vec<Problem>,
    only_waiting: bool,
    events: Vec<Event>,
    pager: Pager,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Payments>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let only_waiting = at.events == "waiting";
    let before = at.after.as_deref().map(place).transpose()?;
    let heard = events::list(&cx, only_waiting, before, ROWS).await?;
    let path = if only_waiting { "/admin/payments?events=waiting" } else { "/admin/payments" };
    let (heard, pager) = crate::pages::pager::page(path, at.after.as_deref(), heard, |it| {
        format!("{}:{}", it.heard_at, it.id)
    });
    let mut problems = payments::problems(&cx, None, SHOWN_MAX).await?;
    problems.truncate(usize::try_from(SHOWN_MAX).unwrap_or(usize::MAX));
    let events = heard.into_iter().map(event).collect();
    let page = Payments { frame, desk, problems, only_waiting, events, pager };
    Ok(PageOr::Page(Page(page)))
}

fn event(it: events::Heard) -> Event {
    let time = |at| When::from(Timestamp::from_millis(at));
    Event {
        id: it.id,
        kind: it.kind,
        heard: time(it.heard_at),
        outcome: it.outcome,
        tries: it.tries,
        due: it.due_at.map(time),
    }
}

/// A place in the list of events: when one came, and its id.
fn place(text: &str) -> Result<(i64, String)> {
    let odd = crate::pages::pager::odd;
    let (at, id) = text.split_once(':').ok_or_else(odd)?;
    Ok((at.parse().map_err(|_| odd())?, id.to_owned()))
}
