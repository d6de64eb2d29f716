//! The fields of a schema, one after another, nested ones by their path.

use serde_json::Value;

use super::{Contract, list, text};

/// How deep fields are told: what is deeper is told by what it is.
const DEPTH_MAX: usize = 3;
/// How many of a fixed set of values are named.
const VALUES_MAX: usize = 12;

/// A field, by its path: `wallet.balanceMicroUsd`, `packs[].id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub required: bool,
    pub kind: String,
    pub about: String,
}

/// All fields of a schema.
pub fn fields(contract: &Contract<'_>, schema: &Value) -> Vec<Field> {
    let mut walk = Walk { contract, within: Vec::new(), found: Vec::new() };
    walk.walk("", schema);
    walk.found
}

struct Walk<'w, 'a> {
    contract: &'w Contract<'a>,
    /// Schemas that this is a part of, so that one within itself comes to an end.
    within: Vec<String>,
    found: Vec<Field>,
}

impl Walk<'_, '_> {
    fn walk(&mut self, path: &str, schema: &Value) {
        let schema = value_of(schema);
        let name = Contract::name_of(schema).map(str::to_owned);
        if name.as_ref().is_some_and(|name| self.within.contains(name)) {
            return;
        }
        self.within.extend(name.clone());
        let resolved = self.contract.resolved(schema);
        self.properties(path, &resolved);
        if let Some(items) = resolved.get("items") {
            self.walk(&format!("{path}[]"), items);
        }
        if let Some(values) = resolved.get("additionalProperties").filter(|it| it.is_object()) {
            self.walk(&below(path, "*"), values);
        }
        if name.is_some() {
            self.within.pop();
        }
    }

    fn properties(&mut self, path: &str, schema: &Value) {
        let required: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let path = below(path, name);
            let meant = self.contract.resolved(value_of(property));
            let own = text(property, "description");
            let about = if own.is_empty() { text(&meant, "description") } else { own };
            self.found.push(Field {
                name: path.clone(),
                required: required.contains(&name.as_str()),
                kind: kind(self.contract, property),
                about: with_values(about, &meant),
            });
            if path.matches(['.', '[']).count() < DEPTH_MAX {
                self.walk(&path, property);
            }
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What is meant where nothing at all is the other choice.
pub fn value_of(schema: &Value) -> &Value {
    let mut choices = list(schema, "anyOf").filter(|it| text(it, "type") != "null");
    match (choices.next(), choices.next()) {
        (Some(one), None) => one,
        _ => schema,
    }
}

/// What each of a few values means, behind what they are for.
fn with_values(about: String, schema: &Value) -> String {
    let meaning = |choice: &Value| {
        let (value, about) = (choice.get("const")?.as_str()?, text(choice, "description"));
        (!about.is_empty()).then(|| format!("`{value}`: {about}"))
    };
    let meanings: Vec<_> = list(schema, "oneOf").filter_map(meaning).collect();
    if meanings.is_empty() || meanings.len() > VALUES_MAX {
        return about;
    }
    format!("{about} {}", meanings.join(" ")).trim().to_owned()
}

/// What may stand there, in words.
pub fn kind(contract: &Contract<'_>, schema: &Value) -> String {
    let schema = contract.resolved(value_of(schema));
    if let Some(values) = values(&schema) {
        let named: Vec<_> = values.iter().take(VALUES_MAX).map(Value::to_string).collect();
        let more = if values.len() > VALUES_MAX { ", …" } else { "" };
        return format!("{}{more}", named.join(", "));
    }
    let types = types(&schema);
    let kind = match types.as_slice() {
        [] if schema.get("anyOf").is_some() => {
            let kinds: Vec<_> = list(&schema, "anyOf").map(|it| kind(contract, it)).collect();
            return kinds.join(" or ");
        }
        [] => return "anything".to_owned(),
        [one] if one == "array" => match schema.get("items") {
            Some(items) if items.is_object() => format!("list of {}", kind(contract, items)),
            _ => "list".to_owned(),
        },
        several => several.join(" or "),
    };
    let bounds = bounds(&schema);
    if bounds.is_empty() { kind } else { format!("{kind}, {bounds}") }
}

/// The only values that are taken, if they are so few that they are listed.
pub fn values(schema: &Value) -> Option<Vec<Value>> {
    if let Some(value) = schema.get("const") {
        return Some(vec![value.clone()]);
    }
    let listed: Vec<Value> = list(schema, "enum").filter(|it| !it.is_null()).cloned().collect();
    if !listed.is_empty() {
        return Some(listed);
    }
    let choices: Option<Vec<Value>> =
        list(schema, "oneOf").map(|it| it.get("const").cloned()).collect();
    choices.filter(|choices| !choices.is_empty())
}

/// Its types, without nothing at all.
pub fn types(schema: &Value) -> Vec<String> {
    let own = schema.get("type").and_then(Value::as_str).map(str::to_owned);
    let listed = list(schema, "type").filter_map(Value::as_str).map(str::to_owned);
    own.into_iter().chain(listed).filter(|it| it != "null").collect()
}

fn bounds(schema: &Value) -> String {
    let number = |name: &str| schema.get(name).filter(|it| it.is_number());
    let mut bounds = Vec::new();
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => bounds.push(format!("{least} to {most}")),
        (Some(least), None) => bounds.push(format!("at least {least}")),
        (None, Some(most)) => bounds.push(format!("at most {most}")),
        (None, None) => {}
    }
    let unit = if schema.get("items").is_some() { "entries" } else { "characters" };
    if let Some(most) = number("maxLength").or_else(|| number("maxItems")) {
        bounds.push(format!("at most {most} {unit}"));
    }
    if let Some(form) = schema.get("pattern").and_then(Value::as_str) {
        bounds.push(format!("as {form}"));
    }
    bounds.join(", ")
}
