//! The route lists as an OpenAPI 3.1 document. Native only: the Worker serves the file that this
//! makes.

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    domain::access::Access,
    http::{Family, Route, reply::Answer, reply::JSON, route::Wire},
};

/// What is said of a route's parts.
pub struct Shape {
    describe: fn(&mut SchemaGenerator) -> Parts,
}

struct Parts {
    at: Option<Schema>,
    body: Option<Schema>,
    status: u16,
    content_type: &'static str,
    reply: Option<Schema>,
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
        Self {
            describe: |_| Parts {
                at: None,
                body: Some(open()),
                status: 200,
                content_type: JSON,
                reply: Some(open()),
            },
        }
    }
}

/// Any JSON object: the provider's own form, of which we look at a few fields.
fn open() -> Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": true })
}

fn parts<At: Wire, B: Wire, R: Answer, const BODY: bool>(generator: &mut SchemaGenerator) -> Parts {
    Parts {
        at: Some(schema_of::<At>(generator)),
        body: BODY.then(|| schema_of::<B>(generator)),
        status: R::STATUS,
        content_type: R::CONTENT_TYPE,
        reply: Some(schema_of::<R::Body>(generator)),
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The document of all families.
pub fn document(families: &[Family]) -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    generator.meta_schema = None;
    let mut generator = generator.into_generator();
    let mut paths = Map::new();
    for route in families.iter().flat_map(|family| &family.routes) {
        let parts = (route.shape.describe)(&mut generator);
        let operation = operation(route, &parts, generator.definitions());
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_lowercase(), operation);
        }
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert(
        "Error".into(),
        json!({
            "type": "object",
            "description": "A failure, in the words of the route's family.",
            "additionalProperties": true,
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gantry",
            "version": "1",
            "description": "Codex for many, metered from a wallet.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "api": { "type": "http", "scheme": "bearer",
                         "description": "A key (`cdx_sk_…`, `cdx_pk_…`) or the account's username." },
                "admin": { "type": "http", "scheme": "bearer", "description": "An operator's bearer." },
            },
        },
    })
}

fn operation(route: &Route, parts: &Parts, definitions: &Map<String, Value>) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".into(), json!(operation_id(route)));
    operation.insert("tags".into(), json!([route.tag]));
    operation.insert("summary".into(), json!(route.summary));
    let scheme = match route.access {
        Access::Public => None,
        Access::Api(_) => Some("api"),
        Access::Admin => Some("admin"),
    };
    let security: Vec<Value> = scheme.map(|name| json!({ name: [] })).into_iter().collect();
    operation.insert("security".into(), json!(security));
    let parameters = parameters(route, parts, definitions);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), json!(parameters));
    }
    if let Some(body) = &parts.body {
        let content = json!({ JSON: { "schema": body } });
        operation.insert("requestBody".into(), json!({ "required": true, "content": content }));
    }
    let reply =
        parts.reply.as_ref().map(|schema| json!({ parts.content_type: { "schema": schema } }));
    let failure = json!({ JSON: { "schema": { "$ref": "#/components/schemas/Error" } } });
    operation.insert(
        "responses".into(),
        json!({
            parts.status.to_string(): { "description": "Done.", "content": reply },
            "default": { "description": "What went wrong and what to do.", "content": failure },
        }),
    );
    Value::Object(operation)
}

/// `get_api_v1_me`: stable, and one for each method and path.
fn operation_id(route: &Route) -> String {
    let path = route.path.replace(['{', '}'], "").replace(['/', '-', '.'], "_");
    format!("{}{path}", route.method.to_lowercase())
}

/// Path and query parameters, from the properties of what they are read into.
fn parameters(route: &Route, parts: &Parts, definitions: &Map<String, Value>) -> Vec<Value> {
    let Some(at) = &parts.at else { return Vec::new() };
    let named = at.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
    let schema = named.and_then(|name| definitions.get(name)).unwrap_or(at.as_value());
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let parameter = |(name, schema): (&String, &Value)| {
        let in_path = route.path.contains(&format!("{{{name}}}"));
        let place = if in_path { "path" } else { "query" };
        json!({ "name": name, "in": place, "required": in_path, "schema": schema })
    };
    properties.iter().map(parameter).collect()
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
        let mut ids: Vec<_> = routes().map(operation_id).collect();
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
        assert!(crate::http::router::Router::new(crate::api::families()).is_ok());
    }
}
