//! `codex --remote` at a project: `/`, and the passes of `/api/v1/projects/{project_id}/terminal`.

use serde_json::{Value, json};
use tests::packages::Codex;

use super::line::{self, Line, dial};
use crate::app_server::seat::{Events, Seat, VERSIONS};
use crate::desk::Desk;

/// A command that codex has to ask for, and words after it.
const ASKS: &str = "rehearse: shell echo it-was-$((6 * 7)); say and that was it";

/// A project, and a pass to it.
async fn project(seat: &Seat) -> (String, String) {
    let made = seat.post("/api/v1/projects", json!({ "name": "Landing" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let pass = seat.post(&format!("/api/v1/projects/{id}/terminal"), json!({})).await;
    assert_eq!(pass.status, 201, "{}", pass.text());
    (id, pass.json()["token"].as_str().expect("a pass").to_owned())
}

/// Begins a thread as a terminal does; its id.
async fn thread(line: &mut Line) -> String {
    let wish = json!({ "cwd": null, "approvalPolicy": "untrusted", "sandbox": "workspace-write" });
    let begun = line.ask("thread/start", wish).await;
    begun["result"]["thread"]["id"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned()
}

/// Says something in a thread; the turn that it begins.
async fn turn(line: &mut Line, thread: &str, words: &str) -> String {
    let input = json!([{ "type": "text", "text": words, "text_elements": [] }]);
    let begun = line.ask("turn/start", json!({ "threadId": thread, "input": input })).await;
    begun["result"]["turn"]["id"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned()
}

#[tokio::test]
async fn a_terminal_works_in_its_project_and_a_browser_sees_it() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let (project, pass) = project(&seat).await;
        let (mut line, said) = line::open(&seat.world, &pass, "0.169.0").await;
        let agent = said["userAgent"].as_str().expect("a name");
        assert!(agent.starts_with("codex-tui/0.1") && agent.ends_with("(codex-tui; 0.169.0)"));
        let path = format!("/api/v1/projects/{project}/events/ticket");
        let ticket = seat.post(&path, json!({})).await.json();
        let path = format!(
            "/api/v1/projects/{project}/events?ticket={}",
            ticket["ticket"].as_str().expect("a ticket")
        );
        let mut events = Events::of(reqwest::Client::new().get(seat.world.at(&path))).await;
        events.gather("ready").await;

        let thread = thread(&mut line).await;
        let turn = turn(&mut line, &thread, ASKS).await;
        let question = line.hear("item/commandExecution/requestApproval").await;
        assert_eq!(question["params"]["threadId"], thread.as_str(), "{question}");
        let offered = question["params"]["availableDecisions"].as_array();
        assert!(offered.is_none_or(|it| it.iter().all(Value::is_string)), "{question}");
        let shown = events.until("item/commandExecution/requestApproval").await;
        assert_eq!(shown.data["params"]["threadId"], thread.as_str());
        line.say(json!({ "id": question["id"], "result": { "decision": "accept" } })).await;
        let closed = line.hear("serverRequest/resolved").await;
        assert_eq!(closed["params"], json!({ "threadId": thread, "requestId": question["id"] }));
        let ended = line.hear("turn/completed").await;
        assert_eq!(ended["params"]["turn"]["id"], turn.as_str());
        assert_eq!(ended["params"]["turn"]["status"], "completed");
        let ended = events.until("turn/completed").await;
        assert_eq!(ended.data["turnId"], turn.as_str(), "{ended:?}");

        let path = format!("/api/v1/projects/{project}/approvals?all=true");
        let approvals = seat.get(&path).await.json();
        let approval = &approvals["data"][0];
        assert_eq!(
            (&approval["state"], &approval["threadId"]),
            (&json!("approved"), &json!(thread))
        );
        assert_eq!(approval["decision"]["channel"], "terminal", "{approval}");
        let by = format!("terminal pass …{}", &pass[pass.len() - 4..]);
        assert_eq!(approval["decision"]["by"], by);
        // The project goes on with the thread that was worked in.
        let state = seat.get(&format!("/api/v1/projects/{project}")).await.json();
        assert_eq!(state["threadId"], thread.as_str());
        let cwd = state["thread"]["cwd"].as_str().unwrap_or_default();
        assert!(cwd.ends_with(&format!("projects/{project}")), "{state}");
        seat.check_bill().await;
    }
}

#[tokio::test]
async fn whoever_answers_first_decides_and_the_others_are_told() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let (project, pass) = project(&seat).await;
        let (mut one, _) = line::open(&seat.world, &pass, "0.169.0").await;
        let thread = thread(&mut one).await;
        turn(&mut one, &thread, ASKS).await;
        let asked = one.hear("item/commandExecution/requestApproval").await;
        // Another terminal, by the account's key: it joins the turn, and is asked the same.
        let (mut two, _) = line::open(&seat.world, &seat.account.key, "0.169.0").await;
        let joined = two.ask("thread/resume", json!({ "threadId": thread })).await;
        assert_eq!(joined["result"]["thread"]["id"], thread.as_str(), "{joined}");
        let again = two.hear("item/commandExecution/requestApproval").await;
        assert_eq!((&again["id"], &again["params"]), (&asked["id"], &asked["params"]));

        let listed = seat.get(&format!("/api/v1/projects/{project}/approvals")).await.json();
        let approval = listed["data"][0]["id"].as_str().expect("an approval").to_owned();
        let path = format!("/api/v1/projects/{project}/approvals/{approval}/resolve");
        let resolved = seat.post(&path, json!({ "note": "fine" })).await;
        assert_eq!(resolved.status, 200, "{}", resolved.text());
        let closed = json!({ "threadId": thread, "requestId": asked["id"] });
        for line in [&mut one, &mut two] {
            assert_eq!(line.hear("serverRequest/resolved").await["params"], closed);
            // Too late, and passed over.
            line.say(json!({ "id": asked["id"], "result": { "decision": "cancel" } })).await;
            let ended = line.hear("turn/completed").await;
            assert_eq!(ended["params"]["turn"]["status"], "completed", "{ended}");
            let closed = |it: &Value| it["method"] == "serverRequest/resolved";
            assert!(!line.unheard().iter().any(closed), "told twice: {:#?}", line.unheard());
        }
        let path = format!("/api/v1/projects/{project}/approvals?all=true");
        let listed = seat.get(&path).await.json();
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!(listed["data"][0]["decision"]["note"], "fine");
    }
}

#[tokio::test]
async fn a_pass_reaches_its_project_and_nothing_else_of_the_account() {
    let seat = Seat::with(Codex::Newest).await;
    let (one, pass) = project(&seat).await;
    let (two, other) = project(&seat).await;
    let (mut stranger, _) = line::open(&seat.world, &other, "0.169.0").await;
    let foreign = thread(&mut stranger).await;
    turn(&mut stranger, &foreign, "rehearse: say hello").await;
    stranger.hear("turn/completed").await;

    let (mut line, _) = line::open(&seat.world, &pass, "0.169.0").await;
    let own = thread(&mut line).await;
    turn(&mut line, &own, "rehearse: say hello").await;
    line.hear("turn/completed").await;
    for method in ["thread/read", "thread/resume", "thread/fork", "thread/archive", "turn/start"] {
        let params = json!({ "threadId": foreign, "input": [] });
        let refused = line.ask(method, params).await;
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("not found"), "{method}: {refused}");
    }
    let elsewhere = format!("../{two}");
    for cwd in [elsewhere.as_str(), "/", "/etc"] {
        let refused = line.ask("thread/start", json!({ "cwd": cwd })).await;
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(&format!("projects/{one}")), "{refused}");
    }
    let ids = |answer: &Value| {
        let data = answer["result"]["data"].as_array().expect("a list");
        data.iter().map(|it| it.get("id").unwrap_or(it).clone()).collect::<Vec<_>>()
    };
    let listed = line.ask("thread/list", json!({ "cwd": null, "limit": 50 })).await;
    assert_eq!(ids(&listed), [json!(own)], "{listed}");
    let loaded = line.ask("thread/loaded/list", json!({})).await;
    assert!(ids(&loaded).contains(&json!(own)) && !ids(&loaded).contains(&json!(foreign)));
    for method in ["config/batchWrite", "fs/writeFile", "thread/search", "account/login/start"] {
        let refused = line.ask(method, json!({})).await;
        assert_eq!(refused["error"]["code"], -32600, "{refused}");
    }
    assert!(
        line.unheard().iter().all(|it| !it.to_string().contains(&foreign)),
        "{:#?}",
        line.unheard()
    );

    // Voided, it lets nobody in, and whoever came by it is hung up on.
    let gone = seat.delete(&format!("/api/v1/projects/{one}/terminal")).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    line.end().await;
    let bearer = format!("Bearer {pass}");
    let refused = dial(&seat.world, &[("authorization", &bearer)]).await.err().expect("a refusal");
    assert_eq!(refused.0, 401, "{}", refused.1);
    let kept = stranger.ask("thread/read", json!({ "threadId": foreign })).await;
    assert_eq!(kept["result"]["thread"]["id"], foreign.as_str(), "{kept}");
}

