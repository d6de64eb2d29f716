//! The route lists as an OpenAPI 3.1 document. Native only: the Worker serves the file that this
//! makes.

mod failures;
mod responses;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    domain::{access::Access, cookie},
    http::{
        Family, Handler, Route,
        reply::{Answer, BYTES, EVENTS, JSON},
        route::{Heeded, Wire},
    },
};

/// The schema of a type, by its name.
pub type Described = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`.
pub fn described<T: Wire>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What is said of a route's parts.
pub struct Shape {
    describe: fn(&mut SchemaGenerator) -> Parts,
}

struct Parts {
    /// Path and query, with nothing that is described elsewhere.
    at: Option<Schema>,
    body: Option<Body>,
    status: u16,
    /// What is answered, by content type.
    reply: Value,
    /// Failures that only this route has.
    failures: &'static [u16],
}

struct Body {
    schema: Schema,
    /// Whether it has to be there: an empty one is read as an object without fields.
    required: bool,
    /// Whether it names another thing by its id.
    names: bool,
}

impl Body {
    fn of<T: Wire>(generator: &mut SchemaGenerator) -> Self {
        let inline = inline::<T>();
        let required = inline.get("required").is_some();
        Self { schema: described::<T>(generator), required, names: names(&inline) }
    }
}

/// Whether something is looked for by an id that has to be there.
fn names(schema: &Schema) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.is_some_and(|properties| properties.keys().any(|name| name.ends_with("_id")))
}

impl Shape {
    /// The shape of a handler with these types.
    pub fn of<At: Wire, B: Wire, R: Answer>(has_body: bool) -> Self {
        // A function pointer can carry which types, but not whether: hence two of them.
        let describe = if has_body { parts::<At, B, R, true> } else { parts::<At, B, R, false> };
        Self { describe }
    }

    /// The shape of a route that hands bodies on untouched.
    pub fn untouched() -> Self {
        Self { describe: responses::parts }
    }

    /// The shape of a route that becomes a socket of a runner.
    pub fn upgrade() -> Self {
        Self { describe: tunnel }
    }

    /// The shape of a route of a runner that says who it is by what it signs.
    pub fn signed<R: Answer>() -> Self {
        Self { describe: signed::<R> }
    }
}

fn parts<At: Wire, B: Wire, R: Answer, const BODY: bool>(generator: &mut SchemaGenerator) -> Parts {
    Parts {
        at: Some(inline::<At>()),
        body: BODY.then(|| Body::of::<B>(generator)),
        status: R::STATUS,
        reply: json!({ R::CONTENT_TYPE: { "schema": described::<R::Body>(generator) } }),
        failures: &[],
    }
}

fn tunnel(_: &mut SchemaGenerator) -> Parts {
    Parts { at: None, body: None, status: 101, reply: json!({}), failures: &[400, 401, 403, 409] }
}

fn signed<R: Answer>(generator: &mut SchemaGenerator) -> Parts {
    let reply = json!({ R::CONTENT_TYPE: { "schema": described::<R::Body>(generator) } });
    Parts { at: None, body: None, status: R::STATUS, reply, failures: &[401, 403] }
}

/// A schema that refers to no other.
fn inline<T: JsonSchema>() -> Schema {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>()
}

/// The document of all families.
pub fn document(families: &[Family]) -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    generator.meta_schema = None;
    let mut generator = generator.into_generator();
    let mut paths = Map::new();
    let mut refusals = Map::new();
    for family in families {
        let failure = (family.failure)(&mut generator);
        for route in &family.routes {
            let parts = (route.shape.describe)(&mut generator);
            let operation = operation(route, &parts, &failure, &mut refusals);
            let path = paths.entry(route.path).or_insert_with(|| json!({}));
            if let Some(path) = path.as_object_mut() {
                path.insert(route.method.to_lowercase(), operation);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gantry",
            "version": "1",
            "description": "Codex for many, metered from a wallet.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(families),
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": refusals,
            "headers": failures::headers(),
            "securitySchemes": {
                "api": {
                    "type": "http", "scheme": "bearer",
                    "description": "A key (`cdx_sk_…`, `cdx_pk_…`) or the account's username.",
                },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": cookie::SESSION,
                    "description": "A browser's session. What changes something has to come from \
                                    this site's own pages, with a JSON body.",
                },
                "admin": {
                    "type": "http", "scheme": "bearer",
                    "description": "A static token of the deployment, or a key with the scope \
                                    `admin`.",
                },
                "operator": {
                    "type": "apiKey", "in": "cookie", "name": cookie::ADMIN,
                    "description": "An operator's session in a browser. What changes something \
                                    has to come from this site's own pages, with a JSON body.",
                },
            },
        },
    })
}

fn tags(families: &[Family]) -> Value {
    let mut names: Vec<&str> = Vec::new();
    for route in families.iter().flat_map(|family| &family.routes) {
        if !names.contains(&route.tag) {
            names.push(route.tag);
        }
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn operation(
    route: &Route,
    parts: &Parts,
    failure: &Schema,
    refusals: &mut Map<String, Value>,
) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), json!(route.id()));
    operation.insert("tags".into(), json!([route.tag]));
    operation.insert("summary".into(), json!(route.summary));
    let schemes: &[&str] = match route.access {
        Access::Public => &[],
        Access::Api(_) if matches!(route.handler, Handler::Act(_)) => &["api", "session"],
        Access::Api(_) => &["api"],
        Access::ApiOrAdmin(_) => &["api", "admin"],
        Access::ApiOrTicket(_) => &["api", "session"],
        Access::Admin => &["admin", "operator"],
    };
    let security: Vec<Value> = schemes.iter().map(|name| json!({ *name: [] })).collect();
    operation.insert("security".into(), json!(security));
    let parameters = parameters(route, parts);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), json!(parameters));
    }
    if let Some(body) = &parts.body {
        let mut content = json!({ JSON: { "schema": body.schema } });
        if let Some(kinds) = content.as_object_mut().filter(|_| route.plain) {
            kinds.insert(BYTES.to_owned(), anything());
        }
        let body = json!({ "required": body.required, "content": content });
        operation.insert("requestBody".into(), body);
    }
    let mut reply = parts.reply.clone();
    if let Some(kinds) = reply.as_object_mut().filter(|_| route.streams) {
        kinds.insert(EVENTS.to_owned(), json!({ "schema": { "type": "string" } }));
    }
    let is_read = route.plain && route.method == "GET";
    if let Some(kinds) = reply.as_object_mut().filter(|_| is_read) {
        kinds.insert(BYTES.to_owned(), anything());
    }
    let done = json!({
        "description": failures::meaning(parts.status),
        "headers": failures::beside(parts.status),
        "content": reply,
    });
    let mut responses = failures::of(route, parts, failure, refusals);
    responses.insert(parts.status.to_string(), done);
    if route.page {
        let page = json!({
            "description": "Without `Upgrade`: a page for people.",
            "headers": failures::beside(200),
            "content": { "text/html": { "schema": { "type": "string" } } },
        });
        responses.insert("200".to_owned(), page);
    }
    if is_read {
        responses.extend(failures::of_parts(&json!({ BYTES: anything() })));
    }
    operation.insert("responses".into(), Value::Object(responses));
    Value::Object(operation)
}

/// Bytes of any kind.
fn anything() -> Value {
    json!({ "schema": { "type": "string", "format": "binary" } })
}

/// Path and query parameters, from the properties of what they are read into.
fn parameters(route: &Route, parts: &Parts) -> Vec<Value> {
    let mut parameters = Vec::new();
    let at = parts.at.as_ref();
    let properties = at.and_then(|at| at.get("properties")).and_then(Value::as_object);
    let required = at.and_then(|at| at.get("required")).and_then(Value::as_array);
    for (name, schema) in properties.into_iter().flatten() {
        let in_path = route.path.contains(&format!("{{{name}}}"));
        let place = if in_path { "path" } else { "query" };
        let required = in_path || required.is_some_and(|names| names.contains(&json!(name)));
        let (schema, description) = present(schema);
        parameters.push(json!({
            "name": name, "in": place, "required": required, "schema": schema,
            "description": description,
        }));
    }
    if route.keyed {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same request under the same key happens once.",
            "schema": { "type": "string", "maxLength": 255 },
        }));
    }
    if route.streams && route.method == "GET" {
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "description": "The last event that was seen; those after it follow.",
            "schema": { "type": "string" },
        }));
    }
    parameters.extend(route.heeds.iter().map(|header| heeded(*header)));
    parameters
}

fn heeded(header: Heeded) -> Value {
    const STATE: &str = r#"^(\*|(W/)?"[!#-+\--~]*")$"#;
    let (name, description, pattern) = match header {
        Heeded::IfMatch => {
            ("If-Match", "Only if this is the state, or `*`: if there is one.", STATE)
        }
        Heeded::IfNoneMatch => {
            ("If-None-Match", "Only if this is not the state, or `*`: if there is none.", STATE)
        }
        Heeded::IfRange => ("If-Range", "The part only of this state; otherwise the whole.", STATE),
        Heeded::Range => ("Range", "One part of the bytes.", "^bytes=([0-9]+-[0-9]*|-[0-9]+)$"),
    };
    json!({
        "name": name, "in": "header", "required": false, "description": description,
        "schema": { "type": "string", "maxLength": 255, "pattern": pattern },
    })
}

/// The schema of a parameter that is there, for absence is no value of its own; and what it says.
fn present(schema: &Value) -> (Map<String, Value>, String) {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    schema.remove("default");
    let kinds = schema.get("type").and_then(Value::as_array);
    let kind = kinds.and_then(|kinds| kinds.iter().find(|kind| *kind != "null")).cloned();
    if let Some(kind) = kind {
        schema.insert("type".into(), kind);
    }
    let description = schema.remove("description");
    (schema, description.and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    /// A changed line of this file is a changed promise. `UPDATE=1` rewrites it.
    #[test]
    fn the_committed_document_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/openapi.json");
        let made = serde_json::to_string_pretty(&document(&crate::api::families())).unwrap() + "\n";
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, &made).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == made, "schema/openapi.json is not current: run UPDATE=1 cargo test");
    }

    #[test]
    fn no_two_routes_share_an_operation_or_clash() {
        let families = crate::api::families();
        let routes = || families.iter().flat_map(|family| &family.routes);
        let mut ids: Vec<_> = routes().map(Route::id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(crate::http::router::Router::new(crate::api::families()).is_ok());
    }
}
