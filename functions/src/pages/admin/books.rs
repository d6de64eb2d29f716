//! Where the ledger, Stripe and the sums of usage differ.

use askama::Template;
use schema::{AccountId, Result};

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Nothing, Page,
        shown::{Usd, When},
    },
    services::reconciliation,
};

/// Differences that are shown.
const DIFFERENCES: u32 = 100;

struct Run {
    day: String,
    phase: String,
    looked: i64,
    started: When,
    finished: Option<When>,
}

struct Difference {
    reason: String,
    account: AccountId,
    subject: String,
    expected: Usd,
    found: Usd,
    detail: String,
    seen: When,
    resolved: Option<When>,
}

#[derive(Template)]
#[template(path = "admin/books.html")]
pub struct Books {
    frame: Frame,
    desk: Desk,
    run: Option<Run>,
    differences: Vec<Difference>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Books>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let (run, found) = reconciliation::report(&cx, DIFFERENCES).await?;
    let run = run.map(|it| Run {
        day: it.date(),
        phase: it.phase,
        looked: it.looked,
        started: it.started_at.into(),
        finished: it.finished_at.map(When::from),
    });
    let differences = found.into_iter().map(|it| Difference {
        reason: it.reason,
        account: it.account,
        subject: it.subject,
        expected: Usd(it.expected),
        found: Usd(it.found),
        detail: it.detail,
        seen: it.seen_at.into(),
        resolved: it.resolved_at.map(When::from),
    });
    let differences = differences.collect();
    Ok(PageOr::Page(Page(Books { frame, desk, run, differences })))
}
