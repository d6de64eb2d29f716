//! A hundred projects, left and found again: `/api/v1/projects/{project_id}/open` after everything
//! was killed, and `/api/v1/projects/{project_id}/state` while the machine is off.

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tests::packages::Codex;

use super::bench::Bench;

const PROJECTS: usize = 100;
const AT_ONCE: usize = 8;

/// A project that was worked in.
#[derive(Debug, Clone)]
struct Left {
    project: String,
    thread: String,
    turns: Value,
}

#[tokio::test]
async fn a_hundred_projects_are_found_as_they_were_left_after_everything_died() {
    let mut bench = Bench::with(Codex::Pinned).await;
    let left: Vec<Left> =
        stream::iter(0..PROJECTS).map(|n| work(&bench, n)).buffered(AT_ONCE).collect().await;
    bench.kill_everything().await;
    stream::iter(&left)
        .for_each_concurrent(AT_ONCE, async |left| {
            let state = bench.get(&left.project, "state?includeTurns=true").await;
            assert_eq!((&state["source"], &state["turns"]), (&json!("log"), &left.turns));
            assert_ne!(state["runner"]["state"], "online", "{state}");
        })
        .await;
    bench.start_machine().await;
    stream::iter(&left)
        .for_each_concurrent(AT_ONCE, async |left| {
            let opened = bench.post(&left.project, "open", json!({})).await;
            let expected = (&json!(left.thread), &json!(true));
            assert_eq!((&opened["threadId"], &opened["resumed"]), expected);
            // What the oldest version forgets of a thread is said again.
            assert_eq!(opened["approvalPolicy"], "untrusted", "{opened}");
            assert_eq!(opened["sandbox"]["type"], "workspaceWrite", "{opened}");
            let state = bench.get(&left.project, "state?includeTurns=true").await;
            assert_eq!(state["turns"], left.turns);
        })
        .await;
}

/// A project with a turn in it that says which it is.
async fn work(bench: &Bench, n: usize) -> Left {
    let project = bench.create(json!({ "name": format!("Project {n}") })).await;
    let opened = bench.post(&project, "open", json!({})).await;
    let thread = opened["threadId"].as_str().expect("a thread").to_owned();
    let mut events = bench.events(&project, "after=0").await;
    let body = json!({ "prompt": format!("rehearse: say this is project {n}") });
    bench.post(&project, "turns", body).await;
    events.until("turn/completed").await;
    let state = bench.get(&project, "state?includeTurns=true").await;
    let turns = state["turns"].clone();
    let said = turns[0]["items"].to_string();
    assert!(said.contains(&format!("this is project {n}")), "{said}");
    Left { project, thread, turns }
}
