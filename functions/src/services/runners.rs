//! Runners: the machines that host codex, and what may be asked of an account's process on one of
//! them.

use schema::{
    AccountId, AskId, Code, Error, OpId, ProjectId, Result, RunnerId, rpc, tunnel::Grade,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    holds::{self, Begins},
    keys::{self, Wanted},
    placement,
};
use crate::{
    cx::{self, Cx},
    domain::{
        access::Scope,
        codex,
        hub::command::{
            Act, Answer, Command, Hosted, Labels, Look, NewKey, PendingAsk, Resolved, Standing,
        },
        operation,
    },
    objects::runner::stub,
};

/// How long a call may take unless its caller says otherwise.
pub const CALL_MS: u32 = 60_000;

/// Runners that are tried for one call, if each turns out to be void.
const HOMES_MAX: u32 = 3;

/// How often one call is sent: as it is, with a key for its process, with money on hold.
const NEEDS_MAX: u32 = 4;

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

/// Puts a request to an account's process, wherever it runs: the account is placed on a runner if
/// it has none, and its process is given a key if it has none.
pub async fn answered(cx: &Cx, account: AccountId, request: Request<'_>) -> Result<Answered> {
    let Request { grade, method, params, wait_ms } = request;
    let body = message(method, Some(params))?;
    // Sent again under the name that its caller gave it, it is the same operation.
    let name = cx.idempotency_key.as_deref();
    let name = name.map(|key| operation::named(account, method, key));
    let mut pays = None;
    for _ in 0..NEEDS_MAX {
        let call = |op| {
            let (op, pays) = (name.unwrap_or(op), pays.clone());
            Act::Call { op, account, grade, wait_ms, pays }
        };
        match act(cx, account, call, &body).await? {
            (Answer::Answered, body) => return read(&body),
            (Answer::NeedsKey, _) => provision(cx, account).await?,
            (Answer::NeedsHold { thread, model }, _) => {
                let begins = Begins { thread, model, bytes: body.len() };
                pays = Some(holds::take(cx, account, begins).await?);
            }
            (other, _) => return Err(unexpected(&other)),
        }
    }
    Err(Error::unavailable("a runner wanted a key and money for one call, again and again"))
}

/// Has the host of an account's process do something itself, which needs neither codex nor a key.
/// Every call is an operation of its own.
pub async fn hosts<T: DeserializeOwned>(
    cx: &Cx,
    account: AccountId,
    method: &str,
    params: &impl Serialize,
    wait_ms: u32,
) -> Result<T> {
    let params = serde_json::value::to_raw_value(params).map_err(Error::internal)?;
    let body = message(method, Some(&params))?;
    let (grade, pays) = (Grade::Customer, None);
    let call = |op| Act::Call { op, account, grade, wait_ms, pays: pays.clone() };
    match act(cx, account, call, &body).await? {
        (Answer::Answered, body) => match read(&body)? {
            Answered::Result(result) => serde_json::from_str(result.get()).map_err(failed),
            Answered::Error(error) => Err(workspace_failure(&error)),
        },
        (other, _) => Err(unexpected(&other)),
    }
}

/// What a host refuses, in its own words.
fn workspace_failure(error: &RawValue) -> Error {
    #[derive(Deserialize)]
    struct Failure {
        data: Error,
    }
    let failure = serde_json::from_str::<Failure>(error.get());
    failure.map_or_else(|_| failed(error.get()), |failure| failure.data)
}

/// Tells an account's process something that has no answer.
pub async fn notify(
    cx: &Cx,
    account: AccountId,
    method: &str,
    params: Option<&RawValue>,
) -> Result<()> {
    let body = message(method, params)?;
    done(act(cx, account, |op| Act::Notify { op, account }, &body).await?.0)
}

