//! What is kept of a conversation, and how each kind of item is told.

use schema::{
    AskId, Timestamp,
    agent::{ApprovalKind, ApprovalState},
};
use serde_json::{json, value::to_raw_value};

use super::*;
use crate::domain::project::approval::Decision;

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

fn turn(id: &str, status: &str, items: &[Value]) -> Box<RawValue> {
    raw(&json!({ "id": id, "status": status, "items": items }))
}

fn said(id: &str, text: &str) -> Value {
    json!({ "id": id, "type": "agentMessage", "text": text })
}

fn ids(glance: &Glance) -> Vec<&str> {
    glance.entries.iter().map(|it| it.id.as_str()).collect()
}

fn approval(number: u128, item: Option<&str>, state: ApprovalState) -> Approval {
    let decision = Decision {
        at: Timestamp::from_millis(1),
        by: "session".to_owned(),
        channel: "api".to_owned(),
        note: "looks fine".to_owned(),
        reply: None,
    };
    Approval {
        ask: AskId::from_bits(number),
        seq: 1,
        at: Timestamp::from_millis(0),
        deadline: Timestamp::from_millis(1_000),
        method: "item/commandExecution/requestApproval".to_owned(),
        kind: ApprovalKind::Command,
        thread: None,
        turn: None,
        item: item.map(str::to_owned),
        request: None,
        params: raw(&json!({ "command": "ls", "cwd": "/a/projects/prj_0a/src", "reason": "why" })),
        changes: None,
        state,
        decision: (state != ApprovalState::Pending).then_some(decision),
        undelivered: false,
    }
}

#[test]
fn what_was_said_and_done_stands_in_its_order_with_how_turns_ended() {
    let shell = json!({
        "id": "c", "type": "commandExecution", "command": ["/bin/sh", "-c", "ls"],
        "aggregatedOutput": "a\nb\n", "exitCode": 2, "status": "failed",
    });
    let you = json!({
        "id": "y", "type": "userMessage",
        "content": [{ "type": "text", "text": "hello" }, { "type": "image" }],
    });
    let turns =
        [turn("T", "interrupted", &[you, shell]), turn("U", "completed", &[said("a", "x")])];
    let glance = Glance::of(&turns, &[]);
    assert_eq!(ids(&glance), ["y", "c", "end:T", "a"]);
    let words = |kind: &str, who, text: &str| {
        let (kind, text) = (kind.to_owned(), text.to_owned());
        Body::Words { kind, who, text }
    };
    let bodies: Vec<_> = glance.entries.iter().map(|it| &it.body).collect();
    assert_eq!(*bodies[0], words("userMessage", "You", "hello\n[image]"));
    let (line, output) = ("/bin/sh -c ls".to_owned(), "a\nb\n".to_owned());
    let state = Badge { text: "exit 2".to_owned(), kind: "bad" };
    assert_eq!(*bodies[1], Body::Command { line, output, state });
    assert_eq!(*bodies[2], Body::mark("Interrupted", "warn"));
    assert_eq!(*bodies[3], words("agentMessage", "Codex", "x"));
    assert!(glance.whole);
}

#[test]
fn the_newest_are_kept_and_it_is_said_that_others_are_not_there() {
    let items: Vec<Value> = (0..=ENTRIES_MAX).map(|it| said(&it.to_string(), "x")).collect();
    let many = Glance::of(&[turn("T", "completed", &items)], &[]);
    assert_eq!((many.entries.len(), many.whole), (ENTRIES_MAX, false));
    assert_eq!((ids(&many)[0], ids(&many)[ENTRIES_MAX - 1]), ("1", "100"));
    let all = Glance::of(&[turn("T", "completed", &items[1..])], &[]);
    assert_eq!((all.entries.len(), all.whole), (ENTRIES_MAX, true));

    let long = "ä".repeat(TEXTS_MAX_BYTES / 2 - 1);
    let items = [said("a", "never"), said("b", "begins"), said("c", &long)];
    let long = Glance::of(&[turn("T", "completed", &items)], &[]);
    assert_eq!((ids(&long), long.whole), (vec!["b", "c"], false));
    let Body::Words { text, .. } = &long.entries[0].body else { panic!("{long:?}") };
    assert_eq!(text, "be");
}

