//! What an operator has of codex itself: its calls, its notification, its events, its login.

use serde_json::json;

use super::seat::{Seat, VERSIONS};

#[tokio::test]
async fn a_call_is_passed_on_and_answered_as_codex_says_it() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let body = json!({ "id": "mine", "method": "thread/loaded/list", "params": {} });
        let listed = seat.operate("POST", "/api/codex/rpc", Some(body)).await;
        assert_eq!(listed.status, 200, "{}", listed.text());
        let nothing = json!({ "data": [], "nextCursor": null });
        assert_eq!(listed.json(), json!({ "id": "mine", "result": nothing }));
        let wrong = seat.rpc("turn/interrupt", json!({ "threadId": 7 })).await;
        assert_eq!(wrong.status, 200, "{}", wrong.text());
        assert_eq!(wrong.json()["error"]["code"], -32600, "{}", wrong.text());
        assert_eq!(wrong.json().get("result"), None);
    }
}

#[tokio::test]
async fn what_was_agreed_with_codex_is_told_and_not_asked_again() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let client = json!({ "clientInfo": { "name": "me", "version": "1" } });
        let agreed = seat.rpc("initialize", client).await;
        assert!(agreed.json()["result"]["userAgent"].is_string(), "{}", agreed.text());
        // Only who has the experimental API may name a permission profile.
        let body = json!({ "permissions": ":workspace" });
        let made = seat.post("/api/threads", body).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let body = json!({ "method": "initialized" });
        let told = seat.operate("POST", "/api/codex/notify", Some(body)).await;
        assert_eq!((told.status, told.json()), (200, json!({ "ok": true })));
    }
}

#[tokio::test]
async fn whoever_comes_back_to_the_events_misses_none() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        seat.turn(json!({ "prompt": "rehearse: text 10" })).await.rest().await;
        let mut all = seat.log(0).await;
        let mut ids = Vec::new();
        loop {
            let event = all.next().await.expect("an event");
            ids.extend(event.id);
            if event.method() == "turn/completed" {
                break;
            }
        }
        let whole: Vec<u64> = (1..).take(ids.len()).collect();
        assert_eq!(ids, whole);
        let half = whole.len() as u64 / 2;
        let mut rest = seat.log(half).await;
        let mut next = rest.next().await.expect("an event");
        while next.id.is_none() {
            next = rest.next().await.expect("an event");
        }
        assert_eq!(next.id, Some(half + 1));
    }
}

#[tokio::test]
async fn the_login_of_codex_is_told_and_a_login_without_a_way_out_fails_in_clear_words() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let status = seat.operate("GET", "/api/auth/status", None).await;
        assert_eq!(status.status, 200, "{}", status.text());
        assert_eq!(status.json()["account"], json!(null));
        let started = seat.operate("POST", "/api/auth/device/start", None).await;
        started.refuses(502, "upstream_failed", "codex: ");
        let out = seat.operate("POST", "/api/auth/logout", None).await;
        assert_eq!(out.status, 200, "{}", out.text());
        let sql = "SELECT act FROM audit WHERE act LIKE 'codex.account/%' ORDER BY id";
        let noted = format!("{:?}", seat.world.sql(sql, vec![]).await);
        assert!(
            noted.contains("account/login/start") && noted.contains("account/logout"),
            "{noted}"
        );
    }
}
