//! `/admin/api/dashboard`, and the lists that an operator looks through.

use schema::{Result, admin::Dashboard};

use super::{audit, billing, webhooks};
use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::access::Access::Admin,
    http::{Json, Route, get},
    services::overview,
};

/// What there is to look at.
pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/admin/api/dashboard",
            Admin,
            "admin",
            "Read how everything stands: machines, money, what runs, and what waits for a person",
            read,
        ),
        get(
            "/admin/api/audit",
            Admin,
            "admin",
            "List what was done, by whom, newest first, by actor, act and text",
            audit::list,
        ),
        get(
            "/admin/api/prices",
            Admin,
            "admin",
            "List every price that was ever in force, newest first",
            billing::versions,
        ),
        get(
            "/admin/api/webhooks",
            Admin,
            "admin",
            "List the events that Stripe sent, and what came of each",
            webhooks::list,
        ),
    ]
}

async fn read(cx: Cx, _: Nothing) -> Result<Json<Dashboard>> {
    Ok(Json(overview::read(&cx).await?))
}
