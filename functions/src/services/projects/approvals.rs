//! Approvals of a project: listed, and decided once.

use std::collections::BTreeMap;

use schema::{AskId, Error, Result, agent::ApprovalState, app_server::Resolve};
use serde_json::{Value, json, value::to_raw_value};

use super::{Project, unexpected};
use crate::{
    cx::Cx,
    domain::{
        access::Holder,
        consent,
        project::{
            approval::{Approval, Decision, NOTE_MAX_CHARS, Verdict},
            command::{Answer, Command},
        },
    },
    objects::project::stub,
    services::audit,
};

/// What somebody answers.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub note: Option<String>,
    pub answer: BTreeMap<String, Value>,
}

/// The approvals of a project, oldest first: those that are open, or all.
pub async fn approvals(cx: &Cx, project: &Project, all: bool) -> Result<Vec<Approval>> {
    match stub::tell(&cx.env, project.id, &Command::Approvals { all }).await? {
        Answer::Approvals(approvals) => Ok(approvals),
        other => Err(unexpected(&other)),
    }
}

/// Decides an approval. The first decision stands, and whoever comes later is told of it. Whether
/// codex has the answer comes beside it; its runner keeps it otherwise.
pub async fn resolve(
    cx: &Cx,
    project: &Project,
    ask: AskId,
    given: Given,
) -> Result<(Approval, bool)> {
    let found = match stub::tell(&cx.env, project.id, &Command::Approval { ask }).await? {
        Answer::Approvals(mut found) => found.pop(),
        other => return Err(unexpected(&other)),
    };
    let found = found.ok_or_else(|| Error::not_found("approval", ask))?;
    if found.state != ApprovalState::Pending {
        return Err(found.closed());
    }
    let note = given.note.unwrap_or_default();
    if note.chars().count() > NOTE_MAX_CHARS {
        return Err(Error::field("note", format!("at most {NOTE_MAX_CHARS} characters")));
    }
    let answer: Resolve = serde_json::from_value(json!(given.answer))
        .map_err(|error| Error::field("decision", error.to_string()))?;
    let params = serde_json::from_str(found.params.get()).map_err(Error::internal)?;
    let result = consent::answer(project.whom.grade, &found.method, &params, answer)?;
    let reply = to_raw_value(&json!({ "result": result })).map_err(Error::internal)?;
    let by = cx.caller.as_ref().map_or(Holder::Static, |caller| caller.holder).text();
    let channel = "api".to_owned();
    let decision = Decision { at: cx.now, by, channel, note, reply: Some(reply) };
    let decide = Command::Decide(Verdict { ask, decision });
    let decided = match stub::tell(&cx.env, project.id, &decide).await? {
        Answer::Decided { approval, delivered } => (*approval, delivered),
        other => return Err(unexpected(&other)),
    };
    audit::note(cx, "codex.resolved", &ask.to_string()).await?;
    Ok(decided)
}
