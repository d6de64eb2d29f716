//! How the system stands, at one look.

use askama::Template;
use schema::Result;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{Nothing, Page},
};

#[derive(Template)]
#[template(path = "admin/overview.html")]
pub struct Overview {
    frame: Frame,
    desk: Desk,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Overview>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    Ok(PageOr::Page(Page(Overview { frame, desk })))
}
