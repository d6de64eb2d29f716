//! Every key, newest first. What a key may do is known to its account's object alone, and stands on
//! the customer's page; here is whose it is.

use askama::Template;
use schema::{KeyId, Result};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Page,
        pager::{self, Pager, ROWS},
    },
    services::finding::{self, KeyEntry},
};

/// Which keys.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// The last key of the page before.
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "admin/keys.html")]
pub struct Keys {
    frame: Frame,
    desk: Desk,
    rows: Vec<KeyEntry>,
    pager: Pager,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Keys>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let after: Option<KeyId> = pager::after(at.after.as_deref())?;
    let found = finding::keys(&cx, after, ROWS).await?;
    let (rows, pager) =
        pager::page("/admin/keys", at.after.as_deref(), found, |it| it.id.to_string());
    Ok(PageOr::Page(Page(Keys { frame, desk, rows, pager })))
}
