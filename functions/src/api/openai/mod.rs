//! `/v1/models` and `/v1/responses`: what the stock Codex CLI and OpenAI's clients speak.

mod models;
pub mod refuse;
mod responses;

use schema::openai::ErrorResponse;

use crate::{
    domain::access::{Access::Api, Scope},
    http::{Family, forward, get},
};

/// The routes of this family.
pub fn family() -> Family {
    Family::new::<ErrorResponse>(
        "openai",
        refuse::refuse,
        vec![
            get(
                "/v1/models",
                Api(Scope::Models),
                "openai-compatible",
                "List the models that are served",
                models::list,
            ),
            forward(
                "/v1/responses",
                Api(Scope::Responses),
                "openai-compatible",
                "Ask a model for a response, streamed or whole, paid from the wallet",
                responses::create,
            ),
            get(
                "/v1/responses",
                Api(Scope::Responses),
                "openai-compatible",
                "Refuse a WebSocket, so that the CLI falls back to HTTP",
                responses::refuse_upgrade,
            ),
        ],
    )
}
