//! What a project's rules decide before a person is asked.

use schema::{
    Result,
    agent::{CheckPolicy, PolicyVerdict, ProjectPolicy, SetPolicy},
};

use super::ProjectPath;
use crate::{
    cx::Cx,
    domain::{policy::Kept, precondition},
    http::{Json, WithHeaders},
    services::projects::{self, Tried},
};

/// Rules with their state, for `If-Match`.
type Shown = WithHeaders<Json<ProjectPolicy>>;

pub async fn read(cx: Cx, at: ProjectPath) -> Result<Shown> {
    let project = projects::owned(&cx, at.project_id).await?;
    Ok(shown(&projects::policy(&cx, &project).await?))
}

pub async fn set(cx: Cx, at: ProjectPath, body: SetPolicy) -> Result<Shown> {
    let if_match = precondition::state("If-Match", &cx.header("if-match"))?;
    let project = projects::owned(&cx, at.project_id).await?;
    Ok(shown(&projects::set_policy(&cx, &project, body.rules, if_match).await?))
}

/// Says what would happen. Nothing does.
pub async fn check(cx: Cx, at: ProjectPath, body: CheckPolicy) -> Result<Json<PolicyVerdict>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let CheckPolicy { command, paths, rules } = body;
    projects::try_policy(&cx, &project, Tried { command, paths, rules }).await.map(Json)
}

fn shown(kept: &Kept) -> Shown {
    let view = kept.view();
    let named = Some(&view.etag).filter(|etag| !etag.is_empty());
    let headers = named.map(|etag| ("etag", format!("\"{etag}\"")));
    WithHeaders(Json(view), headers.into_iter().collect())
}
