//! What changes around a turn while it runs: the agent, the Worker, and callers who ask twice.

use serde_json::{Value, json};

use super::seat::{Event, Events, Seat, VERSIONS};

/// Says something for three seconds.
const LONG: &str = "rehearse: pace 50ms; text 60";

/// Every number after the first is the next, and the turn is whole.
fn check_gapless(events: &[Event]) {
    let ids: Vec<u64> = events.iter().filter_map(|event| event.id).collect();
    assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{ids:?}");
    let status = events.last().map(|event| &event.data["params"]["turn"]["status"]);
    assert_eq!(status, Some(&json!("completed")), "{events:#?}");
}

/// What is seen from now on, to the end of a turn.
async fn until_it_ends(log: &mut Events, seen: &mut Vec<Event>) {
    while seen.last().is_none_or(|event| event.method() != "turn/completed") {
        seen.push(log.next().await.expect("a turn that ends"));
    }
}

/// The events of a turn until it has begun to speak.
async fn until_it_speaks(events: &mut Events) -> Vec<Event> {
    let mut seen = Vec::new();
    while !seen.iter().any(|event: &Event| event.method() == "item/agentMessage/delta") {
        seen.push(events.next().await.expect("a turn that speaks"));
    }
    seen
}

#[tokio::test]
async fn an_update_of_the_agent_in_the_middle_of_a_turn_is_not_seen_by_its_viewer() {
    for version in VERSIONS {
        let mut seat = Seat::with(version).await;
        let mut log = seat.log(0).await;
        let begun = seat.post("/api/turns", json!({ "prompt": LONG })).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        let mut seen = until_it_speaks(&mut log).await;
        seat.machine.update().expect("the next agent starts");
        until_it_ends(&mut log, &mut seen).await;
        check_gapless(&seen);
        let deltas = seen.iter().filter(|event| event.method() == "item/agentMessage/delta");
        assert_eq!(deltas.count(), 60);
        seat.check_bill().await;
    }
}

#[tokio::test]
async fn a_viewer_comes_back_after_a_deploy_and_misses_nothing() {
    let mut seat = Seat::with(VERSIONS[1]).await;
    let mut log = seat.log(0).await;
    let begun = seat.post("/api/turns", json!({ "prompt": LONG })).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let mut seen = until_it_speaks(&mut log).await;
    seat.world.restart().await;
    let last = seen.iter().rev().find_map(|event| event.id).expect("a number");
    seat.machine.online().await;
    let mut log = seat.log(last).await;
    until_it_ends(&mut log, &mut seen).await;
    check_gapless(&seen);
}

async fn start(seat: &Seat, prompt: &str, name: &str) -> (u16, Value) {
    let request = reqwest::Client::new().post(seat.world.at("/api/turns"));
    let request = request.bearer_auth(&seat.account.key).header("idempotency-key", name);
    let reply = request.json(&json!({ "prompt": prompt })).send().await.expect("an answer");
    let status = reply.status().as_u16();
    (status, reply.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_turn_asked_for_twice_under_one_name_runs_once() {
    let seat = Seat::with(VERSIONS[0]).await;
    let (status, first) = start(&seat, "rehearse: say once", "a-name").await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = start(&seat, "rehearse: say once", "a-name").await;
    assert_eq!((status, &again["turnId"]), (200, &first["turnId"]), "{again}");
    assert_eq!(again["threadId"], first["threadId"]);
    let (status, other) = start(&seat, "rehearse: say twice", "a-name").await;
    assert_eq!((status, &other["code"]), (422, &json!("idempotency_key_reused")), "{other}");
    seat.log(0).await.until("turn/completed").await;
    assert_eq!(seat.world.upstream().responses().len(), 1);
    seat.check_bill().await;
}

#[tokio::test]
async fn the_stream_of_a_turn_that_has_ended_can_be_had_again_under_its_name() {
    let seat = Seat::with(VERSIONS[1]).await;
    let request = || {
        let request = reqwest::Client::new().post(seat.world.at("/api/turns"));
        let request = request.bearer_auth(&seat.account.key).header("idempotency-key", "a-name");
        let body = json!({ "prompt": "rehearse: text 5" });
        request.header("accept", "text/event-stream").json(&body)
    };
    let deltas = |events: &[Event]| {
        let deltas = events.iter().filter(|event| event.method() == "item/agentMessage/delta");
        deltas.map(|event| event.id).collect::<Vec<_>>()
    };
    let first = Events::of(request()).await.rest().await;
    let again = Events::of(request()).await.rest().await;
    assert_eq!((deltas(&first).len(), deltas(&first)), (5, deltas(&again)));
}

#[tokio::test]
async fn a_question_waits_while_nobody_watches_and_the_agent_is_away() {
    let mut seat = Seat::with(VERSIONS[0]).await;
    let prompt = "rehearse: shell touch made && sleep 0.5 && echo it-was-made; say done";
    let begun = seat.post("/api/turns", json!({ "prompt": prompt })).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let question = seat.question().await;
    seat.machine.kill();
    seat.machine.start().expect("the agent starts again");
    seat.machine.online().await;
    assert_eq!(seat.question().await["id"], question["id"], "the same question, and no other");
    let accepted = seat.resolve(&question, json!({})).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    let log = seat.log(0).await.command().await;
    assert!(log["aggregatedOutput"].as_str().is_some_and(|it| it.contains("it-was-made")), "{log}");
}
