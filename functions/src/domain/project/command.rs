//! What a project's object may be told, and what it answers. Old and new code meet at a deploy, so
//! variants and fields are only ever added.

use schema::{
    AccountId, AskId, MicroUsd, OpId, ProjectId, PromptId, RunnerId, Timestamp, agent::PolicyRule,
    agent::WhenBusy,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::{
    approval::{Approval, Verdict},
    feed::{Append, Appended},
    meter::Meter,
    turn::Leave,
};
use crate::domain::{hub::command::Standing, policy};

/// What a project's object can be told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Makes the project; again with the same profile changes nothing.
    Create(Profile),
    /// Tells what it is.
    Look,
    /// Tells the approvals: the open ones, or all.
    Approvals { all: bool },
    /// Tells one approval.
    Approval { ask: AskId },
    /// Tells the last turns of a thread, the newest `limit` before `before`, assembled from the
    /// log.
    Turns { thread: String, limit: u32, before: Option<u64> },
    /// It was opened: this thread, on that runner, is what goes on.
    Opened(Opened),
    /// A prompt comes.
    Ask { prompt: Asked, op: OpId, when: WhenBusy },
    /// Codex named the turn that an operation began.
    Began { thread: String, op: OpId, turn: String },
    /// The turn that an operation was to begin did not.
    NotBegun { thread: String, op: OpId },
    /// A prompt that waits is not wanted any more.
    Dequeue { prompt: PromptId },
    /// Somebody decides an approval.
    Decide(Verdict),
    /// A runner tells what its log says of the project's threads.
    Append(Append),
    /// Makes something that opens the project for a short while, known by the hash of its text.
    Admit { hash: String, purpose: Purpose, until: Timestamp },
    /// Uses a ticket, once; or looks whether a longer pass is still good.
    Enter { hash: String, purpose: Purpose },
    /// Voids every pass for terminals, and hangs up on those that came by one.
    Expel,
    /// What is set of the project.
    Set(Box<Settings>),
    /// Its account tells what it has spent.
    Meter(Box<Meter>),
    /// Tells the rules.
    Policy,
    /// Other rules, for who has seen those that are kept.
    SetPolicy { rules: Vec<PolicyRule>, if_match: Option<String> },
}

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// One stream of events.
    Stream,
    /// Terminals, until it ends.
    Terminal,
}

/// What a project is, from its beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub id: ProjectId,
    pub account: AccountId,
    /// Whose it is among the account's own users; empty for nobody's in particular.
    pub owner: String,
    pub name: String,
    /// What its workspace began with.
    pub template: Value,
    pub created_at: Timestamp,
}

impl Profile {
    /// Its directory below the account's workspace.
    pub fn root(&self) -> String {
        root(self.id)
    }
}

/// A project's directory below the account's workspace.
pub fn root(project: ProjectId) -> String {
    format!("projects/{project}")
}

/// What may be changed of a project. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How long an approval waits for a person, in milliseconds.
    pub patience_ms: Option<i64>,
    /// The most that the project may cost in all; `Some(None)` for no limit.
    pub most: Option<Option<MicroUsd>>,
}

/// A project that was opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opened {
    pub thread: String,
    pub runner: RunnerId,
    /// What codex said of the thread, without its turns.
    pub said: Map<String, Value>,
}

/// A prompt, as codex will be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub id: PromptId,
    pub thread: String,
    pub params: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<MicroUsd>,
}

/// What a project's object answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done,
    /// There is no such project.
    None,
    Described(Box<Described>),
    Approvals(Vec<Approval>),
    Turns(Turns),
    Leave(Leave),
    /// An approval was decided; whether codex's runner has taken the answer.
    Decided {
        approval: Box<Approval>,
        delivered: bool,
    },
    Appended(Appended),
    /// Whose project somebody may enter.
    Entered(Profile),
    Policy(Box<policy::Kept>),
    Refused(schema::Error),
}

/// A project as it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Described {
    pub profile: Profile,
    pub thread: Option<String>,
    /// What codex said of the thread when it was opened last.
    pub said: Map<String, Value>,
    pub opened_at: Option<Timestamp>,
    pub runner: Option<RunnerId>,
    pub standing: Option<(Standing, String)>,
    /// The turn that runs in the latest thread.
    pub turn: Option<String>,
    /// Prompts that wait.
    pub queue: Vec<Waiting>,
    /// The log: its oldest line and its newest.
    pub first: u64,
    pub last: u64,
    pub patience_ms: i64,
    pub most: Option<MicroUsd>,
}

/// A prompt that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Waiting {
    pub id: PromptId,
    pub thread: String,
    pub at: Timestamp,
    pub input: Value,
    pub blocked: String,
}

/// Turns as the log tells them, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Turns {
    pub turns: Vec<Box<RawValue>>,
    /// What to send as `before` for those that came before.
    pub before: Option<u64>,
}
