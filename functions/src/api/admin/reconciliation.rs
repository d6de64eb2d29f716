//! `/admin/api/reconciliation`.

use schema::{
    Result, Timestamp,
    admin::{Reconciliation, ReconciliationDifference, ReconciliationRun},
};

use super::super::system::Nothing;
use crate::{cx::Cx, http::Json, services::reconciliation};

/// Differences that are shown.
const SHOWN_MAX: u32 = 500;

pub async fn read(cx: Cx, _: Nothing) -> Result<Json<Reconciliation>> {
    let (run, differences) = reconciliation::report(&cx, SHOWN_MAX).await?;
    let time = |at: Timestamp| at.to_string();
    let run = run.map(|it| ReconciliationRun {
        day: it.date(),
        phase: it.phase,
        looked: it.looked,
        started_at: time(it.started_at),
        finished_at: it.finished_at.map(time),
    });
    let differences = differences.into_iter().map(|it| ReconciliationDifference {
        reason: it.reason,
        account_id: it.account,
        subject: it.subject,
        expected_micro_usd: it.expected,
        found_micro_usd: it.found,
        detail: it.detail,
        found_at: time(it.found_at),
        seen_at: time(it.seen_at),
        resolved_at: it.resolved_at.map(time),
    });
    Ok(Json(Reconciliation { run, differences: differences.collect() }))
}
