//! A project as it happens. What stands in the page is how it stood at one line of its log: its
//! script goes on from there, and who has no scripts reads it.

use askama::Template;
use schema::{
    ProjectId, Result,
    agent::{ApprovalKind, ApprovalState},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{Frame, PageOr, shown::When},
    seen,
};
use crate::{
    cx::Cx,
    domain::{
        hub::command::Standing,
        project::{
            command::{Described, Waiting},
            glance::{About, Ask, Body, Decided, Entry, Glance},
        },
    },
    services::projects,
};

/// Turns that stand in the page: as many as its script asks for at once.
const TURNS: u32 = 20;

/// Names a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ProjectAt {
    /// The project.
    project_id: ProjectId,
}

#[derive(Template)]
#[template(path = "dashboard/project.html")]
pub struct Project {
    frame: Frame,
    id: ProjectId,
    name: String,
    machine: Machine,
    /// The turn that runs.
    turn: Option<String>,
    waiting: usize,
    entries: Vec<Told>,
    queue: Vec<Queued>,
    /// The line of the log at which it stood so, if all that its script needs is here.
    last: Option<u64>,
    /// What turns that came before are asked for with.
    before: Option<u64>,
}

/// Where the machine stands, as far as anybody knows.
struct Machine {
    text: String,
    kind: &'static str,
    reason: String,
}

/// An entry with its questions in words.
struct Told {
    id: String,
    body: Body,
    asks: Vec<Asked>,
}

/// A question in words.
struct Asked {
    id: String,
    title: &'static str,
    reason: String,
    about: About,
    /// What may be answered, if it waits: each with how its button looks.
    choices: &'static [(&'static str, &'static str)],
    until: When,
    ended: Option<(&'static str, &'static str)>,
    decided: Option<(String, String)>,
}

/// A prompt that waits.
struct Queued {
    words: String,
    blocked: String,
}

pub async fn read(cx: Cx, at: ProjectAt) -> Result<PageOr<Project>> {
    seen(cx, async |cx, _| {
        let logged = projects::logged(cx, at.project_id, TURNS).await?;
        let glance = Glance::of(&logged.turns.turns, &logged.approvals);
        let described = logged.described;
        Ok(Project {
            frame: Frame::of(cx),
            id: described.profile.id,
            machine: machine(&described),
            waiting: glance.waiting(),
            last: Some(described.last).filter(|_| glance.whole),
            entries: glance.entries.into_iter().map(told).collect(),
            queue: described.queue.iter().map(queued).collect(),
            turn: described.turn,
            name: described.profile.name,
            before: logged.turns.before,
        })
    })
    .await
}

fn machine(described: &Described) -> Machine {
    let none = "The project has not been on a machine yet.";
    let (standing, reason) = match &described.standing {
        Some((standing, reason)) => (*standing, reason.clone()),
        None => (Standing::Never, none.to_owned()),
    };
    let (text, kind) = match standing {
        Standing::Never => ("not on a machine yet".to_owned(), ""),
        Standing::Online => (format!("machine {}", standing.as_str()), "good"),
        Standing::Suspect => (format!("machine {}", standing.as_str()), "warn"),
        Standing::Offline | Standing::Revoked => (format!("machine {}", standing.as_str()), "bad"),
    };
    Machine { text, kind, reason }
}

fn queued(waiting: &Waiting) -> Queued {
    let word = |it: &Value| it.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = match waiting.input.as_array() {
        Some(parts) => parts.iter().map(word).collect::<Vec<_>>().join(" "),
        None => word(&waiting.input),
    };
    Queued { words, blocked: waiting.blocked.clone() }
}

fn told(entry: Entry) -> Told {
    let Entry { id, body, asks } = entry;
    Told { id, body, asks: asks.into_iter().map(asked).collect() }
}

fn asked(ask: Ask) -> Asked {
    let title = match ask.kind {
        ApprovalKind::Command => "Codex wants to run a command",
        ApprovalKind::FileChange => "Codex wants to change files",
        ApprovalKind::Permissions => "Codex wants to be allowed more",
        ApprovalKind::Question => "Codex asks you",
        ApprovalKind::Elicitation => "A tool asks you",
        ApprovalKind::Other => "Codex asks something",
    };
    Asked {
        id: ask.id.to_string(),
        title,
        choices: if ask.is_pending() { choices(ask.kind) } else { &[] },
        until: ask.deadline.into(),
        ended: ended(ask.state),
        decided: ask.decision.map(|it| (decider(&it), it.note)),
        reason: ask.reason,
        about: ask.about,
    }
}

/// A form of a tool is filled in by the API alone.
const fn choices(kind: ApprovalKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        ApprovalKind::Elicitation | ApprovalKind::Other => &[("Reject", "danger")],
        ApprovalKind::Question => &[("Answer", ""), ("Reject", "danger")],
        ApprovalKind::Command | ApprovalKind::FileChange | ApprovalKind::Permissions => {
            &[("Approve", ""), ("Approve for this session", "quiet"), ("Reject", "danger")]
        }
    }
}

/// What became of it, and the colour of that.
const fn ended(state: ApprovalState) -> Option<(&'static str, &'static str)> {
    match state {
        ApprovalState::Pending => None,
        ApprovalState::Approved => Some(("Approved", "good")),
        ApprovalState::Rejected => Some(("Rejected", "bad")),
        ApprovalState::Expired => Some(("Nobody answered in time", "warn")),
        ApprovalState::Cancelled => Some(("Taken back", "")),
        ApprovalState::Lapsed => Some(("Its process has ended", "")),
    }
}

/// Who decided: a rule, the deadline, a terminal, or a person by which way.
fn decider(Decided { channel, by, .. }: &Decided) -> String {
    match (channel.as_str(), by.as_str()) {
        ("policy", rule) => format!("by the rule {rule}"),
        ("deadline", _) => "by the deadline".to_owned(),
        ("terminal", _) => "in a terminal".to_owned(),
        (_, "session") => "by a person on this site".to_owned(),
        (_, "") => "by a person with a key".to_owned(),
        (_, key) => format!("by a person with {key}"),
    }
}
