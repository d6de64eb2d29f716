//! What can be told without any machine: who may ask, what is asked wrongly, and that nobody is
//! there to do it.

use serde_json::{Value, json};
use tests::world::World;

use crate::desk::Desk;

const THREAD: &str = "01a1f6b5-0000-7000-8000-000000000000";

#[tokio::test]
async fn without_a_runner_work_is_refused_with_what_to_do() {
    let desk = Desk::open().await;
    for (path, body) in [
        ("/api/turns", json!({ "prompt": "hi" })),
        ("/api/threads", json!({})),
        ("/api/projects/open", json!({ "cwd": "site" })),
    ] {
        let reply = desk.send(desk.post(path).json(&body)).await;
        reply.refuses(503, "runner_unavailable", "");
    }
    for path in ["/api/models", "/api/threads"] {
        desk.send(desk.get(path)).await.refuses(503, "runner_unavailable", "");
    }
    desk.check_untouched().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_said_before_any_machine_is_looked_for() {
    let desk = Desk::open().await;
    let long = "x".repeat(1 << 20);
    for (path, body, status, code, said) in [
        ("/api/turns", json!({}), 422, "validation_error", "`prompt`"),
        ("/api/turns", json!({ "prompt": "  " }), 422, "validation_error", "`prompt`"),
        ("/api/turns", json!({ "input": [] }), 422, "validation_error", "`input`"),
        ("/api/turns", json!({ "input": "hi" }), 422, "validation_error", "The body is not right"),
        (
            "/api/turns",
            json!({ "prompt": "a", "input": [{}] }),
            422,
            "validation_error",
            "not both",
        ),
        (
            "/api/turns",
            json!({ "prompt": "a", "threadId": "1" }),
            422,
            "validation_error",
            "thread",
        ),
        ("/api/turns", json!({ "prompt": long }), 413, "payload_too_large", "KiB"),
        ("/api/projects/open", json!({}), 422, "validation_error", "cwd"),
        ("/api/projects/open", json!({ "cwd": " " }), 422, "validation_error", "`cwd`"),
        ("/api/threads", json!({ "config": 7 }), 422, "validation_error", "`config`"),
        (
            "/api/threads",
            json!({ "sandbox": "read-only", "permissions": ":workspace" }),
            422,
            "validation_error",
            "not both",
        ),
    ] {
        desk.send(desk.post(path).json(&body)).await.refuses(status, code, said);
    }
    for query in ["limit=x", "archived=perhaps"] {
        let reply = desk.send(desk.get(&format!("/api/threads?{query}"))).await;
        reply.refuses(422, "validation_error", "query");
    }
    let reply = desk.send(desk.get("/api/threads/not-a-uuid")).await;
    reply.refuses(404, "resource_not_found", "not-a-uuid");
}

#[tokio::test]
async fn a_customer_chooses_how_codex_thinks_and_not_what_it_runs() {
    let desk = Desk::open().await;
    let servers = json!({ "mcp_servers": { "mine": { "command": "sh" } } });
    for path in ["/api/threads", "/api/projects/open", "/api/turns"] {
        let body = json!({ "cwd": "a", "prompt": "hi", "config": servers });
        let reply = desk.send(desk.post(path).json(&body)).await;
        reply.refuses(403, "permission_denied", "config.mcp_servers");
    }
}

#[tokio::test]
async fn only_an_operator_names_another_account() {
    let desk = Desk::open().await;
    let path = format!("/api/threads?account={}", desk.account.id);
    desk.send(desk.get(&path)).await.refuses(403, "permission_denied", "Only an operator");
    for (name, status, code) in [
        (desk.account.id.as_str(), 503, "runner_unavailable"),
        (desk.account.username.as_str(), 503, "runner_unavailable"),
        ("acct_00000000000000000000000000000009", 404, "resource_not_found"),
        ("nobody-at-all", 404, "resource_not_found"),
    ] {
        let reply = desk.send(desk.admin("GET", &format!("/api/threads?account={name}"))).await;
        reply.refuses(status, code, "");
    }
}

#[tokio::test]
async fn an_operator_without_a_name_acts_for_their_own_account() {
    let desk = Desk::open().await;
    let status = desk.send(desk.admin("GET", "/api/system/status")).await;
    assert_eq!(status.status, 200, "{}", status.text());
    let system = status.json();
    assert_eq!(system["running"], false);
    assert_eq!(system.get("runner"), None);
    let defaults = json!({
        "model": "gpt-5.5", "effort": "medium", "approvalPolicy": "untrusted",
        "sandbox": "workspace-write", "webSearch": "live",
    });
    assert_eq!(system["defaults"], defaults);
    let (key, _) = desk.key(json!({ "scopes": ["admin"] })).await;
    let own = desk.request("GET", "/api/system/status").bearer_auth(&key);
    assert_eq!(desk.send(own).await.json()["account"], json!(desk.account.id));
}

#[tokio::test]
async fn a_publishable_key_never_has_codex_work() {
    let desk = Desk::open().await;
    let (key, _) = desk.key(json!({ "kind": "publishable" })).await;
    let turn = desk.request("POST", "/api/turns").bearer_auth(&key);
    let reply = desk.send(turn.json(&json!({ "prompt": "hi" }))).await;
    reply.refuses(403, "permission_denied", "`agent`");
    let wish = json!({ "user_id": desk.account.id, "kind": "publishable", "scopes": ["agent"] });
    let reply = desk.send(desk.admin("POST", "/admin/api/api-keys").json(&wish)).await;
    reply.refuses(422, "validation_error", "never runs commands");
}

async fn rpc(desk: &Desk, body: Value) -> crate::desk::Reply {
    desk.send(desk.admin("POST", "/api/codex/rpc").json(&body)).await
}

#[tokio::test]
async fn methods_that_nobody_may_call_are_refused_without_a_machine() {
    let desk = Desk::open().await;
    for (method, said) in [
        ("thread/teleport", "not on the list"),
        ("remoteControl/enable", "a way to the machine"),
        ("thread/realtime/start", "beside the meter"),
        ("", "not on the list"),
    ] {
        rpc(&desk, json!({ "method": method })).await.refuses(403, "permission_denied", said);
    }
    for (body, said) in [
        (json!({}), "method"),
        (json!({ "method": "model/list", "params": [1] }), "`params`"),
        (json!({ "method": "model/list", "parms": {} }), "parms"),
    ] {
        rpc(&desk, body).await.refuses(422, "validation_error", said);
    }
}

#[tokio::test]
async fn what_acts_on_the_machine_is_noted_with_the_method_and_without_what_was_sent() {
    let desk = Desk::open().await;
    let params = json!({ "path": "/etc/x", "dataBase64": "c2VjcmV0" });
    let reply = rpc(&desk, json!({ "method": "fs/writeFile", "params": params })).await;
    reply.refuses(503, "runner_unavailable", "");
    let sql = "SELECT actor, act, detail FROM audit WHERE act LIKE 'codex.%'";
    let rows = desk.world.sql(sql, vec![]).await;
    let noted = format!("{rows:?}");
    assert!(noted.contains("codex.fs/writeFile") && noted.contains("acct_"), "{noted}");
    assert!(!noted.contains("c2VjcmV0") && !noted.contains("/etc/x"), "{noted}");
}

#[tokio::test]
async fn codex_is_told_one_notification_and_no_other() {
    let desk = Desk::open().await;
    let notify = |body: Value| desk.admin("POST", "/api/codex/notify").json(&body);
    let reply = desk.send(notify(json!({ "method": "turn/start" }))).await;
    reply.refuses(422, "validation_error", "POST /api/codex/rpc");
    let reply = desk.send(notify(json!({ "method": "initialized", "id": 1 }))).await;
    reply.refuses(422, "validation_error", "`id`");
}

#[tokio::test]
async fn a_slip_of_the_pen_is_no_consent() {
    let desk = Desk::open().await;
    let path = "/api/server-requests/ask_00000000000000000000000000000005/resolve";
    let resolve = |body: Value| desk.admin("POST", path).json(&body);
    let reply = desk.send(resolve(json!({ "desicion": "decline" }))).await;
    reply.refuses(422, "validation_error", "desicion");
    desk.send(resolve(json!({}))).await.refuses(404, "resource_not_found", "");
    let list = desk.send(desk.admin("GET", "/api/server-requests")).await;
    assert_eq!(list.json(), json!({ "data": [] }), "{}", list.text());
    assert_eq!(desk.send(resolve(json!({ "decision": 7 }))).await.status, 404);
}

#[tokio::test]
async fn a_place_in_the_log_is_a_number() {
    let desk = Desk::open().await;
    let events = desk.admin("GET", "/api/codex/events").header("last-event-id", "x");
    desk.send(events).await.refuses(422, "validation_error", "Last-Event-ID");
    let events = desk.admin("GET", "/api/codex/events?after=x");
    desk.send(events).await.refuses(422, "validation_error", "query");
}

#[tokio::test]
async fn a_turn_that_nobody_runs_cannot_be_interrupted() {
    let world = World::start().await;
    let account = world.account("1.00").await;
    let http = reqwest::Client::new();
    let path = format!("/api/turns/{THREAD}/interrupt");
    let request = http.post(world.at(&path)).bearer_auth(&account.key);
    let reply = crate::desk::Reply::to(request).await;
    reply.refuses(404, "resource_not_found", "There is no running turn");
}
