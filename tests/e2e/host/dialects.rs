//! One dialect for both versions.

use serde_json::json;

use super::{Hosted, VERSIONS};

#[tokio::test]
async fn every_form_of_a_permission_profile_and_a_sandbox_is_taken() {
    for version in VERSIONS {
        let mut hosted = Hosted::start(version).await;
        for form in [json!(":workspace"), json!({ "type": "profile", "id": ":workspace" })] {
            let thread = hosted.open_thread(json!({ "permissions": form })).await;
            assert_eq!(thread["activePermissionProfile"]["id"], ":workspace");
        }
        for form in
            [json!("workspaceWrite"), json!("workspace-write"), json!({ "type": "workspaceWrite" })]
        {
            let thread = hosted.open_thread(json!({ "sandboxPolicy": form })).await;
            assert_eq!(thread["sandbox"]["type"], "workspaceWrite", "{form}");
            hosted.begin_with("rehearse: say hi", json!({ "sandbox": form })).await;
            let turn = hosted.client.event("turn/completed").await["params"]["turn"].clone();
            assert_eq!(turn["status"], "completed", "{turn}");
        }
        let thread = hosted.open_thread(json!({ "approvalPolicy": "onFailure" })).await;
        assert!(["on-failure", "on-request"].iter().any(|it| thread["approvalPolicy"] == *it));
    }
}

#[tokio::test]
async fn an_interrupt_of_nothing_is_an_error_at_once() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        let turn = hosted.turn("rehearse: say hi").await["id"].clone();
        let thread = hosted.thread.clone();
        let answer =
            hosted.call("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
        assert_eq!(answer["error"]["message"], "no active turn to interrupt");
    }
}

#[tokio::test]
async fn a_running_turn_is_interrupted() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        let turn = hosted.begin("rehearse: hang").await;
        hosted.client.event("turn/started").await;
        let thread = hosted.thread.clone();
        let answer =
            hosted.call("turn/interrupt", json!({ "threadId": thread, "turnId": turn })).await;
        assert_eq!(answer, json!({ "result": {} }));
        let completed = hosted.client.event("turn/completed").await["params"]["turn"].clone();
        assert_eq!(completed["status"], "interrupted");
    }
}

#[tokio::test]
async fn a_second_turn_is_answered_with_the_one_that_runs() {
    for version in VERSIONS {
        let mut hosted = Hosted::with_thread(version).await;
        let first = hosted.begin("rehearse: text 5; wait door").await;
        hosted.client.event("turn/started").await;
        let second = hosted.begin("rehearse: say more").await;
        assert_eq!(first, second);
        hosted.model.release("door");
        let completed = hosted.client.event("turn/completed").await["params"]["turn"].clone();
        assert_eq!((&completed["id"], &completed["status"]), (&json!(first), &json!("completed")));
    }
}

#[tokio::test]
async fn a_thread_goes_on_after_a_restart_under_the_policy_it_had() {
    for version in VERSIONS {
        let mut hosted = Hosted::start(version).await;
        hosted.open_thread(json!({ "approvalPolicy": "untrusted", "sandbox": "read-only" })).await;
        let policy = json!({
            "approvalPolicy": "never",
            "sandboxPolicy": { "type": "workspaceWrite", "networkAccess": false },
        });
        hosted.begin_with("rehearse: say hi", policy).await;
        hosted.client.event("turn/completed").await;
        hosted.restart().await;
        let printed = hosted.printed("touch made && echo it was made");
        assert!(printed.await.contains("it was made"), "without asking anybody");
        assert!(hosted.client.asks.is_empty());
    }
}

#[tokio::test]
async fn a_customer_stays_in_the_workspace() {
    for version in VERSIONS {
        let mut hosted = Hosted::start(version).await;
        let thread = hosted.open_thread(json!({ "cwd": "a/project" })).await;
        assert_eq!(thread["cwd"], json!(hosted.spec.work().join("a/project")));
        let refused = hosted.client.call("thread/start", json!({ "cwd": "/etc" })).await;
        assert_eq!(refused.unwrap_err().code, schema::Code::PermissionDenied);
    }
}
