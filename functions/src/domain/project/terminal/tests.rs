//! A terminal, frame by frame.

use schema::{
    Timestamp,
    agent::{ApprovalKind, ApprovalState},
};
use serde_json::value::to_raw_value;

use super::*;

const ASK: AskId = AskId::from_bits(7);
const COMMAND: &str = "item/commandExecution/requestApproval";

fn terminal() -> Terminal {
    let root = "projects/prj_1".to_owned();
    Terminal::new(Place::new(root.clone(), Some(format!("/w/{root}"))))
}

fn introduce(terminal: &mut Terminal, capabilities: Value) {
    let client = json!({ "name": "codex-tui", "title": null, "version": "0.130.0" });
    let params = json!({ "clientInfo": client, "capabilities": capabilities });
    let call =
        call(terminal, json!({ "id": "initialize", "method": "initialize", "params": params }));
    let agent = "gantry_runner/0.169.0 (Debian 12; x86_64) xterm (gantry_runner; 0.1.0)";
    let said = answered(terminal, &call, json!({ "userAgent": agent, "codexHome": "/h" }));
    assert_eq!(said["id"], "initialize");
    let agent = "codex-tui/0.169.0 (Debian 12; x86_64) xterm (codex-tui; 0.130.0)";
    assert_eq!(said["result"], json!({ "userAgent": agent, "codexHome": "/h" }));
}

/// A terminal that has introduced itself and has this thread open.
fn ready() -> Terminal {
    let mut terminal = terminal();
    introduce(&mut terminal, json!({ "optOutNotificationMethods": ["turn/diff/updated"] }));
    let call = call(&mut terminal, json!({ "id": 3, "method": "thread/start", "params": {} }));
    assert_eq!(call.params["cwd"], "projects/prj_1");
    let result = json!({ "thread": { "id": "T", "turns": [{}] }, "cwd": "/w/projects/prj_1" });
    let said = answered(&mut terminal, &call, result);
    assert_eq!(said["result"]["thread"]["turns"], json!([{}]), "it passes as it was said");
    assert_eq!(terminal.take_said("T").unwrap()["thread"]["turns"], json!([]));
    terminal
}

fn step(terminal: &mut Terminal, frame: Value) -> Option<Step> {
    terminal.hear(&frame.to_string())
}

