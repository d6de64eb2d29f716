//! All failures: what each is called, its status, and what to do about it.

use askama::Template;
use schema::{Code, Result};

use crate::{
    cx::Cx,
    pages::{Frame, Lasting, Nothing},
};

/// A failure as it is told.
struct Row {
    name: &'static str,
    status: u16,
    advice: &'static str,
}

#[derive(Template)]
#[template(path = "docs/errors.html")]
pub struct Page {
    frame: Frame,
    here: &'static str,
    rows: Vec<Row>,
}

/// The page of all failures, by their status.
pub async fn read(cx: Cx, _: Nothing) -> Result<Lasting<Page>> {
    let row = |code: Code| Row { name: code.as_str(), status: code.status(), advice: advice(code) };
    let mut rows: Vec<Row> = Code::ALL.into_iter().map(row).collect();
    rows.sort_by_key(|row| row.status);
    Ok(Lasting(Page { frame: Frame::of(&cx), here: "/docs/errors", rows }))
}

/// What has happened, and what to do about it.
const fn advice(code: Code) -> &'static str {
    match code {
        Code::InvalidRequest => {
            "The request is not what it claims to be. Look at its JSON and at its content type."
        }
        Code::AuthenticationRequired => {
            "There is no credential, or one that is not good any more. Send \
             `Authorization: Bearer` with a key that has not been revoked."
        }
        Code::InsufficientCredit => {
            "The wallet does not cover the call, and nothing was sent to a model. Top it up."
        }
        Code::BudgetExceeded => {
            "What the project or the turn may spend is used up. Raise `maxCostMicroUsd`, or begin \
             a new turn."
        }
        Code::PermissionDenied => {
            "The key is known and may not do this: its scopes, the addresses it is good for, or \
             the account's state. Take another key, or ask whoever made it."
        }
        Code::ResourceNotFound => {
            "There is nothing of that id, or nothing of yours. The two look the same."
        }
        Code::ModelNotFound => "The model is not served here. `GET /v1/models` lists what is.",
        Code::MethodNotAllowed => {
            "The path is there, the method is not. `Allow` lists those it has."
        }
        Code::Conflict => "The thing is in another state. Read it again, and decide anew.",
        Code::ApprovalExpired => "Nobody decided in time. Start the turn again.",
        Code::PreconditionFailed => {
            "Somebody changed it since you read it. Read it again and send the new `ETag` in \
             `If-Match`."
        }
        Code::PreconditionRequired => "Send the `ETag` that you have seen in `If-Match`.",
        Code::PayloadTooLarge => "The body is larger than is taken. Send less, or in parts.",
        Code::UnsupportedMediaType => {
            "The content type or the encoding is not taken. Send `Content-Type: application/json`."
        }
        Code::RangeNotSatisfiable => "The file is shorter than that. Ask for it without `Range`.",
        Code::ValidationError => "A field is missing or wrong. The answer names each and says why.",
        Code::IdempotencyKeyReused => {
            "The same `Idempotency-Key` came with another request before. Take a new one."
        }
        Code::UpgradeRefused => "Only HTTP is served here. Ask without `Upgrade`.",
        Code::ModelNotPriced => "It has no price, so nothing is sent to it. An operator sets one.",
        Code::RateLimitExceeded => {
            "Too many requests in the hour. Wait as many seconds as `Retry-After` says."
        }
        Code::FairUseExceeded => {
            "The plan's fair use is used up for now. Wait until the moment that the answer names, \
             or let the wallet pay."
        }
        Code::ConcurrencyLimitExceeded => {
            "Too many calls at once. Wait for one of yours to end; `Retry-After` says how long."
        }
        Code::InternalError => "A fault of ours. Tell us the request's id.",
        Code::UpstreamFailed => "The provider or codex failed; nothing was charged. Try again.",
        Code::RunnerUnavailable => {
            "The machine that would do the work is away. Try again in a moment; what it had \
             promised is kept."
        }
        Code::UpstreamOverloaded => "The model provider is over capacity. Wait, then try again.",
        Code::Unavailable => "A part of ours is out of reach. Nothing was charged; try again.",
        Code::Timeout => "Whoever does the work did not answer in time. Try again.",
    }
}
