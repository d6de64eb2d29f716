//! A project from its beginning, as a new user would write it: made, opened, watched, worked in
//! with an approval, read, interrupted, left, and found again after everything was killed:
//! `/api/v1/projects/{project_id}/open`, `/api/v1/projects/{project_id}/events`,
//! `/api/v1/projects/{project_id}/turns`, `/api/v1/projects/{project_id}/thread`, and the agent's
//! own `/api/v1/agent/status`, `/api/v1/permissions`, `/api/v1/skills`.

use std::fs;

use serde_json::{Value, json};
use tests::packages::Codex;

use super::bench::Bench;
use crate::app_server::seat::{Event, Events, VERSIONS};

#[tokio::test]
async fn a_prompt_becomes_files_once_it_was_approved_and_is_found_after_everything_died() {
    for version in VERSIONS {
        let mut bench = Bench::with(version).await;
        let project = bench.create(json!({ "name": "Site", "template": "empty" })).await;
        let opened = bench.post(&project, "open", json!({})).await;
        let thread = opened["threadId"].as_str().expect("a thread").to_owned();
        assert_eq!((&opened["resumed"], &opened["model"]), (&json!(false), &json!("gpt-5.5")));
        assert_eq!(opened["thread"]["id"], thread.as_str());
        assert_eq!(opened["approvalPolicy"], "untrusted", "{opened}");

        let mut events = bench.events(&project, "").await;
        let prompt = "rehearse: patch site/index.html; say it is written";
        let begun = bench.post(&project, "turns", json!({ "prompt": prompt })).await;
        let turn = begun["turnId"].as_str().expect("a turn").to_owned();
        assert_eq!((&begun["threadId"], &begun["outcome"]), (&json!(thread), &json!("started")));
        let asked = events.until("item/fileChange/requestApproval").await;

        approve(&bench, &project, &asked, &mut events, &turn).await;

        let written = bench.root(&project).join("site/index.html");
        assert!(fs::read_to_string(&written).is_ok(), "{} is missing", written.display());
        let before = bench.get(&project, "state?includeTurns=true").await;
        check_turn(&before["turns"][0], &turn);

        // Everything ends the hard way: the agent with its hosts, and the Worker.
        bench.kill_everything().await;
        let offline = bench.get(&project, "state?includeTurns=true").await;
        assert_eq!(offline["turns"], before["turns"]);
        assert_eq!(offline["source"], "log", "{offline}");
        bench.start_machine().await;
        let again = bench.post(&project, "open", json!({})).await;
        assert_eq!((&again["threadId"], &again["resumed"]), (&json!(thread), &json!(true)));
        assert_eq!(again["approvalPolicy"], "untrusted", "{again}");
        assert_eq!(again["sandbox"]["type"], "workspaceWrite", "{again}");
        let after = before["lastEventId"].as_u64().expect("a place");
        let mut events = bench.events(&project, &format!("after={after}")).await;
        let body = json!({ "prompt": "rehearse: say welcome back" });
        bench.post(&project, "turns", body).await;
        events.gather("turn/completed").await;
        let now = bench.get(&project, "state?includeTurns=true").await;
        assert_eq!(now["turns"].as_array().map(Vec::len), Some(2), "{now}");
        assert_eq!(now["turns"][0], before["turns"][0]);
        let thread_told = bench.get(&project, "thread?includeTurns=true").await;
        assert_eq!(
            (&thread_told["threadId"], &thread_told["turns"]),
            (&json!(thread), &now["turns"])
        );
        bench.check_bill().await;
    }
}

