//! Opening a project: its workspace is there, and its latest thread goes on.

use schema::{
    Code, Error, MicroUsd, Result,
    agent::WhenBusy,
    app_server::{Manner, Members},
};
use serde_json::{Map, Value};

use super::{Project, described, tell, turns};
use crate::{
    cx::Cx,
    domain::project::command::{self, Command},
    services::{
        files, placement, runners,
        threads::{self, Told},
    },
    store::projects,
};

/// How a project shall be opened.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    pub manner: Manner,
    /// What to do at once.
    pub input: Option<Vec<Value>>,
    /// A thread of its own, though there is one to go on with.
    pub new_thread: bool,
    pub when_busy: WhenBusy,
    pub most: Option<MicroUsd>,
}

/// A project that is open.
pub struct Opened {
    pub project: Project,
    pub thread: String,
    pub resumed: bool,
    pub said: Members,
    /// What became of the prompt.
    pub prompted: Option<turns::Prompted>,
}

/// Opens a project, wherever it was left.
pub async fn open(cx: &Cx, id: schema::ProjectId, wish: Wish) -> Result<Opened> {
    let (project, known) = described(cx, id).await?;
    let Wish { manner, input, new_thread, when_busy, most } = wish;
    let thread = known.thread.filter(|_| !new_thread);
    // Before codex looks there: what is missing is made, with what the project begins with.
    let template = serde_json::from_value(project.profile.template.clone()).unwrap_or_default();
    files::prepare(cx, files::Root::of(&project), template).await?;
    let mut told = go_on(cx, &project, thread.as_deref(), new_thread, &manner).await?;
    note(cx, &project, &told).await?;
    if let Err(error) = files::watch(cx, files::Root::of(&project), true).await {
        // A project can be worked with although nobody is told of its files.
        worker::console_error!("watch: {error}");
    }
    let mut prompted = None;
    if let Some(input) = input {
        let thread = Some(told.thread.clone());
        // How codex shall work has just been said.
        let wanted = turns::Wanted { thread, input, when_busy, most, ..Default::default() };
        let mut turn = turns::prompt(cx, &project, wanted).await?;
        told.said.append(&mut turn.said);
        prompted = Some(turn);
    }
    let Told { thread, resumed, said } = told;
    Ok(Opened { project, thread, resumed, said, prompted })
}

/// The thread that is known, or the latest of the directory, or a new one.
async fn go_on(
    cx: &Cx,
    project: &Project,
    known: Option<&str>,
    new_thread: bool,
    manner: &Manner,
) -> Result<Told> {
    let (whom, root) = (project.whom, project.root.as_str());
    if new_thread {
        return threads::start(cx, whom, Some(root), manner).await;
    }
    if let Some(thread) = known {
        match threads::resume(cx, whom, thread, (Some(root), manner)).await {
            // Codex keeps no thread of which no turn was begun, and another machine has none.
            Err(error) if error.code == Code::ResourceNotFound => {}
            told => return told,
        }
    }
    threads::open(cx, whom, root, manner).await
}

/// The project goes on with that thread, and hears of it from now on.
async fn note(cx: &Cx, project: &Project, told: &Told) -> Result<()> {
    let runner = placement::known(cx, project.account).await?;
    let runner = runner.ok_or_else(|| Error::unavailable("an account that worked is nowhere"))?;
    let thread = told.thread.clone();
    let said = without_turns(&told.said);
    tell(cx, project.id, &Command::Opened(command::Opened { thread, runner, said })).await?;
    runners::follow(cx, project.account, project.id, &told.thread).await?;
    projects::opened(&cx.env, project.id, &told.thread, cx.now).await
}

/// What codex said of a thread, less what the project's own log tells better.
fn without_turns(said: &Members) -> Map<String, Value> {
    let read = |value: &serde_json::value::RawValue| serde_json::from_str(value.get()).ok();
    let members = said.iter().filter_map(|(name, value)| Some((name.clone(), read(value)?)));
    let mut members: Map<String, Value> = members.collect();
    if let Some(Value::Object(thread)) = members.get_mut("thread") {
        thread.insert("turns".to_owned(), Value::Array(Vec::new()));
    }
    members
}
