//! The committed document, read in parts: what a call takes, what it answers and how it fails, as
//! people read it. Everything comes from `schema/openapi.json`, so that none of it can be wrong.

mod example;
mod fields;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

pub use fields::Field;

/// The document, as it is served.
pub static DOCUMENT: &str = include_str!("../../../../schema/openapi.json");

/// The document with its parts unread: few of them are ever looked at, and they are many.
#[derive(Debug, Deserialize)]
pub struct Contract<'a> {
    #[serde(borrow)]
    paths: BTreeMap<&'a str, BTreeMap<&'a str, &'a RawValue>>,
    #[serde(borrow)]
    components: Components<'a>,
}

#[derive(Debug, Deserialize)]
struct Components<'a> {
    #[serde(borrow)]
    schemas: BTreeMap<&'a str, &'a RawValue>,
    #[serde(borrow)]
    responses: BTreeMap<&'a str, &'a RawValue>,
}

/// What is to be known of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    /// What it answers where it does what it is asked.
    pub replies: Vec<Reply>,
    /// How else it may end: the status, and what that means.
    pub refusals: Vec<(u16, String)>,
}

/// What stands in the path, the query or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    pub required: bool,
    pub kind: String,
    pub about: String,
    /// What may stand there, where it has to.
    pub example: String,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its content types.
    pub types: Vec<String>,
    pub required: bool,
    pub about: String,
    pub fields: Vec<Field>,
    /// As it may be sent.
    pub example: String,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Its content types.
    pub types: Vec<String>,
    pub about: String,
    pub fields: Vec<Field>,
    /// As it may look, where it is JSON.
    pub example: Option<String>,
}

const JSON: &str = "application/json";

impl<'a> Contract<'a> {
    /// Reads a document.
    pub fn read(document: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(document)
    }

    /// What it says of a call.
    pub fn operation(&self, method: &str, path: &str) -> Option<Operation> {
        let operation = self.paths.get(path)?.get(method.to_ascii_lowercase().as_str())?;
        let operation: Value = serde_json::from_str(operation.get()).ok()?;
        let id = text(&operation, "operationId");
        let parameters = list(&operation, "parameters").map(|it| self.parameter(it)).collect();
        let body = operation.get("requestBody").map(|body| self.body(&id, body));
        let responses = operation.get("responses").and_then(Value::as_object);
        let (mut replies, mut refusals) = (Vec::new(), Vec::new());
        for (status, response) in responses.into_iter().flatten() {
            let Ok(status) = status.parse::<u16>() else { continue };
            let response = self.response(response);
            match status {
                400.. => refusals.push((status, text(&response, "description"))),
                _ => replies.push(self.reply(status, &response)),
            }
        }
        Some(Operation { parameters, body, replies, refusals })
    }

    /// A schema that is shared.
    fn schema(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.components.schemas.get(name)?.get()).ok()
    }

    /// The name of the shared schema that is meant, if one is.
    fn name_of(schema: &Value) -> Option<&str> {
        schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
    }

    /// What a schema says, wherever it says it.
    fn resolved(&self, schema: &Value) -> Value {
        let named = Self::name_of(schema).and_then(|name| self.schema(name));
        named.unwrap_or_else(|| schema.clone())
    }

    fn response(&self, response: &Value) -> Value {
        let place = response.get("$ref").and_then(Value::as_str).unwrap_or_default();
        let name = place.strip_prefix("#/components/responses/");
        let shared = name.and_then(|name| self.components.responses.get(name));
        let shared = shared.and_then(|shared| serde_json::from_str(shared.get()).ok());
        shared.unwrap_or_else(|| response.clone())
    }

    fn parameter(&self, parameter: &Value) -> Parameter {
        let schema = parameter.get("schema").cloned().unwrap_or_default();
        let (name, required) = (text(parameter, "name"), is(parameter, "required"));
        let example = if required { example::text(self, &name, &schema) } else { String::new() };
        Parameter {
            place: text(parameter, "in"),
            required,
            kind: fields::kind(self, &schema),
            about: text(parameter, "description"),
            example,
            name,
        }
    }

    fn body(&self, id: &str, body: &Value) -> Body {
        let (types, schema) = content(body);
        let resolved = self.resolved(&schema);
        Body {
            types,
            required: is(body, "required"),
            about: text(&resolved, "description"),
            fields: fields::fields(self, &schema),
            example: example::body(self, id, &schema),
        }
    }

    fn reply(&self, status: u16, response: &Value) -> Reply {
        let (types, schema) = content(response);
        let is_json = types.iter().any(|it| it == JSON);
        let about = match text(&self.resolved(&schema), "description") {
            of_schema if is_json && !of_schema.is_empty() => of_schema,
            _ => text(response, "description"),
        };
        Reply {
            status,
            about,
            fields: if is_json { fields::fields(self, &schema) } else { Vec::new() },
            example: is_json.then(|| example::whole(self, &schema)),
            types,
        }
    }
}

/// The content types, and the schema of the JSON among them, or of what there is.
fn content(part: &Value) -> (Vec<String>, Value) {
    let content = part.get("content").and_then(Value::as_object);
    let types = content.map(|it| it.keys().cloned().collect()).unwrap_or_default();
    let one = content.and_then(|it| it.get(JSON).or_else(|| it.values().next()));
    (types, one.and_then(|it| it.get("schema")).cloned().unwrap_or_default())
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn is(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
