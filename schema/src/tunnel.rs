//! The tunnel between a runner and its hub: frames, independent of the socket that carries them.
//!
//! One WebSocket message is a batch of frames, and a frame is a head (small JSON, a type of this
//! file) and a body (bytes as they are: a JSON-RPC message, or a piece of something big), so that
//! what only passes through is never parsed.
//!
//! What each direction promises:
//!
//! - *Events* of a process are numbered by the runner without gaps, kept in its journal, and sent
//!   again after every reconnect from where the hub says it stands. The hub stores, then
//!   acknowledges.
//! - *Operations* of the hub carry an id. A runner does each id once and remembers what it came to,
//!   so that it may be sent again after every reconnect. The answer is the acknowledgement.
//! - *Bulk* is pulled: what is larger than [`CHUNK_BYTES`] is announced by its size and fetched
//!   piece by piece, so that nothing big stands before an approval.

use serde::{Deserialize, Serialize};

use crate::{AccountId, AskId, Code, OpId, Timestamp, workspace::Span};

/// The version that this code speaks, and the oldest that a hub still takes.
pub const VERSION: u32 = 1;
/// See [`VERSION`].
pub const VERSION_MIN: u32 = 1;

/// The largest body of one frame; what is larger is pulled in pieces of this size.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// The largest WebSocket message: a frame with its head, or a batch.
pub const MESSAGE_MAX_BYTES: usize = 1024 * 1024;
/// Events of one process that may be on their way unacknowledged: this many…
pub const EVENTS_IN_FLIGHT: usize = 512;
/// … and of so many bytes together (a single larger one is sent alone).
pub const EVENTS_IN_FLIGHT_BYTES: usize = 1024 * 1024;
/// Pieces of one answer that a hub asks for ahead of what it has passed on.
pub const CHUNKS_IN_FLIGHT: usize = 4;

/// For how long a sign of life is good.
pub const LEASE_MS: i64 = 15_000;
/// Without a sign of life for so long a runner is suspect. Signs come every [`BEAT_MS`], so a loss
/// is noticed between 3 and 8 s after it happened.
pub const SUSPECT_MS: i64 = 8_000;
/// Between two signs of life.
pub const BEAT_MS: u64 = 5_000;

/// A sign of life without work in flight: a text message that the platform answers with
/// [`IDLE_PONG`], leaving the hub asleep.
pub const IDLE_PING: &str = "ping";
/// See [`IDLE_PING`].
pub const IDLE_PONG: &str = "pong";

/// The place of an event in its process's log; the first is 1, 0 stands before it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Why a hub closes a socket. The reason beside it is for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// A newer connection of the same runner took over. The old one must not come back by itself.
    Replaced,
    /// The runner was revoked: its credential is void.
    Revoked,
    /// The runner speaks no version that is taken here: update it.
    TooOld,
    /// A frame that is none, or too large. A defect; reconnecting helps if it was the wire's.
    BadFrame,
    /// The hub could not store: come back.
    Unavailable,
}

impl CloseCode {
    /// The number on the wire (RFC 6455 section 7.4.2 leaves 4000-4999 to applications).
    pub const fn number(self) -> u16 {
        match self {
            Self::Replaced => 4001,
            Self::Revoked => 4003,
            Self::TooOld => 4010,
            Self::BadFrame => 4022,
            Self::Unavailable => 4503,
        }
    }

    /// The code of that number.
    pub fn of(number: u16) -> Option<Self> {
        let all = [Self::Replaced, Self::Revoked, Self::TooOld, Self::BadFrame, Self::Unavailable];
        all.into_iter().find(|code| code.number() == number)
    }

    /// Whether a runner may dial again by itself.
    pub const fn may_return(self) -> bool {
        matches!(self, Self::BadFrame | Self::Unavailable)
    }
}

/// On whose behalf a call is made: what an operator may do to a machine, a customer may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Bound to the account's own workspace.
    Customer,
    /// Whoever runs the machine.
    Operator,
}

/// How far a process's events have been stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Whose.
    pub process: AccountId,
    /// The last one stored.
    pub through: Seq,
}

