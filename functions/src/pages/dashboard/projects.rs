//! All projects of a customer.

use askama::Template;
use schema::{Error, ProjectId, Result};
use serde::Deserialize;

use super::{
    super::{
        Frame, PageOr,
        pager::{self, Pager, ROWS},
        shown::When,
    },
    seen,
};
use crate::{
    cx::Cx,
    services::projects::{self, Listed},
};

/// Which projects.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ProjectsAfter {
    /// Those made before this one.
    after: Option<String>,
}

/// A project, and how many of its questions wait.
pub struct Row {
    pub id: ProjectId,
    pub name: String,
    pub opened: Option<When>,
    pub created: When,
    pub waiting: usize,
}

#[derive(Template)]
#[template(path = "dashboard/projects.html")]
pub struct Projects {
    frame: Frame,
    projects: Vec<Row>,
    pager: Pager,
}

pub async fn list(cx: Cx, at: ProjectsAfter) -> Result<PageOr<Projects>> {
    seen(cx, async |cx, _| {
        let wrong = |_| Error::field("after", "the id of a project");
        let after = at.after.as_deref().map(|id| id.parse().map_err(wrong)).transpose()?;
        let listed = projects::list(cx, None, after, ROWS).await?;
        let cursor = |it: &Listed| it.profile.id.to_string();
        let (listed, pager) = pager::page("/projects", at.after.as_deref(), listed, cursor);
        Ok(Projects { frame: Frame::of(cx), projects: rows(cx, listed).await?, pager })
    })
    .await
}

/// Projects with what waits in them.
pub async fn rows(cx: &Cx, listed: Vec<Listed>) -> Result<Vec<Row>> {
    let waiting = projects::waiting(cx, &listed).await?;
    let shown = listed.into_iter().zip(waiting).map(|(it, waiting)| Row {
        id: it.profile.id,
        name: it.profile.name,
        opened: it.opened_at.map(When::from),
        created: it.profile.created_at.into(),
        waiting,
    });
    Ok(shown.collect())
}
