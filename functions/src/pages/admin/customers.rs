//! Customers, newest first, and where a new one is made.
//!
//! A balance is known to its account's object alone. The page asks none: `admin.js` asks for the
//! rows that somebody looks at, a few at a time.

use askama::Template;
use schema::{AccountId, Result, admin::User};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Page,
        pager::{self, Pager, ROWS},
        shown::WhenText,
    },
    services::{accounts, finding},
};

/// Which customers.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// The last account of the page before.
    after: Option<String>,
    /// What somebody knows of the one that they look for.
    search: Option<String>,
}

struct Row {
    id: AccountId,
    username: String,
    plan: String,
    active: bool,
    note: String,
    created: WhenText,
}

#[derive(Template)]
#[template(path = "admin/customers.html")]
pub struct Customers {
    frame: Frame,
    desk: Desk,
    /// What was looked for, or nothing.
    search: String,
    rows: Vec<Row>,
    pager: Pager,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Customers>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let search = at.search.unwrap_or_default();
    let (found, pager) = match search.trim() {
        "" => {
            let after: Option<AccountId> = pager::after(at.after.as_deref())?;
            let found = accounts::list(&cx, after, ROWS).await?;
            pager::page("/admin/customers", at.after.as_deref(), found, |it| it.id.to_string())
        }
        words => (finding::accounts(&cx, words, ROWS).await?, Pager::default()),
    };
    let rows = found.into_iter().map(row).collect();
    Ok(PageOr::Page(Page(Customers { frame, desk, search, rows, pager })))
}

fn row(it: User) -> Row {
    Row {
        id: it.id,
        username: it.username,
        plan: it.plan,
        active: it.active,
        note: it.note,
        created: it.created_at.as_str().into(),
    }
}
