//! `/api/v1/cli` and `/api/v1/me/cli`: how the stock Codex CLI is pointed here.

use schema::{
    Result,
    agent::{CliVersion, PublicCodex},
};

use crate::{
    api::system::Nothing,
    cx::Cx,
    domain::token,
    http::Json,
    services::{accounts, impersonation, people, setup},
};

/// For anybody, so that nobody's key stands in it.
pub async fn public_codex(cx: Cx, _: Nothing) -> Result<Json<PublicCodex>> {
    Ok(Json(setup::public(&cx)?))
}

pub async fn version(cx: Cx, _: Nothing) -> Result<Json<CliVersion>> {
    Ok(Json(setup::versions(&cx).await?))
}

/// With what the caller presented: nothing is told to a key that it does not know. Whoever is
/// signed in by a page presented none, and has the name that serves as one.
pub async fn mine(cx: Cx, _: Nothing) -> Result<Json<PublicCodex>> {
    let header = cx.header("authorization");
    let own = match token::bearer(&header) {
        Some(bearer) => bearer.to_owned(),
        None if impersonation::looking_at(&cx).is_some() => people::HIDDEN.to_owned(),
        None => accounts::describe(&cx, cx.account()?).await?.profile.username,
    };
    Ok(Json(setup::with_key(&cx, &own)?))
}
