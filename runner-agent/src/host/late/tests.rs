//! Ends of items, in every order that codex tells them.

use super::*;

const THREAD: &str = "T";

struct Stage {
    late: Late,
    at: Now,
}

impl Stage {
    fn new() -> Stage {
        let at = Now { instant: Instant::now(), time: Timestamp::from_millis(1_000) };
        Stage { late: Late::default(), at }
    }

    /// What is written down when the process says this, by its methods or ids.
    fn say(&mut self, said: &Value) -> Vec<String> {
        let ask = said.get("id").map(|_| AskId::from_bits(1));
        let body: Bytes = said.to_string().into();
        let line: Line = serde_json::from_slice(&body).unwrap();
        let event = Event { ask, body: body.clone(), matters: false };
        if !self.late.concerns(line.method.as_deref().unwrap()) {
            return names(vec![event]);
        }
        names(self.late.pass(event, &line, self.at))
    }

    fn later(&mut self, wait: Duration) -> Vec<Event> {
        self.at.instant += wait;
        self.late.due(self.at)
    }
}

fn names(events: Vec<Event>) -> Vec<String> {
    let name = |event: Event| {
        let event: Value = serde_json::from_slice(&event.body).unwrap();
        let params = &event["params"];
        let (method, id) = (event["method"].as_str().unwrap(), params.pointer("/item/id"));
        let id = id.or(params.pointer("/turn/id")).or(params.pointer("/status/type"));
        id.map_or(method.to_owned(), |id| format!("{method} {}", id.as_str().unwrap()))
    };
    events.into_iter().map(name).collect()
}

fn item(method: &str, id: &str, turn: &str) -> Value {
    let (status, output) = match method {
        "item/started" => ("inProgress", Value::Null),
        _ => ("completed", json!("told")),
    };
    let item = json!({
        "id": id, "type": "commandExecution", "status": status, "aggregatedOutput": output,
    });
    json!({ "method": method, "params": { "threadId": THREAD, "turnId": turn, "item": item } })
}

fn turn(method: &str, id: &str, status: &str) -> Value {
    let turn = json!({ "id": id, "status": status });
    json!({ "method": method, "params": { "threadId": THREAD, "turn": turn } })
}

fn idle() -> Value {
    let params = json!({ "threadId": THREAD, "status": { "type": "idle" } });
    json!({ "method": "thread/status/changed", "params": params })
}

fn delta(text: &str) -> Value {
    let params = json!({ "threadId": THREAD, "turnId": "U", "itemId": "I", "delta": text });
    json!({ "method": "item/commandExecution/outputDelta", "params": params })
}

#[test]
fn an_end_that_comes_late_is_put_before_the_end_of_its_turn() {
    let mut stage = Stage::new();
    assert_eq!(stage.say(&item("item/started", "I", "U")), ["item/started I"]);
    assert!(stage.say(&idle()).is_empty());
    assert!(stage.say(&turn("turn/completed", "U", "completed")).is_empty());
    assert!(stage.late.has_ended("U"));
    assert_eq!(stage.say(&delta("late")), ["item/commandExecution/outputDelta"]);
    let passed = stage.say(&item("item/completed", "I", "U"));
    let wanted = ["item/completed I", "thread/status/changed idle", "turn/completed U"];
    assert_eq!(passed, wanted);
    assert_eq!(stage.late.deadline(), None);
}

#[test]
fn a_turn_without_anything_in_progress_ends_at_once() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&item("item/completed", "I", "U"));
    assert_eq!(stage.say(&idle()), ["thread/status/changed idle"]);
    assert_eq!(stage.say(&turn("turn/completed", "U", "completed")), ["turn/completed U"]);
}

#[test]
fn other_threads_wait_for_nothing() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&turn("turn/completed", "U", "completed"));
    let mut other = turn("turn/completed", "V", "completed");
    other["params"]["threadId"] = json!("other");
    assert_eq!(stage.say(&other), ["turn/completed V"]);
    assert_eq!(stage.say(&json!({ "method": "warning", "params": {} })), ["warning"]);
}

