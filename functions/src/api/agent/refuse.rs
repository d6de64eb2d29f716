//! `{"detail": …}` (seed 000), with the code and the request's id beside it.

use schema::{Error, agent::Failure};

use crate::http::{
    reply::JSON,
    route::{Asker, Refusal},
};

/// Words a failure.
pub fn refuse(error: &Error, asker: &Asker) -> Refusal {
    let body = Failure {
        detail: error.message.clone(),
        code: error.code,
        request_id: error.code.is_ours().then_some(asker.request_id),
        errors: error.details.clone(),
    };
    // Texts and ids have no way to fail.
    let body = serde_json::to_string(&body).unwrap_or_default();
    Refusal { status: error.code.status(), content_type: JSON, body }
}
