//! `GET /api/models`.

use schema::{Result, app_server::Said};
use serde_json::Map;

use super::Of;
use crate::{
    cx::Cx,
    http::Json,
    services::{acting::acting, rpc},
};

/// The models that codex knows, as it lists them.
pub async fn list(cx: Cx, at: Of) -> Result<Json<Said>> {
    let whom = acting(&cx, at.account.as_deref()).await?;
    Ok(Json(Said(rpc::call(&cx, whom, "model/list", Map::new()).await?)))
}
