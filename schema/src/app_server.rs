//! `/api/*`: codex's own app-server over HTTP (seed 000). What codex says passes through member by
//! member, as it came; beside it stand the ids that a caller needs next.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{AccountId, AskId, RunnerId, rpc::RequestId, tunnel::Process};

/// What codex answered, member by member as it came.
pub type Members = BTreeMap<String, Box<RawValue>>;

/// A thread of codex: a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ThreadId(
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "uuid")))] pub String,
);

/// A turn of a thread: a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TurnId(
    #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("format" = "uuid")))] pub String,
);

/// An answer of codex, and nothing beside it.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BTreeMap<String, Value>"))]
pub struct Said(pub Members);

/// A thread: its id, and what codex answered.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    /// The thread.
    pub thread_id: String,
    /// Of `POST /api/projects/open`: whether there was one to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
    /// `thread` and what stands beside it.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BTreeMap<String, Value>"))]
    pub said: Members,
}

/// A turn that has begun: its ids, and what codex answered.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// The thread, which may have been started for it.
    pub thread_id: String,
    /// The turn.
    pub turn_id: String,
    /// `turn`; and `thread`, if it was started for it.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "BTreeMap<String, Value>"))]
    pub said: Members,
}

/// How codex shall work. What is absent stays as the thread has it; a new thread is made with
/// `gpt-5.5`, effort `medium`, approval policy `untrusted` and sandbox `workspace-write`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Manner {
    /// The model.
    #[serde(default)]
    pub model: Option<String>,
    /// How much it thinks: `low`, `medium`, `high`, or what else the version knows.
    #[serde(default)]
    pub effort: Option<String>,
    /// What it asks before it acts: `untrusted`, `on-request`, `never`, or codex's granular object.
    #[serde(default)]
    pub approval_policy: Option<Value>,
    /// What commands may touch: `read-only`, `workspace-write`, `danger-full-access`.
    #[serde(default)]
    pub sandbox: Option<Value>,
    /// The same as codex's tagged object: `{"type": "workspaceWrite", …}`.
    #[serde(default)]
    pub sandbox_policy: Option<Value>,
    /// A permission profile instead of a sandbox, in either version's form.
    #[serde(default)]
    pub permissions: Option<Value>,
    /// Another name of `permissions`.
    #[serde(default)]
    pub permission_profile: Option<Value>,
    /// What else this version of codex takes; passed on as it is.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// `POST /api/threads`, and `POST /api/threads/{thread_id}/resume`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartThread {
    /// The folder to work in: of the account's workspace, which also stands for an absent one.
    #[serde(default)]
    pub cwd: Option<String>,
    /// How codex shall work.
    #[serde(flatten)]
    pub manner: Manner,
}

/// `POST /api/projects/open`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OpenProject {
    /// The folder whose latest thread is resumed; without one, a thread is started there.
    pub cwd: String,
    /// How codex shall work.
    #[serde(flatten)]
    pub manner: Manner,
}

/// `POST /api/turns`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartTurn {
    /// The thread; a new one is started if it is absent.
    #[serde(default)]
    pub thread_id: Option<String>,
    /// What to do, in words.
    #[serde(default)]
    pub prompt: Option<String>,
    /// What to do, as codex's input items: `[{"type": "text", "text": "…"}]`.
    #[serde(default)]
    pub input: Option<Vec<Value>>,
    /// The folder to work in.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Whether the turn's events are the answer; `Accept: text/event-stream` asks the same.
    #[serde(default)]
    pub stream: bool,
    /// How codex shall work.
    #[serde(flatten)]
    pub manner: Manner,
}

/// `POST /api/turns/{turn_id}/interrupt`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interrupt {
    /// The turn's thread; looked for if it is absent.
    #[serde(default)]
    pub thread_id: Option<ThreadId>,
}

/// What `thread/list` of codex is told.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListThreads {
    /// Threads in the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Of this folder only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Those that were put away, instead of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Those that have this in their title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_term: Option<String>,
    /// `created_at` or `updated_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_key: Option<String>,
    /// `asc` or `desc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_direction: Option<String>,
}

/// `POST /api/codex/rpc`, and `POST /api/codex/notify`.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rpc {
    /// For example `thread/list`.
    pub method: String,
    /// What the method wants to know.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Map<String, Value>>"))]
    pub params: Option<Box<RawValue>>,
    /// Comes back with the answer.
    #[serde(default)]
    pub id: Option<RequestId>,
    /// `2.0`, if at all; codex leaves it out.
    #[serde(default)]
    pub jsonrpc: Option<String>,
}

/// What codex answered to a call, result or error, as it said it.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RpcAnswer {
    /// The id that came with the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// What it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Value>"))]
    pub result: Option<Box<RawValue>>,
    /// Why it came to nothing: `{"code", "message"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<crate::rpc::Failure>"))]
    pub error: Option<Box<RawValue>>,
}

