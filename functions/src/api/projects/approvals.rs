//! Approvals of a project.

use schema::{
    AskId, ProjectId, Result,
    agent::{ApprovalView, Approvals, ResolveApproval},
};
use serde::Deserialize;

use super::view;
use crate::{
    cx::Cx,
    http::Json,
    services::projects::{self, Given},
};

/// Which approvals of a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ApprovalsOf {
    /// The project.
    project_id: ProjectId,
    /// Whether those are wanted too that are closed: the newest 500.
    #[serde(default)]
    all: bool,
}

/// Names an approval.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ApprovalPath {
    /// The project.
    project_id: ProjectId,
    /// The approval.
    request_id: AskId,
}

pub async fn list(cx: Cx, at: ApprovalsOf) -> Result<Json<Approvals>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let found = projects::approvals(&cx, &project, at.all).await?;
    Ok(Json(Approvals { data: found.into_iter().map(view::approval).collect() }))
}

pub async fn resolve(
    cx: Cx,
    at: ApprovalPath,
    body: ResolveApproval,
) -> Result<Json<ApprovalView>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let given = Given { note: body.note, answer: body.answer };
    let (approval, delivered) = projects::resolve(&cx, &project, at.request_id, given).await?;
    let mut shown = view::approval(approval);
    if let Some(decision) = &mut shown.decision {
        decision.delivered = delivered;
    }
    Ok(Json(shown))
}
