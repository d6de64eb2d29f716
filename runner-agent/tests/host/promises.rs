//! What a host promises to its hub.

use schema::Code;
use schema::tunnel::{EVENTS_IN_FLIGHT, Seq, ToRunner};
use schema::workspace::Span;
use serde_json::json;

use crate::client::{ACCOUNT, new_op};
use crate::world::World;

#[tokio::test]
async fn a_call_is_answered_with_what_the_process_says() {
    let (_world, mut client) = World::started().await;
    let answer = client.call("echo", json!({ "x": [1, 2] })).await.unwrap();
    assert_eq!(answer, json!({ "result": { "x": [1, 2] } }));
    assert_eq!(client.call("nothing", json!({})).await.unwrap(), json!({ "result": null }));
    let introduced = client.call("initialize", json!({})).await.unwrap();
    assert_eq!(introduced["result"]["capabilities"]["experimentalApi"], true);
}

#[tokio::test]
async fn an_operation_that_comes_twice_is_done_once() {
    let (_world, mut client) = World::started().await;
    let op = new_op();
    for _ in 0..3 {
        client.send(op, "count", &json!({}), 30_000).await;
        assert_eq!(client.answer(op).await.unwrap(), json!({ "result": 1 }));
    }
    assert_eq!(client.call("count", json!({})).await.unwrap(), json!({ "result": 2 }));
}

#[tokio::test]
async fn events_come_again_from_where_the_hub_stands() {
    let (world, mut client) = World::started().await;
    client.acknowledges = false;
    client.call("flood", json!({})).await.unwrap();
    client.until(|client| client.last >= Seq(EVENTS_IN_FLIGHT as u64)).await;
    let mut again = world.attach(Seq(100)).await;
    again.until(|again| again.last >= Seq(1_000)).await;
    assert_eq!(again.events[0], json!({ "method": "drop", "params": { "n": 99 } }));
    while client.step().await {}
    assert_eq!(client.last, Seq(EVENTS_IN_FLIGHT as u64), "the window holds, and the old one ends");
}

#[tokio::test]
async fn a_question_that_is_asked_again_is_the_same_question() {
    let (world, mut client) = World::started().await;
    // So codex does when somebody resumes a thread that waits for an answer.
    for _ in 0..2 {
        client.call("ask", json!({})).await.unwrap();
    }
    client.until(|client| !client.asks.is_empty()).await;
    let mut again = world.attach(client.last).await;
    again.until(|again| !again.asks.is_empty()).await;
    again.call("echo", json!({})).await.unwrap();
    assert_eq!(again.asks, client.asks);
    assert_eq!(again.asks.len(), 1);
}

#[tokio::test]
async fn a_question_comes_ahead_and_is_answered_once() {
    let (world, mut client) = World::started().await;
    client.call("ask", json!({})).await.unwrap();
    client.until(|client| !client.asks.is_empty()).await;
    let mut again = world.attach(client.last).await;
    again.until(|again| !again.asks.is_empty()).await;
    let ask = client.asks[0];
    assert_eq!(again.asks, [ask], "an open question comes with every attachment");
    let op = new_op();
    let reply = ToRunner::Reply { op, process: ACCOUNT, ask };
    for _ in 0..2 {
        again.frame(&reply, br#"{"result":{"decision":"accept"}}"#).await;
        assert_eq!(again.answer(op).await, Ok(json!(null)));
    }
    let heard = again.event("heard").await;
    assert_eq!(heard["params"], json!({ "id": 0, "result": { "decision": "accept" } }));
    let late = ToRunner::Reply { op: new_op(), process: ACCOUNT, ask };
    let ToRunner::Reply { op, .. } = late else { unreachable!() };
    again.frame(&late, br#"{"result":{}}"#).await;
    assert_eq!(again.answer(op).await.unwrap_err().code, Code::Conflict);
}

#[tokio::test]
async fn a_question_that_nobody_knows_is_answered_with_an_error() {
    let (_world, mut client) = World::started().await;
    client.call("odd", json!({})).await.unwrap();
    let heard = client.event("heard").await;
    assert_eq!((&heard["params"]["id"], heard["params"]["error"].is_object()), (&json!(7), true));
    assert!(client.asks.is_empty());
}

#[tokio::test]
async fn what_is_large_is_pulled_and_what_is_too_large_is_named() {
    let (world, mut client) = World::started().await;
    let answer = client.call("large", json!({})).await.unwrap();
    assert_eq!(answer["result"].as_str().unwrap().len(), 1_500_000);
    client.call("huge", json!({})).await.unwrap();
    let huge = client.event("huge").await;
    assert_eq!(huge["params"]["threadId"], "T");
    assert!(huge["params"]["gantryOmitted"]["bytes"].as_u64().unwrap() > 1_500_000);
    let content: Vec<u8> = (0..700_000u32).map(|it| it as u8).collect();
    std::fs::write(world.work().join("file"), &content).unwrap();
    let op = new_op();
    let (path, root, span) = ("file".to_owned(), None, Span::Whole);
    client.frame(&ToRunner::Read { op, process: ACCOUNT, path, root, span }, b"").await;
    assert_eq!(client.bytes(op).await.unwrap(), content);
}

#[tokio::test]
async fn a_notification_reaches_the_process() {
    let (_world, mut client) = World::started().await;
    let op = new_op();
    let body = json!({ "method": "note", "params": { "x": 1 } }).to_string();
    client.frame(&ToRunner::Notify { op, process: ACCOUNT }, body.as_bytes()).await;
    assert_eq!(client.answer(op).await, Ok(json!(null)));
    assert_eq!(client.event("noted").await["params"], json!({ "x": 1 }));
}
