//! `/admin/api/runners`.

use schema::{
    AccountId, Error, Result, RunnerId,
    page::{Page, PageQuery},
    runner::{CreateRegistration, CreatedRegistration, Runner, SetDraining, Versions},
};
use serde::Deserialize;

use crate::{
    api::{paging, system::Nothing},
    cx::Cx,
    http::{Bytes, Created, Json},
    services::{audit, fleet},
};

/// Names a runner.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RunnerPath {
    /// The runner.
    pub runner_id: RunnerId,
}

/// Names a file of a workspace on a runner.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct FilePath {
    /// The runner.
    pub runner_id: RunnerId,
    /// Whose workspace.
    pub account: Option<AccountId>,
    /// The file, from the workspace's root.
    pub path: Option<String>,
}

pub async fn invite(
    cx: Cx,
    _: Nothing,
    body: CreateRegistration,
) -> Result<Created<CreatedRegistration>> {
    let CreateRegistration { name, labels, capacity, ephemeral, minutes } = body;
    let wish = fleet::Wish { name, labels, capacity, ephemeral, minutes };
    let (token, made) = fleet::invite(&cx, wish).await?;
    let name = if made.name.is_empty() { "of any name" } else { &made.name };
    audit::note(&cx, "runner.invited", &format!("{name} until {}", made.expires_at)).await?;
    Ok(Created(CreatedRegistration { token, expires_at: made.expires_at.to_string() }))
}

pub async fn list(cx: Cx, at: PageQuery) -> Result<Json<Page<Runner>>> {
    let after: Option<RunnerId> = paging::after(&at)?;
    let seen = fleet::list(&cx, after, at.size()).await?;
    let runners = seen.into_iter().map(runner).collect();
    Ok(Json(Page::of(runners, at.size(), |runner: &Runner| runner.id.to_string())))
}

pub async fn read(cx: Cx, at: RunnerPath) -> Result<Json<Runner>> {
    Ok(Json(runner(fleet::read(&cx, at.runner_id).await?)))
}

pub async fn drain(cx: Cx, at: RunnerPath, body: SetDraining) -> Result<Json<Runner>> {
    Ok(Json(runner(fleet::drain(&cx, at.runner_id, body.on).await?)))
}

pub async fn revoke(cx: Cx, at: RunnerPath) -> Result<Json<Runner>> {
    Ok(Json(runner(fleet::revoke(&cx, at.runner_id).await?)))
}

pub async fn file(cx: Cx, at: FilePath) -> Result<Bytes> {
    let account = at.account.ok_or_else(|| Error::field("account", "whose workspace?"))?;
    let path = at.path.ok_or_else(|| Error::field("path", "which file?"))?;
    let response = fleet::file(&cx, at.runner_id, account, &path).await?;
    let body = response.body();
    Ok(Bytes(body.ok_or_else(|| Error::internal("a file without a body"))?))
}

fn runner(seen: fleet::Seen) -> Runner {
    let (machine, told) = (seen.machine, seen.description);
    let profile = machine.profile;
    let shown = Runner {
        id: profile.id,
        name: profile.name,
        labels: profile.labels,
        capacity: profile.capacity,
        ephemeral: profile.ephemeral,
        created_at: machine.created_at.to_string(),
        state: "unknown".to_owned(),
        reason: "Its hub did not answer.".to_owned(),
        draining: false,
        versions: Versions::default(),
        generation: 0,
        connected_at: None,
        seen_at: None,
        round_trip_ms: None,
        load: 0,
        running: 0,
        questions: 0,
        viewers: 0,
        awake_since: None,
        processes: Vec::new(),
    };
    let Some(told) = told else { return shown };
    Runner {
        state: told.standing.as_str().to_owned(),
        reason: told.reason,
        draining: told.draining,
        versions: Versions {
            agent: told.told.agent,
            codex: told.told.codex,
            tunnel: told.told.version,
            platform: told.told.platform,
        },
        generation: told.generation,
        connected_at: told.connected_at.map(|at| at.to_string()),
        seen_at: told.seen_at.map(|at| at.to_string()),
        round_trip_ms: told.round_trip_ms,
        load: told.load,
        running: told.running,
        questions: told.asks,
        viewers: told.viewers,
        awake_since: Some(told.awake_since.to_string()),
        processes: told.processes,
        ..shown
    }
}
