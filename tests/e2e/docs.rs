//! The documentation: `/docs`, `/docs/calls/{call}`, its guides, and `/api-docs`.

use std::process::Command;

use functions::api::families;
use functions::domain::contract::{Contract, DOCUMENT};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tests::world::World;
use tests::{browser, command, packages, paths};

use crate::desk::{Desk, Reply};

/// The pages beside those of calls.
const PAGES: [&str; 8] = [
    "/docs",
    "/docs/start",
    "/docs/cli",
    "/docs/agent",
    "/docs/auth",
    "/docs/errors",
    "/docs/runners",
    "/docs/changelog",
];

async fn page(world: &World, path: &str) -> Reply {
    let http = Client::builder().redirect(Policy::none()).build().expect("a client");
    Reply::to(http.get(world.at(path)).header("accept", "text/html")).await
}

#[tokio::test]
async fn every_call_has_a_line_that_leads_to_a_page_of_its_own() {
    let world = World::start().await;
    let list = page(&world, "/docs").await;
    assert_eq!(list.status, 200, "{list:?}");
    for route in families().iter().flat_map(|family| &family.routes) {
        let (method, path, id) = (route.method, route.path, route.id());
        let line = format!("id=\"{}-{path}\"", method.to_lowercase());
        assert!(list.text().contains(&line), "{line}");
        let link = format!("href=\"/docs/calls/{id}\"");
        assert!(list.text().contains(&link), "{link}");
        let call = page(&world, &format!("/docs/calls/{id}")).await;
        assert_eq!(call.status, 200, "{id}: {call:?}");
        assert!(call.text().contains(&format!("<code>{path}</code>")), "{id}");
        assert!(call.text().contains("How it fails"), "{id}");
    }
    let sought = page(&world, "/docs?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(sought.text().contains("0 calls") && !sought.text().contains("<script>alert"));
    let unknown = page(&world, "/docs/calls/get_nothing").await;
    assert!(unknown.status == 404 && unknown.text().contains("There is no call"), "{unknown:?}");
}

#[tokio::test]
async fn a_page_is_kept_by_the_browser_until_it_has_changed() {
    let world = World::start().await;
    for path in PAGES {
        let first = page(&world, path).await;
        assert_eq!((first.status, first.header("cache-control")), (200, "private, no-cache"));
        let etag = first.header("etag").to_owned();
        let again = Client::new().get(world.at(path)).header("if-none-match", &etag);
        let again = Reply::to(again).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        // Whoever is signed in is shown another page.
        let other = Client::new().get(world.at(path)).header("if-none-match", "W/\"other\"");
        assert_eq!(Reply::to(other).await.status, 200);
    }
    let moved = page(&world, "/api-docs").await;
    assert_eq!((moved.status, moved.header("location")), (303, "/docs"));
}

#[test]
fn an_example_is_what_its_schema_takes() {
    let contract = Contract::read(DOCUMENT).expect("a document");
    let mut examples = Vec::new();
    for route in families().iter().flat_map(|family| &family.routes) {
        let operation = contract.operation(route.method, route.path).expect("it is told");
        if let Some(body) = operation.body {
            let value: Value = serde_json::from_str(&body.example).expect("JSON");
            examples.push(json!({ "id": route.id(), "value": value }));
        }
    }
    assert!(examples.len() > 40, "{}", examples.len());
    packages::ensure().expect("npm packages");
    let mut node = Command::new(packages::node());
    node.arg(paths::at("tests/clients/examples.mjs")).arg(paths::at("schema/openapi.json"));
    let wrong = command::run(node.arg(json!(examples).to_string())).expect("ajv runs");
    assert_eq!(wrong.trim(), "[]");
}

#[tokio::test]
async fn in_a_browser_calls_are_found_and_tried() {
    let desk = Desk::open().await;
    let about = json!({ "key": desk.account.key, "username": desk.account.username });
    let found = browser::run(&desk.world, "docs.mjs", about).await;
    assert_eq!(found["wrong"], 401, "{found}");
    assert_eq!(found["right"], 200, "{found}");
    assert!(found["streamed"].as_str().is_some_and(|it| it.contains("response.completed")));
    assert_eq!(found["kept"], true, "the bearer is kept for the next call");
    assert_eq!(found["leaked"], json!([]), "the bearer goes out as `Authorization` only");
    println!("a first view weighs {}", found["weights"]);
    assert_eq!(found["plain"], true, "everything is there without JavaScript");
    // What was tried was paid for.
    assert_eq!(desk.account.charges(1).await.len(), 1);
}
