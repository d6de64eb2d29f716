//! `/admin/api/audit`: what operators did, and what was done with accounts.

use schema::{
    Result, Timestamp,
    admin::AuditRow,
    page::{Page, PageQuery},
};
use serde::Deserialize;

use crate::{api::paging, cx::Cx, http::Json, services::audit};

/// Which rows.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AuditOf {
    /// Of this actor: `operator`, a key or an account, with the name after a slash where one was
    /// given.
    actor: Option<String>,
    /// Of this act, for example `wallet.set`.
    act: Option<String>,
    /// With this text in the detail: for example an account's id. Five thousand rows are looked
    /// through for a page, so that one may be short though more follow.
    text: Option<String>,
    /// Rows in the page: 1 to 100, 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    starting_after: Option<String>,
}

pub async fn list(cx: Cx, at: AuditOf) -> Result<Json<Page<AuditRow>>> {
    let page = PageQuery { limit: at.limit, starting_after: at.starting_after };
    let before = paging::after(&page)?;
    let wanted = audit::Wanted { actor: at.actor, act: at.act, text: at.text };
    let found = audit::list(&cx, &wanted, before, page.size()).await?;
    let next_cursor = found.next.map(|id| id.to_string());
    let data = found.rows.into_iter().map(shown).collect();
    Ok(Json(Page { data, has_more: next_cursor.is_some(), next_cursor }))
}

fn shown(row: audit::Row) -> AuditRow {
    let at = Timestamp::from_millis(row.at).to_string();
    AuditRow { id: row.id, at, actor: row.actor, act: row.act, detail: row.detail }
}
