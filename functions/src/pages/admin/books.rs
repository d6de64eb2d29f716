//! Where the ledger, Stripe and the sums of usage differ.

use askama::Template;
use schema::{AccountId, MicroUsd, Result, Timestamp, time::DAY_MS};

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
    let time = |millis: i64| When::from(Timestamp::from_millis(millis));
    let (run, found) = reconciliation::report(&cx, DIFFERENCES).await?;
    let run = run.map(|it| Run {
        day: Timestamp::from_millis(it.day.saturating_mul(DAY_MS)).date(),
        phase: it.phase,
        looked: it.looked,
        started: time(it.started_at),
        finished: it.finished_at.map(time),
    });
    let differences = found.into_iter().map(|it| Difference {
        reason: it.reason,
        account: it.account,
        subject: it.subject,
        expected: Usd(MicroUsd::new(it.expected)),
        found: Usd(MicroUsd::new(it.found)),
        detail: it.detail,
        seen: time(it.seen_at),
        resolved: it.resolved_at.map(time),
    });
    let differences = differences.collect();
    Ok(PageOr::Page(Page(Books { frame, desk, run, differences })))
}
