//! Rows as SQL has them, and as the domain does.

use schema::{AccountId, AskId, KeyId, Timestamp, tunnel::Seq};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use worker::SqlStorageValue;

use super::rows::Fault;
use crate::domain::hub::{Decision, EventRow, Place, Question, State, command::PendingAsk};

/// A row of one text.
#[derive(Deserialize)]
pub struct OneText {
    pub text: String,
}

impl OneText {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        Ok(serde_json::from_str(&self.text)?)
    }
}

#[derive(Deserialize)]
pub struct PlaceShape {
    number: u32,
    account: AccountId,
    key: Option<KeyId>,
    process: Option<String>,
    last: u64,
    first: u64,
    oldest: Option<u64>,
    newest: Option<u64>,
}

impl PlaceShape {
    pub fn place(self) -> Result<(AccountId, Place), Fault> {
        let process = self.process.map(|process| serde_json::from_str(&process)).transpose()?;
        let last = Seq(self.newest.unwrap_or(0).max(self.last));
        let first = Seq(self.oldest.unwrap_or(self.first));
        Ok((self.account, Place { number: self.number, process, key: self.key, last, first }))
    }
}

#[derive(Deserialize)]
pub struct QuestionShape {
    ask: AskId,
    account: AccountId,
    seq: u64,
    thread: Option<String>,
    request: String,
    state: String,
    op: Option<String>,
    reply: Option<String>,
    decided_at: i64,
}

impl QuestionShape {
    pub fn question(self) -> Result<(AskId, Question), Fault> {
        let op = self.op.and_then(|op| op.parse().ok());
        let reply = self.reply.unwrap_or_default();
        let decision = Decision { reply, at: Timestamp::from_millis(self.decided_at) };
        let state = match (self.state.as_str(), op) {
            ("pending", _) => State::Pending,
            ("answered", Some(op)) => State::Answered { op, decision },
            ("delivered", _) => State::Delivered(decision),
            ("resolved", _) => State::Resolved,
            ("lapsed", _) => State::Lapsed,
            _ => return Err(Fault::from("a question is in no state")),
        };
        let request = serde_json::from_str(&self.request)?;
        let (account, seq, thread) = (self.account, Seq(self.seq), self.thread);
        Ok((self.ask, Question { account, seq, request, thread, state }))
    }
}

#[derive(Deserialize)]
pub struct AskShape {
    ask: AskId,
    account: AccountId,
    seq: u64,
    at: i64,
    method: String,
    thread: Option<String>,
    turn: Option<String>,
    request: String,
    params: String,
    state: String,
}

impl AskShape {
    pub fn pending(self) -> Result<PendingAsk, Fault> {
        Ok(PendingAsk {
            ask: self.ask,
            account: self.account,
            seq: Seq(self.seq),
            at: Timestamp::from_millis(self.at),
            method: self.method,
            thread: self.thread,
            turn: self.turn,
            request: serde_json::from_str(&self.request)?,
            params: serde_json::from_str(&self.params)?,
            answered: self.state == "answered",
        })
    }
}

/// An event as it is read.
#[derive(Debug)]
pub struct EventShape {
    pub seq: Seq,
    pub at: Timestamp,
    pub method: String,
    pub thread: Option<String>,
    pub turn: Option<String>,
    pub ask: Option<String>,
    pub request: Option<String>,
    pub params: String,
}

impl EventShape {
    /// Reads `key, at, method, thread, turn, ask, request, params`.
    pub fn read(row: Vec<SqlStorageValue>, place_keys: i64) -> Result<Self, Fault> {
        let [key, at, method, thread, turn, ask, request, params] =
            <[_; 8]>::try_from(row).map_err(|_| broken())?;
        let text = |value| match value {
            SqlStorageValue::String(text) => Some(text),
            _ => None,
        };
        Ok(Self {
            seq: Seq(integer(&key)?.rem_euclid(place_keys).unsigned_abs()),
            at: Timestamp::from_millis(integer(&at)?),
            method: text(method).ok_or_else(broken)?,
            thread: text(thread),
            turn: text(turn),
            ask: text(ask),
            request: text(request),
            params: text(params).ok_or_else(broken)?,
        })
    }
}

/// A number, which may have come as any that JavaScript has.
fn integer(value: &SqlStorageValue) -> Result<i64, Fault> {
    match value {
        SqlStorageValue::Integer(value) => Ok(*value),
        #[expect(clippy::cast_possible_truncation, reason = "ours are whole and below 2^53")]
        SqlStorageValue::Float(value) => Ok(*value as i64),
        _ => Err(broken()),
    }
}

fn broken() -> Fault {
    Fault::from("a row has other columns than it should")
}

/// An event as a row of a statement that writes many.
pub fn event_row(key: i64, row: &EventRow, through: i64) -> Value {
    let said = &row.said;
    json!([
        key,
        row.at.millis(),
        said.method,
        said.thread,
        said.turn,
        row.ask,
        said.id,
        said.params,
        through
    ])
}
