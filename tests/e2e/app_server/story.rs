//! Turns on a true machine with the true app-server, the oldest version and the newest:
//! `/api/turns`, `/api/turns/{turn_id}/interrupt`, `/api/threads`, `/api/threads/{thread_id}`,
//! `/api/threads/{thread_id}/resume`, `/api/projects/open`, and the questions that codex asks:
//! `/api/server-requests/{request_id}/resolve`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tests::packages::Codex;

use super::seat::{Events, Seat, VERSIONS, check_order};

#[tokio::test]
async fn one_call_starts_a_thread_and_a_turn_and_streams_its_events() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let mut events = seat.turn(json!({ "prompt": "rehearse: text 20; say forty two" })).await;
        let first = events.next().await.expect("what has begun");
        let (thread, turn) = (&first.data["threadId"], &first.data["turnId"]);
        assert_eq!((first.name.as_str(), &first.data["turn"]["id"]), ("turn", turn), "{first:?}");
        assert_eq!(&first.data["thread"]["id"], thread);
        let events = events.rest().await;
        check_order(&events);
        for event in events.iter().filter(|event| event.id.is_some()) {
            let its = &event.data["params"]["threadId"];
            assert!(its.is_null() || its == thread, "{event:?}");
        }
        let started = events.iter().any(|event| event.method() == "turn/started");
        let said = events.iter().filter_map(|event| event.completed("agentMessage")).next_back();
        assert!(
            started
                && said.is_some_and(|it| it["text"]
                    .as_str()
                    .is_some_and(|text| { text.ends_with("forty two") })),
            "{events:#?}"
        );
        let last = events.last().expect("an end");
        assert_eq!(last.method(), "turn/completed", "{last:?}");
        assert_eq!(&last.data["params"]["turn"]["id"], turn);
        assert_eq!(last.data["params"]["turn"]["status"], "completed");
        seat.check_bill().await;
    }
}

#[tokio::test]
async fn threads_and_turns_are_answered_with_their_ids_and_what_codex_said() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let models = seat.get("/api/models").await;
        assert_eq!(models.status, 200, "{}", models.text());
        assert!(models.json()["data"].as_array().is_some_and(|models| !models.is_empty()));
        let made = seat.post("/api/threads", json!({})).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let made = made.json();
        let thread = made["threadId"].as_str().expect("an id").to_owned();
        assert_eq!((&made["thread"]["id"], &made["model"]), (&made["threadId"], &json!("gpt-5.5")));
        assert_eq!(made["approvalPolicy"], "untrusted");
        assert_eq!(made["sandbox"]["type"], "workspaceWrite");
        assert_eq!(made["reasoningEffort"], "medium", "{made}");
        let body = json!({ "threadId": thread, "prompt": "rehearse: say hello" });
        let begun = seat.post("/api/turns", body).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        assert_eq!(begun.json()["threadId"], thread.as_str());
        assert_eq!(begun.json()["turn"]["id"], begun.json()["turnId"]);
        // Before its first turn has completed, a thread is on no list.
        seat.log(0).await.until("turn/completed").await;
        let read = seat.get(&format!("/api/threads/{thread}")).await;
        assert_eq!((read.status, &read.json()["threadId"]), (200, &json!(thread)));
        let listed = seat.get("/api/threads?limit=5").await;
        let listed = listed.json()["data"].as_array().cloned().expect("a list");
        assert!(listed.iter().any(|it| it["id"] == thread.as_str()), "{listed:#?}");
        let nobody = "/api/threads/01a1f6b5-0000-7000-8000-000000000000";
        seat.get(nobody).await.refuses(404, "resource_not_found", "codex: ");
        seat.check_bill().await;
    }
}

/// A command that codex has to ask for. It speaks until it is let go, and the model waits with its
/// last words: the oldest version does not hear what a command says in its first moments, and to a
/// model that is quicker tells the command's end after the turn's.
const ASKS: &str = "rehearse: shell until test -e go\\; do echo it-was-$((6 * 7))\\; sleep 0.05\\; \
                    done; text 40; wait door 20";

async fn asked(seat: &Seat) -> (Events, Value) {
    let events = seat.turn(json!({ "prompt": ASKS })).await;
    let question = seat.question().await;
    assert_eq!(question["method"], "item/commandExecution/requestApproval", "{question}");
    assert_eq!(question["params"]["threadId"], question["threadId"]);
    (events, question)
}

#[tokio::test]
async fn a_command_that_codex_asks_for_is_listed_and_accepted_and_its_output_arrives() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let (mut events, question) = asked(&seat).await;
        let resolved = seat.resolve(&question, json!({})).await;
        assert_eq!(resolved.status, 200, "{}", resolved.text());
        assert_eq!(resolved.json()["delivered"], true);
        let output = events.until("item/commandExecution/outputDelta").await;
        let output = output.data["params"]["delta"].as_str().expect("text").to_owned();
        assert!(output.contains("it-was-42"), "{output}");
        let folder = question["params"]["cwd"].as_str().expect("a folder");
        fs::write(Path::new(folder).join("go"), "").expect("a file");
        let command = events.command().await;
        seat.world.upstream().release("door");
        check_order(&events.rest().await);
        assert_eq!(command["exitCode"], 0, "{command}");
        let all = command["aggregatedOutput"].as_str().unwrap_or_default();
        assert!(all.contains("it-was-42"), "{command}");
        let again = seat.resolve(&question, json!({ "decision": "decline" })).await;
        again.refuses(409, "conflict", ": accept");
        let listed = seat.operate("GET", "/api/server-requests", None).await;
        assert_eq!(listed.json(), json!({ "data": [] }));
        seat.check_bill().await;
    }
}

