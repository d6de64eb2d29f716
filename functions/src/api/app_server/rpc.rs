//! `/api/codex`: codex's own methods, notifications and events.

use schema::{
    Error, Result,
    admin::Done,
    app_server::{Rpc, RpcAnswer},
};
use serde::Deserialize;
use serde_json::{json, value::to_raw_value};

use super::Of;
use crate::{
    cx::Cx,
    http::{Json, Sse},
    services::{
        acting::acting,
        audit, rpc,
        runners::{Answered, Watch},
    },
};

/// Which events.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct EventsOf {
    /// The account, by its id or username; the caller's own if absent. Operators only.
    account: Option<String>,
    /// The last event that was seen, where `Last-Event-ID` cannot be sent; 0 for all that are kept.
    after: Option<u64>,
    /// Of this thread only.
    thread_id: Option<String>,
}

/// Passes a call on. It is answered with 200 also if codex refuses: then with codex's own error,
/// as it said it, for whoever speaks its protocol reads it best. A status of another kind is ours.
pub async fn call(cx: Cx, at: Of, body: Rpc) -> Result<Json<RpcAnswer>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let params = match body.params {
        Some(params) => params,
        None => to_raw_value(&json!({})).map_err(Error::internal)?,
    };
    let (result, error) = match rpc::pass(&cx, whom, &body.method, &params).await? {
        Answered::Result(result) => (Some(result), None),
        Answered::Error(error) => (None, Some(error)),
    };
    Ok(Json(RpcAnswer { id: body.id, result, error }))
}

pub async fn notify(cx: Cx, at: Of, body: Rpc) -> Result<Json<Done>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    if body.id.is_some() {
        return Err(Error::field("id", "a notification has none, for nothing answers it"));
    }
    rpc::notify(&cx, whom, &body.method, body.params.as_deref()).await?;
    Ok(Json(Done { ok: true }))
}

/// The process's events from now on, or after one that was seen.
pub async fn events(cx: Cx, at: EventsOf) -> Result<Sse> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let seen = |text: &String| {
        text.parse().map_err(|_| Error::field("Last-Event-ID", "the `id` of an event"))
    };
    // A browser sends the header when it comes back, to the same address as at first.
    let after = cx.events.after.as_ref().map(seen).transpose()?.or(at.after);
    let watch = Watch { after, thread: at.thread_id, until: None };
    // A log has all that its account and codex said to each other.
    audit::note(&cx, "codex.watched", &whom.account.to_string()).await?;
    Ok(Sse(rpc::events(&cx, whom, &watch).await?))
}
