//! Questions: open until answered once, taken back, or lapsed; no answer is lost on its way.

use functions::domain::hub::command::{Answer, Resolved};
use schema::rpc::RequestId;
use schema::tunnel::{FromRunner, Refusal, Seq, ToRunner};
use schema::{AskId, Code};
use serde_json::json;
use tests::runner_peer::{Peer, answer, event, now, op, question, says};

use super::stage::{ALICE, Stage, asking, id, refusal, resolve};

const YES: &[u8] = br#"{"result":{"decision":"accept"}}"#;

/// Alice's process asks, and the hub has stored it.
async fn ask(peer: &mut Peer, seq: u64, request: i64) -> AskId {
    let ask = id();
    let body = asking(&RequestId::Number(request));
    peer.send(&question(ALICE, seq, ask), &body).await;
    assert_eq!(peer.acked().await, Seq(seq));
    ask
}

#[tokio::test]
async fn a_question_is_listed_answered_once_and_then_gone() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked = ask(&mut peer, 1, 0).await;
    let open = stage.asks().await;
    assert_eq!((open.len(), open[0].ask, open[0].answered), (1, asked, false));
    assert_eq!(open[0].request, RequestId::Number(0));
    assert_eq!((open[0].thread.as_deref(), open[0].turn.as_deref()), (Some("T"), Some("U")));
    let first = stage.begin(resolve(id(), asked), YES);
    let (frame, reply) = peer.next().await;
    assert!(
        matches!(frame, ToRunner::Reply { ask, process, .. } if (ask, process) == (asked, ALICE))
    );
    assert_eq!(reply, YES);
    let second = refusal(stage.begin(resolve(id(), asked), YES)).await;
    assert_eq!(second.code, Code::Conflict, "{second:?}");
    assert!(second.message.ends_with(": accept"), "what the first decided: {second:?}");
    peer.send(&answer(op(&frame), b""), b"").await;
    let (first, _) = first.await.expect("no panic").expect("an answer");
    assert!(matches!(first, Answer::Resolved(Resolved { delivered: true })), "{first:?}");
    assert!(stage.asks().await.is_empty());
    let third = refusal(stage.begin(resolve(id(), asked), YES)).await;
    assert_eq!(third, second, "also when it has been delivered");
    let nobody = refusal(stage.begin(resolve(id(), id()), YES)).await;
    assert_eq!(nobody.code, Code::ResourceNotFound);
}

#[tokio::test]
async fn an_answer_survives_a_cut_and_a_restart_of_the_hub() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked = ask(&mut peer, 1, 0).await;
    peer.leave().await;
    let (stored, _) = stage.act(resolve(id(), asked), YES).await;
    assert!(matches!(stored, Answer::Resolved(Resolved { delivered: false })), "{stored:?}");
    stage.world.kill9();
    stage.world.restart().await;
    assert!(stage.asks().await[0].answered);
    for _ in 0..2 {
        // Sent again with every connection until it is acknowledged.
        let (mut peer, _) = stage.connect().await;
        let (frame, reply) = peer.next().await;
        assert!(matches!(frame, ToRunner::Reply { ask, .. } if ask == asked));
        assert_eq!(reply, YES);
    }
    let (mut peer, _) = stage.connect().await;
    let (frame, _) = peer.next().await;
    peer.send(&answer(op(&frame), b""), b"").await;
    peer.send(&FromRunner::Ping { n: 1 }, b"").await;
    assert_eq!(peer.next().await.0, ToRunner::Pong { n: 1 });
    assert!(stage.asks().await.is_empty());
    let (mut peer, _) = stage.connect().await;
    peer.send(&FromRunner::Ping { n: 2 }, b"").await;
    assert_eq!(peer.next().await.0, ToRunner::Pong { n: 2 });
}

#[tokio::test]
async fn a_question_ahead_of_its_turn_is_the_same_as_in_its_turn() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked: AskId = id();
    let body = asking(&RequestId::Text("seven".to_owned()));
    let ahead = FromRunner::Ask { process: ALICE, seq: Seq(2), at: now(), ask: asked };
    peer.send(&ahead, &body).await;
    let pending = stage.begin(resolve(id(), asked), YES);
    let (frame, _) = peer.next().await;
    peer.send(&answer(op(&frame), b""), b"").await;
    pending.await.expect("no panic").expect("an answer");
    // Its turn comes after its answer; so does its repetition.
    peer.send(&event(ALICE, 1), &says("a", &json!({}))).await;
    assert_eq!(peer.acked().await, Seq(1));
    peer.send(&question(ALICE, 2, asked), &body).await;
    assert_eq!(peer.acked().await, Seq(2));
    peer.send(&ahead, &body).await;
    assert!(stage.asks().await.is_empty());
    let seen = stage.watch("&after=1").await.next().await.expect("a frame");
    assert_eq!((&seen.data["id"], &seen.data["requestId"]), (&json!(asked), &json!("seven")));
}

#[tokio::test]
async fn what_a_process_takes_back_or_leaves_behind_is_no_longer_open() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    for (seq, extra, words) in [(1, json!({}), "no longer asks"), (3, lapsed(), "has ended")] {
        let asked = ask(&mut peer, seq, 0).await;
        let mut params = json!({ "threadId": "T", "requestId": 0 });
        params.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap());
        peer.send(&event(ALICE, seq + 1), &says("serverRequest/resolved", &params)).await;
        assert_eq!(peer.acked().await, Seq(seq + 1));
        assert!(stage.asks().await.is_empty());
        let late = refusal(stage.begin(resolve(id(), asked), YES)).await;
        assert!(late.code == Code::Conflict && late.message.contains(words), "{late:?}");
    }
}

fn lapsed() -> serde_json::Value {
    json!({ "gantry": "lapsed" })
}

#[tokio::test]
async fn an_answer_that_came_too_late_for_the_process_is_not_called_delivered() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked = ask(&mut peer, 1, 0).await;
    let pending = stage.begin(resolve(id(), asked), YES);
    let (frame, _) = peer.next().await;
    let refused = Refusal { code: Code::Conflict, message: "no longer open".to_owned() };
    let refused = FromRunner::Answer { op: op(&frame), size: 0, refused: Some(refused) };
    peer.send(&refused, b"").await;
    assert_eq!(refusal(pending).await.code, Code::Conflict);
    assert!(stage.asks().await.is_empty());
}
