//! Viewers of a process's events: cursors on its log.

use schema::tunnel::{FromRunner, Seq};
use serde_json::json;
use tests::runner_peer::{Peer, event, now, says};
use tests::world::World;

use super::stage::{ALICE, Stage};

/// Alice's process says something in a thread, and the hub has stored it.
async fn say(peer: &mut Peer, seq: u64, method: &str, thread: &str, turn: &str) {
    let params = json!({ "threadId": thread, "turn": { "id": turn } });
    peer.send(&event(ALICE, seq), &says(method, &params)).await;
    assert_eq!(peer.acked().await, Seq(seq));
}

#[tokio::test]
async fn a_viewer_sees_what_is_stored_then_how_things_stand_then_what_comes() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    say(&mut peer, 1, "turn/started", "T", "U").await;
    let mut viewer = stage.watch("&after=0").await;
    let first = viewer.next().await.expect("a frame");
    assert_eq!((first.id, first.event.as_str()), (Some(1), "turn/started"));
    assert_eq!(first.data["seq"], 1);
    assert_eq!(first.data["params"], json!({ "threadId": "T", "turn": { "id": "U" } }));
    assert!(first.data["time"].as_str().expect("a time").ends_with('Z'));
    let stands = viewer.next().await.expect("a frame");
    assert_eq!((stands.id, stands.event.as_str()), (None, "gantry/runner"));
    assert_eq!(stands.data["state"], "online");
    assert_eq!(viewer.next().await.expect("a frame").event, "ready");
    let mut fresh = stage.watch("").await;
    fresh.until("ready").await;
    say(&mut peer, 2, "item/started", "T", "U").await;
    assert_eq!(viewer.next().await.expect("a frame").id, Some(2));
    assert_eq!(fresh.next().await.expect("a frame").id, Some(2));
}

#[tokio::test]
async fn a_viewer_that_comes_back_by_its_last_id_misses_nothing_and_sees_nothing_twice() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let mut seen = Vec::new();
    for round in 0..5 {
        for seq in round * 10 + 1..=round * 10 + 10 {
            say(&mut peer, seq, "item/started", "T", "U").await;
        }
        let after = seen.last().copied().unwrap_or(0);
        let mut viewer = stage.watch(&format!("&after={after}")).await;
        seen.extend(viewer.seqs(7).await);
    }
    assert_eq!(seen, (1..=35).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_stream_of_one_turn_has_its_thread_only_and_ends_with_it() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let mut viewer = stage.watch("&after=0&thread=T&until=U").await;
    for (seq, method, thread, turn) in [
        (1, "turn/started", "T", "U"),
        (2, "turn/started", "other", "V"),
        (3, "turn/completed", "T", "earlier"),
        (4, "turn/completed", "other", "U"),
        (5, "turn/completed", "T", "U"),
        (6, "turn/started", "T", "W"),
    ] {
        say(&mut peer, seq, method, thread, turn).await;
    }
    let mut seen = Vec::new();
    while let Some(frame) = viewer.next().await {
        seen.extend(frame.id);
    }
    assert_eq!(seen, [1, 3, 5]);
}

#[tokio::test]
async fn a_cursor_older_than_what_is_kept_gets_a_gap_with_how_things_stand() {
    let mut stage = Stage::of(World::plan().var("RETAIN_EVENTS", "10")).await;
    let (mut peer, _) = stage.connect().await;
    for seq in 1..=40 {
        say(&mut peer, seq, "item/started", "T", "U").await;
    }
    let mut viewer = stage.watch("&after=3").await;
    let gap = viewer.next().await.expect("a frame");
    assert_eq!((gap.event.as_str(), &gap.data["after"]), ("gap", &json!(3)));
    let first = gap.data["first"].as_u64().expect("a number");
    assert!((25..=31).contains(&first), "{gap:?}");
    assert_eq!(gap.id, Some(first - 1));
    assert_eq!(gap.data["snapshot"]["processes"][0]["process"], json!(ALICE));
    assert_eq!(gap.data["snapshot"]["asks"], json!([]));
    let rest: Vec<u64> = (first..=40).collect();
    assert_eq!(viewer.seqs(rest.len()).await, rest);
    // What is forgotten stays forgotten, and the log goes on where it was.
    stage.world.restart().await;
    let (mut peer, _) = stage.connect().await;
    say(&mut peer, 41, "item/started", "T", "U").await;
    assert_eq!(stage.watch("&after=40").await.seqs(1).await, [41]);
}

#[tokio::test]
async fn what_is_too_large_together_or_too_old_is_forgotten_from_its_beginning() {
    for (var, value) in [("RETAIN_EVENTS_BYTES", "5000"), ("RETAIN_EVENTS_MS", "3600000")] {
        let mut stage = Stage::of(World::plan().var(var, value)).await;
        let (mut peer, _) = stage.connect().await;
        let body = says("item/started", &json!({ "text": "x".repeat(39) }));
        let old = now().plus_millis(-7_200_000);
        let at = |seq| if seq <= 200 { old } else { now() };
        let head =
            |seq| FromRunner::Event { process: ALICE, seq: Seq(seq), at: at(seq), ask: None };
        let events: Vec<_> = (1..=300).map(|seq| (head(seq), body.clone())).collect();
        peer.send_all(&events).await;
        assert_eq!(peer.acked().await, Seq(300));
        let mut viewer = stage.watch("&after=0").await;
        // Fifty bytes each: the last hundred are within both bounds.
        assert_eq!(viewer.until("gap").await.data["first"], 201, "{var}");
        assert_eq!(viewer.seqs(100).await, (201..=300).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_cursor_beyond_the_end_is_told_that_it_is_of_another_log() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    say(&mut peer, 1, "a", "T", "U").await;
    let mut viewer = stage.watch("&after=99").await;
    let gap = viewer.next().await.expect("a frame");
    assert_eq!((gap.event.as_str(), gap.id, &gap.data["first"]), ("gap", Some(1), &json!(2)));
    say(&mut peer, 2, "a", "T", "U").await;
    assert_eq!(viewer.seqs(1).await, [2]);
}

#[tokio::test]
async fn a_log_that_begins_late_is_taken_from_where_it_begins() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    say(&mut peer, 500, "a", "T", "U").await;
    say(&mut peer, 501, "a", "T", "U").await;
    let mut viewer = stage.watch("&after=0").await;
    assert_eq!(viewer.until("gap").await.data["first"], 500);
    assert_eq!(viewer.seqs(2).await, [500, 501]);
}

#[tokio::test]
async fn viewers_are_told_when_a_runner_is_lost_and_when_it_is_back() {
    let mut stage = Stage::open().await;
    let mut viewer = stage.watch("").await;
    assert_eq!(viewer.next().await.expect("a frame").data["state"], "never");
    let (mut peer, _) = stage.connect().await;
    assert_eq!(viewer.until("gantry/runner").await.data["state"], "online");
    peer.send(&FromRunner::Bye { reason: "an update".to_owned() }, b"").await;
    peer.leave().await;
    let lost = viewer.until("gantry/runner").await;
    assert_eq!(lost.data["state"], "suspect");
    assert!(lost.data["reason"].as_str().expect("text").contains("an update"), "{lost:?}");
    let (peer, _) = stage.connect().await;
    assert_eq!(viewer.until("gantry/runner").await.data["state"], "online");
    // It falls silent: nothing is closed, and nothing comes.
    for state in ["suspect", "offline"] {
        assert_eq!(viewer.until("gantry/runner").await.data["state"], state);
    }
    drop(peer);
}