/// Approves the one thing that is asked, and sees it happen; a second decision comes too late.
async fn approve(bench: &Bench, project: &str, asked: &Event, events: &mut Events, turn: &str) {
    let approvals = bench.get(project, "approvals").await;
    let approval = approvals["data"][0].clone();
    assert_eq!(approvals["data"].as_array().map(Vec::len), Some(1), "{approvals}");
    assert_eq!(approval["id"], asked.data["approvalId"]);
    assert_eq!((&approval["state"], &approval["kind"]), (&json!("pending"), &json!("file_change")));
    assert!(approval["changes"].to_string().contains("index.html"), "{approval}");
    let resolve = format!("approvals/{}/resolve", approval["id"].as_str().unwrap());
    let resolved = bench.post(project, &resolve, json!({})).await;
    assert_eq!(
        (&resolved["state"], &resolved["decision"]["channel"]),
        (&json!("approved"), &json!("api"))
    );
    let told = events.gather("turn/completed").await;
    assert_eq!(told.last().unwrap().data["params"]["turn"]["id"], turn);
    let mut noted = told.iter().filter(|it| it.method() == "gantry/approval");
    let closed = noted.next_back().expect("its end");
    assert_eq!(closed.data["params"]["state"], "approved");
    let late = bench.post_for(project, &resolve, json!({ "decision": "decline" })).await;
    late.refuses(409, "conflict", "approved already");
}

/// The turn with all that happened in it, as the log tells it.
#[track_caller]
fn check_turn(turn: &Value, id: &str) {
    assert_eq!((&turn["id"], &turn["status"]), (&json!(id), &json!("completed")), "{turn}");
    let items = turn["items"].as_array().expect("items");
    let kinds: Vec<_> = items.iter().filter_map(|item| item["type"].as_str()).collect();
    assert!(kinds.contains(&"userMessage") && kinds.contains(&"fileChange"), "{kinds:?}");
    let change = items.iter().find(|item| item["type"] == "fileChange").expect("a change");
    assert_eq!(change["status"], "completed", "{turn}");
}

#[tokio::test]
async fn a_turn_is_interrupted_and_a_prompt_that_comes_meanwhile_does_as_its_caller_says() {
    for version in VERSIONS {
        let bench = Bench::with(version).await;
        let project = bench.create(json!({ "name": "Busy" })).await;
        bench.post(&project, "open", json!({})).await;
        let mut events = bench.events(&project, "").await;
        let slow = json!({ "prompt": "rehearse: shell sleep 600" });
        let turn = bench.post(&project, "turns", slow).await["turnId"].clone();
        events.gather("item/commandExecution/requestApproval").await;

        let wish = |when: &str, words: &str| {
            let prompt = format!("rehearse: say {words}");
            json!({ "prompt": prompt, "whenBusy": when })
        };
        let refused = bench.post_for(&project, "turns", wish("refuse", "no")).await;
        refused.refuses(409, "conflict", "whenBusy");
        let queued = bench.post(&project, "turns", wish("queue", "later")).await;
        assert_eq!(
            (&queued["outcome"], &queued["ahead"]),
            (&json!("queued"), &json!(0)),
            "{queued}"
        );
        let other = bench.post(&project, "turns", wish("queue", "never")).await;
        let state = bench.get(&project, "state").await;
        assert_eq!(state["queue"].as_array().map(Vec::len), Some(2), "{state}");
        assert_eq!(state["turnId"], turn);
        let path = format!("queue/{}", other["promptId"].as_str().expect("a prompt"));
        assert_eq!(bench.delete(&project, &path).await.status, 200);
        let steered = bench.post(&project, "turns", wish("steer", "more")).await;
        assert_eq!((&steered["outcome"], &steered["turnId"]), (&json!("steered"), &turn));

        let path = format!("turns/{}/interrupt", turn.as_str().unwrap());
        let interrupted = bench.post(&project, &path, json!({})).await;
        assert_eq!(interrupted["turnId"], turn);
        let told = events.gather("turn/completed").await;
        assert_eq!(told.last().unwrap().data["params"]["turn"]["status"], "interrupted");
        // What waited begins by itself.
        let told = events.gather("turn/completed").await;
        let last = &told.last().unwrap().data["params"]["turn"];
        assert_eq!(last["status"], "completed", "{last}");
        let state = bench.get(&project, "state?includeTurns=true").await;
        assert_eq!(state["queue"], json!([]));
        let said = state["turns"][1].to_string();
        assert!(said.contains("later"), "{said}");
        let approvals = bench.get(&project, "approvals?all=true").await;
        assert_eq!(approvals["data"][0]["state"], "cancelled", "{approvals}");
        bench.check_bill().await;
    }
}

