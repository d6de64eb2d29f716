//! The agent itself: how it stands, what it may be allowed, what it knows.

use schema::{
    Result,
    agent::{AgentStatus, PermissionPreset, Permissions, Skills},
    tunnel::ProcessState,
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{app_server::system::defaults, system::Nothing},
    cx::Cx,
    http::Json,
    services::{acting::acting, projects, skills as known, system},
};

/// Whose skills.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SkillsOf {
    /// Those that this project's workspace has, too.
    project_id: Option<schema::ProjectId>,
}

/// Nobody's process is begun to learn how it stands.
pub async fn status(cx: Cx, _: Nothing) -> Result<Json<AgentStatus>> {
    let whom = acting(&cx, None).await?;
    let hosted = system::status(&cx, whom).await?;
    let process = hosted.as_ref().and_then(|hosted| hosted.process.clone());
    let running = process.as_ref().is_some_and(|it| it.state == ProcessState::Running);
    let state = match &process {
        _ if running => "running",
        Some(it) if it.state == ProcessState::Failed => "failed",
        Some(_) => "sleeping",
        None => "new",
    };
    Ok(Json(AgentStatus {
        account: whom.account,
        state,
        running,
        codex_version: process.as_ref().map(|it| it.codex.clone()).filter(|it| !it.is_empty()),
        target_version: cx.config.cli.version.clone(),
        runner: hosted.map(|hosted| hosted.runner),
        process,
        defaults: defaults(),
        permissions: "/api/v1/permissions",
        skills: "/api/v1/skills",
    }))
}

/// The presets, as every version takes them: `sandboxPolicy` is understood by all, and a profile is
/// put into the form of the version that hosts.
pub async fn permissions(_: Cx, _: Nothing) -> Result<Json<Permissions>> {
    let preset = |id, label, description, sandbox, kind, approval_policy| PermissionPreset {
        id,
        label,
        description,
        permissions: id,
        permission_profile: json!({ "type": "profile", "id": id }),
        sandbox,
        sandbox_policy: json!({ "type": kind }),
        approval_policy,
    };
    let data = vec![
        preset(
            ":read-only",
            "Read only",
            "Codex reads the workspace, and asks before it changes anything.",
            "read-only",
            "readOnly",
            "on-request",
        ),
        preset(
            ":workspace",
            "Workspace",
            "Codex changes files of the workspace, and asks before it goes beyond it.",
            "workspace-write",
            "workspaceWrite",
            "untrusted",
        ),
        preset(
            ":danger-full-access",
            "Full access",
            "Codex does everything that its machine lets this account do, and never asks.",
            "danger-full-access",
            "dangerFullAccess",
            "never",
        ),
    ];
    Ok(Json(Permissions { data, default: ":workspace" }))
}

/// The skills that codex finds. Its process is begun if it sleeps.
pub async fn skills(cx: Cx, at: SkillsOf) -> Result<Json<Skills>> {
    let (whom, root) = match at.project_id {
        Some(id) => {
            let project = projects::owned(&cx, id).await?;
            (project.whom, Some(project.root))
        }
        None => (acting(&cx, None).await?, None),
    };
    Ok(Json(Skills { data: known::list(&cx, whom, root.as_deref()).await? }))
}
