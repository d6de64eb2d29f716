//! `/admin/api/users/{user_id}/impersonate`, and the end of a user's own sessions.

use schema::{
    Result,
    admin::{Done, Impersonation},
};

use super::users::UserPath;
use crate::{
    cx::Cx,
    domain::access::Access::Admin,
    http::{Json, Route, WithCookies, post},
    services::{audit, impersonation, sessions},
};

/// What concerns the sessions of a user.
pub fn routes() -> Vec<Route> {
    vec![
        post(
            "/admin/api/users/{user_id}/impersonate",
            Admin,
            "admin",
            "Look at an account as its owner does, in this browser and for minutes",
            begin,
        ),
        post(
            "/admin/api/users/{user_id}/sessions/end",
            Admin,
            "admin",
            "End every session of an account, and call back every link that opens a page signed in",
            end_sessions,
        ),
    ]
}

/// Sets a cookie of its own, which ends by itself or with `POST /api/v1/auth/logout`.
async fn begin(cx: Cx, at: UserPath) -> Result<WithCookies<Json<Impersonation>>> {
    let (looking, cookie) = impersonation::begin(&cx, at.user_id).await?;
    let impersonation::Looking { account, actor, until, .. } = looking;
    let shown = Impersonation { user_id: account, actor, ends_at: until.to_string() };
    Ok(WithCookies(Json(shown), vec![cookie]))
}

async fn end_sessions(cx: Cx, at: UserPath) -> Result<Json<Done>> {
    sessions::end_all(&cx, at.user_id).await?;
    audit::note(&cx, "user.signed_out", &at.user_id.to_string()).await?;
    Ok(Json(Done { ok: true }))
}
