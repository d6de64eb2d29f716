//! How a host begins, rests and ends.

use runner_agent::local::FromHost;
use schema::tunnel::{ProcessState, Seq, ToRunner};
use serde_json::json;

use crate::client::{ACCOUNT, Client, new_op};
use crate::world::World;

fn state(client: &Client) -> Option<ProcessState> {
    client.process.as_ref().map(|process| process.state)
}

#[tokio::test]
async fn a_process_begins_on_demand_and_says_so() {
    let (world, mut client) = World::started().await;
    let FromHost::Attached { process, pid, .. } = &client.hello else { panic!("not attached") };
    assert_eq!((process.state, *pid), (ProcessState::Stopped, world.pid()));
    let op = new_op();
    client.frame(&ToRunner::Start { op, process: ACCOUNT, key: None }, b"").await;
    assert_eq!(client.answer(op).await, Ok(json!(null)));
    client.until(|client| state(client) == Some(ProcessState::Running)).await;
    assert_eq!(client.process.as_ref().unwrap().codex, "9.9.9");
    assert_eq!(client.event("gantry/process/started").await["params"]["codex"], "9.9.9");
}

#[tokio::test]
async fn a_process_that_nobody_uses_is_ended_and_begins_again() {
    let mut world = World::new();
    world.spec.limits.idle_stop_s = 0;
    world.start().await;
    let mut client = world.attach(Seq(0)).await;
    client.call("echo", json!({})).await.unwrap();
    let exited = client.event("gantry/process/exited").await;
    let params = &exited["params"];
    assert_eq!((&params["expected"], &params["status"]), (&json!(true), &json!(0)));
    client.until(|client| state(client) == Some(ProcessState::Stopped)).await;
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_process_with_a_running_turn_is_not_ended() {
    let mut world = World::new();
    world.spec.limits.idle_stop_s = 0;
    world.start().await;
    let mut client = world.attach(Seq(0)).await;
    client.call("turn", json!({})).await.unwrap();
    for _ in 0..20 {
        client.call("echo", json!({})).await.unwrap();
    }
    assert!(client.events.iter().all(|event| event["method"] != "gantry/process/exited"));
}

/// A host that has answered once, and ends as soon as nobody needs it.
async fn soon_over() -> (World, Client) {
    let mut world = World::new();
    world.spec.limits.idle_stop_s = 0;
    world.spec.limits.linger_s = 1;
    world.start().await;
    let mut client = world.attach(Seq(0)).await;
    client.call("echo", json!({})).await.unwrap();
    (world, client)
}

#[tokio::test]
async fn a_host_that_nobody_needs_ends_and_the_next_one_goes_on_counting() {
    let (mut world, mut client) = soon_over().await;
    client.event("gantry/process/exited").await;
    let last = client.last;
    drop(client);
    assert!(world.ended().await);
    assert!(!runner_agent::host::has_unsent(&world.spec));
    assert!(runner_agent::host::find(&world.spec).await.is_none());
    world.start().await;
    let mut client = world.attach(last).await;
    client.call("echo", json!({})).await.unwrap();
    assert!(client.last > last);
}

#[tokio::test]
async fn a_host_does_not_stay_for_what_nobody_fetches_and_the_next_one_has_it() {
    let (mut world, client) = soon_over().await;
    let last = client.last;
    drop(client);
    assert!(world.ended().await);
    assert!(runner_agent::host::has_unsent(&world.spec));
    world.start().await;
    world.attach(last).await.event("gantry/process/exited").await;
}

#[tokio::test]
async fn only_one_host_serves_an_account() {
    let (world, mut client) = World::started().await;
    let path = world.spec.path();
    let mut second = tokio::process::Command::new(env!("CARGO_BIN_EXE_runner-agent"));
    let second = second.args(["host", "--spec"]).arg(path).output().await.unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("is hosted already"));
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_host_that_is_behind_its_hub_goes_on_after_it() {
    let mut world = World::new();
    world.start().await;
    let mut client = world.attach(Seq(1_000)).await;
    client.call("echo", json!({})).await.unwrap();
    client.event("gantry/process/started").await;
    assert!(client.last > Seq(1_000));
}
