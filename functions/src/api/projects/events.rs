//! The events of a project, and the tickets by which a browser opens a stream of them.

use schema::{Error, ProjectId, Result, agent::StreamTicket};
use serde::Deserialize;

use super::ProjectPath;
use crate::{
    cx::Cx,
    http::{Created, Sse, WithHeaders},
    services::projects,
};

/// Which events of a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventsOf {
    /// The project.
    #[serde(rename = "project_id")]
    project_id: ProjectId,
    /// Of this thread only, and of no thread.
    #[serde(default)]
    thread_id: Option<String>,
    /// The last event that was seen, where `Last-Event-ID` cannot be sent; 0 for all that are
    /// kept.
    #[serde(default)]
    after: Option<u64>,
    /// A ticket instead of a credential: see `POST …/events/ticket`.
    #[serde(default)]
    ticket: Option<String>,
}

/// The project's events from now on, or after one that was seen.
pub async fn stream(cx: Cx, at: EventsOf) -> Result<WithHeaders<Sse>> {
    match &at.ticket {
        Some(ticket) => projects::enter(&cx, at.project_id, ticket).await?,
        None => {
            projects::owned(&cx, at.project_id).await?;
        }
    }
    let seen = |text: &String| {
        text.parse().map_err(|_| Error::field("Last-Event-ID", "the `id` of an event"))
    };
    // A browser sends the header when it comes back, to the same address as at first.
    let after = cx.events.after.as_ref().map(seen).transpose()?.or(at.after);
    let events = projects::events(&cx, at.project_id, after, at.thread_id.as_deref()).await?;
    // A page of any origin may read what its ticket opens; cookies are not sent along with this.
    let headers = vec![("access-control-allow-origin", "*".to_owned())];
    Ok(WithHeaders(Sse(events), headers))
}

pub async fn ticket(
    cx: Cx,
    at: ProjectPath,
    _: super::turns::Nothing,
) -> Result<Created<StreamTicket>> {
    let project = projects::owned(&cx, at.project_id).await?;
    let (ticket, until) = projects::stream_ticket(&cx, &project).await?;
    Ok(Created(StreamTicket { ticket, expires_at: until.to_string() }))
}
