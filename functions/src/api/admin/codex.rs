//! `/admin/api/…` of codex: the operator's names for what `/api/*` does, on the process of their
//! own account or of the one that `?account=` names.

use crate::{
    api::app_server::{CODEX, auth, models, releases, requests, rpc, system, threads},
    domain::access::Access::Admin,
    http::{Route, get, post},
};

/// The process as a whole, its login, and the newest release of what it runs.
pub fn machine() -> Vec<Route> {
    vec![
        post(
            "/admin/api/system/start",
            Admin,
            "system",
            "Start managed Codex app-server",
            system::start,
        )
        .fails(CODEX),
        post(
            "/admin/api/system/stop",
            Admin,
            "system",
            "Stop managed Codex app-server",
            system::stop,
        )
        .fails(CODEX),
        post(
            "/admin/api/auth/device/start",
            Admin,
            "auth",
            "Start ChatGPT device-code login",
            auth::start_device,
        )
        .fails(CODEX),
        post(
            "/admin/api/auth/logout",
            Admin,
            "auth",
            "Log out the managed Codex account",
            auth::logout,
        )
        .fails(CODEX),
        post(
            "/admin/api/releases/sync",
            Admin,
            "releases",
            "Sync the latest stable upstream Codex release",
            releases::sync,
        )
        .fails(&[502]),
    ]
}

/// What the process is asked, and what it asks.
pub fn talk() -> Vec<Route> {
    vec![
        get("/admin/api/models", Admin, "rpc", "List visible Codex models", models::list)
            .fails(CODEX),
        get("/admin/api/threads", Admin, "rpc", "List Codex threads", threads::list).fails(CODEX),
        post("/admin/api/rpc", Admin, "rpc", "Call a Codex app-server JSON-RPC method", rpc::call)
            .keyed()
            .fails(CODEX),
        get(
            "/admin/api/server-requests",
            Admin,
            "rpc",
            "List pending server-initiated approval requests",
            requests::list,
        )
        .fails(&[404]),
        post(
            "/admin/api/server-requests/{request_id}/resolve",
            Admin,
            "rpc",
            "Resolve a pending server-initiated request",
            requests::resolve,
        )
        .fails(CODEX),
    ]
}
