//! Prompts of a project: each begins a turn, is told to the one that runs, or waits. None is lost.

use std::time::Duration;

use schema::{
    Code, Error, MicroUsd, OpId, PromptId, Result,
    agent::WhenBusy,
    app_server::{Manner, Members},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Project, tell, unexpected};
use crate::{
    cx::{self, Cx},
    domain::{
        codex, methods, operation,
        project::{
            command::{Answer, Asked, Command},
            turn::Leave,
        },
    },
    objects::project::stub,
    services::{
        rpc,
        threads::{self, Named, member, members},
    },
};

/// How often a prompt looks again where a turn is about to begin or has just ended.
const TRIES_MAX: u32 = 50;
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What shall be done in a project.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The thread, if it is not the latest.
    pub thread: Option<String>,
    pub input: Vec<Value>,
    pub manner: Manner,
    pub when_busy: WhenBusy,
    pub most: Option<MicroUsd>,
}

/// What became of a prompt.
#[derive(Debug)]
pub struct Prompted {
    pub thread: String,
    pub outcome: Outcome,
    pub said: Members,
}

/// See [`Prompted`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Started { turn: String },
    Steered { turn: String },
    Queued { prompt: PromptId, ahead: usize },
}

/// A prompt comes.
pub async fn prompt(cx: &Cx, project: &Project, wanted: Wanted) -> Result<Prompted> {
    let Wanted { thread, input, manner, mut when_busy, most } = wanted;
    let thread = match thread {
        Some(thread) => its_own(cx, project, thread).await?,
        None => latest(cx, project).await?,
    };
    let params = codex::turn(&thread, input.clone(), None, &manner)?;
    // What may not be asked is refused before it waits for its turn.
    methods::permit(project.whom.grade, "turn/start")?;
    methods::permit_params(project.whom.grade, &params)?;
    let id = match &cx.idempotency_key {
        Some(key) => {
            let op = operation::named(project.account, &project.id.to_string(), key);
            PromptId::from_bits(op.bits())
        }
        None => cx::new_id(cx.now)?,
    };
    let op = OpId::from_bits(id.bits());
    let asked = Asked { id, thread: thread.clone(), params: params.clone(), most };
    for tried in 0..TRIES_MAX {
        if tried + 1 == TRIES_MAX && when_busy == WhenBusy::Steer {
            when_busy = WhenBusy::Queue;
        }
        let ask = Command::Ask { prompt: asked.clone(), op, when: when_busy };
        let leave = match stub::tell(&cx.env, project.id, &ask).await? {
            Answer::Leave(leave) => leave,
            other => return Err(unexpected(&other)),
        };
        match leave {
            Leave::Go => return begin(cx, project, (thread, op), params).await,
            Leave::Begun { turn } => {
                let (outcome, said) = (Outcome::Started { turn }, Members::new());
                return Ok(Prompted { thread, outcome, said });
            }
            Leave::Queued { ahead } => {
                let outcome = Outcome::Queued { prompt: id, ahead };
                return Ok(Prompted { thread, outcome, said: Members::new() });
            }
            Leave::Steer { turn } => match steer(cx, project, &thread, &turn, &input).await {
                // It ended meanwhile.
                Err(error) if error.code == Code::Conflict => pause().await,
                steered => {
                    steered?;
                    let outcome = Outcome::Steered { turn };
                    return Ok(Prompted { thread, outcome, said: Members::new() });
                }
            },
            Leave::Soon => pause().await,
        }
    }
    let message = "Turns of this project begin and end too quickly to be told anything. Try again.";
    Err(Error::new(Code::Conflict, message))
}

/// Begins the turn that the project's object let begin.
async fn begin(
    cx: &Cx,
    project: &Project,
    (thread, op): (String, OpId),
    params: Map<String, Value>,
) -> Result<Prompted> {
    let begun = rpc::call(cx, project.whom, "turn/start", params).await;
    let said = match begun {
        Ok(said) => said,
        // Whether it began is not known: if it did, the log says so.
        Err(error) if error.code == Code::Timeout => return Err(error),
        Err(error) => {
            tell(cx, project.id, &Command::NotBegun { thread, op }).await?;
            return Err(error);
        }
    };
    let Named { id: turn } = member(&said, "turn")?;
    let began = Command::Began { thread: thread.clone(), op, turn: turn.clone() };
    tell(cx, project.id, &began).await?;
    Ok(Prompted { thread, outcome: Outcome::Started { turn }, said })
}

async fn steer(
    cx: &Cx,
    project: &Project,
    thread: &str,
    turn: &str,
    input: &[Value],
) -> Result<Members> {
    let params = json!({ "threadId": thread, "expectedTurnId": turn, "input": input });
    rpc::call(cx, project.whom, "turn/steer", members(params)).await
}

/// Interrupts a turn of the project.
pub async fn interrupt(cx: &Cx, project: &Project, turn: &str) -> Result<(String, Members)> {
    let thread = latest(cx, project).await?;
    let params = members(json!({ "threadId": thread, "turnId": turn }));
    Ok((thread, rpc::call(cx, project.whom, "turn/interrupt", params).await?))
}

/// A prompt that waits is not wanted any more.
pub async fn withdraw(cx: &Cx, project: &Project, prompt: PromptId) -> Result<()> {
    tell(cx, project.id, &Command::Dequeue { prompt }).await
}

/// A thread that the caller names, if it is of this project: another's is not there.
async fn its_own(cx: &Cx, project: &Project, thread: String) -> Result<String> {
    if latest(cx, project).await.is_ok_and(|latest| latest == thread) {
        return Ok(thread);
    }
    #[derive(Deserialize)]
    struct Place {
        cwd: String,
    }
    let told = threads::read(cx, project.whom, &thread, false).await?;
    let Place { cwd } = member(&told.said, "thread")?;
    if cwd.ends_with(&format!("/{}", project.root)) {
        return Ok(thread);
    }
    Err(Error::not_found("thread", thread))
}

/// The thread that goes on.
async fn latest(cx: &Cx, project: &Project) -> Result<String> {
    match stub::tell(&cx.env, project.id, &Command::Look).await? {
        Answer::Described(described) => described.thread.ok_or_else(|| {
            let message = "The project has not been opened yet: open it first.";
            Error::new(Code::Conflict, message)
        }),
        other => Err(unexpected(&other)),
    }
}

async fn pause() {
    worker::Delay::from(TRY_AGAIN).await;
}