/// The open questions of an account's process, oldest first.
pub async fn asks(cx: &Cx, account: AccountId) -> Result<Vec<PendingAsk>> {
    let look = Command::Look(Look::Asks { account: Some(account) });
    match settled(cx, account, &look, b"").await? {
        Some((Answer::Asks(asks), _)) => Ok(asks),
        Some((other, _)) => Err(unexpected(&other)),
        None => Ok(Vec::new()),
    }
}

/// Answers a question with `{"result": …}` or `{"error": …}`, once: whoever is later is told so.
pub async fn resolve(cx: &Cx, account: AccountId, ask: AskId, body: &RawValue) -> Result<Resolved> {
    let op = cx::new_id(cx.now)?;
    let act = Command::Act(Act::Resolve { op, ask, account: Some(account) });
    match settled(cx, account, &act, body.get().as_bytes()).await? {
        Some((Answer::Resolved(resolved), _)) => Ok(resolved),
        Some((other, _)) => Err(unexpected(&other)),
        None => Err(Error::not_found("open question", ask)),
    }
}

/// The events of an account's process as server-sent events, for as long as somebody reads them.
pub async fn events(cx: &Cx, account: AccountId, watch: &Watch) -> Result<web_sys::Response> {
    let query = (
        ("account", account),
        ("after", watch.after),
        ("thread", watch.thread.as_deref()),
        ("until", watch.until.as_deref()),
    );
    let query = serde_urlencoded::to_string(query).map_err(Error::internal)?;
    stream(cx, account, &format!("/events?{query}")).await
}

/// What the object of the account's runner streams.
pub(super) async fn stream(cx: &Cx, account: AccountId, path: &str) -> Result<web_sys::Response> {
    for _ in 0..HOMES_MAX {
        let runner = placement::home(cx, account, &Labels::new()).await?;
        match stub::look(&cx.env, runner, path).await? {
            Some(stream) => return Ok(stream),
            None => placement::leave(cx, account, runner).await?,
        }
    }
    Err(displaced())
}

/// An account's process; nothing if the account has never been placed on a runner.
pub async fn process(cx: &Cx, account: AccountId) -> Result<Option<Hosted>> {
    match settled(cx, account, &Command::Look(Look::Process { account }), b"").await? {
        Some((Answer::Process(hosted), _)) => Ok(Some(*hosted)),
        Some((other, _)) => Err(unexpected(&other)),
        None => Ok(None),
    }
}

/// Makes an account's process ready, on a runner with these labels if it has none yet.
pub async fn start(cx: &Cx, account: AccountId, labels: &Labels) -> Result<Hosted> {
    placement::home(cx, account, labels).await?;
    let start = |op| Act::Start { op, account, key: None };
    match act(cx, account, start, b"").await?.0 {
        Answer::NeedsKey => provision(cx, account).await?,
        Answer::Started { .. } => {}
        other => return Err(unexpected(&other)),
    }
    let hosted = process(cx, account).await?;
    hosted.ok_or_else(|| Error::internal("an account that was placed is nowhere"))
}

/// Ends an account's process; it begins again on demand.
pub async fn stop(cx: &Cx, account: AccountId) -> Result<()> {
    let op = cx::new_id(cx.now)?;
    match settled(cx, account, &Command::Act(Act::Stop { op, account }), b"").await? {
        Some((answer, _)) => done(answer),
        None => Ok(()),
    }
}

/// What a thread of an account says goes to that project from now on.
pub async fn follow(cx: &Cx, account: AccountId, project: ProjectId, thread: &str) -> Result<()> {
    let follow = |_| Act::Follow { account, project, thread: thread.to_owned() };
    done(act(cx, account, follow, b"").await?.0)
}

/// Has a project told what it may have missed, soon. A runner that is away says it when it is back.
pub async fn feed(cx: &Cx, runner: RunnerId, account: AccountId, project: ProjectId) {
    let feed = Command::Act(Act::Feed { account, project });
    if let Err(error) = stub::tell(&cx.env, runner, &feed, b"").await {
        worker::console_warn!("feed: {}", error.cause.unwrap_or(error.message));
    }
}

