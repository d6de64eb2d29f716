//! Projects themselves: made, listed, read, opened.

use schema::{
    Error, Result,
    agent::{CreateProject, OpenProject, Opened, Project, ProjectState, ProjectThread},
    page::{Page, PageQuery},
    workspace::Template,
};
use serde::Deserialize;

use super::{MAX_COST, ProjectPath, turns::Nothing, view};
use crate::{
    cx::Cx,
    domain::{codex, project::command::Settings},
    http::{Created, Json},
    services::{
        budgets,
        projects::{self, NewProject, Outcome, State, TurnPage, Wish},
    },
};

/// The longest name, and the longest name of an owner.
const NAME_MAX_CHARS: usize = 200;
/// How long an approval may wait: ten seconds to thirty days.
const PATIENCE_S: std::ops::RangeInclusive<i64> = 10..=2_592_000;

/// Which projects.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProjectsOf {
    /// Of this owner only.
    #[serde(rename = "ownerId")]
    owner_id: Option<String>,
    /// Rows in the page: 1 to 100, 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    starting_after: Option<String>,
}

/// Which turns of a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TurnsOf {
    /// The project.
    #[serde(rename = "project_id")]
    project_id: schema::ProjectId,
    /// Whether its turns are wanted too.
    #[serde(default)]
    include_turns: bool,
    /// How many, the newest first to be counted: 1 to 100, 100 unless told.
    #[serde(default)]
    limit: Option<u32>,
    /// The `turnsBefore` of the answer before.
    #[serde(default)]
    before: Option<u64>,
}

impl TurnsOf {
    const fn page(&self) -> TurnPage {
        TurnPage { wanted: self.include_turns, limit: self.limit, before: self.before }
    }
}

pub async fn create(cx: Cx, _: Nothing, body: CreateProject) -> Result<Created<Project>> {
    let CreateProject { name, owner_id, template, approval_timeout_seconds, max_cost_micro_usd } =
        body;
    let (name, owner) = (name.trim().to_owned(), owner_id.unwrap_or_default().trim().to_owned());
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS {
        return Err(Error::field("name", format!("1 to {NAME_MAX_CHARS} characters")));
    }
    if owner.chars().count() > NAME_MAX_CHARS {
        return Err(Error::field("ownerId", format!("at most {NAME_MAX_CHARS} characters")));
    }
    if approval_timeout_seconds.is_some_and(|it| !PATIENCE_S.contains(&it)) {
        return Err(Error::field("approvalTimeoutSeconds", "10 to 2592000 seconds"));
    }
    let settings = Settings {
        patience_ms: approval_timeout_seconds.map(|seconds| seconds * 1_000),
        most: budgets::limit(MAX_COST, max_cost_micro_usd)?.map(Some),
    };
    let template = template.unwrap_or_else(|| "empty".into());
    if serde_json::from_value::<Template>(template.clone()).is_err() {
        let message = "`react`, `node`, `python`, `rust`, `static`, `empty`, or \
                       `{\"git\": {\"url\": \"https://…\", \"ref\": \"…\"}}`";
        return Err(Error::field("template", message));
    }
    let new = NewProject { name, owner, template, settings };
    Ok(Created(view::project(&projects::create(&cx, new).await?, None, None)))
}

pub async fn list(cx: Cx, at: ProjectsOf) -> Result<Json<Page<Project>>> {
    let ProjectsOf { owner_id, limit, starting_after } = at;
    let page = PageQuery { limit, starting_after };
    let read = |text: &String| {
        text.parse().map_err(|_| Error::field("starting_after", "the id of a project"))
    };
    let after = page.starting_after.as_ref().map(read).transpose()?;
    let found = projects::list(&cx, owner_id.as_deref(), after, page.size()).await?;
    let shown =
        found.iter().map(|it| view::project(&it.profile, it.thread.as_deref(), it.opened_at));
    Ok(Json(Page::of(shown.collect(), page.size(), |project| project.id.to_string())))
}

pub async fn read(cx: Cx, at: ProjectPath) -> Result<Json<ProjectState>> {
    state_of(&cx, at.project_id, TurnPage::default()).await
}

pub async fn state(cx: Cx, at: TurnsOf) -> Result<Json<ProjectState>> {
    state_of(&cx, at.project_id, at.page()).await
}

async fn state_of(cx: &Cx, id: schema::ProjectId, page: TurnPage) -> Result<Json<ProjectState>> {
    let State { described, thread, turns, approvals, .. } = projects::state(cx, id, page).await?;
    let live = thread.as_ref().is_some_and(|thread| thread.live);
    let (turns, turns_before) = match turns {
        Some(turns) => (Some(turns.turns), turns.before),
        None => (None, None),
    };
    Ok(Json(ProjectState {
        head: view::described(&described),
        project: view::described(&described),
        thread: thread.map(|thread| thread.said),
        source: if live { "codex" } else { "log" },
        turn_id: described.turn.clone(),
        turns,
        turns_before,
        approvals: approvals.into_iter().map(view::approval).collect(),
        queue: described.queue.iter().map(view::waiting).collect(),
        runner: view::runner(&described),
        last_event_id: described.last,
        approval_timeout_seconds: described.patience_ms / 1_000,
        max_cost_micro_usd: described.most,
    }))
}

pub async fn thread(cx: Cx, at: TurnsOf) -> Result<Json<ProjectThread>> {
    let (project, told, turns) = projects::thread(&cx, at.project_id, at.page()).await?;
    let (turns, turns_before) = match turns {
        Some(turns) => (Some(turns.turns), turns.before),
        None => (None, None),
    };
    let source = if told.live { "codex" } else { "log" };
    let (project_id, thread_id, thread) = (project.id, told.id, told.said);
    Ok(Json(ProjectThread { project_id, thread_id, thread, source, turns, turns_before }))
}

pub async fn open(cx: Cx, at: ProjectPath, body: OpenProject) -> Result<Json<Opened>> {
    let OpenProject { prompt, input, new_thread, when_busy, max_cost_micro_usd: most, manner } =
        body;
    let most = budgets::limit(MAX_COST, most)?;
    let input = match (&prompt, &input) {
        (None, None) => None,
        _ => Some(codex::input(prompt.as_deref(), input)?),
    };
    let wish = Wish { manner, input, new_thread, when_busy, most };
    let opened = projects::open(&cx, at.project_id, wish).await?;
    let outcome = opened.prompted.as_ref().map(|prompted| view::word(&prompted.outcome));
    let turn_id = opened.prompted.and_then(|prompted| match prompted.outcome {
        Outcome::Started { turn } | Outcome::Steered { turn } => Some(turn),
        Outcome::Queued { .. } => None,
    });
    Ok(Json(Opened {
        project_id: opened.project.id,
        resumed: opened.resumed,
        turn_id,
        outcome,
        project: view::project(&opened.project.profile, Some(&opened.thread), Some(cx.now)),
        thread_id: opened.thread,
        said: opened.said,
    }))
}