/// From the hub to a runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRunner {
    /// The first frame of a connection, in answer to `Hello`.
    Welcome {
        /// The version that both speak from now on.
        version: u32,
        /// The connection's generation.
        generation: u64,
        /// The hub's clock.
        now: Timestamp,
        /// Where to resume the events of each process that the hub knows.
        stored: Vec<Stored>,
        /// Whether new work is kept away from this runner.
        draining: bool,
    },
    /// Make a process ready, with the key that it pays with; done
    /// already is done. Answered when it runs, or cannot.
    Start {
        /// The operation.
        op: OpId,
        /// Whose process.
        process: AccountId,
        /// The key for the edge's own `/v1`, kept on the runner's side; none where codex is logged
        /// in by itself, or where the runner has it already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// End a process. Answered when it has ended.
    Stop {
        /// The operation.
        op: OpId,
        /// Whose process.
        process: AccountId,
    },
    /// Put one request to a process, starting it if it sleeps. The body is `{"method", "params"}`;
    /// the answer's body is `{"result"}` or `{"error"}`.
    Call {
        /// The operation.
        op: OpId,
        /// Whose process.
        process: AccountId,
        /// On whose behalf.
        grade: Grade,
        /// Milliseconds that the hub waits for the answer.
        wait_ms: u32,
    },
    /// Tell a process something that has no answer. The body is `{"method", "params"}`.
    Notify {
        /// The operation.
        op: OpId,
        /// Whose process.
        process: AccountId,
    },
    /// Answer a question that a process asked. The body is `{"result"}` or `{"error"}`. Sent again
    /// until answered itself.
    Reply {
        /// The operation.
        op: OpId,
        /// Whose process.
        process: AccountId,
        /// The question.
        ask: AskId,
    },
    /// Events through this one are stored, and may be forgotten.
    Ack(Stored),
    /// Announce a file of a process's workspace: answered with its size, then pulled.
    Read {
        /// The operation.
        op: OpId,
        /// Whose workspace.
        process: AccountId,
        /// From the root.
        path: String,
        /// A directory below the workspace that the path begins in and does not leave. The body of
        /// the answer then is a [`File`](crate::workspace::File), and not counted in the size.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<String>,
        /// The part that is announced.
        #[serde(default)]
        span: Span,
    },
    /// Send the piece of an announced body that begins there.
    Pull {
        /// The operation that announced it.
        op: OpId,
        /// Whose process.
        process: AccountId,
        /// The first byte.
        offset: u64,
    },
    /// The announced body is not wanted any further.
    Drop {
        /// The operation that announced it.
        op: OpId,
        /// Whose process.
        process: AccountId,
    },
    /// Take no new work, and leave when what runs has ended; or take work again.
    Drain {
        /// The operation.
        op: OpId,
        /// Whether to drain.
        on: bool,
    },
    /// The answer to `Ping`, from the hub's dispatcher.
    Pong {
        /// The ping's number.
        n: u64,
    },
}

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// Begun, and not answering yet.
    Starting,
    /// Answering.
    Running,
    /// Ended because nobody needed it, or was told to; begins again on demand.
    Stopped,
    /// Ended by itself; begins again after a while.
    Failed,
    /// Its journal cannot be written: it is held back until there is room.
    Stalled,
}

/// One process, as its runner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Process {
    /// Whose: there is one per account.
    pub process: AccountId,
    /// What it is doing.
    pub state: ProcessState,
    /// Why, for a person; for one that ended, how it was reaped (`exit status: 1`, `signal: 9`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The version that the binary itself reported.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub codex: String,
    /// Whether the runner holds a key for it.
    pub provisioned: bool,
    /// Turns that run now.
    pub turns: u32,
}

/// How a runner's codex pays for its models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Through the edge's own `/v1`, with a key of the account.
    #[default]
    Edge,
    /// By a ChatGPT account that codex on that machine is logged in with; metered from what it
    /// reports.
    Own,
}

/// A runner that introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The tunnel's version, and the oldest the runner can speak.
    pub version: u32,
    /// The agent's own version.
    pub agent: String,
    /// Counts this runner's connections; kept on its disk, and also part of what it signed to
    /// connect.
    pub generation: u64,
    /// New with every start of the agent.
    pub boot: String,
    /// The version of the codex binary that new processes will run.
    pub codex: String,
    /// A digest of the methods and types that this binary knows.
    pub schema: String,
    /// How its codex pays.
    #[serde(default)]
    pub provider: Provider,
    /// `linux x86_64`.
    pub platform: String,
    /// Whether it takes new work.
    pub draining: bool,
    /// Every process it keeps.
    pub processes: Vec<Process>,
}

/// Why a runner could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What a program switches on.
    pub code: Code,
    /// For a person.
    pub message: String,
}

/// From a runner to its hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromRunner {
    /// The first frame of a connection.
    Hello(Hello),
    /// One event of a process. The body is what the process said: a notification, or a request with
    /// its own id, which `ask` then names for good.
    Event {
        /// Whose.
        process: AccountId,
        /// Its number.
        seq: Seq,
        /// When the process said it.
        at: Timestamp,
        /// The question, if it is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ask: Option<AskId>,
    },
    /// A question of a process, ahead of its turn among the events, where it comes again. The body
    /// is the request.
    Ask {
        /// Whose.
        process: AccountId,
        /// Its number among the events.
        seq: Seq,
        /// When the process asked.
        at: Timestamp,
        /// The question.
        ask: AskId,
    },
    /// What an operation came to. The body is the answer if it is no larger than [`CHUNK_BYTES`];
    /// otherwise it is pulled. Of a file see [`ToRunner::Read`].
    Answer {
        /// The operation.
        op: OpId,
        /// Bytes of the whole answer.
        size: u64,
        /// Why nothing came of it; the body is empty then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<Refusal>,
    },
    /// A piece of an announced body.
    Chunk {
        /// The operation that announced it.
        op: OpId,
        /// Where it begins.
        offset: u64,
        /// Whether it is the last. A body that ends short of its size was cut: do not use it.
        last: bool,
    },
    /// A process changed.
    Process(Process),
    /// A sign of life that has to come back through the hub's dispatcher, while work is in flight.
    Ping {
        /// Its number.
        n: u64,
    },
    /// The runner leaves for good reason; the text is for a person.
    Bye {
        /// Why.
        reason: String,
    },
}