#[tokio::test]
async fn a_browser_opens_a_stream_with_a_ticket_once_and_resumes_without_a_gap() {
    let bench = Bench::with(Codex::Newest).await;
    let project = bench.create(json!({ "name": "Watched" })).await;
    bench.post(&project, "open", json!({})).await;
    let ticket = bench.post(&project, "events/ticket", json!({})).await;
    let ticket = ticket["ticket"].as_str().expect("a ticket").to_owned();
    let mut live = bench.events_of(&project, &format!("after=0&ticket={ticket}"), None).await;
    live.gather("ready").await;
    let again = bench.stream(&project, &format!("ticket={ticket}"), None).await;
    assert_eq!(again.status(), 401);
    let body = json!({ "prompt": "rehearse: text 40; say the end" });
    bench.post(&project, "turns", body).await;
    let seen = live.gather("turn/completed").await;
    let ids: Vec<u64> = seen.iter().filter_map(|event| event.id).collect();
    let middle = ids[ids.len() / 2];
    let mut again = bench.events(&project, &format!("after={middle}")).await;
    let rest = again.gather("turn/completed").await;
    let rest: Vec<u64> = rest.iter().filter_map(|event| event.id).collect();
    let expected: Vec<u64> = ids.into_iter().filter(|id| *id > middle).collect();
    assert_eq!(rest, expected);
}

#[tokio::test]
async fn a_thread_of_one_project_is_not_there_for_another() {
    let bench = Bench::with(Codex::Newest).await;
    let one = bench.create(json!({ "name": "One" })).await;
    let other = bench.create(json!({ "name": "Other" })).await;
    let thread = bench.post(&one, "open", json!({})).await["threadId"].clone();
    bench.post(&other, "open", json!({})).await;
    let body = json!({ "threadId": thread, "prompt": "rehearse: say hi" });
    let refused = bench.post_for(&other, "turns", body.clone()).await;
    refused.refuses(404, "resource_not_found", "thread");
    bench.post(&one, "open", json!({ "newThread": true })).await;
    assert_eq!(bench.post(&one, "turns", body).await["outcome"], "started");
}

#[tokio::test]
async fn the_agent_says_how_it_stands_what_it_may_be_allowed_and_what_it_knows() {
    for version in VERSIONS {
        let bench = Bench::with(version).await;
        let status = bench.seat.get("/api/v1/agent/status").await.json();
        assert_eq!((&status["state"], &status["running"]), (&json!("new"), &json!(false)));
        let defaults = json!({
            "model": "gpt-5.5", "effort": "medium", "approvalPolicy": "untrusted",
            "sandbox": "workspace-write", "webSearch": "live",
        });
        assert_eq!(status["defaults"], defaults);
        let presets = bench.seat.get("/api/v1/permissions").await.json();
        let skills = bench.seat.get("/api/v1/skills").await;
        assert_eq!(skills.status, 200, "{}", skills.text());
        assert!(
            skills.json()["data"].as_array().is_some_and(|it| !it.is_empty()),
            "{}",
            skills.text()
        );
        let status = bench.seat.get("/api/v1/agent/status").await.json();
        assert_eq!(status["state"], "running", "{status}");
        // Every form of every preset opens a project.
        let forms = ["permissions", "permissionProfile", "sandboxPolicy", "sandbox"];
        for preset in presets["data"].as_array().expect("presets") {
            let project = bench.create(json!({ "name": preset["label"] })).await;
            for form in forms {
                let body = json!({ (form): preset[form], "newThread": true });
                let opened = bench.post(&project, "open", body).await;
                assert_eq!(opened["sandbox"]["type"], preset["sandboxPolicy"]["type"], "{form}");
            }
        }
    }
}
