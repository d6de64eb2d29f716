//! What a step comes to: rows to write, frames to send, and who is to be told.

use std::collections::BTreeSet;

use schema::{
    AccountId, AskId, CallId, OpId, Timestamp,
    rpc::RequestId,
    tunnel::{self, CloseCode, MESSAGE_MAX_BYTES, Seq, ToRunner},
    workspace::File,
};

use super::{
    Counted, Follow, Kept, Place, State, ThreadKey, Turn,
    command::{Answer, Standing},
};

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Write these rows; nothing that follows may be seen before they are safe.
    Store(Box<Batch>),
    /// A message to the connection that counts.
    Send(Vec<u8>),
    Close {
        generation: u64,
        code: CloseCode,
        reason: String,
    },
    /// What an operation came to: once for each.
    Settle {
        op: OpId,
        settled: Settled,
    },
    /// The next piece of an announced body.
    Piece {
        op: OpId,
        bytes: Vec<u8>,
        last: bool,
    },
    /// No further piece will come.
    Broken {
        op: OpId,
        error: schema::Error,
    },
    /// An account's process said something that is stored now.
    Said(AccountId),
    /// Accounts are to settle turns: see [`super::Hub::due`].
    Owed,
    /// Viewers have to know.
    Stands {
        standing: Standing,
        reason: String,
    },
}

/// What an operation came to.
#[derive(Debug)]
pub enum Settled {
    /// An answer, with its body.
    Answer(Answer, Vec<u8>),
    /// A body of so many bytes, that comes in pieces, and the file that it is of.
    Announced(u64, Option<File>),
}

/// Rows to write.
#[derive(Debug, Default)]
pub struct Batch {
    pub kept: Option<Kept>,
    /// Places that are new or changed.
    pub places: Vec<(AccountId, Place)>,
    pub events: Vec<EventRow>,
    pub asks: Vec<AskRow>,
    /// Questions whose state changed.
    pub states: Vec<(AskId, State)>,
    /// Turns of a codex that pays by itself: new or changed, or settled.
    pub turns: Vec<(CallId, Option<Turn>)>,
    /// How far their threads are counted.
    pub threads: Vec<(ThreadKey, Counted)>,
    /// Threads that a project follows: new or changed.
    pub follows: Vec<(ThreadKey, Follow)>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        let Self { kept, places, events, asks, states, turns, threads, follows } = self;
        let nothing = events.is_empty() && asks.is_empty() && states.is_empty();
        let nothing = nothing && turns.is_empty() && threads.is_empty() && follows.is_empty();
        nothing && kept.is_none() && places.is_empty()
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    pub account: AccountId,
    pub place: u32,
    pub seq: Seq,
    pub at: Timestamp,
    pub said: Said,
    pub ask: Option<AskId>,
}

/// A question as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskRow {
    pub ask: AskId,
    pub account: AccountId,
    pub seq: Seq,
    pub at: Timestamp,
    pub said: Said,
    pub request: RequestId,
}

/// What a process said, as far as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub method: String,
    pub thread: Option<String>,
    pub turn: Option<String>,
    /// The id of a request, as it came.
    pub id: Option<String>,
    /// As it came, on one line.
    pub params: String,
}

/// What one step collects.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub batch: Batch,
    frames: Vec<u8>,
    pub outputs: Vec<Output>,
    /// Whether turns have become due.
    pub owed: bool,
    /// Places of which rows are to be written.
    pub changed: BTreeSet<AccountId>,
}

/// Bytes that a frame's head has at most, by far.
pub(super) const HEAD_MAX_BYTES: usize = 8 * 1024;

impl Out {
    /// Adds a frame for the connection; frames of one step travel together as far as they fit.
    pub fn send(&mut self, head: &ToRunner, body: &[u8]) {
        if self.frames.len() + body.len() + HEAD_MAX_BYTES > MESSAGE_MAX_BYTES {
            self.flush();
        }
        // Ids, numbers and texts have no way to fail, and bodies are bounded.
        let _ = tunnel::push(&mut self.frames, head, body);
    }

    pub fn flush(&mut self) {
        if !self.frames.is_empty() {
            self.outputs.push(Output::Send(std::mem::take(&mut self.frames)));
        }
    }

    pub fn settle(&mut self, op: OpId, answer: Answer, body: Vec<u8>) {
        self.outputs.push(Output::Settle { op, settled: Settled::Answer(answer, body) });
    }
}
