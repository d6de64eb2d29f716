//! The login that codex has on its runner. Where it pays through us it needs none.

use schema::{Result, app_server::Members};
use serde_json::json;

use super::{acting::Acting, rpc, threads::members};
use crate::cx::Cx;

/// Whom codex is logged in as.
pub async fn status(cx: &Cx, whom: Acting) -> Result<Members> {
    rpc::call(cx, whom, "account/read", members(json!({}))).await
}

/// Begins a login with a code that a person types in elsewhere.
pub async fn start_device(cx: &Cx, whom: Acting) -> Result<Members> {
    let params = members(json!({ "type": "chatgptDeviceCode" }));
    rpc::call(cx, whom, "account/login/start", params).await
}

/// Forgets the login.
pub async fn logout(cx: &Cx, whom: Acting) -> Result<Members> {
    rpc::call(cx, whom, "account/logout", members(json!({}))).await
}
