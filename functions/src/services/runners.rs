//! Runners: the machines that host codex, and what may be asked of an account's process on one of
//! them.

use schema::{AccountId, AskId, Error, Result, RunnerId, tunnel::Grade};
use serde_json::value::RawValue;

use crate::{
    cx::Cx,
    domain::hub::command::{Description, Hosted, Labels, PendingAsk, Resolved},
};

/// How long a call may take unless its caller says otherwise.
pub const CALL_MS: u32 = 60_000;

/// What a process answered, as it said it.
#[derive(Debug, Clone)]
pub enum Answered {
    /// The member `result`.
    Result(Box<RawValue>),
    /// The member `error`: `{"code", "message", …}`.
    Error(Box<RawValue>),
}

/// A request to an account's process.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// On whose behalf.
    pub grade: Grade,
    pub method: &'a str,
    pub params: &'a RawValue,
    /// Milliseconds to wait for the answer: [`CALL_MS`] unless there is a reason.
    pub wait_ms: u32,
}

/// Which events of an account's process to stream.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// The last one seen; from now on if there is none.
    pub after: Option<u64>,
    /// Only events of this thread (and of the runner).
    pub thread: Option<String>,
    /// End after the `turn/completed` of this turn.
    pub until: Option<String>,
}

/// Puts a request to an account's process; what it refuses is an error in our words.
pub async fn call(
    cx: &Cx,
    account: AccountId,
    grade: Grade,
    method: &str,
    params: &RawValue,
) -> Result<Box<RawValue>> {
    match answered(cx, account, Request { grade, method, params, wait_ms: CALL_MS }).await? {
        Answered::Result(result) => Ok(result),
        Answered::Error(error) => Err(failure(&error)),
    }
}

/// Puts a request to an account's process, wherever it runs: the account is placed on a runner if
/// it has none, and its process is given a key if it has none.
pub async fn answered(cx: &Cx, account: AccountId, request: Request<'_>) -> Result<Answered> {
    let _ = (cx, account, request);
    Err(unfinished())
}

/// Tells an account's process something that has no answer.
pub async fn notify(
    cx: &Cx,
    account: AccountId,
    method: &str,
    params: Option<&RawValue>,
) -> Result<()> {
    let _ = (cx, account, method, params);
    Err(unfinished())
}

/// The open questions of an account's process, oldest first.
pub async fn asks(cx: &Cx, account: AccountId) -> Result<Vec<PendingAsk>> {
    let _ = (cx, account);
    Err(unfinished())
}

/// Answers a question with `{"result": …}` or `{"error": …}`, once: whoever is later is told so.
pub async fn resolve(cx: &Cx, account: AccountId, ask: AskId, body: &RawValue) -> Result<Resolved> {
    let _ = (cx, account, ask, body);
    Err(unfinished())
}

/// The events of an account's process as server-sent events, for as long as somebody reads them.
pub async fn events(cx: &Cx, account: AccountId, watch: &Watch) -> Result<web_sys::Response> {
    let _ = (cx, account, watch);
    Err(unfinished())
}

/// An account's process; nothing if the account has never been placed on a runner.
pub async fn process(cx: &Cx, account: AccountId) -> Result<Option<Hosted>> {
    let _ = (cx, account);
    Err(unfinished())
}

/// Makes an account's process ready, on a runner with these labels if it has none yet.
pub async fn start(cx: &Cx, account: AccountId, labels: &Labels) -> Result<Hosted> {
    let _ = (cx, account, labels);
    Err(unfinished())
}

/// Ends an account's process; it begins again on demand.
pub async fn stop(cx: &Cx, account: AccountId) -> Result<()> {
    let _ = (cx, account);
    Err(unfinished())
}

/// A runner and everything on it.
pub async fn describe(cx: &Cx, runner: RunnerId) -> Result<Description> {
    let _ = (cx, runner);
    Err(unfinished())
}

fn failure(error: &RawValue) -> Error {
    let _ = error;
    unfinished()
}

fn unfinished() -> Error {
    Error::unavailable("runners are not served yet")
}
