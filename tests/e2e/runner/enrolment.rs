//! `/runner/v1/register`, `/runner/v1/unregister` and `/runner/v1/connect`: who is let in.

use reqwest::Client;
use schema::runner::{CreateRegistration, Register, SKEW_MS};
use schema::tunnel::{CloseCode, FromRunner, ToRunner};
use serde_json::{Value, json};
use tests::runner_peer::{Machine, dial, hello, now, token};
use tests::world::World;

use super::stage::Stage;

const REGISTER: &str = "/runner/v1/register";
const UNREGISTER: &str = "/runner/v1/unregister";

async fn register(world: &World, wish: &Register) -> (u16, Value) {
    let reply = Client::new().post(world.at(REGISTER)).json(wish).send().await.expect("an answer");
    (reply.status().as_u16(), reply.json().await.expect("JSON"))
}

#[track_caller]
fn check(reply: &(u16, Value), status: u16, words: &str) {
    let detail = reply.1["detail"].as_str().unwrap_or_default();
    assert!(reply.0 == status && detail.contains(words), "{reply:?}");
}

#[tokio::test]
async fn a_token_makes_one_machine_a_runner_and_the_operator_has_the_last_word() {
    let world = World::start().await;
    let wishes = CreateRegistration {
        name: "the big one".to_owned(),
        labels: [("kind".to_owned(), "chosen".to_owned())].into(),
        capacity: Some(3),
        ..CreateRegistration::default()
    };
    let token = token(&world, json!(wishes)).await;
    let machine = Machine::new("a machine");
    let made = register(&world, &machine.wish(&token)).await;
    assert_eq!((made.0, &made.1["name"]), (201, &json!("the big one")), "{made:?}");
    assert_eq!((&made.1["capacity"], &made.1["labels"]), (&json!(3), &json!({ "kind": "chosen" })));
    // Whoever did not hear the answer asks again.
    assert_eq!(register(&world, &machine.wish(&token)).await, made);
    let other = Machine::new("another machine");
    check(&register(&world, &other.wish(&token)).await, 409, "has been used");
}

#[tokio::test]
async fn a_wrong_or_expired_token_makes_nothing() {
    let mut world = World::start().await;
    let machine = Machine::new("a machine");
    for wrong in ["", "grt_", "grt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cdx_sk_x"] {
        check(&register(&world, &machine.wish(wrong)).await, 401, "not known");
    }
    let token = token(&world, json!({ "minutes": 1 })).await;
    world.set_var("CLOCK_SKEW_MS", "61000");
    world.restart().await;
    check(&register(&world, &machine.wish(&token)).await, 401, "expired");
    assert_eq!(world.sql("SELECT id FROM runners", vec![]).await.len(), 0);
}

#[tokio::test]
async fn what_a_machine_cannot_be_is_refused_by_the_name_of_the_field() {
    let world = World::start().await;
    let token = token(&world, json!({})).await;
    let wish = Machine::new("a machine").wish(&token);
    let long = "a".repeat(101);
    for (wish, field) in [
        (Register { version: 0, ..wish.clone() }, "version"),
        (Register { public_key: "AAAA".to_owned(), ..wish.clone() }, "public_key"),
        (Register { machine: String::new(), ..wish.clone() }, "machine"),
        (Register { name: long.clone(), ..wish.clone() }, "name"),
        (Register { labels: [(long, String::new())].into(), ..wish.clone() }, "labels"),
        (Register { capacity: Some(0), ..wish.clone() }, "capacity"),
    ] {
        check(&register(&world, &wish).await, 422, field);
    }
    assert_eq!(register(&world, &wish).await.0, 201);
}

#[tokio::test]
async fn only_what_the_machine_signed_opens_the_tunnel() {
    let mut stage = Stage::open().await;
    let Stage { world, machine } = &mut stage;
    let plain = Client::new().get(world.at("/runner/v1/connect")).send().await.expect("an answer");
    assert_eq!(plain.status(), 400);
    for header in ["", "Bearer x", "Gantry-Runner x.y"] {
        check(&dial(world, header, 1).await.unwrap_err(), 401, "Gantry-Runner");
    }
    let mut stranger = Machine::new("a machine");
    check(&stranger.dial(world).await.unwrap_err(), 401, "not known");
    stranger.id = machine.id;
    check(&stranger.dial(world).await.unwrap_err(), 401, "did not sign");
    machine.dial(world).await.expect("a socket");
}

