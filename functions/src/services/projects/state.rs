//! How a project stands: its thread, its turns, what waits. It is told from the project's own log,
//! also while its runner is away, and says so.

use schema::{Code, Error, ProjectId, Result, agent::ApprovalState, tunnel::ProcessState};
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use super::{Project, approvals, described, unexpected};
use crate::{
    cx::Cx,
    domain::project::{
        approval::Approval,
        command::{Answer, Command, Described, Turns},
    },
    objects::project::stub,
    services::{runners, threads},
};

/// Turns that are told at once unless somebody wants fewer.
pub const TURNS_MAX: u32 = 100;

/// A project as it stands.
pub struct State {
    pub project: Project,
    pub described: Described,
    pub thread: Option<ThreadTold>,
    pub turns: Option<Turns>,
    pub approvals: Vec<Approval>,
}

/// A project as its log tells it, with its newest turns and approvals, both oldest first.
pub struct Logged {
    pub described: Described,
    pub turns: Turns,
    pub approvals: Vec<Approval>,
}

/// A thread, and who tells of it.
pub struct ThreadTold {
    pub id: String,
    pub said: Box<RawValue>,
    /// Whether codex itself told it; otherwise it is what it said when the project was opened.
    pub live: bool,
}

/// Which turns to tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    pub wanted: bool,
    pub limit: Option<u32>,
    pub before: Option<u64>,
}

/// How a project stands by its own log: nobody waits for codex.
pub async fn logged(cx: &Cx, id: ProjectId, limit: u32) -> Result<Logged> {
    let (project, described) = looked_at(cx, id).await?;
    let page = Page { wanted: true, limit: Some(limit), before: None };
    let turns = match &described.thread {
        Some(thread) => turns(cx, &project, thread, page).await?,
        None => None,
    };
    let approvals = approvals(cx, &project, true).await?;
    Ok(Logged { described, turns: turns.unwrap_or_default(), approvals })
}

/// A project, and how it and its machine stand now.
async fn looked_at(cx: &Cx, id: ProjectId) -> Result<(Project, Described)> {
    let (project, mut known) = described(cx, id).await?;
    if let Some(standing) = look_at_runner(cx, &project, &known).await {
        known.standing = Some(standing);
    }
    Ok((project, known))
}

/// How a project stands.
pub async fn state(cx: &Cx, id: ProjectId, page: Page) -> Result<State> {
    let (project, known) = looked_at(cx, id).await?;
    let mut waiting = approvals(cx, &project, false).await?;
    waiting.retain(|it| it.state == ApprovalState::Pending);
    let (thread, turns) = match known.thread.clone() {
        Some(thread) => (
            Some(told(cx, &project, &known, &thread).await?),
            turns(cx, &project, &thread, page).await?,
        ),
        None => (None, page.wanted.then(Turns::default)),
    };
    Ok(State { project, described: known, thread, turns, approvals: waiting })
}

/// The latest thread of a project, and its turns if they are wanted.
pub async fn thread(
    cx: &Cx,
    id: ProjectId,
    page: Page,
) -> Result<(Project, ThreadTold, Option<Turns>)> {
    let (project, known) = described(cx, id).await?;
    let thread = known.thread.clone().ok_or_else(|| {
        let message = "The project has no thread yet: open it first.";
        Error::new(Code::ResourceNotFound, message)
    })?;
    let turns = turns(cx, &project, &thread, page).await?;
    let told = told(cx, &project, &known, &thread).await?;
    Ok((project, told, turns))
}

/// What codex says of a thread if it runs anyway, and otherwise what it said last: nobody has to
/// start a process to learn what was.
async fn told(cx: &Cx, project: &Project, known: &Described, thread: &str) -> Result<ThreadTold> {
    let id = thread.to_owned();
    if runs(cx, project).await
        && let Ok(mut told) = threads::read(cx, project.whom, thread, false).await
        && let Some(said) = told.said.remove("thread")
    {
        return Ok(ThreadTold { id, said, live: true });
    }
    let said = known.said.get("thread").cloned();
    let said = said.unwrap_or_else(|| json!({ "id": thread, "turns": [] }));
    let said = to_raw_value(&said).map_err(Error::internal)?;
    Ok(ThreadTold { id, said, live: false })
}

async fn runs(cx: &Cx, project: &Project) -> bool {
    let process = runners::process(cx, project.account).await.ok().flatten();
    let process = process.and_then(|hosted| hosted.process);
    process.is_some_and(|process| process.state == ProcessState::Running)
}

async fn turns(cx: &Cx, project: &Project, thread: &str, page: Page) -> Result<Option<Turns>> {
    if !page.wanted {
        return Ok(None);
    }
    let limit = page.limit.unwrap_or(TURNS_MAX).clamp(1, TURNS_MAX);
    let (thread, before) = (thread.to_owned(), page.before);
    let wanted = Command::Turns { thread, limit, before };
    match stub::tell(&cx.env, project.id, &wanted).await? {
        Answer::Turns(turns) => Ok(Some(turns)),
        other => Err(unexpected(&other)),
    }
}

/// How the project's runner stands now; the project may not have heard of its silence yet.
async fn look_at_runner(
    cx: &Cx,
    project: &Project,
    known: &Described,
) -> Option<(crate::domain::hub::command::Standing, String)> {
    let runner = known.runner?;
    runners::feed(cx, runner, project.account, project.id).await;
    runners::standing(cx, runner).await.ok().flatten()
}
