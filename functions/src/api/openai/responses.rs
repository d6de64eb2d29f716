//! `/v1/responses`.

use schema::{Code, Error, Result};

use crate::{api::system::Nothing, cx::Cx, http::Json, services::responses};

/// Hands the request on to the account that pays for it.
pub async fn create(cx: Cx, request: web_sys::Request) -> Result<web_sys::Response> {
    responses::create(&cx, request).await
}

/// The CLI tries a WebSocket where its configuration allows one, and goes on over HTTP when it
/// hears 426.
pub async fn refuse_upgrade(_: Cx, _: Nothing) -> Result<Json<()>> {
    Err(Error::new(Code::UpgradeRefused, "WebSockets are not served here. Use POST."))
}
