//! `/v1/responses`.

use schema::{Code, Error, Result, openai::ErrorResponse};

use crate::{
    api::system::Nothing,
    cx::Cx,
    http::reply::{Answer, JSON, Reply},
    services::responses,
};

/// Hands the request on to the account that pays for it.
pub async fn create(cx: Cx, request: web_sys::Request) -> Result<web_sys::Response> {
    responses::create(&cx, request).await
}

/// What is never answered otherwise.
pub enum Refused {}

impl Answer for Refused {
    type Body = ErrorResponse;
    const STATUS: u16 = 426;
    const CONTENT_TYPE: &'static str = JSON;

    fn reply(self) -> Result<Reply> {
        match self {}
    }
}

/// The CLI tries a WebSocket where its configuration allows one, and goes on over HTTP when it
/// hears 426.
pub async fn refuse_upgrade(_: Cx, _: Nothing) -> Result<Refused> {
    Err(Error::new(Code::UpgradeRefused, "WebSockets are not served here. Use POST."))
}
