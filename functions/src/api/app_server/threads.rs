//! `/api/threads` and `/api/projects/open`.

use schema::{
    Error, Result,
    app_server::{ListThreads, OpenProject, Said, StartThread, Thread, ThreadId},
};
use serde::Deserialize;

use super::Of;
use crate::{
    cx::Cx,
    http::Json,
    services::{
        acting::acting,
        threads::{self, Told},
    },
};

/// Names a thread.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ThreadPath {
    /// The thread.
    thread_id: ThreadId,
    /// The account, by its id or username; the caller's own if absent. Operators only.
    #[serde(default)]
    account: Option<String>,
    /// Whether its turns are wanted too.
    #[serde(default, rename = "includeTurns")]
    include_turns: bool,
}

/// Names threads of a process.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ThreadsOf {
    /// The account, by its id or username; the caller's own if absent. Operators only.
    account: Option<String>,
    /// Threads in the page.
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Of this folder only.
    cwd: Option<String>,
    /// Those that were put away, instead of the others.
    archived: Option<bool>,
    /// Those that have this in their title.
    search_term: Option<String>,
    /// `created_at` or `updated_at`.
    sort_key: Option<String>,
    /// `asc` or `desc`.
    sort_direction: Option<String>,
}

pub async fn list(cx: Cx, at: ThreadsOf) -> Result<Json<Said>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let ThreadsOf { account: _, limit, cursor, cwd, archived, .. } = at;
    let ThreadsOf { search_term, sort_key, sort_direction, .. } = at;
    let wanted =
        ListThreads { limit, cursor, cwd, archived, search_term, sort_key, sort_direction };
    Ok(Json(Said(threads::list(&cx, whom, &wanted).await?)))
}

pub async fn start(cx: Cx, at: Of, body: StartThread) -> Result<Json<Thread>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let told = threads::start(&cx, whom, body.cwd.as_deref(), &body.manner).await?;
    Ok(Json(shown(told, false)))
}

pub async fn read(cx: Cx, at: ThreadPath) -> Result<Json<Thread>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let told = threads::read(&cx, whom, &at.thread_id.0, at.include_turns).await?;
    Ok(Json(shown(told, false)))
}

pub async fn resume(cx: Cx, at: ThreadPath, body: StartThread) -> Result<Json<Thread>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let wish = (body.cwd.as_deref(), &body.manner);
    let told = threads::resume(&cx, whom, &at.thread_id.0, wish).await?;
    Ok(Json(shown(told, false)))
}

pub async fn open(cx: Cx, at: Of, body: OpenProject) -> Result<Json<Thread>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    if body.cwd.trim().is_empty() {
        return Err(Error::field("cwd", "a folder"));
    }
    let told = threads::open(&cx, whom, &body.cwd, &body.manner).await?;
    Ok(Json(shown(told, true)))
}

fn shown(told: Told, opened: bool) -> Thread {
    let resumed = opened.then_some(told.resumed);
    Thread { thread_id: told.thread, resumed, said: told.said }
}
