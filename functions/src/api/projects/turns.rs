//! Prompts and turns of a project.

use schema::{
    Error, ProjectId, PromptId, Result,
    admin::Done,
    agent::{ProjectTurn, StartProjectTurn},
    app_server::{Turn, TurnId, is_uuid},
};
use serde::Deserialize;

use super::{MAX_COST, ProjectPath, view};
use crate::{
    cx::Cx,
    domain::codex,
    http::Json,
    services::{
        budgets,
        projects::{self, Wanted},
    },
};

/// Names a turn of a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct TurnPath {
    /// The project.
    project_id: ProjectId,
    /// The turn.
    turn_id: TurnId,
}

/// Names a prompt that waits.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct PromptPath {
    /// The project.
    project_id: ProjectId,
    /// The prompt.
    prompt_id: PromptId,
}

/// Nothing has to be said.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Nothing {}

pub async fn start(cx: Cx, at: ProjectPath, body: StartProjectTurn) -> Result<Json<ProjectTurn>> {
    let StartProjectTurn { prompt, input, thread_id: thread, when_busy, manner, .. } = body;
    if thread.as_deref().is_some_and(|thread| !is_uuid(thread)) {
        return Err(Error::field("threadId", "the id of a thread"));
    }
    let input = codex::input(prompt.as_deref(), input)?;
    let project = projects::owned(&cx, at.project_id).await?;
    let most = budgets::limit(MAX_COST, body.max_cost_micro_usd)?;
    let wanted = Wanted { thread, input, manner, when_busy, most };
    let prompted = projects::prompt(&cx, &project, wanted).await?;
    Ok(Json(view::turn(project.id, prompted)))
}

pub async fn interrupt(cx: Cx, at: TurnPath, _: Nothing) -> Result<Json<Turn>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let (thread_id, said) = projects::interrupt(&cx, &project, &at.turn_id.0).await?;
    Ok(Json(Turn { thread_id, turn_id: at.turn_id.0, said }))
}

pub async fn withdraw(cx: Cx, at: PromptPath) -> Result<Json<Done>> {
    let project = projects::owned(&cx, at.project_id).await?;
    projects::withdraw(&cx, &project, at.prompt_id).await?;
    Ok(Json(Done { ok: true }))
}
