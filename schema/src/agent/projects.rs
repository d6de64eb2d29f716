//! Projects: workspaces of an account in which codex works, and whatever is asked of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    AskId, MicroUsd, ProjectId, PromptId,
    app_server::{Manner, Members},
};

/// What becomes of a prompt while a turn runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// The turn that runs is told, as codex itself does.
    #[default]
    Steer,
    /// It waits, and begins a turn of its own.
    Queue,
    /// It is refused (409).
    Refuse,
}

/// What an approval is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// A command that codex wants to run.
    Command,
    /// Files that codex wants to change.
    FileChange,
    /// More than the sandbox allows.
    Permissions,
    /// A question to a person.
    Question,
    /// A form of a tool server.
    Elicitation,
    /// Something that a newer version asks.
    Other,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// It waits for somebody.
    Pending,
    /// It was granted.
    Approved,
    /// It was refused.
    Rejected,
    /// Nobody decided in time, so it was refused.
    Expired,
    /// Codex took it back: its turn was interrupted, for example.
    Cancelled,
    /// The process that asked has ended.
    Lapsed,
}

impl ApprovalState {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }
}

/// `POST /api/v1/projects`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreateProject {
    /// What people call it: up to 200 characters.
    pub name: String,
    /// Whose it is among your own users, in your words: up to 200 characters. Lists can be
    /// narrowed to it.
    #[serde(default)]
    pub owner_id: Option<String>,
    /// What its workspace begins with: `react`, `node`, `python`, `rust`, `static`, `empty`, or
    /// `{"git": {"url": "https://…", "ref": "…"}}`. Nothing unless told.
    #[serde(default)]
    pub template: Option<Value>,
    /// How long an approval waits for a person before it is refused: 10 to 2,592,000 seconds, a
    /// day unless told.
    #[serde(default)]
    pub approval_timeout_seconds: Option<i64>,
    /// The most that the project may cost in all, in micro-dollars; no limit unless told.
    #[serde(default)]
    pub max_cost_micro_usd: Option<MicroUsd>,
}

/// A project.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// The project.
    pub id: ProjectId,
    /// The same, as clients of earlier systems call it.
    pub project_id: ProjectId,
    /// What people call it.
    pub name: String,
    /// Whose it is among the account's own users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<String>,
    /// What its workspace began with.
    pub template: Value,
    /// Its directory below the account's workspace.
    pub root: String,
    /// The thread that is resumed; absent before the project was first opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// When it was made, ISO 8601.
    pub created_at: String,
    /// When it was opened last, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<String>,
}

/// A project as it stands.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectState {
    /// The project's members stand here too, as clients of earlier systems expect.
    #[serde(flatten)]
    pub head: Project,
    /// The project.
    pub project: Project,
    /// The latest thread: as codex tells it, or as the log does where its runner is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Value>"))]
    pub thread: Option<Box<RawValue>>,
    /// Where `thread` comes from: `codex` or `log`.
    pub source: &'static str,
    /// The turn that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// Turns of the thread from the project's own log, oldest first, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Vec<Value>>"))]
    pub turns: Option<Vec<Box<RawValue>>>,
    /// What to send as `before` for the turns before these; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns_before: Option<u64>,
    /// Approvals that wait for a person, oldest first.
    pub approvals: Vec<ApprovalView>,
    /// Prompts that wait for their turn, in their order.
    pub queue: Vec<QueuedPrompt>,
    /// The machine that the project is on.
    pub runner: RunnerState,
    /// Where the log of events stands: what to send as `after` to see what comes next.
    pub last_event_id: u64,
    /// How long an approval waits for a person.
    pub approval_timeout_seconds: i64,
    /// The most that the project may cost in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost_micro_usd: Option<MicroUsd>,
}

/// The machine that a project is on.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RunnerState {
    /// `online`, `suspect`, `offline`, `revoked`, or `never` where there is none yet.
    pub state: String,
    /// Why, for a person.
    pub reason: String,
}

/// A prompt that waits for its turn.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct QueuedPrompt {
    /// The prompt.
    pub id: PromptId,
    /// Its thread.
    pub thread_id: String,
    /// When it came, ISO 8601.
    pub at: String,
    /// What codex will be told.
    pub input: Value,
    /// Why it could not begin when its turn came; empty if nothing is in its way but its turn.
    pub blocked: String,
}

/// `POST /api/v1/projects/{project_id}/open`: every member may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OpenProject {
    /// What to do at once, in words.
    #[serde(default)]
    pub prompt: Option<String>,
    /// The same as codex's input items.
    #[serde(default)]
    pub input: Option<Vec<Value>>,
    /// Whether a new thread begins though there is one to go on with.
    #[serde(default)]
    pub new_thread: bool,
    /// What becomes of the prompt while a turn runs.
    #[serde(default)]
    pub when_busy: WhenBusy,
    /// The most that the first turn may cost, in micro-dollars.
    #[serde(default)]
    pub max_cost_micro_usd: Option<MicroUsd>,
    /// How codex shall work.
    #[serde(flatten)]
    pub manner: Manner,
}

