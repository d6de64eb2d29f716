//! `{"detail": …}` (seed 000), with the code and the request's id beside it.

use schema::Error;
use serde_json::json;

use crate::http::{
    reply::JSON,
    route::{Asker, Refusal},
};

/// Words a failure.
pub fn refuse(error: &Error, asker: &Asker) -> Refusal {
    let mut body = json!({ "detail": error.message, "code": error.code.as_str() });
    if let Some(fields) = body.as_object_mut() {
        if error.code.is_ours() {
            fields.insert("request_id".into(), json!(asker.request_id));
        }
        if !error.details.is_empty() {
            fields.insert("errors".into(), json!(error.details));
        }
    }
    Refusal { status: error.code.status(), content_type: JSON, body: body.to_string() }
}
