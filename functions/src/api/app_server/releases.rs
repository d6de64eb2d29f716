//! `/api/core/releases`: the newest stable release of codex.

use schema::{Result, app_server::Release};

use super::super::system::Nothing;
use crate::{cx::Cx, http::Json, services::releases};

pub async fn current(cx: Cx, _: Nothing) -> Result<Json<Release>> {
    Ok(Json(releases::current(&cx).await?))
}

pub async fn sync(cx: Cx, _: Nothing, _: Nothing) -> Result<Json<Release>> {
    Ok(Json(releases::sync(&cx).await?))
}
