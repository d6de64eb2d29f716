//! A response from a model: found, handed on, and paid for by the account whose credential asks.

use schema::{Code, Error, Result};

use super::admission;
use crate::{cx::Cx, domain::token, js, objects::stub};

/// Hands a request for a response on to the account's object, which admits, pays and answers in one
/// step.
pub async fn create(cx: &Cx, request: web_sys::Request) -> Result<web_sys::Response> {
    let authorization = js::request_header(&request, "authorization");
    let bearer = token::bearer(&authorization);
    let address = || js::request_header(&request, "cf-connecting-ip");
    let (account, _) = admission::locate(cx, bearer, &address).await?;
    let response = stub::send(&cx.env, account, &request).await?;
    if response.status() != 401 {
        return Ok(response);
    }
    let wrong = Error::new(Code::AuthenticationRequired, "");
    match admission::miss(&address(), wrong, cx.now) {
        error if error.code == Code::AuthenticationRequired => Ok(response),
        error => Err(error),
    }
}