/// `GET /api/server-requests`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ServerRequests {
    /// What waits for an answer, oldest first.
    pub data: Vec<ServerRequest>,
}

/// A question of codex that waits for an answer.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServerRequest {
    /// Its name for good: what `POST /api/server-requests/{request_id}/resolve` takes.
    pub id: AskId,
    /// Whose process asks.
    pub account: AccountId,
    /// The process's own id of it, which another question may have after a restart.
    pub request_id: RequestId,
    /// For example `item/commandExecution/requestApproval`.
    pub method: String,
    /// The thread it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// The turn it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<String>,
    /// When it was asked, ISO 8601.
    pub asked_at: String,
    /// Its place in the process's events.
    pub event_id: u64,
    /// Whether it has been answered, and the answer is on its way.
    pub answered: bool,
    /// What codex asks.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Value"))]
    pub params: Box<RawValue>,
}

/// `POST /api/server-requests/{request_id}/resolve`. One of these, or nothing at all, which grants
/// what was asked. A field that is none of these is refused: a slip of the pen is no consent.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// `accept`, `acceptForSession`, `decline` or `cancel`; an operator may also send codex's
    /// objects that change its rules.
    #[serde(default)]
    pub decision: Option<Value>,
    /// What is granted, of `item/permissions/requestApproval`.
    #[serde(default)]
    pub permissions: Option<Value>,
    /// For how long: `turn` or `session`.
    #[serde(default)]
    pub scope: Option<String>,
    /// The answers, of `item/tool/requestUserInput`.
    #[serde(default)]
    pub answers: Option<Value>,
    /// The form's content, of `mcpServer/elicitation/request`.
    #[serde(default)]
    pub content: Option<Value>,
    /// The whole answer as codex takes it.
    #[serde(default)]
    pub result: Option<Value>,
}

/// A question was answered.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Resolved {
    /// The question.
    pub id: AskId,
    /// Whether codex has the answer; otherwise it is kept, and delivered when its runner is back.
    pub delivered: bool,
}

/// `POST /api/system/start`.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StartSystem {
    /// What the runner has to be labelled with, if the account has none yet.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// An account's app-server.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct System {
    /// Whose.
    pub account: AccountId,
    /// Whether it answers calls now; one that sleeps begins at the first call.
    pub running: bool,
    /// The machine it is on; absent before its first use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<RunnerId>,
    /// The process as its runner told it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// Its events: the oldest that is kept, and the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Kept>,
    /// What new threads are made with.
    pub defaults: Defaults,
}

/// Which events are kept.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Kept {
    /// The oldest.
    pub first: u64,
    /// The newest.
    pub last: u64,
}

/// What new threads are made with.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    /// The model.
    pub model: &'static str,
    /// How much it thinks.
    pub effort: &'static str,
    /// What it asks before it acts.
    pub approval_policy: &'static str,
    /// What commands may touch.
    pub sandbox: &'static str,
    /// Where it searches: `live` on the web.
    pub web_search: &'static str,
}

/// The stable release of codex that was looked up last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// `@openai/codex`.
    pub package: String,
    /// For example `0.130.0`.
    pub version: String,
    /// When it was published, where the registry says so; ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// When it was looked up; ISO 8601.
    pub synced_at: String,
}

impl<'de> Deserialize<'de> for ThreadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        uuid(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for TurnId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        uuid(deserializer).map(Self)
    }
}

/// What is no UUID names nothing in codex, and need not be sent there to learn it.
fn uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_uuid(&text) { Ok(text) } else { Err(serde::de::Error::custom("not a UUID")) }
}

/// Whether a text has the form of a UUID (RFC 9562 section 4).
pub fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_codex_said_stays_as_it_said_it() -> Result<(), serde_json::Error> {
        let said = r#"{"thread":{"n":1.0, "big":123456789012345678901},"model":"m"}"#;
        let said: Members = serde_json::from_str(said)?;
        let thread = Thread { thread_id: "t".to_owned(), resumed: None, said };
        let text = serde_json::to_string(&thread)?;
        assert!(text.contains(r#"{"n":1.0, "big":123456789012345678901}"#), "{text}");
        Ok(())
    }

    #[test]
    fn what_codex_may_take_besides_is_kept() -> Result<(), serde_json::Error> {
        let body = r#"{"prompt": "hi", "cwd": "a", "effort": "low", "personality": "friendly"}"#;
        let turn: StartTurn = serde_json::from_str(body)?;
        assert_eq!(turn.manner.effort.as_deref(), Some("low"));
        assert_eq!(turn.manner.rest.len(), 1, "{turn:?}");
        Ok(())
    }

    #[test]
    fn only_a_uuid_is_a_uuid() {
        assert!(is_uuid("01a1f6b7-4bb2-7aa1-81fb-5f9eb5b6df31"));
        for text in
            ["", "1", "01a1f6b7-4bb2-7aa1-81fb-5f9eb5b6df3", "01a1f6b74bb27aa181fb5f9eb5b6df31"]
        {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