#[track_caller]
fn call(terminal: &mut Terminal, frame: Value) -> Call {
    match step(terminal, frame) {
        Some(Step::Call(call)) => *call,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(terminal: &mut Terminal, frame: Value) -> (Value, String) {
    let Some(Step::Say(said)) = step(terminal, frame) else { panic!("it is not refused") };
    let said = json(&said);
    assert_eq!(said["error"]["code"], -32600, "{said}");
    (said["id"].clone(), said["error"]["message"].as_str().unwrap().to_owned())
}

fn answered(terminal: &mut Terminal, call: &Call, result: Value) -> Value {
    let body = json!({ "result": result }).to_string();
    json(&terminal.answered(call, body.as_bytes()).unwrap().frame)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn line(method: &str, thread: Option<&str>, params: Value) -> Entry {
    Entry {
        seq: 1,
        at: Timestamp::from_millis(0),
        method: method.to_owned(),
        thread: thread.map(str::to_owned),
        turn: None,
        item: None,
        ask: None,
        request: None,
        params: to_raw_value(&params).unwrap(),
    }
}

fn question() -> Approval {
    let amendment = json!({ "acceptWithExecpolicyAmendment": {} });
    let params = json!({
        "threadId": "T", "command": "touch x", "proposedExecpolicyAmendment": ["touch"],
        "availableDecisions": ["accept", amendment, "cancel"],
    });
    Approval {
        ask: ASK,
        seq: 41,
        at: Timestamp::from_millis(0),
        deadline: Timestamp::from_millis(1_000),
        method: COMMAND.to_owned(),
        kind: ApprovalKind::Command,
        thread: Some("T".to_owned()),
        turn: None,
        item: None,
        request: Some("0".to_owned()),
        params: to_raw_value(&params).unwrap(),
        changes: None,
        state: ApprovalState::Pending,
        decision: None,
        undelivered: false,
    }
}

fn asks(terminal: &mut Terminal) -> Option<Value> {
    let asked = Entry { ask: Some(ASK), ..line(COMMAND, Some("T"), json!({})) };
    terminal.show(&asked, Some(&question())).map(|said| json(&said))
}

/// What becomes of an answer of the terminal's.
fn decides(terminal: &mut Terminal, id: u64, result: Value) -> Option<Value> {
    match step(terminal, json!({ "id": id, "result": result }))? {
        Step::Decide { ask, reply } => {
            assert_eq!(ask, ASK);
            Some(json(reply.get()))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_introduces_itself_once_and_first() {
    let mut terminal = terminal();
    let before = refused(&mut terminal, json!({ "id": 1, "method": "model/list" }));
    assert_eq!(before, (json!(1), "Not initialized".to_owned()));
    introduce(&mut terminal, json!({}));
    assert!(step(&mut terminal, json!({ "method": "initialized" })).is_none());
    let again = refused(&mut terminal, json!({ "id": "a", "method": "initialize", "params": {} }));
    assert_eq!(again, (json!("a"), "Already initialized".to_owned()));
}

#[test]
fn what_is_no_message_is_passed_over() {
    let mut terminal = ready();
    for text in ["", "hello", "[]", r#"[{"id":1,"method":"model/list"}]"#, "7", r#"{"id":{}}"#] {
        assert!(terminal.hear(text).is_none(), "{text}");
    }
}

#[test]
fn ids_come_back_as_they_were_sent() {
    let mut terminal = ready();
    for id in [json!(0), json!(-3), json!("startup-\"x\""), json!("5")] {
        let call = call(&mut terminal, json!({ "id": id, "method": "model/list", "params": null }));
        assert_eq!(answered(&mut terminal, &call, json!({ "data": [] }))["id"], id);
        let body = br#"{"error":{"code":-32600,"message":"no","data":1}}"#;
        let frame = terminal.answered(&call, body).unwrap().frame;
        assert_eq!(json(&frame)["error"]["data"], 1, "codex's words pass as they are");
        assert_eq!(json(&frame)["id"], id);
    }
}

#[test]
fn what_customers_may_not_call_a_terminal_may_not_either() {
    let mut terminal = ready();
    for method in ["config/batchWrite", "fs/writeFile", "thread/teleport", "thread/search"] {
        let (id, message) = refused(&mut terminal, json!({ "id": 9, "method": method }));
        assert_eq!(id, 9);
        assert!(message.contains(method), "{message}");
    }
    let config = json!({ "config": { "mcp_servers": {} } });
    let (_, message) =
        refused(&mut terminal, json!({ "id": 1, "method": "thread/start", "params": config }));
    assert!(message.contains("mcp_servers"), "{message}");
    refused(&mut terminal, json!({ "id": 1, "method": "thread/start", "params": [] }));
}

#[test]
fn a_terminal_hears_of_the_threads_that_it_opened_until_it_leaves_them() {
    let mut terminal = ready();
    let delta = |thread| line("item/agentMessage/delta", Some(thread), json!({ "delta": "x" }));
    let said = terminal.show(&delta("T"), None).unwrap();
    let wanted = json!({ "method": "item/agentMessage/delta", "params": { "delta": "x" } });
    assert_eq!(json(&said), wanted);
    assert!(terminal.show(&delta("other"), None).is_none());
    for for_all in ["thread/started", "thread/status/changed"] {
        assert!(terminal.show(&line(for_all, Some("other"), json!({})), None).is_some());
    }
    assert!(terminal.show(&line("account/rateLimits/updated", None, json!({})), None).is_some());
    assert!(terminal.show(&line("turn/diff/updated", Some("T"), json!({})), None).is_none());
    assert!(terminal.show(&line("gantry/prompt", Some("T"), json!({})), None).is_none());

    let leave = json!({ "id": 8, "method": "thread/unsubscribe", "params": { "threadId": "T" } });
    for status in ["unsubscribed", "notSubscribed"] {
        let Some(Step::Say(said)) = step(&mut terminal, leave.clone()) else { panic!() };
        assert_eq!(json(&said), json!({ "id": 8, "result": { "status": status } }));
    }
    assert!(terminal.show(&delta("T"), None).is_none());
}

#[test]
fn a_question_is_shown_once_without_what_would_change_codex_s_rules() {
    let mut terminal = ready();
    let asked = asks(&mut terminal).unwrap();
    assert_eq!((&asked["id"], &asked["method"]), (&json!(41), &json!(COMMAND)));
    assert_eq!(asked["params"]["availableDecisions"], json!(["accept", "cancel"]));
    assert!(asked["params"].get("proposedExecpolicyAmendment").is_none());
    assert!(asks(&mut terminal).is_none());
    assert!(terminal.ask(&question()).is_none(), "also when its thread is resumed");
}

#[test]
fn the_first_answer_decides_and_others_are_passed_over() {
    let mut terminal = ready();
    assert!(decides(&mut terminal, 41, json!({ "decision": "accept" })).is_none());
    asks(&mut terminal);
    let cannot = json!({ "id": 41, "error": { "code": -32000, "message": "unsupported" } });
    assert!(step(&mut terminal, cannot).is_none(), "who cannot answer leaves it to others");
    let accept = json!({ "decision": "accept" });
    let told = decides(&mut terminal, 41, accept.clone());
    assert_eq!(told, Some(json!({ "result": accept })));
    assert!(decides(&mut terminal, 41, json!({ "decision": "decline" })).is_none());
}

#[test]
fn an_answer_that_would_change_codex_s_rules_is_narrowed() {
    for (decision, narrowed) in [
        (json!({ "acceptWithExecpolicyAmendment": { "execpolicy_amendment": ["sh"] } }), "accept"),
        (json!({ "applyNetworkPolicyAmendment": {} }), "decline"),
    ] {
        let mut terminal = ready();
        asks(&mut terminal);
        let told = decides(&mut terminal, 41, json!({ "decision": decision }));
        assert_eq!(told, Some(json!({ "result": { "decision": narrowed } })));
    }
}

#[test]
fn whoever_was_asked_is_told_once_that_it_is_decided() {
    let closed = json!({
        "method": "serverRequest/resolved", "params": { "threadId": "T", "requestId": 41 },
    });
    let by_us = |state: &str| {
        line("gantry/approval", Some("T"), json!({ "approvalId": ASK, "state": state }))
    };
    let by_codex = |id: u64| line("serverRequest/resolved", Some("T"), json!({ "requestId": id }));
    for (first, second) in [(by_us("approved"), by_codex(0)), (by_codex(0), by_us("cancelled"))] {
        let mut terminal = ready();
        assert!(terminal.show(&first, None).is_none(), "it was not asked");
        asks(&mut terminal);
        assert!(terminal.show(&by_us("pending"), None).is_none());
        assert!(terminal.show(&by_codex(1), None).is_none(), "another question");
        assert_eq!(terminal.show(&first, None).map(|said| json(&said)), Some(closed.clone()));
        assert!(terminal.show(&second, None).is_none());
        assert!(decides(&mut terminal, 41, json!({ "decision": "accept" })).is_none());
    }
}

#[test]
fn threads_of_other_projects_are_not_told_of() {
    let mut terminal = ready();
    let list = call(&mut terminal, json!({ "id": 1, "method": "thread/list", "params": {} }));
    assert_eq!(list.params["cwd"], "/w/projects/prj_1");
    answered(&mut terminal, &list, json!({ "data": [{ "id": "U" }] }));
    let loaded = call(&mut terminal, json!({ "id": 1, "method": "thread/loaded/list" }));
    let said = answered(&mut terminal, &loaded, json!({ "data": ["T", "U", "V"] }));
    assert_eq!(said["result"]["data"], json!(["T", "U"]));
    assert!(terminal.knows("U") && !terminal.knows("V"));
    assert!(terminal.is_home("/w/projects/prj_1/a") && !terminal.is_home("/w/projects/prj_2"));
    assert!(!terminal.is_home("projects/prj_1"), "codex names directories whole");
}

#[test]
fn an_old_client_is_told_of_models_as_it_knows_them() {
    let mut terminal = ready();
    let list = call(&mut terminal, json!({ "id": 1, "method": "model/list", "params": {} }));
    let efforts = json!([{ "reasoningEffort": "high" }, { "reasoningEffort": "max" }]);
    let models = json!({ "data": [{ "supportedReasoningEfforts": efforts }] });
    let said = answered(&mut terminal, &list, models);
    let known = json!([{ "reasoningEffort": "high" }]);
    assert_eq!(said["result"]["data"][0]["supportedReasoningEfforts"], known);
}

#[test]
fn events_wait_for_the_answer_that_they_follow_from() {
    let mut terminal = ready();
    for (method, first) in
        [("thread/resume", true), ("turn/start", true), ("turn/interrupt", false)]
    {
        let params = json!({ "threadId": "T" });
        let call = call(&mut terminal, json!({ "id": 1, "method": method, "params": params }));
        assert_eq!((call.goes_first(), call.thread()), (first, Some("T")), "{method}");
    }
}