#[tokio::test]
async fn what_is_said_while_a_turn_runs_is_told_to_it_as_codex_does() {
    for version in VERSIONS {
        let seat = Seat::with(version).await;
        let (_, pass) = project(&seat).await;
        let (mut line, _) = line::open(&seat.world, &pass, "0.130.0").await;
        let before = json!({ "id": 1, "method": "initialize", "params": {} });
        line.say(before).await;
        assert_eq!(line.answer(&json!(1)).await["error"]["message"], "Already initialized");
        let models = line.ask("model/list", json!({ "includeHidden": true })).await;
        let known = ["none", "minimal", "low", "medium", "high", "xhigh"];
        for model in models["result"]["data"].as_array().expect("models") {
            for effort in model["supportedReasoningEfforts"].as_array().expect("efforts") {
                let effort = effort["reasoningEffort"].as_str().expect("a name");
                assert!(known.contains(&effort), "{model}");
            }
        }
        let thread = thread(&mut line).await;
        let first = turn(&mut line, &thread, "rehearse: text 5; wait door 2").await;
        line.hear("turn/started").await;
        let second = turn(&mut line, &thread, "rehearse: say something else").await;
        assert_eq!(first, second, "there is one turn");
        seat.world.upstream().release("door");
        let ended = line.hear("turn/completed").await;
        assert_eq!(ended["params"]["turn"]["id"], first.as_str());
        // What is no message is passed over, and the line goes on.
        for text in ["hello", "[]", "[{\"id\":1,\"method\":\"model/list\"}]"] {
            line.say_text(text).await;
        }
        let third = turn(&mut line, &thread, "rehearse: say bye").await;
        assert_ne!(third, first);
        let ended = line.hear("turn/completed").await;
        assert_eq!(ended["params"]["turn"]["id"], third.as_str());
    }
}

