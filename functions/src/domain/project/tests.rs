//! The machine's rules, one by one.

use schema::{
    AccountId, OpId, ProjectId, PromptId,
    agent::{ApprovalKind, WhenBusy},
};
use serde_json::{json, value::to_raw_value};

use super::{
    approval::Verdict,
    command::Asked,
    feed::{Append, Event},
    turn::Leave,
    *,
};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const RUNNER: RunnerId = RunnerId::from_bits(7);
const ACCOUNT: AccountId = AccountId::from_bits(3);
const ASK: AskId = AskId::from_bits(9);

fn project() -> Project {
    let mut project = Project::default();
    let profile = Profile {
        id: ProjectId::from_bits(1),
        account: ACCOUNT,
        owner: String::new(),
        name: "p".to_owned(),
        template: json!("empty"),
        created_at: NOW,
    };
    project.create(profile).unwrap();
    let opened = Opened { thread: "T".to_owned(), runner: RUNNER, said: Map::new() };
    project.opened(opened, NOW);
    project
}

fn event(seq: u64, method: &str, params: &Value) -> Event {
    Event {
        seq: Seq(seq),
        at: NOW,
        method: method.to_owned(),
        turn: Some("U".to_owned()),
        thread: Some("T".to_owned()),
        ask: None,
        request: None,
        params: to_raw_value(params).unwrap(),
        resolves: None,
        answer: None,
    }
}

fn asked(seq: u64) -> Event {
    let params = json!({ "itemId": "i", "threadId": "T", "turnId": "U" });
    let event = event(seq, "item/fileChange/requestApproval", &params);
    Event { ask: Some(ASK), request: Some("0".to_owned()), ..event }
}

fn append(after: u64, events: Vec<Event>) -> Append {
    let through = events.last().map_or(Seq(after), |event| event.seq);
    let (standing, lost) = (None, false);
    let after = Seq(after);
    Append { account: ACCOUNT, runner: RUNNER, after, through, events, standing, lost }
}

fn nothing(_: &str) -> Option<Box<RawValue>> {
    None
}

/// The lines that a step wrote.
fn lines(outputs: &[Output]) -> Vec<(u64, String)> {
    let mut lines = Vec::new();
    for output in outputs {
        if let Output::Store(batch) = output {
            lines.extend(batch.entries.iter().map(|it| (it.seq, it.method.clone())));
        }
    }
    lines
}

#[test]
fn what_comes_twice_or_out_of_turn_is_stored_once() {
    let mut project = project();
    let one = || append(0, vec![event(5, "item/started", &json!({ "item": { "id": "a" } }))]);
    let (told, outputs) = project.append(one(), &nothing, NOW);
    assert_eq!((told.through, lines(&outputs).len()), (Seq(5), 1));
    let (told, outputs) = project.append(one(), &nothing, NOW);
    assert_eq!((told.through, lines(&outputs).len()), (Seq(5), 0));
    let ahead = append(9, vec![event(10, "item/started", &json!({}))]);
    let (told, outputs) = project.append(ahead, &nothing, NOW);
    assert_eq!((told.through, lines(&outputs).len()), (Seq(5), 0));
    let foreign = Append { account: AccountId::from_bits(4), ..append(5, vec![asked(6)]) };
    let (_, outputs) = project.append(foreign, &nothing, NOW);
    assert!(outputs.is_empty() && project.open(ASK).is_none());
}

#[test]
fn a_file_change_is_shown_with_its_diff_wherever_it_was_told() {
    let started = json!({ "item": { "id": "i", "changes": [{ "path": "/a", "diff": "d" }] } });
    let mut here = project();
    here.append(append(0, vec![event(1, "item/started", &started), asked(2)]), &nothing, NOW);
    let mut before = project();
    let rows = |_: &str| to_raw_value(&started).ok();
    before.append(append(0, vec![asked(2)]), &rows, NOW);
    for project in [here, before] {
        let approval = project.open(ASK).unwrap();
        assert_eq!(approval.kind, ApprovalKind::FileChange);
        assert!(approval.changes.as_ref().unwrap().get().contains("\"diff\":\"d\""));
    }
}

#[test]
fn a_question_that_nobody_answers_is_refused_at_its_deadline_and_told_until_it_is_heard() {
    let mut project = project();
    project.append(append(0, vec![asked(1)]), &nothing, NOW);
    let deadline = project.due(NOW).unwrap();
    assert!(project.tick(NOW).is_empty());
    let outputs = project.tick(deadline);
    assert!(
        outputs.iter().any(|it| matches!(it, Output::Deliver(its) if *its == ASK)),
        "{outputs:?}"
    );
    assert!(lines(&outputs).iter().any(|(_, method)| method == "gantry/approval"));
    // Not heard: told again, and decided no second time.
    let outputs = project.tick(deadline);
    assert!(
        outputs.iter().any(|it| matches!(it, Output::Deliver(its) if *its == ASK)),
        "{outputs:?}"
    );
    assert!(lines(&outputs).is_empty());
    project.delivered(ASK);
    assert!(project.tick(deadline).is_empty());
}