/// How a runner stands and why; nothing if it never was.
pub async fn standing(cx: &Cx, runner: RunnerId) -> Result<Option<(Standing, String)>> {
    match stub::tell(&cx.env, runner, &Command::Look(Look::Runner), b"").await?.0 {
        Answer::Description(it) => Ok(Some((it.standing, it.reason))),
        Answer::Gone => Ok(Some((Standing::Revoked, "It was revoked.".to_owned()))),
        other => Err(unexpected(&other)),
    }
}

/// Gives an account's process a key of its own to pay with. The one before it is void then.
async fn provision(cx: &Cx, account: AccountId) -> Result<()> {
    let scopes = vec![Scope::Responses, Scope::Models];
    // The machine keeps it; nobody else has to read it.
    let name = "runner".to_owned();
    let wanted = Wanted { name, scopes, copied: false, ..Wanted::default() };
    let (text, key) = keys::create(cx, account, wanted).await?;
    let key = NewKey { id: key.id, text };
    let start = |op| Act::Start { op, account, key: Some(key.clone()) };
    match act(cx, account, start, b"").await?.0 {
        Answer::Started { replaced: Some(replaced) } => keys::revoke(cx, replaced).await.map(drop),
        Answer::Started { replaced: None } => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// Has the account's runner do something; the account is given one if it has none.
async fn act(
    cx: &Cx,
    account: AccountId,
    act: impl Fn(OpId) -> Act,
    body: &[u8],
) -> Result<(Answer, Vec<u8>)> {
    for _ in 0..HOMES_MAX {
        let runner = placement::home(cx, account, &Labels::new()).await?;
        let command = Command::Act(act(cx::new_id(cx.now)?));
        match stub::tell(&cx.env, runner, &command, body).await? {
            (Answer::Gone, _) => placement::leave(cx, account, runner).await?,
            told => return Ok(told),
        }
    }
    Err(displaced())
}

/// Tells the account's runner something; nothing if it has none.
async fn settled(
    cx: &Cx,
    account: AccountId,
    command: &Command,
    body: &[u8],
) -> Result<Option<(Answer, Vec<u8>)>> {
    let Some(runner) = placement::known(cx, account).await? else { return Ok(None) };
    match stub::tell(&cx.env, runner, command, body).await? {
        (Answer::Gone, _) => {
            placement::leave(cx, account, runner).await?;
            Ok(None)
        }
        told => Ok(Some(told)),
    }
}

fn displaced() -> Error {
    Error::unavailable("an account's runners were revoked one after the other")
}

/// A request or notification as `codex app-server` reads it.
fn message(method: &str, params: Option<&RawValue>) -> Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Message<'a> {
        method: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        params: Option<&'a RawValue>,
    }
    serde_json::to_vec(&Message { method, params }).map_err(Error::internal)
}

fn read(body: &[u8]) -> Result<Answered> {
    let said: rpc::Response<'_> = serde_json::from_slice(body).map_err(failed)?;
    match (said.error, said.result) {
        (Some(error), _) => Ok(Answered::Error(error.to_owned())),
        (None, Some(result)) => Ok(Answered::Result(result.to_owned())),
        (None, None) => Err(failed("a process answered with neither result nor error")),
    }
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::new(Code::UpstreamFailed, "The process answered with something that is no answer.")
        .caused_by(cause)
}

/// What a process refuses, in our words.
pub(super) fn failure(error: &RawValue) -> Error {
    let failure = serde_json::from_str::<rpc::Failure>(error.get());
    failure.map_or_else(|_| failed(error.get()), |failure| codex::error(&failure))
}

fn done(answer: Answer) -> Result<()> {
    match answer {
        Answer::Done | Answer::Answered => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// An object answered something else than it was asked: old and new code have met.
pub(super) fn unexpected(answer: &Answer) -> Error {
    Error::internal(format!("a runner answered with {answer:?}"))
}
