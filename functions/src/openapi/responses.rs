//! `POST /v1/responses`: the provider's own form, of which we look at a few fields.

use schemars::SchemaGenerator;
use serde_json::json;

use super::{Body, Parts};
use crate::http::reply::JSON;

/// What is said of its parts.
pub fn parts(_: &mut SchemaGenerator) -> Parts {
    let body = schemars::json_schema!({
        "type": "object",
        "description": "A request of OpenAI's Responses API; every field goes on as it is.",
        "required": ["model"],
        "properties": {
            "model": {
                "type": "string", "minLength": 1, "description": "One of `GET /v1/models`.",
            },
            "input": { "description": "What to answer." },
            "stream": {
                "type": ["boolean", "null"],
                "description": "Whether the answer comes as events.",
            },
            "max_output_tokens": {
                "type": ["integer", "null"], "minimum": 0,
                "description": "A bound on the output, and on what is reserved for it.",
            },
            "background": {
                "type": ["boolean", "null"], "enum": [false, null],
                "description": "Not supported: nobody would be there to meter it.",
            },
        },
        "additionalProperties": true,
    });
    let answer = json!({
        "type": "object",
        "description": "A response of OpenAI's Responses API, byte for byte as it was sent.",
        "properties": {
            "id": { "type": "string" },
            "status": { "type": "string" },
            "usage": { "type": ["object", "null"], "additionalProperties": true },
        },
        "additionalProperties": true,
    });
    let event = json!({
        "type": "object",
        "description": "The `data` of one event. The last one is `response.completed`, \
                        `response.incomplete` or `response.failed`.",
        "required": ["type"],
        "properties": { "type": { "type": "string" } },
        "additionalProperties": true,
    });
    let stream = json!({
        "schema": { "type": "string", "description": "With `stream: true`: server-sent events." },
        "x-event-schema": event,
    });
    Parts {
        at: None,
        body: Some(Body { schema: body, required: true, names: false }),
        status: 200,
        reply: json!({ JSON: { "schema": answer }, "text/event-stream": stream }),
        failures: &[402, 404, 502, 504],
    }
}
