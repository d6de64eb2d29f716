//! `/api/turns`.

use schema::{
    Error, Result,
    app_server::{Interrupt, StartTurn, Turn, TurnId, is_uuid},
};
use serde::Deserialize;

use super::Of;
use crate::{
    cx::Cx,
    domain::codex,
    http::{Json, JsonOrSse},
    services::{
        acting::acting,
        turns::{self, Wanted},
    },
};

/// Names a turn.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct TurnPath {
    /// The turn.
    turn_id: TurnId,
    /// The account, by its id or username; the caller's own if absent. Operators only.
    #[serde(default)]
    account: Option<String>,
}

/// Starts a turn. As a stream, its ids come first, then the events of its thread, and the stream
/// ends when the turn has.
pub async fn start(cx: Cx, at: Of, body: StartTurn) -> Result<JsonOrSse<Turn>> {
    let StartTurn { thread_id: thread, prompt, input, cwd, stream, manner } = body;
    if thread.as_deref().is_some_and(|thread| !is_uuid(thread)) {
        return Err(Error::field("threadId", "the id of a thread"));
    }
    let input = codex::input(prompt.as_deref(), input)?;
    let whom = acting(&cx, at.account.as_deref()).await?;
    let watched = stream || cx.events.wanted;
    let begun = turns::start(&cx, whom, Wanted { thread, input, cwd, manner, watched }).await?;
    let events = if watched { Some(turns::watch(&cx, whom, &begun).await?) } else { None };
    let value = Turn { thread_id: begun.thread, turn_id: begun.turn, said: begun.said };
    Ok(JsonOrSse { value, name: "turn", events })
}

/// Interrupts a turn.
pub async fn interrupt(cx: Cx, at: TurnPath, body: Interrupt) -> Result<Json<Turn>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    let thread = body.thread_id.as_ref().map(|thread| thread.0.as_str());
    let (thread_id, said) = turns::interrupt(&cx, whom, &at.turn_id.0, thread).await?;
    Ok(Json(Turn { thread_id, turn_id: at.turn_id.0, said }))
}
