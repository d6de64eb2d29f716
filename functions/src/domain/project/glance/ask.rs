//! Questions of codex, as the texts that they are shown as.

use schema::{
    AskId, Timestamp,
    agent::{ApprovalKind, ApprovalState},
};
use serde_json::Value;

use super::{
    Room,
    item::{self, Change},
};
use crate::domain::project::approval::Approval;

/// A question, and what became of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Ask {
    pub id: AskId,
    pub kind: ApprovalKind,
    pub state: ApprovalState,
    /// Why codex asks; empty if it does not say.
    pub reason: String,
    pub about: About,
    pub deadline: Timestamp,
    pub decision: Option<Decided>,
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum About {
    /// What stands in its item.
    Item,
    Command {
        line: String,
        folder: Option<String>,
    },
    Files(Vec<Change>),
    Questions(Vec<Question>),
    /// Whatever has no form of its own, as it came.
    Other(String),
}

/// A question to a person.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    pub id: String,
    pub text: String,
}

/// Who decided, by which way, and what they said about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Decided {
    pub channel: String,
    pub by: String,
    pub note: String,
}

impl Ask {
    pub(super) fn of(approval: &Approval, beside: bool, room: &mut Room) -> Self {
        let params = serde_json::from_str(approval.params.get()).unwrap_or(Value::Null);
        let decision = approval.decision.as_ref().map(|decision| Decided {
            channel: decision.channel.clone(),
            by: decision.by.clone(),
            note: room.beginning(&decision.note),
        });
        Self {
            id: approval.ask,
            kind: approval.kind,
            state: approval.state,
            reason: room.beginning(item::text(&params, "reason")),
            about: about(approval, &params, beside, room),
            deadline: approval.deadline,
            decision,
        }
    }

    pub fn is_pending(&self) -> bool {
        self.state == ApprovalState::Pending
    }
}

fn about(approval: &Approval, params: &Value, beside: bool, room: &mut Room) -> About {
    let changes = approval.changes.as_ref().and_then(|it| serde_json::from_str(it.get()).ok());
    match (approval.kind, changes) {
        (ApprovalKind::Command | ApprovalKind::FileChange, _) if beside => About::Item,
        (ApprovalKind::Command, _) => {
            let folder = Some(item::text(params, "cwd")).filter(|it| !it.is_empty());
            let folder = folder.map(|it| item::in_project(it).to_owned());
            About::Command { line: room.beginning(&item::command(params)), folder }
        }
        (ApprovalKind::FileChange, Some(Value::Array(changes))) => {
            About::Files(item::changes(&changes, room))
        }
        (ApprovalKind::Question, _) => {
            let question = |it: &Value| Question {
                id: item::text(it, "id").to_owned(),
                text: room.beginning(item::text(it, "question")),
            };
            About::Questions(item::list(params, "questions").iter().map(question).collect())
        }
        _ => About::Other(room.beginning(&item::pretty(params))),
    }
}
