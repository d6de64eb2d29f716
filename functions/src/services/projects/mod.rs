//! Projects: workspaces that stay, and the conversations in them.

mod approvals;
mod open;
mod passes;
mod policy;
mod state;
mod terminal;
mod turns;

pub use approvals::{Given, approvals, resolve};
pub use open::{Opened, Wish, open};
pub use passes::{enter, revoke_terminals, stream_ticket, terminal_pass};
pub use policy::{Tried, policy, set_policy, try_policy};
pub use state::{Logged, Page as TurnPage, State, ThreadTold, logged, state, thread};
pub use terminal::{command as terminal_command, connect};
pub use turns::{Outcome, Prompted, Wanted, interrupt, prompt, withdraw};

use futures::future::try_join_all;
use schema::{AccountId, Error, ProjectId, Result};
use serde_json::Value;

use super::acting::{Acting, acting};
use crate::{
    cx::{self, Cx},
    domain::{
        operation,
        project::command::{Answer, Command, Described, Profile, Settings},
    },
    objects::project::stub,
    store::projects,
};

pub use crate::store::projects::Listed;

/// A project that the caller may work with.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: ProjectId,
    pub account: AccountId,
    /// Its directory below the account's workspace.
    pub root: String,
    pub profile: Profile,
    /// On whose behalf it is worked with.
    pub whom: Acting,
}

/// What a new project shall be.
#[derive(Debug, Clone, Default)]
pub struct NewProject {
    pub name: String,
    pub owner: String,
    pub template: Value,
    pub settings: Settings,
}

/// Makes a project; under the same `Idempotency-Key` the same one.
pub async fn create(cx: &Cx, new: NewProject) -> Result<Profile> {
    let whom = acting(cx, None).await?;
    let NewProject { name, owner, template, settings } = new;
    let (id, created_at, account) = (cx::new_id(cx.now)?, cx.now, whom.account);
    let profile = Profile { id, account, owner, name, template, created_at };
    let key = cx.idempotency_key.as_deref();
    let op = key.map(|key| operation::named(account, "project", key));
    let profile = projects::add(&cx.env, profile, op).await?;
    tell(cx, profile.id, &Command::Create(profile.clone())).await?;
    if settings != Settings::default() {
        tell(cx, profile.id, &Command::Set(Box::new(settings))).await?;
    }
    Ok(profile)
}

/// The caller's projects, of one owner or of all, newest first: one more than `size`.
pub async fn list(
    cx: &Cx,
    owner: Option<&str>,
    after: Option<ProjectId>,
    size: u32,
) -> Result<Vec<Listed>> {
    let whom = acting(cx, None).await?;
    projects::list(&cx.env, whom.account, owner, after, size).await
}

/// How many questions wait in each of them.
pub async fn waiting(cx: &Cx, listed: &[Listed]) -> Result<Vec<usize>> {
    let asked = listed.iter().map(async |it| {
        let command = Command::Approvals { all: false };
        match stub::tell(&cx.env, it.profile.id, &command).await? {
            Answer::Approvals(approvals) => Ok(approvals.len()),
            other => Err(unexpected(&other)),
        }
    });
    try_join_all(asked).await
}

/// A project, if it is the caller's: another's is not there.
pub async fn owned(cx: &Cx, id: ProjectId) -> Result<Project> {
    Ok(described(cx, id).await?.0)
}

/// The same, and how it stands.
pub async fn described(cx: &Cx, id: ProjectId) -> Result<(Project, Described)> {
    let whom = acting(cx, None).await?;
    let described = find(cx, id).await?;
    let profile = described.profile.clone();
    if profile.account != whom.account {
        return Err(Error::not_found("project", id));
    }
    let (account, root) = (profile.account, profile.root());
    Ok((Project { id, account, root, profile, whom }, described))
}

async fn find(cx: &Cx, id: ProjectId) -> Result<Described> {
    if let Answer::Described(described) = stub::tell(&cx.env, id, &Command::Look).await? {
        return Ok(*described);
    }
    // It may have been entered, and its object not have heard of it.
    let profile = projects::find(&cx.env, id).await?;
    let profile = profile.ok_or_else(|| Error::not_found("project", id))?;
    tell(cx, id, &Command::Create(profile)).await?;
    match stub::tell(&cx.env, id, &Command::Look).await? {
        Answer::Described(described) => Ok(*described),
        other => Err(unexpected(&other)),
    }
}

/// The events of a project, after a line of its log or from now on.
pub async fn events(
    cx: &Cx,
    project: ProjectId,
    after: Option<u64>,
    thread: Option<&str>,
) -> Result<web_sys::ReadableStream> {
    let query = serde_urlencoded::to_string((("after", after), ("thread", thread)));
    let query = query.map_err(Error::internal)?;
    let response = stub::events(&cx.env, project, &query).await?;
    response.body().ok_or_else(|| Error::unavailable("a stream of events without a body"))
}

/// Tells a project's object something that it answers with nothing.
async fn tell(cx: &Cx, id: ProjectId, command: &Command) -> Result<()> {
    match stub::tell(&cx.env, id, command).await? {
        Answer::Done => Ok(()),
        Answer::None => Err(Error::not_found("project", id)),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &Answer) -> Error {
    Error::internal(format!("a project's object answered {answer:?}"))
}
