//! Rules decide what a process asks, and its runner is told at once: nobody else is asked.

use functions::domain::project::command::{Answer, Command, Opened};
use schema::tunnel::ToRunner;
use schema::{AskId, ProjectId};
use serde_json::{Value, json};
use tests::runner_peer::{Peer, answer, op, question};

use super::feed::{project, watch};
use super::stage::{ALICE, Stage, id};

/// A project with these rules, whose codex works in its directory.
async fn ruled(stage: &Stage, rules: Value) -> (ProjectId, String) {
    let project = project(stage, &["T"]).await;
    let object = stage.world.object("PROJECT", &project.to_string());
    let root = format!("/srv/projects/{project}");
    let said: serde_json::Map<_, _> = [("cwd".to_owned(), json!(root))].into_iter().collect();
    let opened = Opened { thread: "T".to_owned(), runner: stage.machine.id, said };
    let (done, _) = object.tell(&Command::Opened(opened), b"").await.expect("an answer");
    assert!(matches!(done, Answer::Done), "{done:?}");
    let rules = serde_json::from_value(rules).expect("rules");
    let set = Command::SetPolicy { rules, if_match: None };
    let (kept, _) = object.tell(&set, b"").await.expect("an answer");
    assert!(matches!(kept, Answer::Policy(_)), "{kept:?}");
    (project, root)
}

/// The process asks to run a command there.
async fn ask(peer: &mut Peer, seq: u64, command: &str, cwd: &str) -> AskId {
    let params = json!({
        "threadId": "T", "turnId": "U", "itemId": format!("i{seq}"), "command": command,
        "cwd": cwd,
    });
    let method = "item/commandExecution/requestApproval";
    let body = json!({ "method": method, "id": seq, "params": params }).to_string();
    let asked = id();
    peer.send(&question(ALICE, seq, asked), body.as_bytes()).await;
    peer.acked().await;
    asked
}

#[tokio::test]
async fn a_rule_answers_a_process_by_itself_and_stands_in_the_approval() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let (project, root) = ruled(
        &stage,
        json!([
            { "name": "no network", "when": { "commandPrefix": ["curl"] }, "then": "reject" },
            { "name": "tests", "when": { "commandPrefix": ["cargo", "test"] }, "then": "approve",
              "reason": "they change nothing" },
        ]),
    )
    .await;
    let mut viewer = watch(&stage, project).await;
    for (seq, command, word, state, rule) in [
        (1, "/bin/bash -lc 'cargo test -q'", "accept", "approved", "tests"),
        (2, "/bin/bash -lc 'ls; curl x'", "decline", "rejected", "no network"),
    ] {
        let asked = ask(&mut peer, seq, command, &root).await;
        let (frame, reply) = peer.next().await;
        assert!(matches!(frame, ToRunner::Reply { ask, .. } if ask == asked), "{frame:?}");
        let reply: Value = serde_json::from_slice(&reply).expect("JSON");
        assert_eq!(reply, json!({ "result": { "decision": word } }));
        peer.send(&answer(op(&frame), b""), b"").await;
        let told = viewer.until("gantry/approval").await.data["params"].take();
        let said = |name: &str| told[name].as_str().unwrap_or_default();
        assert_eq!((said("state"), said("channel"), said("by")), (state, "policy", rule));
        assert_eq!(told["approvalId"], json!(asked));
    }
    // What no rule knows waits for a person; so does what is asked from elsewhere.
    for (seq, command, cwd) in [(3, "cargo build", root.as_str()), (4, "cargo test", "/srv")] {
        ask(&mut peer, seq, command, cwd).await;
        let told = viewer.until("gantry/approval").await.data;
        assert_eq!(told["params"]["state"], "pending", "{told}");
    }
    assert_eq!(stage.asks().await.len(), 2);
}
