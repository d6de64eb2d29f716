//! `GET /openapi.json`: the promise, and whether it is kept.

mod schemathesis;

use std::fs;
use std::process::Command;

use functions::api::families;
use functions::http::Handler;
use serde_json::{Value, json};
use tests::python::python;
use tests::world::World;
use tests::{command, paths};

use crate::desk::{Desk, Reply, line_of};

const DOCUMENT: &str = "schema/openapi.json";

fn document() -> Value {
    serde_json::from_slice(&fs::read(paths::at(DOCUMENT)).expect("a document")).expect("JSON")
}

#[tokio::test]
async fn the_document_that_is_served_is_the_committed_one() {
    let desk = Desk::open().await;
    let reply = desk.send(desk.request("GET", "/openapi.json")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.bytes, fs::read(paths::at(DOCUMENT)).expect("a document"));
}

#[test]
fn an_independent_program_finds_the_document_valid() {
    let mut validator = Command::new(python().expect("a Python"));
    validator.args(["-m", "openapi_spec_validator", "--schema", "3.1.0"]);
    let said = command::run(validator.arg(paths::at(DOCUMENT))).expect("a valid document");
    assert!(said.trim().ends_with("OK"), "{said}");
}

#[test]
fn every_line_of_the_route_lists_is_in_the_document_and_nothing_else() {
    let document = document();
    let mut promised = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let methods = operations.as_object().expect("operations").keys();
        promised.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let families = families();
    let routes = families.iter().flat_map(|family| &family.routes);
    let mut kept: Vec<_> = routes.map(|it| format!("{} {}", it.method, it.path)).collect();
    promised.sort();
    kept.sort();
    assert_eq!(promised, kept);
}

#[test]
fn every_operation_says_how_it_is_refused_in_the_words_of_its_family() {
    let document = document();
    for family in families() {
        let form = if family.name == "openai" { "ErrorResponse" } else { "Failure" };
        for route in &family.routes {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            let secured = operation["security"].as_array().is_some_and(|it| !it.is_empty());
            let mut wanted = vec![500, 503];
            wanted.extend(if secured { &[401, 403, 429][..] } else { &[] });
            wanted.extend(if route.path.contains('{') { &[404][..] } else { &[] });
            let is_forwarded = matches!(route.handler, Handler::Forward(_));
            wanted.extend(match (is_forwarded, family.name) {
                (true, "openai") => &[400, 402, 404, 413, 415, 422, 502][..],
                // A socket, which a machine signs for.
                (true, _) => &[400, 401, 403, 409],
                (false, _) => &[],
            });
            for status in wanted {
                let told = &operation["responses"][status.to_string()]["$ref"];
                let place = format!("#/components/responses/{form}{status}");
                assert_eq!(told, &json!(place), "{} {}", route.method, route.path);
            }
        }
    }
    let respond = &document["paths"]["/v1/responses"]["post"]["responses"]["200"]["content"];
    assert!(respond["text/event-stream"].is_object() && respond["application/json"].is_object());
}

#[tokio::test]
async fn a_deployment_that_lacks_a_secret_says_so_in_its_log_only() {
    let routes = json!([{
        "name": "first", "base_url": "http://127.0.0.1:9", "secret": "MISSING_SECRET", "models": {},
    }]);
    let world = World::plan().var("ROUTES", routes.to_string()).start().await;
    for (path, member) in [("/v1/models", "error"), ("/api/v1/me", "detail"), ("/health", "detail")]
    {
        let reply = Reply::to(reqwest::Client::new().get(world.at(path))).await;
        reply.refuses(503, "unavailable", "out of reach. Try again");
        assert!(reply.json().get(member).is_some(), "{reply:?}");
        assert!(!reply.text().contains("MISSING"), "{reply:?}");
        assert!(reply.number("retry-after") > 0 && reply.number("x-ratelimit-limit") > 0);
        let line = line_of(&world, reply.header("x-request-id")).await;
        assert!(line.contains("the secret MISSING_SECRET is not set"), "{line}");
    }
}