#[tokio::test]
async fn a_credential_that_shows_up_on_another_machine_is_refused_and_noted() {
    let mut stage = Stage::open().await;
    let Stage { world, machine } = &mut stage;
    let mut stolen = machine.clone();
    "another machine".clone_into(&mut stolen.digest);
    check(&stolen.dial(world).await.unwrap_err(), 403, "belongs to another machine");
    let acts = world.sql("SELECT actor FROM audit WHERE act = 'runner.elsewhere'", vec![]).await;
    assert_eq!(acts, [json!({ "actor": machine.id })]);
    machine.dial(world).await.expect("the owner is not shut out");
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_by_how_much_and_what_time_it_is() {
    let mut stage = Stage::open().await;
    let Stage { world, machine } = &mut stage;
    machine.skew_ms = SKEW_MS + 60_000;
    let reply = machine.dial(world).await.unwrap_err();
    check(&reply, 401, &format!("s ahead: here it is {}", now().date()));
    assert_eq!(reply.1["errors"][0]["field"], "clock_skew");
    machine.skew_ms = 60_000 - SKEW_MS;
    machine.dial(world).await.expect("a socket");
}

#[tokio::test]
async fn a_generation_is_good_once_and_none_below_it() {
    let mut stage = Stage::open().await;
    let Stage { world, machine } = &mut stage;
    machine.generation = 6;
    machine.dial(world).await.expect("a socket");
    for generation in [7, 3] {
        machine.generation = generation;
        let overheard = machine.claims("connect");
        check(&machine.dial_as(world, &overheard).await.unwrap_err(), 409, "the last was 7");
    }
    machine.generation = 7;
    let leave = machine.claims("unregister");
    check(&machine.dial_as(world, &leave).await.unwrap_err(), 401, "did not sign");
    machine.dial(world).await.expect("a socket");
}

#[tokio::test]
async fn a_newer_connection_wins_and_the_old_one_is_told() {
    let mut stage = Stage::open().await;
    let (mut old, _) = stage.connect().await;
    let (mut new, welcome) = stage.connect().await;
    assert!(matches!(welcome, ToRunner::Welcome { generation: 2, .. }), "{welcome:?}");
    let (code, reason) = old.closed().await;
    assert_eq!(CloseCode::of(code), Some(CloseCode::Replaced), "{reason}");
    assert!(reason.contains("connection 2"), "{reason}");
    new.send(&FromRunner::Ping { n: 5 }, b"").await;
    assert_eq!(new.next().await.0, ToRunner::Pong { n: 5 });
}

#[tokio::test]
async fn a_runner_of_the_past_is_told_to_update_and_one_of_the_future_is_met_halfway() {
    let mut stage = Stage::open().await;
    let mut old = stage.machine.dial(&stage.world).await.expect("a socket");
    let past = schema::tunnel::Hello { version: 0, ..hello(old.generation, vec![]) };
    old.send(&FromRunner::Hello(past), b"").await;
    let (code, reason) = old.closed().await;
    assert_eq!(CloseCode::of(code), Some(CloseCode::TooOld));
    assert!(reason.contains("update the runner"), "{reason}");
    let mut new = stage.machine.dial(&stage.world).await.expect("a socket");
    let future = schema::tunnel::Hello { version: 99, ..hello(new.generation, vec![]) };
    new.send(&FromRunner::Hello(future), b"").await;
    let (welcome, _) = new.next().await;
    assert!(matches!(welcome, ToRunner::Welcome { version: 1, .. }), "{welcome:?}");
}

#[tokio::test]
async fn who_takes_leave_is_let_in_no_more() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let Stage { world, machine } = &mut stage;
    let leave = |header: String| {
        let request = Client::new().post(world.at(UNREGISTER)).header("authorization", header);
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    assert_eq!(leave(machine.sign(&machine.claims("connect"))).await, 401);
    assert_eq!(leave(machine.sign(&machine.claims("unregister"))).await, 200);
    assert_eq!(CloseCode::of(peer.closed().await.0), Some(CloseCode::Revoked));
    check(&machine.dial(world).await.unwrap_err(), 403, "revoked");
    assert_eq!(leave(machine.sign(&machine.claims("unregister"))).await, 403);
}
