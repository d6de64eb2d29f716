//! A project, its turns and its approvals, as this family writes them.

use schema::agent::{ApprovalView, DecisionView, Project, ProjectTurn, QueuedPrompt, RunnerState};

use crate::{
    domain::project::{
        approval::Approval,
        command::{Described, Profile, Waiting},
    },
    services::projects::{Outcome, Prompted},
};

/// A project with what is known of its thread.
pub fn project(
    profile: &Profile,
    thread: Option<&str>,
    opened_at: Option<schema::Timestamp>,
) -> Project {
    Project {
        id: profile.id,
        project_id: profile.id,
        name: profile.name.clone(),
        owner_id: Some(profile.owner.clone()).filter(|owner| !owner.is_empty()),
        template: profile.template.clone(),
        root: profile.root(),
        thread_id: thread.map(str::to_owned),
        created_at: profile.created_at.to_string(),
        opened_at: opened_at.map(|at| at.to_string()),
    }
}

pub fn described(described: &Described) -> Project {
    project(&described.profile, described.thread.as_deref(), described.opened_at)
}

pub fn runner(described: &Described) -> RunnerState {
    match &described.standing {
        Some((state, reason)) => {
            RunnerState { state: state.as_str().to_owned(), reason: reason.clone() }
        }
        None => RunnerState {
            state: "never".to_owned(),
            reason: "The project has not been on a machine yet.".to_owned(),
        },
    }
}

pub fn waiting(waiting: &Waiting) -> QueuedPrompt {
    QueuedPrompt {
        id: waiting.id,
        thread_id: waiting.thread.clone(),
        at: waiting.at.to_string(),
        input: waiting.input.clone(),
        blocked: waiting.blocked.clone(),
    }
}

pub fn approval(approval: Approval) -> ApprovalView {
    let undelivered = approval.undelivered;
    let decision = approval.decision.map(|decision| DecisionView {
        at: decision.at.to_string(),
        by: decision.by,
        channel: decision.channel,
        note: decision.note,
        delivered: !undelivered,
    });
    ApprovalView {
        id: approval.ask,
        request_id: approval.ask,
        kind: approval.kind,
        state: approval.state,
        method: approval.method,
        thread_id: approval.thread,
        turn_id: approval.turn,
        item_id: approval.item,
        params: approval.params,
        changes: approval.changes,
        asked_at: approval.at.to_string(),
        deadline: approval.deadline.to_string(),
        event_id: approval.seq,
        decision,
    }
}

/// What became of a prompt.
pub fn turn(project_id: schema::ProjectId, prompted: Prompted) -> ProjectTurn {
    let Prompted { thread: thread_id, outcome, said } = prompted;
    let (turn_id, prompt_id, ahead) = match &outcome {
        Outcome::Started { turn } | Outcome::Steered { turn } => (Some(turn.clone()), None, None),
        Outcome::Queued { prompt, ahead } => (None, Some(*prompt), Some(*ahead)),
    };
    let outcome = word(&outcome);
    ProjectTurn { project_id, thread_id, turn_id, outcome, prompt_id, ahead, said }
}

pub const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Started { .. } => "started",
        Outcome::Steered { .. } => "steered",
        Outcome::Queued { .. } => "queued",
    }
}
