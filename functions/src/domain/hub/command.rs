//! What a runner's object may be told, and what it answers. Old and new code meet at a deploy, so
//! variants and fields are only ever added.
//!
//! Both travel as a frame of `schema::tunnel`: the head is a type of this file, the body is
//! JSON-RPC as it came, which nobody on the way reads.

use std::collections::BTreeMap;

use schema::{
    AccountId, AskId, CallId, KeyId, MicroUsd, OpId, ProjectId, RunnerId, Timestamp,
    rpc::RequestId,
    tunnel::{Grade, Process, Seq},
    workspace::Span,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::own_usage::Terms;

/// What a runner can be chosen by.
pub type Labels = BTreeMap<String, String>;

/// What a runner's object can be told. Some of it comes with a body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Tell something.
    Look(Look),
    /// Do something.
    Act(Act),
}

/// What a runner's object can tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Open questions, of one account or of all.
    Asks { account: Option<AccountId> },
    /// An account's process.
    Process { account: AccountId },
    /// The runner and everything on it.
    Runner,
}

/// What a runner's object can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Makes the runner; again with the same profile changes nothing.
    Enrol { profile: Profile },
    /// Takes an account's process in, if there is room for it.
    Place { account: AccountId },
    /// Puts the body, a request, to an account's process.
    Call {
        op: OpId,
        account: AccountId,
        grade: Grade,
        wait_ms: u32,
        /// What pays for the turn that it begins, where codex pays for its models by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pays: Option<Pays>,
    },
    /// Tells an account's process the body, a notification.
    Notify { op: OpId, account: AccountId },
    /// Makes an account's process ready, with a key if it has none.
    Start { op: OpId, account: AccountId, key: Option<NewKey> },
    /// Ends an account's process.
    Stop { op: OpId, account: AccountId },
    /// Announces a file of an account's workspace, which then comes in pieces.
    Read {
        op: OpId,
        account: AccountId,
        path: String,
        /// See [`schema::tunnel::ToRunner::Read`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<String>,
        #[serde(default)]
        span: Span,
    },
    /// Answers a question with the body, once.
    Resolve { op: OpId, ask: AskId, account: Option<AccountId> },
    /// From now on what a thread says goes to a project, beginning with what is there of it.
    /// A thread is followed by one project, and again is the same.
    Follow { account: AccountId, project: ProjectId, thread: String },
    /// Tells a project what it may have missed, and how the runner stands. Answered at once.
    Feed { account: AccountId, project: ProjectId },
    /// Keeps new work away, or no more.
    Drain { op: OpId, on: bool },
    /// Voids the runner for good.
    Revoke,
}

/// Money on hold for a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pays {
    pub call: CallId,
    pub terms: Terms,
    /// What the turn may cost, where its project has a cap: at more, it is interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<MicroUsd>,
}

/// A key that a process pays with. Its text goes to the runner and is not kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    pub id: KeyId,
    pub text: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.id)
    }
}

/// What a runner's object answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done, or stored and certain to be done.
    Done,
    /// The process answered: the body is `{"result"}` or `{"error"}`.
    Answered,
    /// The process has no key to pay with: start it with one.
    NeedsKey,
    /// The call begins a turn of a codex that pays by itself: put money on hold for this model, or
    /// the usual one, first.
    NeedsHold {
        /// The thread that has it.
        #[serde(default)]
        thread: Option<String>,
        model: Option<String>,
    },
    /// The process runs. Whatever key it had before may be revoked.
    Started {
        replaced: Option<KeyId>,
    },
    /// The runner is void, and with it the keys that it held.
    Revoked {
        keys: Vec<KeyId>,
    },
    /// A question was answered.
    Resolved(Resolved),
    Asks(Vec<PendingAsk>),
    Process(Box<Hosted>),
    Description(Box<Description>),
    /// The runner is revoked, or never was: place the account anew.
    Gone,
    Refused(schema::Error),
}

/// What came of answering a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Whether the process has it; otherwise it is stored, and delivered when the runner is back.
    pub delivered: bool,
}

/// What a runner was enrolled as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub id: RunnerId,
    pub name: String,
    pub labels: Labels,
    pub capacity: u32,
    pub ephemeral: bool,
}

/// A question that waits for somebody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingAsk {
    pub ask: AskId,
    pub account: AccountId,
    /// Its place in the process's log.
    pub seq: Seq,
    pub at: Timestamp,
    pub method: String,
    pub thread: Option<String>,
    pub turn: Option<String>,
    /// The id that the process gave it.
    pub request: RequestId,
    pub params: Box<RawValue>,
    /// Whether it has been answered, and the answer is on its way.
    pub answered: bool,
}

/// An account's process, and where its log stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosted {
    pub runner: RunnerId,
    /// As the runner told it last; nothing if it never started.
    pub process: Option<Process>,
    /// The last event that is stored.
    pub last: Seq,
    /// The oldest event that is still there, or would be the next.
    pub first: Seq,
}

/// Whether a runner can be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Enrolled, and not seen yet.
    Never,
    Online,
    /// No sign of life for a while.
    Suspect,
    /// Not connected, or no sign of life for the length of its lease.
    Offline,
    Revoked,
}

impl Standing {
    /// As it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Online => "online",
            Self::Suspect => "suspect",
            Self::Offline => "offline",
            Self::Revoked => "revoked",
        }
    }
}

/// What a runner said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub version: u32,
    pub agent: String,
    pub codex: String,
    pub schema: String,
    pub platform: String,
    pub boot: String,
    /// Whether its codex pays by itself.
    pub own_provider: bool,
    /// Whether it takes no new work of its own accord.
    pub draining: bool,
}

/// A runner and everything on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub profile: Profile,
    pub standing: Standing,
    /// Why, for a person.
    pub reason: String,
    pub draining: bool,
    pub generation: u64,
    pub told: Told,
    pub connected_at: Option<Timestamp>,
    pub seen_at: Option<Timestamp>,
    /// Milliseconds from the last operation's sending to its answer.
    pub round_trip_ms: Option<i64>,
    pub processes: Vec<Process>,
    /// Accounts whose process is, or may be, running.
    pub load: u32,
    pub asks: u32,
    /// Operations that wait for an answer.
    pub running: u32,
    pub viewers: u32,
    /// Since when the object has been in memory: it sleeps while nothing happens.
    pub awake_since: Timestamp,
}
