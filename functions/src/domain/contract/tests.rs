//! Whatever the document says can be told.

use serde_json::{Value, json};

use super::*;

fn contract() -> Contract<'static> {
    Contract::read(DOCUMENT).unwrap()
}

#[test]
fn every_call_of_the_document_can_be_told() {
    let contract = contract();
    let mut calls = 0;
    for (path, operations) in &contract.paths {
        for method in operations.keys() {
            let operation = contract.operation(method, path).unwrap();
            let ends = operation.replies.len() + operation.refusals.len();
            assert!(ends > 2, "{method} {path}");
            assert!(operation.refusals.iter().all(|(_, why)| !why.is_empty()), "{method} {path}");
            let in_path = operation.parameters.iter().filter(|it| it.place == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
            calls += 1;
        }
    }
    assert!(calls > 100, "{calls}");
}

#[test]
fn an_example_is_written_for_no_call_that_is_not_there() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let operations = document["paths"].as_object().unwrap().values();
    let operations = operations.flat_map(|path| path.as_object().unwrap().values());
    let with_body = operations.filter(|it| it.get("requestBody").is_some());
    let ids: Vec<&str> = with_body.filter_map(|it| it["operationId"].as_str()).collect();
    for id in example::written() {
        assert!(ids.contains(&id.as_str()), "{id}");
    }
}

/// A document with one call that takes this.
fn told(schema: Value) -> Body {
    let body = json!({ "required": true, "content": { JSON: { "schema": schema } } });
    let nested = json!({
        "type": "object", "required": ["self"], "description": "A knot.",
        "properties": {
            "self": { "$ref": "#/components/schemas/Knot" },
            "at": { "type": "string", "description": "When." },
        },
    });
    let document = json!({
        "paths": { "/x": { "post": {
            "operationId": "post_x", "requestBody": body,
            "responses": { "200": { "description": "Done." } },
        } } },
        "components": { "schemas": { "Knot": nested }, "responses": {} },
    });
    let text = document.to_string();
    Contract::read(&text).unwrap().operation("POST", "/x").unwrap().body.unwrap()
}

#[track_caller]
fn check(property: Value, kind: &str, example: Value) {
    let schema = json!({ "type": "object", "required": ["it"], "properties": { "it": property } });
    let body = told(schema);
    assert_eq!(body.fields.first().map(|it| it.kind.as_str()), Some(kind));
    let sent: Value = serde_json::from_str(&body.example).unwrap();
    assert_eq!(sent["it"], example);
}

#[test]
fn a_field_says_what_may_stand_there() {
    check(json!({ "type": "string" }), "string", json!("…"));
    check(
        json!({ "type": ["string", "null"], "maxLength": 9 }),
        "string, at most 9 characters",
        json!("…"),
    );
    check(json!({ "type": "integer", "minimum": 3, "maximum": 5 }), "integer, 3 to 5", json!(3));
    check(json!({ "enum": ["a", "b", null] }), "\"a\", \"b\"", json!("a"));
    check(
        json!({ "type": "array", "items": { "type": "boolean" } }),
        "list of boolean",
        json!([false]),
    );
    check(json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] }), "integer", json!(1));
    check(json!({}), "anything", Value::Null);
    let id = json!({ "type": "string", "pattern": "^prj_[0-9a-f]{32}$" });
    check(id, "string, as ^prj_[0-9a-f]{32}$", json!("prj_0198f2c47d3e7a51b6c80d9e2f3a4b5c"));
}

#[test]
fn what_is_within_itself_comes_to_an_end() {
    let body = told(json!({ "$ref": "#/components/schemas/Knot" }));
    let names: Vec<_> = body.fields.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names, body.about.as_str()), (vec!["at", "self"], "A knot."));
    assert!(body.example.len() < 500, "{}", body.example);
}

#[test]
fn each_of_a_few_values_says_what_it_means() {
    let choice = json!({ "description": "Which.", "oneOf": [
        { "const": "on", "type": "string", "description": "It burns." },
        { "const": "off", "type": "string", "description": "It is dark." },
    ] });
    let body = told(json!({ "type": "object", "properties": { "light": choice } }));
    let [field] = body.fields.as_slice() else { panic!("{:?}", body.fields) };
    assert_eq!(field.kind, "\"on\", \"off\"");
    assert_eq!(field.about, "Which. `on`: It burns. `off`: It is dark.");
    assert_eq!(body.example, "{}", "what may be left out is left out");
}

#[test]
fn every_code_of_the_document_is_in_the_list_of_all() {
    let code = contract().schema("Code").unwrap();
    let mut promised: Vec<_> = list(&code, "oneOf").map(|it| text(it, "const")).collect();
    let mut listed: Vec<_> = schema::Code::ALL.iter().map(|it| it.as_str().to_owned()).collect();
    promised.sort();
    listed.sort();
    assert_eq!(promised, listed);
}
