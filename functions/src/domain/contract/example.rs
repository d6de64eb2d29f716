//! Examples: values that a schema takes. Where people copy them from they are written by hand, in
//! `examples.json`; everywhere else they are made from the schema and from what a field is called.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Contract,
    fields::{types, value_of, values},
    list,
};

/// By the name of the call.
static WRITTEN: &str = include_str!("examples.json");

/// How deep an example goes.
const DEPTH_MAX: usize = 5;
/// How the forms of ids go on after what they begin with.
const ID_FORM: &str = "_[0-9a-f]{32}$";

/// What may be sent: as it is written down, or with what has to be there.
pub fn body(contract: &Contract<'_>, id: &str, schema: &Value) -> String {
    let written: BTreeMap<String, Value> = serde_json::from_str(WRITTEN).unwrap_or_default();
    let made = || Maker { contract, whole: false }.value("", schema, DEPTH_MAX);
    pretty(&written.get(id).cloned().unwrap_or_else(made))
}

/// The calls for which an example is written down.
#[cfg(test)]
pub fn written() -> Vec<String> {
    let written: BTreeMap<String, Value> = serde_json::from_str(WRITTEN).unwrap();
    written.into_keys().collect()
}

/// How an answer may look, with all that it may have.
pub fn whole(contract: &Contract<'_>, schema: &Value) -> String {
    pretty(&Maker { contract, whole: true }.value("", schema, DEPTH_MAX))
}

/// A value that stands in an address.
pub fn text(contract: &Contract<'_>, name: &str, schema: &Value) -> String {
    match (Maker { contract, whole: false }).value(name, schema, 1) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

struct Maker<'m, 'a> {
    contract: &'m Contract<'a>,
    /// With what may be left out.
    whole: bool,
}

impl Maker<'_, '_> {
    fn value(&self, name: &str, schema: &Value, depth: usize) -> Value {
        let schema = self.contract.resolved(value_of(schema));
        if let Some(first) = values(&schema).and_then(|values| values.into_iter().next()) {
            return first;
        }
        let types = types(&schema);
        match types.first().map(String::as_str) {
            Some("object") => Value::Object(self.object(&schema, depth)),
            Some("array") => match schema.get("items").filter(|it| it.is_object()) {
                Some(items) if depth > 0 => json!([self.value(singular(name), items, depth - 1)]),
                _ => json!([]),
            },
            Some("boolean") => json!(schema.get("default") == Some(&json!(true))),
            Some("integer" | "number") => number(name, &schema),
            Some("string") => json!(string(name, &schema)),
            Some(_) => Value::Null,
            None => match list(&schema, "anyOf").next() {
                Some(first) => self.value(name, first, depth),
                None => anything(name),
            },
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        let required: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let wanted = properties.into_iter().flatten();
        let wanted = wanted.filter(|(name, _)| self.whole || required.contains(&name.as_str()));
        let made = wanted.filter(|_| depth > 0);
        made.map(|(name, it)| (name.clone(), self.value(name, it, depth - 1))).collect()
    }
}

/// What one of many is called.
fn singular(name: &str) -> &str {
    name.strip_suffix('s').unwrap_or(name)
}

fn number(name: &str, schema: &Value) -> Value {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let likely = match name {
        "limit" => 50,
        "status" | "statusCode" => 200,
        _ if name.ends_with("MicroUsd") || name.ends_with("micro_usd") => 2_500_000,
        _ if name.ends_with("_at") => 1_770_000_000,
        _ if name.ends_with("At") || name.ends_with("Ms") => 1_770_000_000_000,
        _ if name.contains("okens") => 1_200,
        _ => 1,
    };
    let (least, most) = (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(i64::MAX));
    json!(likely.clamp(least, most.max(least)))
}

fn string(name: &str, schema: &Value) -> String {
    let form = schema.get("pattern").and_then(Value::as_str).unwrap_or_default();
    if let Some(start) = form.strip_prefix('^').and_then(|it| it.strip_suffix(ID_FORM)) {
        return format!("{start}_0198f2c47d3e7a51b6c80d9e2f3a4b5c");
    }
    if form.contains("[0-9]{1,9}") {
        return "10.00".to_owned();
    }
    if let Some(default) = schema.get("default").and_then(Value::as_str) {
        return default.to_owned();
    }
    let known = match name {
        "country" => "DE",
        "currency" => "usd",
        "cursor" | "before" | "after" | "next_cursor" | "nextCursor" => "",
        "cwd" => "/srv/site",
        "email" | "to" | "from_address" | "reply_to" => "ada@example.com",
        "method" => "thread/list",
        "model" => "gpt-5.5",
        "name" | "title" => "Landing page",
        "password" | "newPassword" | "currentPassword" => "a long and lonely yak",
        "path" => "index.html",
        "phone" => "+49 30 901820",
        "plan" => "usd_10",
        "prompt" => "Add a contact form.",
        "request_id" => "ask_0198f2c47d3e7a51b6c80d9e2f3a4b5c",
        "template" => "low_balance",
        "thread_id" | "threadId" | "turn_id" | "turnId" => "0198f2c4-7d3e-7a51-b6c8-0d9e2f3a4b5c",
        "username" => "ada",
        _ if name.ends_with("rl") => "https://example.com/",
        _ if name.ends_with("_at") || name.ends_with("At") || name == "at" => {
            "2026-02-02T12:00:00Z"
        }
        _ if name.to_ascii_lowercase().ends_with("usd") => "10.00",
        _ if form == "^[A-Za-z0-9_-]{1,40}$" => "a-1",
        _ => "…",
    };
    known.to_owned()
}

/// Where a schema takes whatever comes.
fn anything(name: &str) -> Value {
    match name {
        "input" => json!("Say hello."),
        "id" => json!(1),
        "params" => json!({}),
        _ => Value::Null,
    }
}
