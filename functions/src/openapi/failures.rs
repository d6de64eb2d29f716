//! How routes fail, and what stands beside every answer.

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{Body, Parts, names};
use crate::{
    domain::access::Access,
    http::{Route, reply::JSON},
};

/// The failures of a route, as references into `refusals`, where those that are new are added.
pub fn of(
    route: &Route,
    parts: &Parts,
    failure: &Schema,
    refusals: &mut Map<String, Value>,
) -> Map<String, Value> {
    let form = failure.get("$ref").and_then(Value::as_str).unwrap_or_default();
    let form = form.rsplit('/').next().unwrap_or_default();
    let mut responses = Map::new();
    for status in statuses(route, parts) {
        let name = format!("{form}{status}");
        refusals.entry(name.clone()).or_insert_with(|| refusal(status, failure));
        let place = format!("#/components/responses/{name}");
        responses.insert(status.to_string(), json!({ "$ref": place }));
    }
    responses
}

/// What follows from what a route asks of its caller and of the request.
fn statuses(route: &Route, parts: &Parts) -> Vec<u16> {
    let mut statuses = vec![500, 503];
    if route.access != Access::Public {
        statuses.extend([401, 403, 429]);
    }
    if parts.body.is_some() {
        statuses.extend([400, 413, 415]);
    }
    let read = parts.at.as_ref().and_then(|at| at.get("properties"));
    if parts.body.is_some() || read.is_some() {
        statuses.push(422);
    }
    let named = |body: &Body| body.names;
    if parts.at.as_ref().is_some_and(names) || parts.body.as_ref().is_some_and(named) {
        statuses.push(404);
    }
    if parts.status == 201 {
        statuses.push(409);
    }
    statuses.extend(parts.failures);
    statuses.extend(route.failures);
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// What else comes where a part can be asked for, or what is not known already.
pub fn of_parts(content: &Value) -> Map<String, Value> {
    let part = json!({
        "description": "The part that `Range` asked for.",
        "headers": beside(206),
        "content": content,
    });
    let same = json!({
        "description": "It is as `If-None-Match` says.",
        "headers": beside(304),
    });
    [("206".to_owned(), part), ("304".to_owned(), same)].into_iter().collect()
}

fn refusal(status: u16, failure: &Schema) -> Value {
    json!({
        "description": meaning(status),
        "headers": beside(status),
        "content": { JSON: { "schema": failure } },
    })
}

/// What an answer of that status says.
pub const fn meaning(status: u16) -> &'static str {
    match status {
        101 => "A socket that speaks the tunnel.",
        200..=299 => "Done.",
        400 => "The request is not what it claims to be.",
        401 => "No credential, or one that is not (or no longer) valid.",
        402 => "The wallet does not cover the call.",
        403 => "The caller is known and may not do this: scope, address, account state.",
        404 => "Nothing there, or nothing of the caller's.",
        409 => "The thing is in a state that does not allow this.",
        412 => "The thing is not in the state that was asked for.",
        413 => "The body is larger than is taken.",
        415 => "A content type or encoding that is not taken.",
        416 => "The file has nothing of this range.",
        422 => "A field is missing or wrong.",
        426 => "Only HTTP is served here.",
        428 => "The thing is changed only by who names the state that they have seen.",
        429 => "Too many requests in the hour, or at once.",
        502 => "Whoever does the work failed: the model provider, or codex; nothing was charged.",
        503 => "A part of the service is out of reach; nothing was charged.",
        504 => "Whoever does the work did not answer in time.",
        _ => "A fault of ours.",
    }
}

/// The headers beside an answer.
pub fn beside(status: u16) -> Value {
    let mut names = vec![
        "X-Request-Id",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Used",
        "X-RateLimit-Reset",
    ];
    match status {
        401 => names.push("WWW-Authenticate"),
        429 | 503 => names.push("Retry-After"),
        _ => {}
    }
    let place = |name| json!({ "$ref": format!("#/components/headers/{name}") });
    names.into_iter().map(|name| (name.to_owned(), place(name))).collect::<Map<_, _>>().into()
}

/// The headers that [`beside`] refers to.
pub fn headers() -> Value {
    let header = |description: &str, kind: &str| {
        let schema = json!({ "type": kind });
        json!({ "description": description, "required": true, "schema": schema })
    };
    json!({
        "X-Request-Id": header("The request's id, under which our log has it.", "string"),
        "X-RateLimit-Limit": header("Requests in any hour.", "integer"),
        "X-RateLimit-Remaining": header("Requests that are still free.", "integer"),
        "X-RateLimit-Used": header("Requests in the hour that ends now.", "integer"),
        "X-RateLimit-Reset": header("When the oldest of them leaves, in Unix seconds.", "integer"),
        "Retry-After": header("Seconds to wait.", "integer"),
        "WWW-Authenticate": header("`Bearer`.", "string"),
    })
}
