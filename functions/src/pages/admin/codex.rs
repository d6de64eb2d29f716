//! Codex itself: the process of the deployment's own account or of a customer's, its login, what it
//! asks, and whatever else it is told.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schema::{Code, Result, tunnel::ProcessState};
use serde::Deserialize;

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::hub::command::{Hosted, PendingAsk},
    pages::{Page, shown::When},
    services::{acting, approvals, releases, system},
};

/// Whose process.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Asked {
    /// The account, by its id or username; the deployment's own if empty.
    account: String,
}

struct Question {
    id: String,
    method: String,
    at: When,
    answered: bool,
    params: String,
}

#[derive(Template)]
#[template(path = "admin/codex.html")]
pub struct Codex {
    frame: Frame,
    desk: Desk,
    account: String,
    /// What requests are sent with, for this account.
    query: String,
    /// Why there is nothing to show, if there is not.
    missing: Option<String>,
    state: &'static str,
    kind: &'static str,
    running: bool,
    runner: Option<String>,
    version: Option<String>,
    release: Option<String>,
    questions: Vec<Question>,
}

pub async fn read(cx: Cx, at: Asked) -> Result<PageOr<Codex>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let account = at.account.trim().to_owned();
    let query = match account.as_str() {
        "" => String::new(),
        named => format!("?account={}", utf8_percent_encode(named, NON_ALPHANUMERIC)),
    };
    let release = releases::recent(&cx).await?.map(|it| it.version);
    let (hosted, asks, missing) = match process(&cx, &account).await {
        Ok((hosted, asks)) => (hosted, asks, None),
        // Somebody typed a name that is none, or the machine is away: the page says so.
        Err(error) if matches!(error.code, Code::ResourceNotFound | Code::RunnerUnavailable) => {
            (None, Vec::new(), Some(error.message))
        }
        Err(error) => return Err(error),
    };
    let process = hosted.as_ref().and_then(|it| it.process.as_ref());
    let (state, kind) = match process.map(|it| it.state) {
        Some(ProcessState::Running) => ("running", "good"),
        Some(ProcessState::Starting) => ("starting", "warn"),
        Some(ProcessState::Stopped) => ("stopped", ""),
        Some(ProcessState::Failed) => ("failed", "bad"),
        Some(ProcessState::Stalled) => ("stalled", "bad"),
        None => ("never started", ""),
    };
    Ok(PageOr::Page(Page(Codex {
        frame,
        desk,
        account,
        query,
        missing,
        state,
        kind,
        running: state == "running",
        version: process.map(|it| it.codex.clone()).filter(|it| !it.is_empty()),
        runner: hosted.map(|it| it.runner.to_string()),
        release,
        questions: asks.into_iter().map(question).collect(),
    })))
}

/// How a process stands and what it asks. Nothing is begun by looking.
async fn process(cx: &Cx, account: &str) -> Result<(Option<Hosted>, Vec<PendingAsk>)> {
    let named = Some(account).filter(|name| !name.is_empty());
    let whom = acting::looked_at(cx, named).await?;
    let hosted = system::status(cx, whom).await?;
    let asks = match hosted {
        Some(_) => approvals::list(cx, whom).await?,
        None => Vec::new(),
    };
    Ok((hosted, asks))
}

fn question(it: PendingAsk) -> Question {
    let value = serde_json::from_str::<serde_json::Value>(it.params.get());
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value));
    Question {
        id: it.ask.to_string(),
        method: it.method,
        at: it.at.into(),
        answered: it.answered,
        params: pretty.unwrap_or_default(),
    }
}
