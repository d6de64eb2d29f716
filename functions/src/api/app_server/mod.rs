//! `/api/*`: codex's own app-server over HTTP (seed 000), for the account that asks. An operator
//! acts for their own account, or for the one that `?account=` names by its id or username.
//!
//! What codex answers passes through as it came, with the ids that a caller needs next beside it.

pub mod auth;
pub mod models;
pub mod releases;
pub mod requests;
pub mod rpc;
pub mod system;
pub mod threads;
mod turns;

use schema::agent::Failure;
use serde::Deserialize;

use super::agent;
use crate::{
    domain::access::{
        Access::{self, Admin, ApiOrAdmin},
        Scope,
    },
    http::{Family, Route, get, post},
};

/// Whoever may have codex work for them, and operators.
const API: Access = ApiOrAdmin(Scope::Agent);
/// What a call of codex can come to, beside what its form tells: it refuses, or its machine fails.
pub const CODEX: &[u16] = &[404, 409, 502, 504];

/// Whose process is meant.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Of {
    /// The account, by its id or username; the caller's own if absent. Operators only.
    account: Option<String>,
}

/// The routes of this family.
pub fn family() -> Family {
    let routes = [auth(), rpc(), releases(), system(), threads(), turns()];
    let routes = routes.into_iter().flatten().collect();
    Family::new::<Failure>("app_server", agent::refuse::refuse, routes)
}

fn auth() -> Vec<Route> {
    vec![
        post(
            "/api/auth/device/start",
            Admin,
            "auth",
            "Start ChatGPT device-code login",
            auth::start_device,
        )
        .fails(CODEX),
        post("/api/auth/logout", Admin, "auth", "Log out the managed Codex account", auth::logout)
            .fails(CODEX),
        get(
            "/api/auth/status",
            Admin,
            "auth",
            "Read current Codex auth/account state",
            auth::status,
        )
        .fails(CODEX),
    ]
}

fn rpc() -> Vec<Route> {
    vec![
        get("/api/codex/events", Admin, "rpc", "Stream Codex notifications over SSE", rpc::events)
            .streams()
            .fails(&[404]),
        post(
            "/api/codex/notify",
            Admin,
            "rpc",
            "Send a Codex app-server notification",
            rpc::notify,
        )
        .fails(CODEX),
        post("/api/codex/rpc", Admin, "rpc", "Call a Codex app-server JSON-RPC method", rpc::call)
            .keyed()
            .fails(CODEX),
        get("/api/models", API, "rpc", "List visible Codex models", models::list).fails(CODEX),
        get(
            "/api/server-requests",
            Admin,
            "rpc",
            "List pending server-initiated approval requests",
            requests::list,
        )
        .fails(&[404]),
        post(
            "/api/server-requests/{request_id}/resolve",
            Admin,
            "rpc",
            "Resolve a pending server-initiated request",
            requests::resolve,
        )
        .fails(CODEX),
    ]
}

fn releases() -> Vec<Route> {
    vec![
        get(
            "/api/core/releases/current",
            API,
            "releases",
            "Read the current synced stable Codex release",
            releases::current,
        )
        .fails(&[404]),
        post(
            "/api/core/releases/sync",
            Admin,
            "releases",
            "Sync the latest stable upstream Codex release",
            releases::sync,
        )
        .fails(&[502]),
    ]
}

fn system() -> Vec<Route> {
    vec![
        post("/api/system/start", Admin, "system", "Start managed Codex app-server", system::start)
            .fails(CODEX),
        get("/api/system/status", Admin, "system", "Get API runtime status", system::status)
            .fails(&[404]),
        post("/api/system/stop", Admin, "system", "Stop managed Codex app-server", system::stop)
            .fails(CODEX),
    ]
}

fn threads() -> Vec<Route> {
    vec![
        post(
            "/api/projects/open",
            API,
            "threads",
            "Open a project by cwd, resuming the latest matching thread when present",
            threads::open,
        )
        .keyed()
        .fails(CODEX),
        get("/api/threads", API, "threads", "List Codex threads", threads::list).fails(CODEX),
        post("/api/threads", API, "threads", "Start a new thread", threads::start)
            .keyed()
            .fails(CODEX),
        get("/api/threads/{thread_id}", API, "threads", "Read a thread by id", threads::read)
            .fails(CODEX),
        post(
            "/api/threads/{thread_id}/resume",
            API,
            "threads",
            "Resume an existing thread",
            threads::resume,
        )
        .keyed()
        .fails(CODEX),
    ]
}

fn turns() -> Vec<Route> {
    vec![
        post("/api/turns", API, "turns", "Start a new turn on a thread", turns::start)
            .keyed()
            .streams()
            .fails(CODEX),
        post(
            "/api/turns/{turn_id}/interrupt",
            API,
            "turns",
            "Interrupt an active turn",
            turns::interrupt,
        )
        .fails(CODEX),
    ]
}