#[tokio::test]
async fn who_may_not_come_is_told_why() {
    let desk = Desk::open().await;
    let plain = crate::desk::Reply::to(desk.request("GET", "/")).await;
    assert_eq!((plain.status, plain.header("content-type")), (200, "text/html; charset=utf-8"));
    let refused = async |headers: &[(&'static str, &str)]| {
        let (status, body) = dial(&desk.world, headers).await.err().expect("a refusal");
        (status, body["detail"].as_str().unwrap_or_default().to_owned())
    };
    let key = format!("Bearer {}", desk.account.key);
    let (status, said) = refused(&[]).await;
    assert!(status == 401 && said.contains("--remote-auth-token-env"), "{status} {said}");
    let (status, said) = refused(&[("authorization", &key)]).await;
    assert!(status == 404 && said.contains("no project yet"), "{status} {said}");
    let (status, said) = refused(&[("authorization", &key), ("origin", "https://x.test")]).await;
    assert!(status == 403 && said.contains("no browser"), "{status} {said}");

    let made = desk.send(desk.post("/api/v1/projects").json(&json!({ "name": "x" }))).await.json();
    let id = made["id"].as_str().expect("an id");
    let pass = desk.post(&format!("/api/v1/projects/{id}/terminal")).json(&json!({}));
    let pass = crate::desk::Reply::to(pass).await.json();
    let token = pass["token"].as_str().expect("a pass");
    let url = desk.world.url().replace("http", "ws");
    assert_eq!(pass["url"], url);
    assert_eq!(pass["env"], json!({ "GANTRY_TERMINAL_PASS": token }));
    let command = pass["command"].as_str().expect("a command");
    let begin = format!(
        "GANTRY_TERMINAL_PASS='{token}' codex --remote '{url}' --remote-auth-token-env \
         GANTRY_TERMINAL_PASS -c 'model_provider=\"gantry\"'"
    );
    assert!(command.starts_with(&begin), "{command}");
    // It is no key, and of another it is none.
    let as_key = desk.request("GET", "/api/v1/projects").bearer_auth(token);
    desk.send(as_key).await.refuses(401, "authentication_required", "");
    let last = if token.ends_with('0') { '1' } else { '0' };
    let wrong = format!("Bearer {}{last}", &token[..token.len() - 1]);
    let (status, said) = refused(&[("authorization", &wrong)]).await;
    assert!(status == 401 && said.contains("not good"), "{status} {said}");
    // Let in, there is no machine for it to work on.
    let (status, said) = refused(&[("authorization", &format!("Bearer {token}"))]).await;
    assert!(status == 503 && said.contains("No machine"), "{status} {said}");
}
