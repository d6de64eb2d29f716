//! `/api/server-requests`: questions of codex that wait for a person.

use schema::{
    AskId, Result,
    app_server::{Resolve, Resolved, ServerRequest, ServerRequests},
};
use serde::Deserialize;

use super::Of;
use crate::{
    cx::Cx,
    domain::hub::command::PendingAsk,
    http::Json,
    services::{acting::acting, approvals},
};

/// Names a question.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RequestPath {
    /// The question.
    request_id: AskId,
    /// The account, by its id or username; the caller's own if absent. Operators only.
    #[serde(default)]
    account: Option<String>,
}

pub async fn list(cx: Cx, at: Of) -> Result<Json<ServerRequests>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let asks = approvals::list(&cx, whom).await?;
    Ok(Json(ServerRequests { data: asks.into_iter().map(shown).collect() }))
}

pub async fn resolve(cx: Cx, at: RequestPath, body: Resolve) -> Result<Json<Resolved>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let resolved = approvals::resolve(&cx, whom, at.request_id, body).await?;
    Ok(Json(Resolved { id: at.request_id, delivered: resolved.delivered }))
}

fn shown(pending: PendingAsk) -> ServerRequest {
    ServerRequest {
        id: pending.ask,
        account: pending.account,
        request_id: pending.request,
        method: pending.method,
        thread_id: pending.thread,
        turn_id: pending.turn,
        asked_at: pending.at.to_string(),
        event_id: pending.seq.0,
        answered: pending.answered,
        params: pending.params,
    }
}