#[test]
fn a_command_that_goes_on_after_its_turn_is_left_alone() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&turn("turn/completed", "U", "completed"));
    assert!(stage.later(HOLD / 2).is_empty());
    assert_eq!(names(stage.later(HOLD / 2)), ["turn/completed U"]);
    assert_eq!(stage.say(&turn("turn/completed", "V", "completed")), ["turn/completed V"]);
    assert_eq!(stage.say(&item("item/completed", "I", "U")), ["item/completed I"]);
}

#[test]
fn what_an_interrupt_leaves_in_progress_is_closed_before_the_end_of_the_turn() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&delta("so far"));
    stage.say(&idle());
    stage.say(&turn("turn/completed", "U", "interrupted"));
    let passed = stage.later(HOLD);
    let closed: Value = serde_json::from_slice(&passed[0].body).unwrap();
    assert_eq!(closed["params"]["gantry"], "closed");
    assert_eq!(closed["params"]["turnId"], "U");
    assert_eq!(closed["params"]["item"]["status"], "failed");
    assert_eq!(closed["params"]["item"]["aggregatedOutput"], "so far");
    let wanted = ["item/completed I", "thread/status/changed idle", "turn/completed U"];
    assert_eq!(names(passed), wanted);
}

#[test]
fn the_next_turn_follows_in_order_with_its_question() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&turn("turn/completed", "U", "completed"));
    let params = json!({ "threadId": THREAD, "requestId": 0 });
    let resolved = json!({ "method": "serverRequest/resolved", "params": params });
    assert_eq!(stage.say(&resolved), ["serverRequest/resolved"], "one of the turn that ended");
    let params = json!({ "threadId": THREAD, "turnId": "V" });
    let question = json!({ "id": 1, "method": "ask", "params": params });
    let next = [turn("turn/started", "V", ""), item("item/started", "J", "V"), question];
    for said in next.iter().chain([&resolved, &turn("turn/completed", "V", "interrupted")]) {
        assert!(stage.say(said).is_empty(), "{said}");
    }
    let passed = stage.say(&item("item/completed", "I", "U"));
    let wanted = [
        "item/completed I",
        "turn/completed U",
        "turn/started V",
        "item/started J",
        "ask",
        "serverRequest/resolved",
    ];
    assert_eq!(passed, wanted);
    assert_eq!(names(stage.later(HOLD)), ["item/completed J", "turn/completed V"]);
}

#[test]
fn an_end_that_does_not_tell_what_was_printed_is_told_it() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&delta("one "));
    stage.say(&delta("two"));
    let mut untold = item("item/completed", "I", "U");
    untold["params"]["item"]["aggregatedOutput"] = Value::Null;
    let body: Bytes = untold.to_string().into();
    let line: Line = serde_json::from_slice(&body).unwrap();
    let event = Event { ask: None, body: body.clone(), matters: false };
    let passed = stage.late.pass(event, &line, stage.at);
    let told: Value = serde_json::from_slice(&passed[0].body).unwrap();
    assert_eq!(told["params"]["item"]["aggregatedOutput"], "one two");
}

#[test]
fn the_end_of_the_process_ends_its_items() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&idle());
    let wanted = ["thread/status/changed idle", "item/completed I"];
    assert_eq!(names(stage.late.end(stage.at)), wanted);
}

#[test]
fn what_is_held_is_bounded() {
    let mut stage = Stage::new();
    stage.say(&item("item/started", "I", "U"));
    stage.say(&turn("turn/completed", "U", "completed"));
    let said = json!({ "method": "said", "params": { "threadId": THREAD } });
    for _ in 1..HELD_MAX_EVENTS {
        assert!(stage.say(&said).is_empty());
    }
    assert_eq!(stage.say(&said).len(), HELD_MAX_EVENTS + 1);
    assert_eq!(stage.late.deadline(), None);
}
