//! An operator's way in.

use askama::Template;
use schema::Result;
use serde::Deserialize;

use super::{Desk, Frame, PageOr};
use crate::{cx::Cx, domain::next, pages::Page};

/// Where the way goes on.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Onward {
    /// The page that comes after.
    next: String,
}

#[derive(Template)]
#[template(path = "admin/sign_in.html")]
pub struct SignIn {
    frame: Frame,
    next: String,
}

/// Who is signed in goes on at once.
pub async fn read(cx: Cx, at: Onward) -> Result<PageOr<SignIn>> {
    let next = next::desk(&at.next);
    if Desk::of(&cx).await?.is_some() {
        return Ok(PageOr::Go(next));
    }
    Ok(PageOr::Page(Page(SignIn { frame: Frame::of(&cx), next })))
}