#[tokio::test]
async fn a_process_begins_although_the_agents_file_was_replaced_under_it() {
    let mut seat = Seat::with(Codex::Newest).await;
    seat.machine.update().expect("the agent starts from a file of its own");
    seat.machine.online().await;
    seat.machine.replace().expect("another file in its place");
    assert!(seat.machine.hosts().is_empty(), "nobody has asked for anything yet");
    let models = seat.get("/api/models").await;
    assert_eq!(models.status, 200, "{}", models.text());
}

#[tokio::test]
async fn a_command_that_is_declined_is_not_run_and_the_turn_goes_on() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let (mut events, question) = asked(&seat).await;
        let nonsense = seat.resolve(&question, json!({ "decision": "perhaps" })).await;
        nonsense.refuses(422, "validation_error", "`decision`");
        let resolved = seat.resolve(&question, json!({ "decision": "decline" })).await;
        assert_eq!(resolved.status, 200, "{}", resolved.text());
        let command = events.command().await;
        seat.world.upstream().release("door");
        let events = events.rest().await;
        assert_eq!(command["status"], "declined", "{command}");
        let last = events.last().expect("an end");
        assert_eq!(last.data["params"]["turn"]["status"], "completed", "{last:?}");
    }
}

#[tokio::test]
async fn a_turn_is_interrupted_whether_or_not_its_thread_is_named() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        for (n, named) in [false, true].into_iter().enumerate() {
            let door = format!("door-{n}");
            let prompt = format!("rehearse: text 30; wait {door} 20");
            let mut events = seat.turn(json!({ "prompt": prompt })).await;
            let begun = events.next().await.expect("what has begun").data;
            events.until("item/agentMessage/delta").await;
            let turn = begun["turnId"].as_str().expect("an id");
            let path = format!("/api/turns/{turn}/interrupt");
            let body = if named { json!({ "threadId": begun["threadId"] }) } else { json!({}) };
            let reply = seat.post(&path, body).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert_eq!(reply.json()["threadId"], begun["threadId"]);
            let last = events.rest().await.pop().expect("an end");
            assert_eq!(last.data["params"]["turn"]["status"], "interrupted", "{last:?}");
            seat.world.upstream().release(&door);
            seat.post(&path, json!({})).await.refuses(404, "resource_not_found", "no running turn");
            let again = seat.post(&path, json!({ "threadId": begun["threadId"] })).await;
            again.refuses(409, "conflict", "");
        }
    }
}

#[tokio::test]
async fn a_thread_goes_on_after_its_app_server_was_stopped() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let mut events = seat.turn(json!({ "prompt": "rehearse: say one" })).await;
        let begun = events.next().await.expect("what has begun").data;
        events.rest().await;
        let status = seat.operate("GET", "/api/system/status", None).await.json();
        assert_eq!(
            (&status["running"], &status["runner"]),
            (&json!(true), &json!(seat.machine.id))
        );
        let stopped = seat.operate("POST", "/api/system/stop", None).await;
        assert_eq!((stopped.status, &stopped.json()["running"]), (200, &json!(false)));
        let path = format!("/api/threads/{}/resume", begun["threadId"].as_str().expect("an id"));
        let resumed = seat.post(&path, json!({})).await;
        assert_eq!(resumed.status, 200, "{}", resumed.text());
        assert_eq!(resumed.json()["threadId"], begun["threadId"]);
        assert_eq!(resumed.json()["approvalPolicy"], "untrusted");
        assert_eq!(seat.operate("POST", "/api/system/stop", None).await.status, 200);
        let body = json!({ "threadId": begun["threadId"], "prompt": "rehearse: say two" });
        let last = seat.turn(body).await.rest().await.pop().expect("an end");
        assert_eq!(last.data["params"]["turn"]["status"], "completed", "{last:?}");
        assert_eq!(seat.operate("POST", "/api/system/stop", None).await.status, 200);
        let started = seat.operate("POST", "/api/system/start", Some(json!({}))).await;
        assert_eq!((started.status, &started.json()["running"]), (200, &json!(true)));
        seat.check_bill().await;
    }
}

#[tokio::test]
async fn a_project_is_opened_where_it_was_left() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let open = async |cwd: &str| seat.post("/api/projects/open", json!({ "cwd": cwd })).await;
        let first = open("site").await;
        assert_eq!((first.status, &first.json()["resumed"]), (200, &json!(false)));
        let thread = first.json()["threadId"].clone();
        let body = json!({ "threadId": thread, "prompt": "rehearse: say hello" });
        seat.turn(body).await.rest().await;
        let again = open("site").await;
        assert_eq!(
            (again.status, &again.json()["resumed"]),
            (200, &json!(true)),
            "{}",
            again.text()
        );
        assert_eq!(again.json()["threadId"], thread);
        let other = open("another").await;
        assert_eq!((other.status, &other.json()["resumed"]), (200, &json!(false)));
        for outside in ["/etc", "..", "site/../../.."] {
            open(outside).await.refuses(403, "permission_denied", "workspace");
        }
    }
}
