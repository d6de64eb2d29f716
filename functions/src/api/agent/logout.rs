//! `POST /api/v1/auth/logout`.

use schema::{
    Result,
    agent::signin::{SignOut, SignedOut},
};

use crate::{
    api::system::Nothing,
    cx::Cx,
    http::{Json, WithCookies},
    services::sessions,
};

/// Ends the session that the cookie holds, or all of its account; without one it only sees to it
/// that none is left.
pub async fn logout(cx: Cx, _: Nothing, body: SignOut) -> Result<WithCookies<Json<SignedOut>>> {
    let cookie = sessions::end(&cx, body.everywhere).await?;
    Ok(WithCookies(Json(SignedOut { signed_out: true }), vec![cookie]))
}
