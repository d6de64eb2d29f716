//! Turns of codex: started, watched, interrupted.

use schema::{
    Code, Error, Result,
    app_server::{Manner, Members},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    acting::Acting,
    rpc,
    runners::{self, Watch},
    threads::{self, Named, member, members},
};
use crate::{cx::Cx, domain::codex};

/// What a turn shall be.
pub struct Wanted {
    /// The thread; a new one if there is none.
    pub thread: Option<String>,
    /// What it begins with.
    pub input: Vec<Value>,
    pub cwd: Option<String>,
    pub manner: Manner,
    /// Whether its events will be watched.
    pub watched: bool,
}

/// A turn that has begun.
pub struct Begun {
    pub thread: String,
    pub turn: String,
    pub said: Members,
    /// The last event before it.
    pub after: u64,
}

/// Starts a turn, and its thread if there is none.
pub async fn start(cx: &Cx, whom: Acting, wanted: Wanted) -> Result<Begun> {
    let Wanted { thread, input, cwd, manner, watched } = wanted;
    let cwd = cwd.as_deref();
    // Where the log stands before anything of the turn is in it. Under a name that its caller gave
    // it, it may have begun long ago: then all that its thread said is told.
    let after = if watched && cx.idempotency_key.is_none() {
        runners::process(cx, whom.account).await?.map_or(0, |hosted| hosted.last.0)
    } else {
        0
    };
    let (thread, started) = match thread {
        Some(thread) => (thread, None),
        None => {
            let mut told = threads::start(cx, whom, cwd, &manner).await?;
            (told.thread, told.said.remove("thread"))
        }
    };
    // A new thread is where it shall be already.
    let cwd = cwd.filter(|_| started.is_none());
    let params = codex::turn(&thread, input, cwd, &manner)?;
    let mut said = rpc::call(cx, whom, "turn/start", params).await?;
    let Named { id: turn } = member(&said, "turn")?;
    said.extend(started.map(|thread| ("thread".to_owned(), thread)));
    Ok(Begun { thread, turn, said, after })
}

/// The events of a turn's thread from just before it, until it has completed.
pub async fn watch(cx: &Cx, whom: Acting, begun: &Begun) -> Result<web_sys::ReadableStream> {
    let (thread, until) = (Some(begun.thread.clone()), Some(begun.turn.clone()));
    rpc::events(cx, whom, &Watch { after: Some(begun.after), thread, until }).await
}

/// Interrupts a turn; its thread is looked for if nobody names it.
pub async fn interrupt(
    cx: &Cx,
    whom: Acting,
    turn: &str,
    thread: Option<&str>,
) -> Result<(String, Members)> {
    if let Some(thread) = thread {
        return Ok((thread.to_owned(), end(cx, whom, thread, turn).await?));
    }
    for thread in working(cx, whom).await? {
        match end(cx, whom, &thread, turn).await {
            Ok(said) => return Ok((thread, said)),
            // Another turn runs there, or none any more.
            Err(error) if error.code == Code::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    let message = format!("There is no running turn `{turn}`.");
    Err(Error::new(Code::ResourceNotFound, message))
}

async fn end(cx: &Cx, whom: Acting, thread: &str, turn: &str) -> Result<Members> {
    let params = members(json!({ "threadId": thread, "turnId": turn }));
    rpc::call(cx, whom, "turn/interrupt", params).await
}

/// The threads in which a turn runs.
async fn working(cx: &Cx, whom: Acting) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Thread {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(rename = "type")]
        kind: String,
    }
    // Nobody has to start a process to learn that nothing runs in it.
    let hosted = runners::process(cx, whom.account).await?;
    if hosted.and_then(|hosted| hosted.process).is_none_or(|process| process.turns == 0) {
        return Ok(Vec::new());
    }
    let loaded = rpc::call(cx, whom, "thread/loaded/list", members(json!({}))).await?;
    let mut working = Vec::new();
    for id in member::<Vec<String>>(&loaded, "data")? {
        let params = members(json!({ "threadId": &id, "includeTurns": false }));
        let thread: Thread = member(&rpc::ask(cx, whom, "thread/read", params).await?, "thread")?;
        if thread.status.kind == "active" {
            working.push(id);
        }
    }
    Ok(working)
}
