//! `/api/system`: an account's app-server as a whole.

use schema::{
    Result,
    app_server::{Defaults, Kept, StartSystem, System},
    tunnel::ProcessState,
};

use super::{super::system::Nothing, Of};
use crate::{
    cx::Cx,
    domain::{codex, hub::command::Hosted},
    http::Json,
    services::{
        acting::{Acting, acting},
        system,
    },
};

pub async fn start(cx: Cx, at: Of, body: StartSystem) -> Result<Json<System>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let hosted = system::start(&cx, whom, &body.labels).await?;
    Ok(Json(shown(whom, Some(hosted))))
}

pub async fn status(cx: Cx, at: Of) -> Result<Json<System>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    Ok(Json(shown(whom, system::status(&cx, whom).await?)))
}

pub async fn stop(cx: Cx, at: Of, _: Nothing) -> Result<Json<System>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    system::stop(&cx, whom).await?;
    Ok(Json(shown(whom, system::status(&cx, whom).await?)))
}

fn shown(whom: Acting, hosted: Option<Hosted>) -> System {
    let process = hosted.as_ref().and_then(|hosted| hosted.process.clone());
    System {
        account: whom.account,
        running: process.as_ref().is_some_and(|it| it.state == ProcessState::Running),
        runner: hosted.as_ref().map(|hosted| hosted.runner),
        events: hosted.map(|hosted| Kept { first: hosted.first.0, last: hosted.last.0 }),
        process,
        defaults: defaults(),
    }
}

/// What new threads are made with.
pub const fn defaults() -> Defaults {
    Defaults {
        model: codex::MODEL,
        effort: codex::EFFORT,
        approval_policy: codex::APPROVAL_POLICY,
        sandbox: codex::SANDBOX,
        web_search: codex::WEB_SEARCH,
    }
}
