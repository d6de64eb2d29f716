//! Threads of codex: listed, read, started, gone on with.

use schema::{
    Error, Result,
    app_server::{ListThreads, Manner, Members},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{acting::Acting, rpc};
use crate::{
    cx::Cx,
    domain::{codex, methods},
};

/// A thread that codex told of, with its id.
pub struct Told {
    pub thread: String,
    /// Whether it was there before.
    pub resumed: bool,
    pub said: Members,
}

/// A page of threads, newest first.
pub async fn list(cx: &Cx, whom: Acting, wanted: &ListThreads) -> Result<Members> {
    let params = serde_json::to_value(wanted).map_err(Error::internal)?;
    let params = params.as_object().cloned().unwrap_or_default();
    rpc::call(cx, whom, "thread/list", params).await
}

/// A thread, with its turns if they are wanted.
pub async fn read(cx: &Cx, whom: Acting, thread: &str, with_turns: bool) -> Result<Told> {
    let params = members(json!({ "threadId": thread, "includeTurns": with_turns }));
    told(rpc::call(cx, whom, "thread/read", params).await?, true)
}

/// A new thread.
pub async fn start(cx: &Cx, whom: Acting, cwd: Option<&str>, manner: &Manner) -> Result<Told> {
    let params = codex::start(cwd, manner)?;
    told(rpc::call(cx, whom, "thread/start", params).await?, false)
}

/// A thread that goes on, with what the caller wants to be different.
pub async fn resume(
    cx: &Cx,
    whom: Acting,
    thread: &str,
    wish: (Option<&str>, &Manner),
) -> Result<Told> {
    let (cwd, manner) = wish;
    let params = codex::resume(thread, cwd, manner)?;
    told(rpc::call(cx, whom, "thread/resume", params).await?, true)
}

/// The latest thread of a folder, resumed; without one, a new one there.
pub async fn open(cx: &Cx, whom: Acting, cwd: &str, manner: &Manner) -> Result<Told> {
    // What is wrong is wrong whether or not there is a thread to go on with.
    methods::permit_params(whom.grade, &codex::start(Some(cwd), manner)?)?;
    let (limit, cwd_wanted) = (Some(1), Some(cwd.to_owned()));
    let sort_key = Some("updated_at".to_owned());
    let wanted = ListThreads { limit, cwd: cwd_wanted, sort_key, ..ListThreads::default() };
    let found = list(cx, whom, &wanted).await?;
    let threads: Vec<Named> = member(&found, "data")?;
    match threads.first() {
        Some(latest) => resume(cx, whom, &latest.id, (None, manner)).await,
        None => start(cx, whom, Some(cwd), manner).await,
    }
}

/// What is read of a thread or a turn.
#[derive(Deserialize)]
pub(super) struct Named {
    pub id: String,
}

/// A member of what codex answered.
pub(super) fn member<T: serde::de::DeserializeOwned>(said: &Members, name: &str) -> Result<T> {
    let member = said.get(name).map(|value| serde_json::from_str(value.get()));
    match member {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(Error::internal(format!("codex's `{name}`: {error}"))),
        None => Err(Error::internal(format!("codex answered without `{name}`"))),
    }
}

/// The members of a literal object.
pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn told(said: Members, resumed: bool) -> Result<Told> {
    let Named { id } = member(&said, "thread")?;
    Ok(Told { thread: id, resumed, said })
}
