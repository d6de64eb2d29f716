//! What was done, by whom: the newest first, and what is looked for.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schema::{Result, Timestamp};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Page,
        pager::{self, Pager, ROWS},
        shown::When,
    },
    services::audit::{self, Wanted},
};

/// Which rows.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// Of this actor.
    actor: String,
    /// Of this act.
    act: String,
    /// With this text in the detail.
    text: String,
    /// The last row of the page before.
    after: Option<String>,
}

struct Row {
    at: When,
    actor: String,
    act: String,
    detail: String,
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
pub struct Audit {
    frame: Frame,
    desk: Desk,
    asked: Asked,
    /// Whether something is looked for.
    sought: bool,
    rows: Vec<Row>,
    pager: Pager,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Audit>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let before = pager::after(at.after.as_deref())?;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
    let wanted = Wanted { actor: given(&at.actor), act: given(&at.act), text: given(&at.text) };
    let found = audit::list(&cx, &wanted, before, ROWS).await?;
    let path = path(&at);
    let first = at.after.as_ref().map(|_| path.clone());
    let mark = if path.contains('?') { '&' } else { '?' };
    let next = found.next.map(|id| format!("{path}{mark}after={id}"));
    let row = |it: audit::Row| Row {
        at: Timestamp::from_millis(it.at).into(),
        actor: it.actor,
        act: it.act,
        detail: it.detail,
    };
    let rows = found.rows.into_iter().map(row).collect();
    let (sought, pager) = (path.contains('?'), Pager { first, next });
    Ok(PageOr::Page(Page(Audit { frame, desk, asked: at, sought, rows, pager })))
}

/// The page's address with what is looked for.
fn path(at: &Asked) -> String {
    let given = [("actor", &at.actor), ("act", &at.act), ("text", &at.text)];
    let given = given.into_iter().filter(|(_, text)| !text.trim().is_empty());
    let parts: Vec<String> = given
        .map(|(name, text)| format!("{name}={}", utf8_percent_encode(text, NON_ALPHANUMERIC)))
        .collect();
    let mark = if parts.is_empty() { "" } else { "?" };
    format!("/admin/audit{mark}{}", parts.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_stands_in_the_address_and_nothing_else() {
        assert_eq!(path(&Asked::default()), "/admin/audit");
        let at = Asked { act: "wallet.set".into(), text: "a&b".into(), ..Asked::default() };
        assert_eq!(path(&at), "/admin/audit?act=wallet%2Eset&text=a%26b");
    }
}
