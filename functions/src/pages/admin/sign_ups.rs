//! Who signed up, and who of them waits for an operator.

use askama::Template;
use schema::{AccountId, Result, Timestamp};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::person::Standing,
    pages::{
        Page,
        pager::{self, Pager, ROWS},
        shown::When,
    },
    services::people::signups,
};

/// Which of them.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// `all`, or those who wait.
    show: Option<String>,
    /// The last one of the page before.
    after: Option<String>,
}

struct Row {
    id: AccountId,
    username: String,
    name: String,
    email: String,
    country: String,
    phone: String,
    standing: String,
    waits: bool,
    at: When,
    judged: Option<When>,
}

#[derive(Template)]
#[template(path = "admin/sign_ups.html")]
pub struct SignUps {
    frame: Frame,
    desk: Desk,
    all: bool,
    approval_required: bool,
    rows: Vec<Row>,
    pager: Pager,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<SignUps>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let all = at.show.as_deref() == Some("all");
    let path = if all { "/admin/sign-ups?show=all" } else { "/admin/sign-ups" };
    let after: Option<AccountId> = pager::after(at.after.as_deref())?;
    let standing = (!all).then_some(Standing::Pending);
    let found = signups::list(&cx, standing, after, ROWS).await?;
    let (found, pager) = pager::page(path, at.after.as_deref(), found, |it| it.account.to_string());
    let approval_required = signups::need_approval(&cx).await?;
    let rows = found.into_iter().map(row).collect();
    Ok(PageOr::Page(Page(SignUps { frame, desk, all, approval_required, rows, pager })))
}

fn row(it: signups::Signup) -> Row {
    Row {
        id: it.account,
        username: it.username,
        name: it.name.unwrap_or_default(),
        email: it.email.unwrap_or_default(),
        country: it.country.unwrap_or_default(),
        phone: it.phone.unwrap_or_default(),
        waits: it.standing == Standing::Pending.as_str(),
        standing: it.standing,
        at: Timestamp::from_millis(it.created_at).into(),
        judged: it.judged_at.map(|at| Timestamp::from_millis(at).into()),
    }
}
