//! Machines that host codex: how each stands, and what is done with it.

use askama::Template;
use schema::{Result, RunnerId};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Page,
        pager::{self, Pager, ROWS},
        shown::When,
    },
    services::fleet,
};

/// Which machines.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// The last machine of the page before.
    after: Option<String>,
}

struct Row {
    id: RunnerId,
    name: String,
    labels: String,
    /// How it stands, and how good that is.
    state: &'static str,
    kind: &'static str,
    reason: String,
    draining: bool,
    revoked: bool,
    load: String,
    versions: String,
    seen: Option<When>,
}

#[derive(Template)]
#[template(path = "admin/runners.html")]
pub struct Runners {
    frame: Frame,
    desk: Desk,
    /// Where a machine registers.
    origin: String,
    rows: Vec<Row>,
    pager: Pager,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Runners>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let after: Option<RunnerId> = pager::after(at.after.as_deref())?;
    let found = fleet::list(&cx, after, ROWS).await?;
    let cursor = |it: &fleet::Seen| it.machine.profile.id.to_string();
    let (found, pager) = pager::page("/admin/runners", at.after.as_deref(), found, cursor);
    let rows = found.into_iter().map(row).collect();
    let origin = cx.origin()?;
    Ok(PageOr::Page(Page(Runners { frame, desk, origin, rows, pager })))
}

fn row(seen: fleet::Seen) -> Row {
    let (machine, told) = (seen.machine, seen.description);
    let (revoked, profile) = (machine.revoked_at.is_some(), machine.profile);
    let draining = told.as_ref().is_some_and(|told| told.draining);
    let online = told.as_ref().is_some_and(|told| told.standing.as_str() == "online");
    let (state, kind) = match (revoked, &told, online, draining) {
        (true, ..) => ("revoked", "bad"),
        (_, None, ..) => ("not known", "warn"),
        (_, Some(_), true, true) => ("drained", "warn"),
        (_, Some(_), true, false) => ("up", "good"),
        (_, Some(told), false, _) => (told.standing.as_str(), "warn"),
    };
    let labels: Vec<_> = profile.labels.iter().map(|(name, it)| format!("{name}={it}")).collect();
    let load = told.as_ref().map_or(0, |told| told.load);
    let versions = told.as_ref().map(|told| {
        let told = &told.told;
        [("agent", &told.agent), ("codex", &told.codex)]
            .into_iter()
            .filter(|(_, version)| !version.is_empty())
            .map(|(name, version)| format!("{name} {version}"))
            .collect::<Vec<_>>()
            .join(", ")
    });
    Row {
        id: profile.id,
        name: profile.name,
        labels: labels.join(", "),
        state,
        kind,
        reason: told.as_ref().map(|told| told.reason.clone()).unwrap_or_default(),
        draining,
        revoked,
        load: format!("{load} of {}", profile.capacity),
        versions: versions.unwrap_or_default(),
        seen: told.and_then(|told| told.seen_at).map(When::from),
    }
}
