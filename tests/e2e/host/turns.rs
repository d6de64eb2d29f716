//! Turns, and the questions in them.

use schema::tunnel::ToRunner;
use serde_json::json;

use super::client::{ACCOUNT, new_op};
use super::{Hosted, KEY, VERSIONS};

#[tokio::test]
async fn a_turn_is_paid_with_the_key_and_its_events_come_without_a_gap() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        // That numbers have no gaps is checked for every event that comes.
        let turn = hosted.turn("rehearse: text 20").await;
        assert_eq!(turn["status"], "completed", "{turn}");
        let text = |event: &serde_json::Value| event["method"] == "item/agentMessage/delta";
        assert_eq!(hosted.client.events.iter().filter(|event| text(event)).count(), 20);
        assert_eq!(hosted.model.responses().len(), 1, "{KEY} let it in");
    }
}

#[tokio::test]
async fn a_command_runs_when_its_question_has_been_answered() {
    for version in VERSIONS {
        let mut hosted = Hosted::start(version).await;
        hosted.open_thread(json!({ "approvalPolicy": "unlessTrusted" })).await;
        hosted.begin("rehearse: shell touch made && echo it was made; say done").await;
        hosted.client.until(|client| !client.asks.is_empty()).await;
        let asked = hosted.client.event("item/commandExecution/requestApproval").await;
        assert_eq!(asked["params"]["threadId"], json!(hosted.thread));
        assert!(!hosted.spec.work().join("made").exists());
        let (op, ask) = (new_op(), hosted.client.asks[0]);
        let reply = ToRunner::Reply { op, process: ACCOUNT, ask };
        hosted.client.frame(&reply, br#"{"result":{"decision":"accept"}}"#).await;
        hosted.client.answer(op).await.unwrap();
        let turn = hosted.client.event("turn/completed").await;
        assert_eq!(turn["params"]["turn"]["status"], "completed");
        hosted.client.event("serverRequest/resolved").await;
    }
}

#[tokio::test]
async fn the_end_of_a_command_and_what_it_printed_come_before_the_end_of_its_turn() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        for _ in 0..10 {
            hosted.turn("rehearse: shell true; say done").await;
            assert!(hosted.ended().is_some(), "{version:?}");
        }
        let printed = hosted.printed("echo hello").await;
        assert!(printed.contains("hello"), "{version:?}: {printed}");
    }
}

#[tokio::test]
async fn an_interrupt_leaves_no_command_in_progress() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        // The oldest version misses what a command prints as soon as it begins.
        let command = "sleep 0.5\\; echo begun\\; sleep 60";
        let turn = hosted.begin(&format!("rehearse: shell {command}; say done")).await;
        hosted.client.event("item/commandExecution/outputDelta").await;
        let thread = hosted.thread.clone();
        hosted.call("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
        let completed = hosted.client.event("turn/completed").await["params"]["turn"].clone();
        assert_eq!(completed["status"], "interrupted");
        let ended = hosted.ended().expect("the command is closed in its turn");
        assert_eq!((&ended["turnId"], &ended["gantry"]), (&json!(turn), &json!("closed")));
        let (status, printed) = (&ended["item"]["status"], &ended["item"]["aggregatedOutput"]);
        assert_eq!(status, "failed");
        assert!(printed.as_str().is_some_and(|it| it.contains("begun")), "{ended}");
    }
}

#[tokio::test]
async fn a_turn_ends_with_its_process_and_the_thread_goes_on() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        hosted.turn("rehearse: say one").await;
        let turn = hosted.begin("rehearse: hang").await;
        hosted.restart().await;
        let completed = hosted.client.event("turn/completed").await["params"]["turn"].clone();
        assert_eq!((&completed["id"], &completed["status"]), (&json!(turn), &json!("failed")));
        assert_eq!(hosted.turn("rehearse: say two").await["status"], "completed");
    }
}