#[test]
fn a_decision_stands_though_the_object_forgets_and_the_end_of_a_turn_begins_the_next() {
    let mut project = project();
    project.append(append(0, vec![asked(1)]), &nothing, NOW);
    let reply = to_raw_value(&json!({ "result": { "decision": "accept" } })).ok();
    let (by, channel, note) = ("key_1".to_owned(), "api".to_owned(), String::new());
    let decision = Decision { at: NOW, by, channel, note, reply };
    let verdict = || Verdict { ask: ASK, decision: decision.clone() };
    assert!(!project.decide(verdict(), NOW).unwrap().is_empty());
    assert!(project.decide(verdict(), NOW).is_err());
    let open = vec![project.open(ASK).unwrap().clone()];
    let kept = project.kept().clone();
    let mut again = Project::restore(kept, BTreeMap::new(), project.last(), open, Vec::new());
    assert!(again.decide(verdict(), NOW).is_err());
    assert!(again.tick(NOW).iter().any(|it| matches!(it, Output::Deliver(its) if *its == ASK)));
}

#[test]
fn the_end_of_a_turn_begins_the_prompt_that_waits() {
    let mut project = project();
    let asked = |n: u128| Asked {
        id: PromptId::from_bits(n),
        thread: "T".to_owned(),
        params: Map::new(),
        most: None,
    };
    let op = OpId::from_bits;
    assert_eq!(project.ask(asked(1), op(1), WhenBusy::Queue, NOW).unwrap().0, Leave::Go);
    project.began("T", op(1), "U", NOW);
    let (leave, _) = project.ask(asked(2), op(2), WhenBusy::Queue, NOW).unwrap();
    assert_eq!(leave, Leave::Queued { ahead: 0 });
    let ended = event(3, "turn/completed", &json!({ "threadId": "T", "turn": { "id": "U" } }));
    let (_, outputs) = project.append(append(0, vec![ended]), &nothing, NOW);
    let starts = |it: &Output| matches!(it, Output::Start(it) if it.id == PromptId::from_bits(2));
    assert!(outputs.iter().any(starts), "{outputs:?}");
    // It could not: it waits on, and is tried again.
    let outputs = project.blocked(PromptId::from_bits(2), "no machine", NOW);
    assert!(!outputs.is_empty());
    assert!(project.tick(NOW).iter().any(starts));
    project.began("T", op(2), "V", NOW);
    assert_eq!(project.kept().turns.running("T"), Some("V"));
    assert!(project.kept().turns.queue.is_empty());
}

fn meter(op: OpId, spent: i64) -> Meter {
    Meter {
        thread: "T".to_owned(),
        turn: Some(op.to_string()),
        spent_turn: MicroUsd::new(spent),
        spent_project: MicroUsd::new(spent),
        turn_limit: Some(MicroUsd::new(100)),
        project_limit: None,
        held: MicroUsd::ZERO,
        running: MicroUsd::ZERO,
        exhausted: false,
        at: NOW,
    }
}

/// What is done about turns, and which are said to be over.
fn about_budgets(outputs: &[Output]) -> Vec<String> {
    let about = |output: &Output| match output {
        Output::Nudge { turn, nudge, .. } => Some(match nudge {
            meter::Nudge::Steer(_) => format!("steer {turn}"),
            meter::Nudge::Interrupt => format!("interrupt {turn}"),
        }),
        Output::Over { op, .. } => Some(format!("over {op}")),
        Output::Store(_) | Output::Deliver(_) | Output::Start(_) => None,
    };
    outputs.iter().filter_map(about).collect()
}

#[test]
fn a_turn_hears_of_its_budget_once_and_its_account_hears_of_its_end_once() {
    let mut project = project();
    let op = OpId::from_bits(1);
    let asked = Asked {
        id: PromptId::from_bits(1),
        thread: "T".to_owned(),
        params: Map::new(),
        most: Some(MicroUsd::new(100)),
    };
    project.ask(asked, op, WhenBusy::Refuse, NOW).unwrap();
    // It is not known yet what codex calls the turn: the log has it, and nobody is told.
    let outputs = project.meter(&meter(op, 85), NOW);
    assert_eq!(lines(&outputs).len(), 1);
    assert_eq!(about_budgets(&outputs), [""; 0]);
    project.began("T", op, "U", NOW);
    let told = |project: &mut Project, spent| {
        about_budgets(&project.meter(&meter(op, spent), NOW)).join(", ")
    };
    assert_eq!(told(&mut project, 85), "steer U");
    assert_eq!(told(&mut project, 90), "");
    // What is said of another turn is no news of this one.
    let other = meter(OpId::from_bits(2), 100);
    assert_eq!(about_budgets(&project.meter(&other, NOW)), [""; 0]);
    assert_eq!(told(&mut project, 100), "interrupt U");
    let end = json!({ "turn": { "id": "U", "status": "interrupted" } });
    let ended = append(0, vec![event(1, "turn/completed", &end)]);
    let (_, outputs) = project.append(ended, &nothing, NOW);
    assert_eq!(about_budgets(&outputs), [format!("over {op}")]);
    assert_eq!(about_budgets(&project.tick(NOW)), [""; 0]);
    assert_eq!(told(&mut project, 100), "");
}
