//! `/api/auth`: the login that codex has on its runner.

use schema::{Result, app_server::Said};

use super::{super::system::Nothing, Of};
use crate::{
    cx::Cx,
    http::Json,
    services::{acting::acting, machine_auth},
};

pub async fn start_device(cx: Cx, at: Of, _: Nothing) -> Result<Json<Said>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    Ok(Json(Said(machine_auth::start_device(&cx, whom).await?)))
}

pub async fn logout(cx: Cx, at: Of, _: Nothing) -> Result<Json<Said>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    Ok(Json(Said(machine_auth::logout(&cx, whom).await?)))
}

pub async fn status(cx: Cx, at: Of) -> Result<Json<Said>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    Ok(Json(Said(machine_auth::status(&cx, whom).await?)))
}
