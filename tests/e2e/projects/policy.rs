//! `/api/v1/projects/{project_id}/policy` and `/api/v1/projects/{project_id}/policy/check`: rules,
//! changed by who has seen them and tried without anything happening.

use serde_json::{Value, json};

use crate::desk::{Desk, Reply};

/// A project, and where its rules are.
async fn rules(desk: &Desk) -> String {
    let made = desk.send(desk.post("/api/v1/projects").json(&json!({ "name": "p" }))).await.json();
    format!("/api/v1/projects/{}/policy", made["projectId"].as_str().expect("an id"))
}

async fn put(desk: &Desk, path: &str, if_match: Option<&str>, rules: &Value) -> Reply {
    let request = desk.request("PUT", path).bearer_auth(&desk.account.key);
    let request = request.json(&json!({ "rules": rules }));
    desk.send(match if_match {
        Some(etag) => request.header("if-match", etag),
        None => request,
    })
    .await
}

#[tokio::test]
async fn rules_are_changed_by_who_has_seen_them() {
    let desk = Desk::open().await;
    let path = rules(&desk).await;
    let none = desk.send(desk.get(&path)).await;
    assert_eq!((none.status, none.header("etag")), (200, ""));
    assert_eq!(none.json(), json!({ "rules": [], "etag": "" }));
    let first = json!([{ "name": "tests", "when": { "commandPrefix": ["cargo", "test"] },
                         "then": "approve", "reason": "they change nothing" }]);
    put(&desk, &path, Some("\"1\""), &first).await.refuses(412, "precondition_failed", "no rules");
    let made = put(&desk, &path, None, &first).await;
    assert_eq!((made.status, &made.json()["rules"]), (200, &first), "{made:?}");
    let etag = made.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 2, "{etag}");
    let read = desk.send(desk.get(&path)).await;
    assert_eq!((read.header("etag"), read.json()), (etag.as_str(), made.json()));
    put(&desk, &path, None, &json!([])).await.refuses(428, "precondition_required", "If-Match");
    let wrong = json!([{ "name": "all", "then": "approve" }]);
    put(&desk, &path, Some(&etag), &wrong).await.refuses(422, "validation_error", "rules[0].when");
    let second = put(&desk, &path, Some(&etag), &json!([])).await;
    assert_eq!(second.status, 200, "{second:?}");
    let late = put(&desk, &path, Some(&etag), &first).await;
    late.refuses(412, "precondition_failed", "Read them again");
    let now = second.header("etag").trim_matches('"');
    assert_eq!(late.json()["errors"], json!([{ "field": "etag", "message": now }]));
}

#[tokio::test]
async fn what_would_happen_is_told_and_does_not_happen() {
    let desk = Desk::open().await;
    let path = rules(&desk).await;
    let kept = json!([
        { "name": "no push", "when": { "commandPrefix": ["git", "push"] }, "then": "reject",
          "reason": "a person pushes" },
        { "name": "git", "when": { "commandPrefix": ["git"] }, "then": "approve" },
        { "name": "sources", "when": { "pathGlob": "src/**" }, "then": "approve" },
    ]);
    assert_eq!(put(&desk, &path, None, &kept).await.status, 200);
    let check =
        async |body: Value| desk.send(desk.post(&format!("{path}/check")).json(&body)).await.json();
    let told = check(json!({ "command": "/bin/bash -lc 'git commit -m \"a b\"'" })).await;
    let words = json!(["git", "commit", "-m", "a b"]);
    let expected = json!({ "then": "approve", "rule": "git", "reason": null, "words": words });
    assert_eq!(told, expected);
    let told = check(json!({ "command": "git add . && git push" })).await;
    let expected = json!({
        "then": "reject", "rule": "no push", "reason": "a person pushes", "words": null });
    assert_eq!(told, expected);
    for (asked, then, rule) in [
        (json!({ "command": "git add . && rm x" }), "ask", Value::Null),
        (json!({ "command": "ls" }), "ask", Value::Null),
        (json!({ "paths": ["src/a.rs", "src/b.rs"] }), "approve", json!("sources")),
        (json!({ "paths": ["src/a.rs", "../b.rs"] }), "ask", Value::Null),
        (
            json!({ "command": "ls", "rules": [{ "name": "no", "then": "reject" }] }),
            "reject",
            json!("no"),
        ),
    ] {
        let told = check(asked.clone()).await;
        assert_eq!((&told["then"], &told["rule"]), (&json!(then), &rule), "{asked}");
    }
    for body in [json!({}), json!({ "command": "ls", "paths": ["a"] }), json!({ "command": "" })] {
        let reply = desk.send(desk.post(&format!("{path}/check")).json(&body)).await;
        reply.refuses(422, "validation_error", "command");
    }
    assert_eq!(desk.send(desk.get(&path)).await.json()["rules"], kept);
}
