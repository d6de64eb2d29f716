//! Questions of codex that wait for a person: listed, and answered once.

use schema::{AskId, Code, Error, Result, app_server::Resolve};
use serde_json::{json, value::to_raw_value};

use super::{acting::Acting, audit, runners};
use crate::{
    cx::Cx,
    domain::{
        consent,
        hub::command::{PendingAsk, Resolved},
    },
};

/// The open questions of an account, oldest first.
pub async fn list(cx: &Cx, whom: Acting) -> Result<Vec<PendingAsk>> {
    runners::asks(cx, whom.account).await
}

/// Answers a question. The first answer stands, and whoever comes later is told.
pub async fn resolve(cx: &Cx, whom: Acting, ask: AskId, given: Resolve) -> Result<Resolved> {
    let asks = list(cx, whom).await?;
    let Some(pending) = asks.into_iter().find(|pending| pending.ask == ask) else {
        return Err(closed(cx, whom, ask).await);
    };
    let params = serde_json::from_str(pending.params.get()).map_err(Error::internal)?;
    let result = consent::answer(whom.grade, &pending.method, &params, given)?;
    let body = to_raw_value(&json!({ "result": result })).map_err(Error::internal)?;
    let resolved = runners::resolve(cx, whom.account, ask, &body).await?;
    audit::note(cx, "codex.resolved", &ask.to_string()).await?;
    Ok(resolved)
}

/// Why a question that is not open cannot be answered: its object knows whether it has been, has
/// lapsed, or never was. Should it be open after all, it is answered with a refusal, which is no
/// consent.
async fn closed(cx: &Cx, whom: Acting, ask: AskId) -> Error {
    let refusal = json!({ "error": { "code": -32_000, "message": "nobody answered this" } });
    let body = match to_raw_value(&refusal) {
        Ok(body) => body,
        Err(error) => return Error::internal(error),
    };
    match runners::resolve(cx, whom.account, ask, &body).await {
        Ok(_) => Error::new(Code::Conflict, "This question was refused, for it was not open yet."),
        Err(error) => error,
    }
}
