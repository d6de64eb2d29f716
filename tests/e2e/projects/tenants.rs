//! Whose a project is: `/api/v1/projects`, `/api/v1/projects/{project_id}`, and every row below it.

use serde_json::{Value, json};

use crate::desk::{Desk, Reply};

/// Every row of a project, with a body where it takes one.
const ROWS: [(&str, &str, Option<&str>); 20] = [
    ("GET", "/api/v1/projects/{project_id}", None),
    ("POST", "/api/v1/projects/{project_id}/open", Some("{}")),
    ("GET", "/api/v1/projects/{project_id}/state", None),
    ("GET", "/api/v1/projects/{project_id}/thread", None),
    ("POST", "/api/v1/projects/{project_id}/turns", Some(r#"{"prompt":"hi"}"#)),
    ("POST", "/api/v1/projects/{project_id}/turns/{turn_id}/interrupt", Some("{}")),
    ("DELETE", "/api/v1/projects/{project_id}/queue/{prompt_id}", None),
    ("GET", "/api/v1/projects/{project_id}/approvals", None),
    ("POST", "/api/v1/projects/{project_id}/approvals/{request_id}/resolve", Some("{}")),
    ("GET", "/api/v1/projects/{project_id}/events", None),
    ("POST", "/api/v1/projects/{project_id}/events/ticket", Some("{}")),
    ("GET", "/api/v1/projects/{project_id}/files/tree", None),
    ("GET", "/api/v1/projects/{project_id}/files/content?path=x", None),
    ("PUT", "/api/v1/projects/{project_id}/files/content", Some(r#"{"path":"x","content":""}"#)),
    ("DELETE", "/api/v1/projects/{project_id}/files/content?path=x", None),
    ("GET", "/api/v1/projects/{project_id}/policy", None),
    ("PUT", "/api/v1/projects/{project_id}/policy", Some(r#"{"rules":[]}"#)),
    ("POST", "/api/v1/projects/{project_id}/policy/check", Some(r#"{"command":"ls"}"#)),
    ("POST", "/api/v1/projects/{project_id}/terminal", Some("{}")),
    ("DELETE", "/api/v1/projects/{project_id}/terminal", None),
];
const TURN: &str = "01a1f6b5-0000-7000-8000-000000000000";
const NOBODYS: &str = "prj_00000000000070008000000000000000";

async fn create(desk: &Desk, body: Value) -> Value {
    let made = desk.send(desk.post("/api/v1/projects").json(&body)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

/// A row with its names filled in, of whoever shows that key.
async fn row(
    desk: &Desk,
    key: &str,
    project: &str,
    (method, path, body): (&str, &str, Option<&'static str>),
) -> Reply {
    let path = path
        .replace("{project_id}", project)
        .replace("{turn_id}", TURN)
        .replace("{prompt_id}", "prm_00000000000070008000000000000000")
        .replace("{request_id}", "ask_00000000000070008000000000000000");
    let request = desk.request(method, &path).bearer_auth(key);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body),
        None => request,
    };
    Reply::to(request).await
}

#[tokio::test]
async fn a_project_is_made_listed_and_read_and_is_nobody_elses() {
    let desk = Desk::open().await;
    let wish = json!({ "name": " Landing ", "ownerId": "user_1", "template": "empty" });
    let made = create(&desk, wish).await;
    let id = made["projectId"].as_str().expect("an id").to_owned();
    assert_eq!((&made["id"], &made["name"]), (&made["projectId"], &json!("Landing")));
    assert_eq!(made["root"], format!("projects/{id}"));
    create(&desk, json!({ "name": "Other", "ownerId": "user_2" })).await;
    let listed = desk.send(desk.get("/api/v1/projects?ownerId=user_1")).await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed["data"][0]["id"], id.as_str());
    let page = desk.send(desk.get("/api/v1/projects?limit=1")).await.json();
    assert_eq!((&page["has_more"], &page["data"][0]["name"]), (&json!(true), &json!("Other")));
    let next = page["next_cursor"].as_str().expect("a cursor");
    let next = format!("/api/v1/projects?limit=1&starting_after={next}");
    assert_eq!(desk.send(desk.get(&next)).await.json()["data"][0]["id"], id.as_str());
    let state = desk.send(desk.get(&format!("/api/v1/projects/{id}"))).await.json();
    assert_eq!((&state["projectId"], &state["source"]), (&json!(id), &json!("log")), "{state}");
    assert_eq!(state["runner"]["state"], "never");

    let stranger = desk.world.account("5.00").await;
    for at in ROWS {
        for (key, project) in [(&stranger.key, id.as_str()), (&desk.account.key, NOBODYS)] {
            let reply = row(&desk, key, project, at).await;
            reply.refuses(404, "resource_not_found", "");
            assert!(!reply.text().contains("Landing"), "{at:?}: {}", reply.text());
        }
        let reply = row(&desk, "nobody-at-all", &id, at).await;
        assert!(matches!(reply.status, 401 | 429), "{at:?}: {}", reply.text());
    }
    let listed = desk.request("GET", "/api/v1/projects").bearer_auth(&stranger.key);
    assert_eq!(Reply::to(listed).await.json()["data"], json!([]));
}

#[tokio::test]
async fn the_same_request_makes_a_project_once() {
    let desk = Desk::open().await;
    let body = json!({ "name": "Once" });
    let post = || desk.post("/api/v1/projects").header("idempotency-key", "k1").json(&body);
    let (one, two) = (desk.send(post()).await.json(), desk.send(post()).await.json());
    assert_eq!(one["id"], two["id"]);
    let other = desk.post("/api/v1/projects").header("idempotency-key", "k2").json(&body);
    assert_ne!(desk.send(other).await.json()["id"], one["id"]);
}

#[tokio::test]
async fn what_cannot_be_a_project_is_told_why() {
    let desk = Desk::open().await;
    let check = async |body: Value, field: &str| {
        let reply = desk.send(desk.post("/api/v1/projects").json(&body)).await;
        reply.refuses(422, "validation_error", field);
    };
    check(json!({ "name": " " }), "name").await;
    check(json!({ "name": "x".repeat(201) }), "name").await;
    check(json!({ "name": "x", "ownerId": "x".repeat(201) }), "ownerId").await;
    check(json!({ "name": "x", "approvalTimeoutSeconds": 1 }), "approvalTimeoutSeconds").await;
}
