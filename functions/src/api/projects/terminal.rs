//! `codex --remote`: passes for terminals, and the socket that they come by.

use schema::{Code, Error, Result, admin::Done, agent::TerminalPass};

use super::{ProjectPath, turns::Nothing};
use crate::{
    cx::Cx,
    domain::setup::Remote,
    http::{Created, Json},
    js,
    services::projects,
};

pub async fn pass(cx: Cx, at: ProjectPath, _: Nothing) -> Result<Created<TerminalPass>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let (token, until) = projects::terminal_pass(&cx, &project).await?;
    let Remote { url, variable, command } = projects::terminal_command(&cx, &token)?;
    let (expires_at, env) = (until.to_string(), [(variable, token.clone())].into());
    Ok(Created(TerminalPass { token, expires_at, url, command, env }))
}

pub async fn revoke(cx: Cx, at: ProjectPath) -> Result<Json<Done>> {
    let project = projects::owned(&cx, at.project_id).await?;
    projects::revoke_terminals(&cx, &project).await?;
    Ok(Json(Done { ok: true }))
}

/// The client asks at the root of the host, whatever it is told; who wants no socket is shown the
/// home page there. No page may open one with a pass that it got hold of.
pub async fn connect(cx: Cx, request: web_sys::Request) -> Result<web_sys::Response> {
    if !js::request_header(&request, "origin").is_empty() {
        let message = "Terminals come here, and no browser: watch a project by its events.";
        return Err(Error::new(Code::PermissionDenied, message));
    }
    projects::connect(&cx, &request).await
}