/// A frame could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFrame(pub String);

impl std::fmt::Display for BadFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadFrame {}

/// Bytes before a frame's head: the lengths of its head and body, little-endian.
const PREFIX_BYTES: usize = 8;

/// Adds a frame to a message.
pub fn push(message: &mut Vec<u8>, head: &impl Serialize, body: &[u8]) -> Result<(), BadFrame> {
    let start = message.len();
    message.extend_from_slice(&[0; PREFIX_BYTES]);
    let broken = |why: &str| BadFrame(why.to_owned());
    if let Err(error) = serde_json::to_writer(&mut *message, head) {
        message.truncate(start);
        return Err(BadFrame(error.to_string()));
    }
    let head_bytes = u32::try_from(message.len() - start - PREFIX_BYTES);
    let head_bytes = head_bytes.map_err(|_| broken("a head of more than 4 GiB"))?;
    let body_bytes = u32::try_from(body.len()).map_err(|_| broken("a body of more than 4 GiB"))?;
    let prefix = (u64::from(body_bytes) << 32) | u64::from(head_bytes);
    if let Some(place) = message.get_mut(start..start + PREFIX_BYTES) {
        place.copy_from_slice(&prefix.to_le_bytes());
    }
    message.extend_from_slice(body);
    Ok(())
}

/// The first frame of a message: head, body, and what follows. Nothing at the message's end.
pub type First<'a, Head> = Option<(Head, &'a [u8], &'a [u8])>;

/// Takes the first frame off a message.
pub fn pop<'a, Head: Deserialize<'a>>(message: &'a [u8]) -> Result<First<'a, Head>, BadFrame> {
    if message.is_empty() {
        return Ok(None);
    }
    let cut = || BadFrame("a frame that ends too soon".to_owned());
    let (prefix, rest) = message.split_first_chunk::<PREFIX_BYTES>().ok_or_else(cut)?;
    let prefix = u64::from_le_bytes(*prefix);
    let too_large = |_| BadFrame("a frame that is too large".to_owned());
    let head_bytes = usize::try_from(prefix & 0xffff_ffff).map_err(too_large)?;
    let body_bytes = usize::try_from(prefix >> 32).map_err(too_large)?;
    let (head, rest) = rest.split_at_checked(head_bytes).ok_or_else(cut)?;
    let (body, rest) = rest.split_at_checked(body_bytes).ok_or_else(cut)?;
    let head = serde_json::from_slice(head).map_err(|error| BadFrame(error.to_string()))?;
    Ok(Some((head, body, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_as_they_were_sent() -> Result<(), BadFrame> {
        let process = AccountId::from_bits(1);
        let ack = ToRunner::Ack(Stored { process, through: Seq(7) });
        let pong = ToRunner::Pong { n: 3 };
        let mut message = Vec::new();
        push(&mut message, &ack, b"")?;
        push(&mut message, &pong, b"{\"body\": \"as it is\"}")?;
        let (head, body, rest) = pop::<ToRunner>(&message)?.unwrap_or((pong.clone(), b"x", b""));
        assert_eq!((head, body), (ack, &b""[..]));
        let (head, body, rest) = pop::<ToRunner>(rest)?.unwrap_or((pong.clone(), b"x", b""));
        assert_eq!((head, body), (pong, &b"{\"body\": \"as it is\"}"[..]));
        assert_eq!(pop::<ToRunner>(rest)?, None);
        Ok(())
    }

    #[test]
    fn a_cut_message_is_no_frame() {
        let mut message = Vec::new();
        let pushed = push(&mut message, &ToRunner::Pong { n: 3 }, b"body");
        assert_eq!(pushed, Ok(()));
        for end in 1..message.len() {
            let cut = message.get(..end).unwrap_or_default();
            assert!(pop::<ToRunner>(cut).is_err(), "{end} bytes of {}", message.len());
        }
    }

    #[test]
    fn a_frame_of_the_future_is_an_error_and_not_a_guess() {
        let mut message = Vec::new();
        let head = serde_json::json!({ "type": "teleport", "op": 1 });
        assert_eq!(push(&mut message, &head, b""), Ok(()));
        assert!(pop::<ToRunner>(&message).is_err());
    }

    #[test]
    fn close_codes_read_back() {
        for number in [4001, 4003, 4010, 4022, 4503] {
            assert_eq!(CloseCode::of(number).map(CloseCode::number), Some(number));
        }
        assert_eq!(CloseCode::of(1006), None);
    }
}
