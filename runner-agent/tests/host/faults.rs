//! Everything that goes wrong has a clear end.

use runner_agent::local::{self, Batch, FromHost, Reader, ToHost};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use schema::Code;
use schema::tunnel::{self, ProcessState, Seq};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::client::{ACCOUNT, Client, new_op};
use crate::world::World;

#[tokio::test]
async fn garbage_is_ignored() {
    let (_world, mut client) = World::started().await;
    assert_eq!(client.call("garbage", json!(1)).await.unwrap(), json!({ "result": 1 }));
    assert_eq!(client.call("echo", json!(2)).await.unwrap(), json!({ "result": 2 }));
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_in_time() {
    let (_world, mut client) = World::started().await;
    client.call("echo", json!({})).await.unwrap();
    let op = new_op();
    client.send(op, "hang", &json!({}), 50).await;
    assert_eq!(client.answer(op).await.unwrap_err().code, Code::Timeout);
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_process_that_dies_in_a_line_is_reported_as_it_was_reaped_and_starts_again() {
    let (_world, mut client) = World::started().await;
    client.call("turn", json!({})).await.unwrap();
    client.call("ask", json!({})).await.unwrap();
    let refused = client.call("die", json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::RunnerUnavailable);
    assert!(refused.message.contains("signal: 9"), "{}", refused.message);
    let exited = client.event("gantry/process/exited").await;
    assert_eq!(exited["params"]["signal"], 9);
    assert_eq!(
        (&exited["params"]["status"], &exited["params"]["expected"]),
        (&json!(null), &json!(false))
    );
    let resolved = client.event("serverRequest/resolved").await;
    assert_eq!(
        (&resolved["params"]["requestId"], &resolved["params"]["gantry"]),
        (&json!(0), &json!("lapsed"))
    );
    let completed = client.event("turn/completed").await;
    assert_eq!(completed["params"]["turn"]["status"], "failed");
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn an_exit_status_is_the_one_that_was_reaped() {
    let (_world, mut client) = World::started().await;
    client.call("quit", json!({})).await.unwrap_err();
    let exited = client.event("gantry/process/exited").await;
    assert_eq!(
        (&exited["params"]["status"], &exited["params"]["signal"]),
        (&json!(3), &json!(null))
    );
}

#[tokio::test]
async fn a_flood_is_kept_whole_and_in_bounded_memory() {
    let (world, mut client) = World::started().await;
    client.acknowledges = false;
    client.call("flood", json!({})).await.unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(peak < 48 * 1024, "{peak} kB");
    client.acknowledges = true;
    client.ack().await;
    client.until(|client| client.last >= Seq(100_001)).await;
    let numbers = client.events.iter().filter_map(|event| event["params"]["n"].as_u64());
    assert!(numbers.eq(0..100_000));
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_named() {
    let mut world = World::new();
    world.spec.codex = "/nowhere/codex".into();
    world.start().await;
    let mut client = world.attach(Seq(0)).await;
    let op = new_op();
    client.send(op, "echo", &json!({}), 50).await;
    let refused = client.answer(op).await.unwrap_err();
    assert_eq!(refused.code, Code::RunnerUnavailable);
    assert!(refused.message.contains("/nowhere/codex"), "{}", refused.message);
}

#[tokio::test]
async fn a_full_disk_holds_the_process_back_and_loses_nothing() {
    let mut world = World::new();
    // A write beyond the limit fails then as on a full disk, and does not kill.
    world.before = "trap '' XFSZ; ulimit -S -f 256".to_owned();
    world.start().await;
    let mut client = world.attach(Seq(0)).await;
    let op = new_op();
    client.send(op, "flood", &json!({}), 30_000).await;
    let stalled = |client: &Client| {
        client.process.as_ref().is_some_and(|process| process.state == ProcessState::Stalled)
    };
    client.until(stalled).await;
    let held = client.last;
    assert!(held < Seq(100_000), "{held:?}");
    let pid = Pid::from_raw(world.pid() as i32);
    prlimit(pid, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    client.answer(op).await.unwrap();
    client.until(|client| client.last >= Seq(100_001)).await;
    let numbers = client.events.iter().filter_map(|event| event["params"]["n"].as_u64());
    assert!(numbers.eq(0..100_000));
}

#[tokio::test]
async fn an_agent_of_an_unknown_version_is_told_so() {
    let (world, mut client) = World::started().await;
    let stream = runner_agent::host::find(&world.spec).await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut batch = Batch::default();
    let version = local::VERSION + 1;
    batch.push(&ToHost::Attach { version, after: Seq(0) }, b"").unwrap();
    writer.write_all(&batch.finish().unwrap()).await.unwrap();
    let mut reader = Reader::new(reader);
    let answer = reader.next().await.unwrap().unwrap();
    let (answer, ..) = tunnel::pop::<FromHost>(&answer).unwrap().unwrap();
    assert!(matches!(answer, FromHost::Refused { version: local::VERSION, .. }));
    assert!(client.call("echo", json!({})).await.is_ok(), "the one before it stays");
}

#[tokio::test]
async fn what_a_host_left_open_is_closed_by_the_next() {
    let (mut world, mut client) = World::started().await;
    client.call("turn", json!({})).await.unwrap();
    client.event("turn/started").await;
    let op = new_op();
    client.send(op, "hang", &json!({}), 30_000).await;
    client.call("echo", json!({})).await.unwrap();
    world.kill().await;
    while client.step().await {}
    world.start().await;
    let mut client = world.attach(client.last).await;
    assert_eq!(client.event("gantry/process/exited").await["params"]["status"], json!(null));
    assert_eq!(client.event("turn/completed").await["params"]["turn"]["id"], "U");
    client.send(op, "hang", &json!({}), 30_000).await;
    let refused = client.answer(op).await.unwrap_err();
    assert_eq!(refused.code, Code::RunnerUnavailable);
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_process_that_does_not_listen_is_ended_all_the_same() {
    let (_world, mut client) = World::started().await;
    client.call("echo", json!({})).await.unwrap();
    let op = new_op();
    client.send(op, "deaf", &json!({}), 50).await;
    assert_eq!(client.answer(op).await.unwrap_err().code, Code::Timeout);
    let op = new_op();
    client.frame(&tunnel::ToRunner::Stop { op, process: ACCOUNT }, b"").await;
    assert_eq!(client.answer(op).await, Ok(json!(null)));
    assert_eq!(client.event("gantry/process/exited").await["params"]["expected"], true);
}
