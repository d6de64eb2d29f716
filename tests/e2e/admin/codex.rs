//! Codex itself, under the operator's own names: `/admin/api/system/start`,
//! `/admin/api/system/stop`, `/admin/api/auth/device/start`, `/admin/api/auth/logout`,
//! `/admin/api/models`, `/admin/api/threads`, `/admin/api/rpc`, `/admin/api/server-requests`,
//! `/admin/api/server-requests/{request_id}/resolve` and `/admin/api/releases/sync`.

use serde_json::{Value, json};
use tests::packages::Codex;

use crate::app_server::seat::Seat;
use crate::desk::Desk;

#[tokio::test]
async fn an_operator_leads_the_codex_of_an_account() {
    let seat = Seat::with(Codex::Newest).await;
    let operate = async |method: &str, path: &str, body: Option<Value>| {
        let reply = seat.operate(method, path, body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    };
    let started = operate("POST", "/admin/api/system/start", Some(json!({}))).await;
    assert_eq!(started["running"], true, "{started}");
    let models = operate("GET", "/admin/api/models", None).await;
    assert!(models["data"].is_array(), "{models}");
    let made = seat.post("/api/threads", json!({})).await.json();
    let threads = operate("GET", "/admin/api/threads", None).await;
    assert!(threads["data"].is_array(), "{threads}");
    let read =
        json!({ "id": 7, "method": "thread/read", "params": { "threadId": made["threadId"] } });
    let said = operate("POST", "/admin/api/rpc", Some(read)).await;
    assert_eq!((&said["id"], &said["result"]["thread"]["id"]), (&json!(7), &made["threadId"]));
    let asked = operate("GET", "/admin/api/server-requests", None).await;
    assert_eq!(asked, json!({ "data": [] }));
    assert!(operate("POST", "/admin/api/auth/logout", None).await.is_object());
    let device = seat.operate("POST", "/admin/api/auth/device/start", None).await;
    device.refuses(502, "upstream_failed", "codex: ");
    let stopped = operate("POST", "/admin/api/system/stop", None).await;
    assert_eq!(stopped["running"], false, "{stopped}");
}

#[tokio::test]
async fn an_operator_answers_what_codex_asks() {
    let seat = Seat::with(Codex::Newest).await;
    let prompt = "rehearse: shell touch answered; say done";
    let begun = seat.post("/api/turns", json!({ "prompt": prompt })).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let question = seat.question().await;
    let id = question["id"].as_str().expect("an id");
    let path = format!("/admin/api/server-requests/{id}/resolve");
    let answered = seat.operate("POST", &path, Some(json!({ "decision": "decline" }))).await;
    assert_eq!((answered.status, &answered.json()["id"]), (200, &json!(id)), "{answered:?}");
    let again = seat.operate("POST", &path, Some(json!({ "decision": "accept" }))).await;
    assert_eq!(again.status, 409, "{again:?}");
}

#[tokio::test]
async fn a_release_that_cannot_be_looked_up_says_so() {
    let desk = Desk::open().await;
    let reply = desk.send(desk.admin("POST", "/admin/api/releases/sync")).await;
    assert!(matches!(reply.status, 502 | 503), "{reply:?}");
    assert!(reply.json()["detail"].is_string(), "{reply:?}");
}