/// A project that is open.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// The project.
    pub project_id: ProjectId,
    /// The thread that goes on.
    pub thread_id: String,
    /// Whether it was there before.
    pub resumed: bool,
    /// The turn that the prompt began or was told to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// What became of the prompt: `started`, `steered` or `queued`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// The project.
    pub project: Project,
    /// What codex answered: `thread`, and what stands beside it; `turn` where one began.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BTreeMap<String, Value>"))]
    pub said: Members,
}

/// `POST /api/v1/projects/{project_id}/turns`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartProjectTurn {
    /// What to do, in words.
    #[serde(default)]
    pub prompt: Option<String>,
    /// The same as codex's input items: `[{"type": "text", "text": "…"}]`.
    #[serde(default)]
    pub input: Option<Vec<Value>>,
    /// The thread, if it is not the latest.
    #[serde(default)]
    pub thread_id: Option<String>,
    /// What becomes of the prompt while a turn runs.
    #[serde(default)]
    pub when_busy: WhenBusy,
    /// The most that the turn may cost, in micro-dollars; no limit unless told.
    #[serde(default)]
    pub max_cost_micro_usd: Option<MicroUsd>,
    /// How codex shall work; it stays so for the turns that follow.
    #[serde(flatten)]
    pub manner: Manner,
}

/// What became of a prompt.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectTurn {
    /// The project.
    pub project_id: ProjectId,
    /// The thread.
    pub thread_id: String,
    /// The turn that began or was told; absent while the prompt waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// `started`, `steered` or `queued`.
    pub outcome: &'static str,
    /// The prompt, if it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<PromptId>,
    /// How many wait before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<usize>,
    /// What codex answered: `turn`, where one began.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BTreeMap<String, Value>"))]
    pub said: Members,
}

/// A thread of a project.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectThread {
    /// The project.
    pub project_id: ProjectId,
    /// The thread.
    pub thread_id: String,
    /// The thread: as codex tells it, or as the log does where its runner is away.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Value"))]
    pub thread: Box<RawValue>,
    /// Where `thread` comes from: `codex` or `log`.
    pub source: &'static str,
    /// Its turns from the project's own log, oldest first, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Vec<Value>>"))]
    pub turns: Option<Vec<Box<RawValue>>>,
    /// What to send as `before` for the turns before these; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns_before: Option<u64>,
}

/// An approval.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView {
    /// What `POST …/approvals/{request_id}/resolve` takes.
    pub id: AskId,
    /// The same, as clients of earlier systems call it.
    pub request_id: AskId,
    /// What it is about.
    pub kind: ApprovalKind,
    /// Where it stands.
    pub state: ApprovalState,
    /// For example `item/commandExecution/requestApproval`.
    pub method: String,
    /// The thread it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// The turn it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// The item it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    /// What codex asks.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Value"))]
    pub params: Box<RawValue>,
    /// Of a file change: what would change, with its diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Value>"))]
    pub changes: Option<Box<RawValue>>,
    /// When it was asked, ISO 8601.
    pub asked_at: String,
    /// When it is refused if nobody has decided, ISO 8601.
    pub deadline: String,
    /// Its event in the project's log.
    pub event_id: u64,
    /// What was decided, by whom and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionView>,
}

/// What was decided.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// When, ISO 8601.
    pub at: String,
    /// The credential or the rule that decided; empty where nobody knows.
    pub by: String,
    /// How: `api`, `policy`, `deadline`, `terminal` or `raw`.
    pub channel: String,
    /// What was noted.
    pub note: String,
    /// Whether codex has the answer, or its runner keeps it for codex.
    pub delivered: bool,
}

/// `GET /api/v1/projects/{project_id}/approvals`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Approvals {
    /// Oldest first.
    pub data: Vec<ApprovalView>,
}

/// `POST /api/v1/projects/{project_id}/approvals/{request_id}/resolve`: nothing at all grants what
/// was asked.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ResolveApproval {
    /// What is noted beside the decision, for people: up to 2,000 characters.
    #[serde(default)]
    pub note: Option<String>,
    /// The answer.
    #[serde(flatten)]
    pub answer: BTreeMap<String, Value>,
}

/// Something that opens a project for a short while.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StreamTicket {
    /// Goes into the query of `GET …/events` as `ticket`; good once.
    pub ticket: String,
    /// Until when, ISO 8601.
    pub expires_at: String,
}

/// `POST /api/v1/projects/{project_id}/terminal`: how the stock CLI comes to a project, as
/// `codex --remote`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TerminalPass {
    /// The pass, shown once: it lets terminals in to this project, and nothing else.
    pub token: String,
    /// Until when, ISO 8601.
    pub expires_at: String,
    /// The address, `wss://host:port`.
    pub url: String,
    /// The command for a POSIX shell, with the pass in it.
    pub command: String,
    /// The variable that the command sets.
    pub env: BTreeMap<String, String>,
}
