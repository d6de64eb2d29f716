//! `/admin/api/runners`: what an operator sees and does.

use functions::domain::hub::command::{Act, Answer, NewKey};
use reqwest::{Client, Method};
use schema::tunnel::{CloseCode, ToRunner};
use schema::{AccountId, Code};
use serde_json::{Value, json};
use tests::runner_peer::{Machine, answer, op, running};

use super::stage::{ALICE, Stage, id, refusal};

const RUNNERS: &str = "/admin/api/runners";
const REGISTRATIONS: &str = "/admin/api/runners/registrations";
const READ: &str = "/admin/api/runners/{runner_id}";
const DRAIN: &str = "/admin/api/runners/{runner_id}/drain";
const REVOKE: &str = "/admin/api/runners/{runner_id}/revoke";

async fn admin(stage: &Stage, method: Method, path: &str, body: Value) -> (u16, Value) {
    let path = path.replace("{runner_id}", &stage.machine.id.to_string());
    let request = Client::new().request(method, stage.world.at(&path));
    let request = request.bearer_auth(stage.world.admin_token());
    let request = if body.is_null() { request } else { request.json(&body) };
    let reply = request.send().await.expect("an answer");
    (reply.status().as_u16(), reply.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_list_shows_how_every_runner_stands_and_why() {
    let mut stage = Stage::open().await;
    let (_peer, _) = stage.connect().await;
    let other = Machine::enrolled(&stage.world, json!({ "name": "other" })).await;
    let (status, list) = admin(&stage, Method::GET, RUNNERS, Value::Null).await;
    assert_eq!((status, list["data"].as_array().map(Vec::len)), (200, Some(2)), "{list}");
    let [newest, oldest] = [&list["data"][0], &list["data"][1]];
    assert_eq!((&newest["id"], &newest["state"]), (&json!(other.id), &json!("never")));
    assert!(newest["reason"].as_str().expect("text").contains("not connected yet"));
    assert_eq!((&oldest["id"], &oldest["state"]), (&json!(stage.machine.id), &json!("online")));
    assert_eq!(oldest["versions"]["codex"], "0.169.0");
    assert_eq!(oldest["labels"], json!({ "kind": "peer" }));
    assert_eq!(oldest["processes"][0]["state"], "running");
    assert_eq!((&oldest["load"], &oldest["capacity"]), (&json!(1), &json!(8)));
    assert!(oldest["seen_at"].is_string() && oldest["connected_at"].is_string());
    let page = admin(&stage, Method::GET, &format!("{RUNNERS}?limit=1"), Value::Null).await.1;
    let after = page["next_cursor"].as_str().expect("a cursor");
    let path = format!("{RUNNERS}?limit=1&starting_after={after}");
    let page = admin(&stage, Method::GET, &path, Value::Null).await.1;
    assert_eq!((&page["data"][0]["id"], &page["has_more"]), (&oldest["id"], &json!(false)));
    let one = admin(&stage, Method::GET, READ, Value::Null).await;
    assert_eq!((one.0, &one.1["state"]), (200, &json!("online")));
}

#[tokio::test]
async fn what_is_no_runner_or_no_wish_is_refused() {
    let stage = Stage::open().await;
    let nobody = format!("{RUNNERS}/{}", schema::RunnerId::from_bits(5));
    for (method, path, body, status) in [
        (Method::GET, nobody.clone(), Value::Null, 404),
        (Method::POST, format!("{nobody}/drain"), json!({ "on": true }), 404),
        (Method::POST, format!("{nobody}/revoke"), Value::Null, 404),
        (Method::GET, format!("{nobody}/file?account={ALICE}&path=a"), Value::Null, 404),
        (Method::GET, format!("{READ}/file?path=a"), Value::Null, 422),
        (Method::POST, DRAIN.to_owned(), json!({ "on": 1 }), 422),
        (Method::POST, REGISTRATIONS.to_owned(), json!({ "minutes": 61 }), 422),
        (Method::POST, REGISTRATIONS.to_owned(), json!({ "minutes": 0 }), 422),
        (Method::POST, REGISTRATIONS.to_owned(), json!({ "capacity": 0 }), 422),
    ] {
        let reply = admin(&stage, method, &path, body).await;
        assert_eq!(reply.0, status, "{path}: {reply:?}");
    }
    let stranger = Client::new().get(stage.world.at(RUNNERS)).send().await.expect("an answer");
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn a_drained_runner_keeps_what_it_has_and_takes_nothing_new() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let drained = admin(&stage, Method::POST, DRAIN, json!({ "on": true })).await;
    assert_eq!((drained.0, &drained.1["draining"]), (200, &json!(true)), "{drained:?}");
    assert!(matches!(peer.next().await.0, ToRunner::Drain { on: true, .. }));
    let bob = Act::Place { account: AccountId::from_bits(0xb0b) };
    let refused = refusal(stage.begin(bob.clone(), b"")).await;
    assert_eq!(refused.code, Code::RunnerUnavailable);
    let call = stage.call(b"{}", 60_000);
    super::stage::echo(&mut peer).await;
    call.await.expect("no panic").expect("an answer");
    stage.world.restart().await;
    let (mut peer, welcome) = stage.connect().await;
    assert!(matches!(welcome, ToRunner::Welcome { draining: true, .. }), "{welcome:?}");
    admin(&stage, Method::POST, DRAIN, json!({ "on": false })).await;
    assert!(matches!(peer.next().await.0, ToRunner::Drain { on: false, .. }));
    assert!(matches!(stage.act(bob, b"").await.0, Answer::Done));
}

#[tokio::test]
async fn a_full_runner_takes_nobody_new() {
    let mut stage = Stage::open().await;
    let processes = (0..8).map(|n| running(AccountId::from_bits(n))).collect();
    let (_peer, _) = stage.connect_with(processes).await;
    let refused = refusal(stage.begin(Act::Place { account: ALICE }, b"")).await;
    assert_eq!(refused.code, Code::RunnerUnavailable);
    let known = Act::Place { account: AccountId::from_bits(3) };
    assert!(matches!(stage.act(known, b"").await.0, Answer::Done));
}

#[tokio::test]
async fn a_revoked_runner_is_cut_off_at_once_and_whoever_waits_is_told() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let mut viewer = stage.watch("").await;
    viewer.until("ready").await;
    let call = stage.call(b"{}", 60_000);
    assert!(matches!(peer.next().await.0, ToRunner::Call { .. }));
    let revoked = admin(&stage, Method::POST, REVOKE, Value::Null).await;
    assert_eq!((revoked.0, &revoked.1["state"]), (200, &json!("revoked")), "{revoked:?}");
    let (code, reason) = peer.closed().await;
    assert_eq!(CloseCode::of(code), Some(CloseCode::Revoked), "{reason}");
    assert_eq!(refusal(call).await.code, Code::RunnerUnavailable);
    assert_eq!(viewer.next().await.expect("a frame").data["state"], "revoked");
    assert_eq!(viewer.next().await, None);
    let void = stage.object().look(&format!("/events?account={ALICE}")).await;
    assert!(void.unwrap_err().to_string().contains("410"));
    let (status, body) = stage.machine.dial(&stage.world).await.unwrap_err();
    assert!(status == 403 && body["detail"].to_string().contains("revoked"), "{status} {body}");
    let gone = Act::Start { op: id(), account: ALICE, key: None };
    assert!(matches!(stage.act(gone, b"").await.0, Answer::Gone));
    // Revoking again changes nothing.
    assert_eq!(admin(&stage, Method::POST, REVOKE, Value::Null).await.0, 200);
    let acts = stage.world.sql("SELECT act FROM audit WHERE act LIKE 'runner.%'", vec![]).await;
    let acts: Vec<_> = acts.iter().filter_map(|row| row["act"].as_str()).collect();
    assert!(acts.contains(&"runner.invited") && acts.contains(&"runner.revoked"), "{acts:?}");
}

#[tokio::test]
async fn a_revoked_runner_takes_the_keys_that_it_held_with_it() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let account = stage.world.account("1.00").await;
    let wish = json!({ "user_id": account.id, "scopes": ["responses"] });
    let made = admin(&stage, Method::POST, "/admin/api/api-keys", wish).await.1;
    let key = NewKey {
        id: made["id"].as_str().expect("text").parse().expect("an id"),
        text: made["token"].as_str().expect("text").to_owned(),
    };
    let process = account.id.parse().expect("an id");
    let start = stage.begin(Act::Start { op: id(), account: process, key: Some(key) }, b"");
    let (frame, _) = peer.next().await;
    peer.send(&answer(op(&frame), b""), b"").await;
    start.await.expect("no panic").expect("an answer");
    assert_eq!(admin(&stage, Method::POST, REVOKE, Value::Null).await.0, 200);
    let path = format!("/admin/api/api-keys?user_id={}", account.id);
    let keys = admin(&stage, Method::GET, &path, Value::Null).await.1;
    let held = keys.as_array().expect("a list").iter().find(|key| key["id"] == made["id"]);
    assert!(held.expect("the key")["revoked_at"].is_string(), "{keys}");
}