#[test]
fn of_a_commands_output_the_end_is_shown() {
    let output = format!("{}end", "x".repeat(100_000));
    let item = json!({ "id": "c", "type": "commandExecution", "aggregatedOutput": output });
    let glance = Glance::of(&[turn("T", "completed", &[item])], &[]);
    let Body::Command { output, .. } = &glance.entries[0].body else { panic!("{glance:?}") };
    assert!(output.len() == 60_000 && output.ends_with("xend"), "{}", output.len());
    assert!(glance.whole, "the script shows no more of it either");
}

#[test]
fn questions_stand_by_their_items_and_those_that_wait_stand_anyhow() {
    use ApprovalState::{Approved, Pending, Rejected};
    let turns = [turn("T", "inProgress", &[said("a", "x")])];
    let asked = [
        approval(1, Some("long ago"), Rejected),
        approval(2, Some("a"), Approved),
        approval(3, Some("a"), Pending),
        approval(4, None, Pending),
    ];
    let glance = Glance::of(&turns, &asked);
    let loose = AskId::from_bits(4).to_string();
    assert_eq!(ids(&glance), ["a", &loose]);
    let states = |at: usize| glance.entries[at].asks.iter().map(|it| it.state).collect::<Vec<_>>();
    assert_eq!((states(0), states(1)), (vec![Approved, Pending], vec![Pending]));
    assert_eq!(glance.waiting(), 2);
    assert_eq!(glance.entries[0].asks[0].about, About::Item);
    let decided = glance.entries[0].asks[0].decision.as_ref().unwrap();
    assert_eq!((decided.by.as_str(), decided.note.as_str()), ("session", "looks fine"));
    let (line, folder) = ("ls".to_owned(), Some("src".to_owned()));
    assert_eq!(glance.entries[1].asks[0].about, About::Command { line, folder });
    assert_eq!(glance.entries[1].asks[0].reason, "why");
}

#[test]
fn a_diffs_lines_are_told_apart_and_a_new_files_text_is_its_diff() {
    let file = |path: &str, kind: Value, diff: &str| {
        let item = json!({
            "id": "f", "type": "fileChange", "status": "completed",
            "changes": [{ "path": path, "kind": kind, "diff": diff }],
        });
        let glance = Glance::of(&[turn("T", "completed", &[item])], &[]);
        let Body::Files { changes, .. } = &glance.entries[0].body else { panic!("{glance:?}") };
        let change = &changes[0];
        let lines = change.lines.iter().map(|it| format!("{}:{}", it.kind, it.text));
        (change.path.clone(), change.kind, lines.collect::<Vec<_>>().join("|"))
    };
    let told = file("/w/projects/prj_01/a/b.txt", json!({ "type": "add" }), "one\n\ntwo\n");
    assert_eq!(told, ("a/b.txt".to_owned(), "new", "added:+one|:|added:+two|:".to_owned()));
    let told = file("b.txt", json!("update"), "@@ -1 +1 @@\n-a\n+b\n c");
    let lines = "place:@@ -1 +1 @@|removed:-a|added:+b|: c";
    assert_eq!(told, ("b.txt".to_owned(), "changed", lines.to_owned()));
}

#[test]
fn nothing_tells_where_a_projects_folder_lies() {
    let check = |path: &str, shown| assert_eq!(item::in_project(path), shown, "{path}");
    check("/w/projects/prj_01ab/x/y", "x/y");
    check("/w/projects/prj_01ab", "the project's folder");
    check("/w/projects/prj_01ab/", "the project's folder");
    check("/w/projects/prj_1/projects/prj_2/x", "x");
    check("/w/projects/prj_1/projects/prj_z/x", "projects/prj_z/x");
    check("src/x", "src/x");
    check("", "the project's folder");
}

#[test]
fn whatever_codex_may_tell_one_day_is_shown_as_it_came() {
    let odd = [
        json!({}),
        json!({ "type": 3, "id": [] }),
        json!({ "type": "agentMessage", "text": null }),
        json!({ "type": "commandExecution", "command": { "a": 1 }, "exitCode": "x" }),
        json!({ "type": "fileChange", "changes": [null, { "kind": 1, "diff": {} }] }),
        json!({ "type": "userMessage", "content": [7, { "text": 8 }] }),
        json!({ "type": "aNewOne", "id": "n", "what": "ever" }),
    ];
    let glance = Glance::of(&[turn("T", "odd", &odd), raw(&json!("no turn"))], &[]);
    assert_eq!(glance.entries.len(), odd.len());
    let Body::Other { title, text, .. } = &glance.entries[6].body else { panic!("{glance:?}") };
    assert!(title == "aNewOne" && text.contains("\"what\": \"ever\""), "{text}");
}
