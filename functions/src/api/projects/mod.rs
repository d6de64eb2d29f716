//! `/api/v1/projects`: managed projects (seed 000): workspaces that stay, and what codex does in
//! them.

mod agent;
mod approvals;
mod events;
mod files;
mod policy;
mod terminal;
mod turns;
mod view;
mod workspaces;

use schema::{
    ProjectId,
    agent::{Failure, WriteFile},
};
use serde::Deserialize;

use super::agent::refuse;
use crate::{
    domain::access::{
        Access::{self, Api, ApiOrTicket, Public},
        Scope,
    },
    http::{
        Family, delete, get, post, put,
        route::Heeded::{IfMatch, IfNoneMatch, IfRange, Range},
        upgrade, upload,
    },
};

/// Everybody works with the projects of their own account.
const API: Access = Api(Scope::Agent);
/// What a call to a machine can come to.
const MACHINE: &[u16] = &[402, 403, 404, 409, 502, 503, 504];
/// Where a limit is wished.
const MAX_COST: &str = "maxCostMicroUsd";

/// Names a project.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ProjectPath {
    /// The project.
    pub project_id: ProjectId,
}

/// The routes of this family.
pub fn family() -> Family {
    Family::new::<Failure>(
        "projects",
        refuse::refuse,
        vec![
            get(
                "/api/v1/agent/status",
                API,
                "agent",
                "Read the managed Codex state and the default coding-agent configuration",
                agent::status,
            ),
            get(
                "/api/v1/permissions",
                API,
                "agent",
                "Read Codex permission profile presets for API clients",
                agent::permissions,
            ),
            get(
                "/api/v1/skills",
                API,
                "agent",
                "List Codex skills available to API-backed Codex sessions",
                agent::skills,
            )
            .fails(MACHINE),
            post(
                "/api/v1/projects",
                API,
                "projects",
                "Create a managed project workspace for a web coding session",
                workspaces::create,
            )
            .keyed(),
            get(
                "/api/v1/projects",
                API,
                "projects",
                "List managed isolated project workspaces",
                workspaces::list,
            ),
            get(
                "/api/v1/projects/{project_id}",
                API,
                "projects",
                "Read managed project metadata and its latest Codex thread summary",
                workspaces::read,
            )
            .fails(&[404]),
            post(
                "/api/v1/projects/{project_id}/open",
                API,
                "agent",
                "Open or resume a managed project and optionally start an initial turn",
                workspaces::open,
            )
            .keyed()
            .fails(MACHINE),
            get(
                "/api/v1/projects/{project_id}/state",
                API,
                "agent",
                "Read project metadata, latest thread state, and pending project-scoped approvals",
                workspaces::state,
            )
            .fails(&[404]),
            get(
                "/api/v1/projects/{project_id}/thread",
                API,
                "agent",
                "Read the latest Codex thread for a managed project",
                workspaces::thread,
            )
            .fails(&[404]),
            post(
                "/api/v1/projects/{project_id}/turns",
                API,
                "agent",
                "Start a project-scoped Codex turn using the web-coding defaults",
                turns::start,
            )
            .keyed()
            .fails(MACHINE),
            post(
                "/api/v1/projects/{project_id}/turns/{turn_id}/interrupt",
                API,
                "agent",
                "Interrupt an active turn for a managed project",
                turns::interrupt,
            )
            .lent()
            .fails(MACHINE),
            delete(
                "/api/v1/projects/{project_id}/queue/{prompt_id}",
                API,
                "agent",
                "Withdraw a prompt that waits for its turn",
                turns::withdraw,
            )
            .fails(&[404]),
            get(
                "/api/v1/projects/{project_id}/approvals",
                API,
                "agent",
                "List approval requests of a managed project: those that wait, or all",
                approvals::list,
            )
            .fails(&[404]),
            post(
                "/api/v1/projects/{project_id}/approvals/{request_id}/resolve",
                API,
                "agent",
                "Resolve a pending project-scoped approval request",
                approvals::resolve,
            )
            .lent()
            .fails(&[404, 409]),
            get(
                "/api/v1/projects/{project_id}/policy",
                API,
                "agent",
                "Read the rules that decide approvals before a person is asked",
                policy::read,
            )
            .fails(&[404]),
            put(
                "/api/v1/projects/{project_id}/policy",
                API,
                "agent",
                "Replace the rules that decide approvals; `If-Match` names those that were read",
                policy::set,
            )
            .heeds(&[IfMatch])
            .fails(&[404, 412, 428]),
            post(
                "/api/v1/projects/{project_id}/policy/check",
                API,
                "agent",
                "Say what rules would decide about a command or about changes of files",
                policy::check,
            )
            .lent()
            .fails(&[404]),
            get(
                "/api/v1/projects/{project_id}/files/tree",
                API,
                "projects",
                "List files inside a managed project workspace",
                files::tree,
            )
            .fails(MACHINE),
            get(
                "/api/v1/projects/{project_id}/files/content",
                API,
                "projects",
                "Read a file from a managed project workspace",
                files::read,
            )
            .plain()
            .heeds(&[Range, IfRange, IfNoneMatch])
            .fails(&[403, 404, 409, 413, 416, 502, 503, 504]),
            upload::<WriteFile, _, _, _, _>(
                "/api/v1/projects/{project_id}/files/content",
                API,
                "projects",
                "Write a file inside a managed project workspace",
                files::write,
            )
            .heeds(&[IfMatch, IfNoneMatch])
            .fails(&[403, 404, 409, 412, 502, 503, 504]),
            delete(
                "/api/v1/projects/{project_id}/files/content",
                API,
                "projects",
                "Remove a file, a link or an empty directory of a managed project workspace",
                files::remove,
            )
            .heeds(&[IfMatch])
            .fails(&[403, 404, 409, 412, 502, 503, 504]),
            get(
                "/api/v1/projects/{project_id}/events",
                ApiOrTicket(Scope::Agent),
                "agent",
                "Stream project-scoped Codex notifications over SSE",
                events::stream,
            )
            .fails(&[401, 403, 404])
            .streams(),
            post(
                "/api/v1/projects/{project_id}/events/ticket",
                API,
                "agent",
                "Make a ticket that opens one stream of events within a minute, for EventSource",
                events::ticket,
            )
            .lent()
            .fails(&[404]),
            post(
                "/api/v1/projects/{project_id}/terminal",
                API,
                "agent",
                "Make a pass that lets `codex --remote` in to a project, with the command to paste",
                terminal::pass,
            )
            .fails(&[404]),
            delete(
                "/api/v1/projects/{project_id}/terminal",
                API,
                "agent",
                "Void all passes for terminals, and hang up on those that came by one",
                terminal::revoke,
            )
            .fails(&[404]),
            upgrade(
                "/",
                Public,
                "agent",
                "Open a terminal at a project, as `codex --remote` does: a WebSocket",
                terminal::connect,
            )
            .fails(&[401, 403, 404])
            .or_page(),
        ],
    )
}
