//! The business at a glance: what runs, what came in, and what waits for a person. Nothing here is
//! counted row by row: sums are read by the hour, and what may grow is counted up to a limit.

use futures::future::{join, join_all, try_join, try_join4};
use schema::{
    Result,
    admin::{Dashboard, MoneyCounts, RunningCounts, WaitingCounts},
    time::{DAY_MS, HOUR_MS},
    tunnel::ProcessState,
};

use super::{accounts, releases, runners};
use crate::{
    cx::Cx,
    domain::person::Standing,
    store::{self, usage},
};

/// Accounts that are asked what they run.
const ASKED_MAX: u32 = 50;
/// How far is counted what waits.
const COUNTED_MAX: u32 = 100;

/// How everything stands now.
pub async fn read(cx: &Cx) -> Result<Dashboard> {
    let counts = try_join4(money(cx), waiting(cx), running(cx), store::runners::counts(&cx.env));
    let rest = try_join(releases::recent(cx), async { Ok(codex(cx).await) });
    let (counts, rest) = join(counts, rest).await;
    let ((today, last_30_days), waiting, running, runners) = counts?;
    let (release, codex) = rest?;
    Ok(Dashboard {
        at: cx.now.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        codex: codex.to_owned(),
        release,
        runners,
        today,
        last_30_days,
        running,
        waiting,
    })
}

async fn money(cx: &Cx) -> Result<(MoneyCounts, MoneyCounts)> {
    let hour = cx.now.millis().div_euclid(HOUR_MS);
    let midnight = cx.now.millis().div_euclid(DAY_MS) * (DAY_MS / HOUR_MS);
    let (today, month) = (usage::total(&cx.env, midnight), usage::total(&cx.env, hour - 30 * 24));
    try_join(today, month).await
}

async fn waiting(cx: &Cx) -> Result<WaitingCounts> {
    let (signups, payments, differences, webhooks) = try_join4(
        store::people::count(&cx.env, Standing::Pending, COUNTED_MAX),
        store::payments::count_problems(&cx.env, COUNTED_MAX),
        store::reconciliation::count_open(&cx.env, COUNTED_MAX),
        store::events::count_waiting(&cx.env, COUNTED_MAX),
    )
    .await?;
    Ok(WaitingCounts { signups, payments, differences, webhooks })
}

/// Asks the accounts themselves: that a call runs is known to nobody else.
async fn running(cx: &Cx) -> Result<RunningCounts> {
    let hour = cx.now.millis().div_euclid(HOUR_MS);
    let lately = |hour| usage::accounts(&cx.env, hour, ASKED_MAX + 1);
    let (mut asked, before) = try_join(lately(hour), lately(hour - 1)).await?;
    asked.extend(before);
    asked.sort_unstable();
    asked.dedup();
    let most = usize::try_from(ASKED_MAX).unwrap_or(usize::MAX);
    let mut incomplete = asked.len() > most;
    asked.truncate(most);
    let told = join_all(asked.into_iter().map(|id| accounts::describe(cx, id))).await;
    let (mut calls, mut accounts) = (0_u32, 0_u32);
    for told in told {
        match told {
            Ok(description) => {
                calls = calls.saturating_add(description.running);
                accounts += 1;
            }
            // The others are of use without it.
            Err(_) => incomplete = true,
        }
    }
    Ok(RunningCounts { calls, accounts, incomplete })
}

/// How the codex of the deployment's own account is.
async fn codex(cx: &Cx) -> &'static str {
    match runners::process(cx, cx.config.operator).await {
        Ok(Some(hosted)) => match hosted.process {
            Some(process) if process.state == ProcessState::Running => "running",
            _ => "stopped",
        },
        Ok(None) => "never_started",
        // The dashboard is of use without it.
        Err(_) => "out_of_reach",
    }
}
