//! What a runner's object sends to a project's: the events of its threads, each once and in order.
//!
//! The project says where it stands, and the feeder goes on from there. So a push writes nothing
//! at the runner's object, a push that comes twice is harmless, and whoever was restarted begins
//! with an empty [`Append`].

use schema::{AccountId, AskId, RunnerId, Timestamp, tunnel::Seq};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::hub::command::Standing;

/// What came next of one runner's log. It is stored only if `after` is where the project stands
/// with that runner (0 with one that it has not heard of), and answered with where it stands then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Append {
    pub account: AccountId,
    pub runner: RunnerId,
    /// The watermark that this follows.
    pub after: Seq,
    /// Where the project stands once it has stored this. It may lie beyond the last event: what
    /// other threads said is skipped.
    pub through: Seq,
    /// Of the project's threads, in the log's order.
    pub events: Vec<Event>,
    /// How the runner stands and why, when that changed or whoever sends this cannot know whether
    /// it did. It counts whether or not the events are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<(Standing, String)>,
    /// Whether events between `after` and these were forgotten before they could be sent.
    #[serde(default)]
    pub lost: bool,
}

/// An event of a thread.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the account's log at that runner.
    pub seq: Seq,
    /// When the process said it.
    pub at: Timestamp,
    pub method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The question, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskId>,
    /// The process's own id of a request, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    pub params: Box<RawValue>,
    /// Of `serverRequest/resolved`: the question that is no longer open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolves: Option<AskId>,
    /// Of `serverRequest/resolved`: what was answered through the hub, in codex's words
    /// (`{"result"}` or `{"error"}`); a text where the end of a long one is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Box<RawValue>>,
}

/// Where a project stands with the runner that told it something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    pub through: Seq,
}
