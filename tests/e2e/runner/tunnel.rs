//! The rules of the tunnel: what is stored once, and what ends a connection.

use schema::tunnel::{CloseCode, FromRunner, MESSAGE_MAX_BYTES, Seq, ToRunner};
use serde_json::json;
use tests::runner_peer::{Peer, event, hello, says};

use super::stage::{ALICE, Stage};

/// Alice's process says something; how far the hub has stored then.
async fn say(peer: &mut Peer, seq: u64) -> u64 {
    peer.send(&event(ALICE, seq), &says("item/started", &json!({ "n": seq }))).await;
    peer.acked().await.0
}

#[track_caller]
fn bad_frame(closed: &(u16, String), words: &str) {
    assert_eq!(CloseCode::of(closed.0), Some(CloseCode::BadFrame), "{closed:?}");
    assert!(closed.1.contains(words), "{closed:?}");
}

/// Where the hub says Alice's log stands.
fn stored(welcome: &ToRunner) -> Option<Seq> {
    let ToRunner::Welcome { stored, .. } = welcome else { panic!("{welcome:?}") };
    stored.iter().find(|it| it.process == ALICE).map(|it| it.through)
}

#[tokio::test]
async fn what_comes_twice_is_stored_once_and_acknowledged_again() {
    let mut stage = Stage::open().await;
    let (mut peer, welcome) = stage.connect().await;
    assert_eq!(stored(&welcome), None);
    assert_eq!(say(&mut peer, 1).await, 1);
    assert_eq!(say(&mut peer, 2).await, 2);
    assert_eq!(say(&mut peer, 1).await, 2);
    let batch: Vec<_> = [2, 3, 3, 4].map(|n| (event(ALICE, n), says("a", &json!(n)))).into();
    peer.send_all(&batch).await;
    assert_eq!(peer.acked().await, Seq(4));
    let (_, welcome) = stage.connect().await;
    assert_eq!(stored(&welcome), Some(Seq(4)));
    assert_eq!(stage.watch("&after=0").await.seqs(4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_event_that_leaves_a_gap_ends_the_connection_and_nothing_is_lost() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    assert_eq!(say(&mut peer, 1).await, 1);
    let batch: Vec<_> = [2, 4].map(|n| (event(ALICE, n), says("a", &json!(n)))).into();
    peer.send_all(&batch).await;
    bad_frame(&peer.closed().await, "event 4");
    let (mut peer, welcome) = stage.connect().await;
    assert_eq!(stored(&welcome), Some(Seq(2)));
    assert_eq!(say(&mut peer, 3).await, 3);
}

#[tokio::test]
async fn garbage_ends_the_connection_and_says_why() {
    let mut stage = Stage::open().await;
    let teleport = {
        let mut message = Vec::new();
        let head = json!({ "type": "teleport" });
        schema::tunnel::push(&mut message, &head, b"").expect("a frame");
        message
    };
    for (bytes, words) in [
        (b"garbage".to_vec(), "ends too soon"),
        (teleport, "teleport"),
        (vec![0; MESSAGE_MAX_BYTES + 1], "is the most"),
    ] {
        let (mut peer, _) = stage.connect().await;
        peer.send_bytes(bytes).await;
        bad_frame(&peer.closed().await, words);
    }
    let (mut peer, _) = stage.connect().await;
    peer.send_text("hello").await;
    bad_frame(&peer.closed().await, "text");
    let (mut peer, _) = stage.connect().await;
    peer.send(&event(ALICE, 1), b"not JSON").await;
    bad_frame(&peer.closed().await, "no message");
}

#[tokio::test]
async fn nobody_speaks_before_introducing_themselves_nor_twice() {
    let mut stage = Stage::open().await;
    let mut peer = stage.machine.dial(&stage.world).await.expect("a socket");
    peer.send(&FromRunner::Ping { n: 1 }, b"").await;
    bad_frame(&peer.closed().await, "hello");
    let (mut peer, _) = stage.connect().await;
    peer.send(&FromRunner::Hello(hello(peer.generation, vec![])), b"").await;
    bad_frame(&peer.closed().await, "hello");
    let mut peer = stage.machine.dial(&stage.world).await.expect("a socket");
    peer.send(&FromRunner::Hello(hello(peer.generation + 1, vec![])), b"").await;
    bad_frame(&peer.closed().await, "of connection");
}

#[tokio::test]
async fn a_hub_that_restarts_has_every_event_that_it_acknowledged() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    for seq in 1..=5 {
        assert_eq!(say(&mut peer, seq).await, seq);
    }
    stage.world.kill9();
    stage.world.restart().await;
    let (mut peer, welcome) = stage.connect().await;
    assert_eq!(stored(&welcome), Some(Seq(5)));
    assert_eq!(say(&mut peer, 6).await, 6);
    assert_eq!(stage.watch("&after=0").await.seqs(6).await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn large_and_many_events_are_stored_as_they_are() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let large = "x\"\\\u{1f980}".repeat(80_000);
    peer.send(&event(ALICE, 1), &says("large", &json!({ "text": large }))).await;
    assert_eq!(peer.acked().await, Seq(1));
    let many: Vec<_> =
        (2..500).map(|n| (event(ALICE, n), says("many", &json!({ "n": n, "t": "\"" })))).collect();
    peer.send_all(&many).await;
    assert_eq!(peer.acked().await, Seq(499));
    let mut viewer = stage.watch("&after=0").await;
    assert_eq!(viewer.next().await.expect("a frame").data["params"]["text"], large);
    for n in 2..500 {
        let frame = viewer.next().await.expect("a frame");
        assert_eq!((frame.id, &frame.data["params"]), (Some(n), &json!({ "n": n, "t": "\"" })));
    }
}

#[tokio::test]
async fn a_full_disk_ends_the_connection_before_anything_is_acknowledged() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    assert_eq!(say(&mut peer, 1).await, 1);
    stage.world.fill_disk(1);
    let params = json!({ "text": "x".repeat(600_000) });
    peer.send(&event(ALICE, 2), &says("large", &params)).await;
    peer.lost().await;
    stage.world.free_disk();
    let (mut peer, welcome) = stage.connect().await;
    assert_eq!(stored(&welcome), Some(Seq(1)));
    assert_eq!(say(&mut peer, 2).await, 2);
}
