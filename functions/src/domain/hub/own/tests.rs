//! Turns of a codex that pays by itself, in any order of what may be heard of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use schema::{
    MicroUsd, RunnerId,
    tunnel::{self, FromRunner, Grade, Hello, Provider},
};
use serde_json::{Value, json};

use super::*;
use crate::domain::{
    hub::{
        Batch, Input, Kept, Output, Verdict,
        command::{Act, Labels, Profile},
    },
    price::{InputBilling, PerMillion, Price},
};

const ALICE: AccountId = AccountId::from_bits(0xa11ce);
const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A hub with a runner whose codex pays by itself, and its rows.
struct Stage {
    hub: Hub,
    kept: Kept,
    turns: BTreeMap<CallId, Turn>,
    threads: HashMap<ThreadKey, Counted>,
    seq: u64,
    ids: u128,
    /// What accounts were charged, by turn.
    charged: Vec<(String, u64)>,
    voided: Vec<CallId>,
    /// What turns may cost from now on.
    most: Option<MicroUsd>,
    /// Turns that the hub has had interrupted.
    interrupted: Vec<String>,
}

impl Stage {
    fn new() -> Self {
        let (hub, kept, turns, threads) = Default::default();
        let (charged, voided, most, interrupted) = Default::default();
        let (seq, ids) = (0, 0);
        let mut stage =
            Self { hub, kept, turns, threads, seq, ids, charged, voided, most, interrupted };
        let (id, labels) = (RunnerId::from_bits(1), Labels::new());
        let profile = Profile { id, name: "r".into(), labels, capacity: 1, ephemeral: false };
        let (_, outputs) = stage.hub.obey(Act::Enrol { profile }, b"", NOW);
        stage.store(outputs);
        let outputs = stage.hub.step(Input::Opened { generation: 1 }, NOW);
        stage.store(outputs);
        let hello = Hello {
            version: tunnel::VERSION,
            agent: String::new(),
            generation: 1,
            boot: String::new(),
            codex: String::new(),
            schema: String::new(),
            provider: Provider::Own,
            platform: String::new(),
            draining: false,
            processes: Vec::new(),
        };
        stage.hear(&FromRunner::Hello(hello), b"");
        stage
    }

    fn store(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::Send(bytes) = &output {
                self.see(bytes);
            }
            let Output::Store(batch) = output else { continue };
            let Batch { kept, turns, threads, .. } = *batch;
            self.kept = kept.unwrap_or(self.kept.clone());
            self.threads.extend(threads);
            for (call, turn) in turns {
                match turn {
                    Some(turn) => self.turns.insert(call, turn),
                    None => self.turns.remove(&call),
                };
            }
        }
        assert_eq!(self.turns, self.hub.own.turns, "rows and memory differ");
    }

    fn see(&mut self, mut bytes: &[u8]) {
        while let Ok(Some((ToRunner::Call { .. }, body, rest))) = tunnel::pop::<ToRunner>(bytes) {
            let call: Value = serde_json::from_slice(body).unwrap();
            if call["method"] == "turn/interrupt" {
                self.interrupted.push(call["params"]["turnId"].as_str().unwrap().to_owned());
            }
            bytes = rest;
        }
    }

    fn hear(&mut self, head: &FromRunner, body: &[u8]) {
        let mut bytes = Vec::new();
        tunnel::push(&mut bytes, head, body).unwrap();
        let outputs = self.hub.step(Input::Message { generation: 1, bytes: &bytes }, NOW);
        self.store(outputs);
    }

    fn event(&mut self, method: &str, params: Value) {
        self.seq += 1;
        let (process, seq, at, ask) = (ALICE, Seq(self.seq), NOW, None);
        let body = json!({ "method": method, "params": params }).to_string();
        self.hear(&FromRunner::Event { process, seq, at, ask }, body.as_bytes());
    }

    fn started(&mut self, turn: &str) {
        self.event("turn/started", json!({ "threadId": "T", "turn": { "id": turn } }));
    }

    fn completed(&mut self, turn: &str) {
        let turn = json!({ "id": turn, "status": "completed" });
        self.event("turn/completed", json!({ "threadId": "T", "turn": turn }));
    }

    /// The thread has used so many tokens, all of them output.
    fn used(&mut self, turn: &str, total: u64, last: u64) {
        let usage = json!({ "total": { "outputTokens": total }, "last": { "outputTokens": last } });
        let params = json!({ "threadId": "T", "turnId": turn, "tokenUsage": usage });
        self.event("thread/tokenUsage/updated", params);
    }

    fn call(&mut self, op: OpId, pays: Option<Pays>) -> Verdict {
        let body = json!({ "method": "turn/start", "params": { "threadId": "T" } }).to_string();
        let (account, grade, wait_ms) = (ALICE, Grade::Customer, 60_000);
        let act = Act::Call { op, account, grade, wait_ms, pays };
        let (verdict, outputs) = self.hub.obey(act, body.as_bytes(), NOW);
        self.store(outputs);
        verdict
    }

    /// A turn is asked for: with money, once the hub has said that it wants some.
    fn ask(&mut self) -> (OpId, CallId) {
        self.ids += 1;
        let (op, call) = (OpId::from_bits(self.ids), CallId::from_bits(self.ids));
        let told = self.call(op, None);
        assert!(matches!(told, Verdict::Now(Answer::NeedsHold { .. })), "{told:?}");
        assert!(matches!(
            self.call(op, Some(Pays { call, terms: terms(), most: self.most })),
            Verdict::Later(_)
        ));
        (op, call)
    }

    fn answer(&mut self, op: OpId, body: Value) {
        let body = body.to_string();
        let size = body.len() as u64;
        self.hear(&FromRunner::Answer { op, size, refused: None }, body.as_bytes());
    }

    fn answer_turn(&mut self, op: OpId, turn: &str) {
        self.answer(op, json!({ "result": { "turn": { "id": turn } } }));
    }

    /// Accounts settle what is due.
    fn settle(&mut self) {
        for Due { call, turn } in self.hub.due() {
            match turn.stage {
                super::Stage::Due { used, .. } => {
                    let id = turn.turn.unwrap();
                    assert!(self.charged.iter().all(|(it, _)| *it != id), "{id} is charged twice");
                    self.charged.push((id, used.tokens.output_tokens));
                }
                super::Stage::Void => self.voided.push(call),
                other => panic!("{other:?} is not due"),
            }
            let outputs = self.hub.step(Input::Settled { call }, NOW);
            self.store(outputs);
        }
    }

    /// The object's memory is lost.
    fn forget(&mut self) {
        let (places, asks) = (BTreeMap::new(), BTreeMap::new());
        let places = self.hub.places().map(|(it, place)| (it, place.clone())).chain(places);
        self.hub = Hub::restore(self.kept.clone(), places.collect(), asks, true, NOW);
        self.hub.restore_turns(self.turns.clone(), self.threads.clone());
    }

    #[track_caller]
    fn check(&mut self, charged: &[(&str, u64)], voided: &[CallId], open: usize) {
        self.settle();
        let told: Vec<_> = self.charged.iter().map(|(turn, used)| (turn.as_str(), *used)).collect();
        assert_eq!((&*told, &*self.voided, self.turns.len()), (charged, voided, open));
    }
}

fn terms() -> Terms {
    let price = Price {
        id: 1,
        input: PerMillion(5_000_000),
        cached_input: None,
        output: PerMillion(30_000_000),
        reasoning: None,
        per_call: MicroUsd::ZERO,
        input_billing: InputBilling::All,
    };
    Terms { model: "m".into(), price, holder: "username".into() }
}

#[test]
fn a_turn_that_has_cost_what_its_project_may_spend_is_interrupted_once() {
    let mut stage = Stage::new();
    // Thirty micro-dollars a token.
    stage.most = Some(MicroUsd::new(300));
    let (op, _) = stage.ask();
    stage.answer_turn(op, "U");
    stage.started("U");
    stage.used("U", 9, 9);
    assert!(stage.interrupted.is_empty());
    stage.used("U", 11, 2);
    stage.used("U", 12, 1);
    assert_eq!(stage.interrupted, ["U"]);
    stage.forget();
    stage.completed("U");
    stage.check(&[("U", 12)], &[], 0);
    // Of what the turn before had cost, nothing counts to the next.
    let (op, _) = stage.ask();
    stage.answer_turn(op, "V");
    stage.started("V");
    stage.used("V", 20, 8);
    assert_eq!(stage.interrupted, ["U"]);
}

#[test]
fn a_turn_is_charged_once_whether_its_answer_or_its_events_come_first() {
    for answer_after in 0..4 {
        let mut stage = Stage::new();
        let (op, _) = stage.ask();
        let steps: [fn(&mut Stage); 3] =
            [|it| it.started("U"), |it| it.used("U", 7, 7), |it| it.completed("U")];
        for (at, step) in steps.iter().enumerate() {
            if at == answer_after {
                stage.answer_turn(op, "U");
            }
            step(&mut stage);
            stage.forget();
        }
        if answer_after == 3 {
            stage.answer_turn(op, "U");
        }
        stage.check(&[("U", 7)], &[], 0);
    }
}

#[test]
fn a_call_that_codex_or_the_runner_refuses_gives_its_money_back() {
    let mut stage = Stage::new();
    let (op, call) = stage.ask();
    stage.answer(op, json!({ "error": { "code": -32600, "message": "thread not found" } }));
    stage.check(&[], &[call], 0);
}

#[test]
fn a_call_that_cannot_be_sent_gives_its_money_back() {
    let mut stage = Stage::new();
    let op = OpId::from_bits(1);
    let late = NOW.plus_millis(60_000);
    let body = json!({ "method": "turn/start", "params": { "threadId": "T" } }).to_string();
    let (account, grade, wait_ms, call) = (ALICE, Grade::Customer, 1, CallId::from_bits(9));
    let pays = Some(Pays { call, terms: terms(), most: None });
    let act = Act::Call { op, account, grade, wait_ms, pays };
    let (verdict, outputs) = stage.hub.obey(act, body.as_bytes(), late);
    stage.store(outputs);
    assert!(matches!(verdict, Verdict::Now(Answer::Refused(_))), "{verdict:?}");
    stage.check(&[], &[call], 0);
}

#[test]
fn what_goes_to_a_turn_that_runs_or_is_over_is_no_other_turn() {
    let mut stage = Stage::new();
    let (first, _) = stage.ask();
    stage.answer_turn(first, "U");
    stage.started("U");
    let (steered, call) = stage.ask();
    stage.answer_turn(steered, "U");
    stage.check(&[], &[call], 1);
    stage.used("U", 7, 7);
    stage.completed("U");
    let (again, other) = stage.ask();
    stage.answer_turn(again, "U");
    stage.check(&[("U", 7)], &[call, other], 0);
}

#[test]
fn a_turn_that_nobody_asked_for_is_charged_by_the_terms_of_its_account() {
    let mut stage = Stage::new();
    let (op, _) = stage.ask();
    stage.answer_turn(op, "U");
    stage.started("U");
    let turn = json!({ "id": "helper", "status": "completed" });
    let usage = json!({ "total": { "outputTokens": 3 }, "last": { "outputTokens": 3 } });
    stage.event("turn/started", json!({ "threadId": "H", "turn": turn }));
    let params = json!({ "threadId": "H", "turnId": "helper", "tokenUsage": usage });
    stage.event("thread/tokenUsage/updated", params);
    stage.event("turn/completed", json!({ "threadId": "H", "turn": turn }));
    assert_eq!(stage.hub.due()[0].turn.terms, Some(terms()));
    stage.check(&[("helper", 3)], &[], 1);
}

#[test]
fn a_call_after_which_no_turn_begins_gives_its_money_back_in_the_end() {
    let mut stage = Stage::new();
    let (_, call) = stage.ask();
    let later = NOW.plus_millis(HOLD_LIFETIME_MS);
    let outputs = stage.hub.step(Input::Tick { alive_at: Some(later) }, later);
    stage.store(outputs);
    stage.check(&[], &[call], 0);
    // Its turn begins all the same.
    stage.started("U");
    stage.used("U", 7, 7);
    stage.completed("U");
    stage.check(&[("U", 7)], &[call], 0);
}

#[test]
fn a_runner_that_is_revoked_leaves_no_turn_unpaid() {
    let mut stage = Stage::new();
    let (op, _) = stage.ask();
    stage.answer_turn(op, "U");
    stage.started("U");
    stage.used("U", 7, 7);
    let (_, waiting) = stage.ask();
    let (_, outputs) = stage.hub.obey(Act::Revoke, b"", NOW);
    stage.store(outputs);
    stage.check(&[("U", 7)], &[waiting], 0);
}

#[test]
fn the_model_of_a_thread_is_what_it_was_made_with_until_a_call_names_another() {
    let mut stage = Stage::new();
    let (account, grade, wait_ms, pays) = (ALICE, Grade::Customer, 60_000, None);
    let op = OpId::from_bits(77);
    let act = Act::Call { op, account, grade, wait_ms, pays };
    let (_, outputs) = stage.hub.obey(act, br#"{"method":"thread/start","params":{}}"#, NOW);
    stage.store(outputs);
    stage.answer(op, json!({ "result": { "thread": { "id": "T" }, "model": "dear" } }));
    stage.forget();
    let told = stage.call(OpId::from_bits(78), None);
    let Verdict::Now(Answer::NeedsHold { model, .. }) = told else { panic!("{told:?}") };
    assert_eq!(model.as_deref(), Some("dear"));
}

#[derive(Debug, Clone, Copy)]
enum Weather {
    Ask,
    Answer,
    Start,
    Use(u64),
    Again,
    Complete,
    Forget,
    Settle,
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        Just(Weather::Ask),
        Just(Weather::Answer),
        Just(Weather::Start),
        (1..900u64).prop_map(Weather::Use),
        Just(Weather::Again),
        Just(Weather::Complete),
        Just(Weather::Forget),
        Just(Weather::Settle),
    ]
}

proptest! {
    /// One thread, turn after turn, with answers early or late and memory lost at any moment: every
    /// token is charged once, and every hold is settled.
    #[test]
    fn every_token_is_charged_once(weather in prop::collection::vec(weather(), 1..120)) {
        let mut stage = Stage::new();
        let (mut asked, mut turn, mut number) = (Vec::new(), None::<String>, 0);
        let mut total = 0;
        let mut last = 0;
        for it in weather {
            match it {
                // One at a time, so that it is clear to us which turn is whose.
                Weather::Ask if asked.is_empty() => asked.push((stage.ask().0, None::<String>)),
                Weather::Answer => {
                    if let Some((op, Some(named))) = asked.first().cloned() {
                        stage.answer_turn(op, &named);
                        asked.clear();
                    }
                }
                Weather::Start if turn.is_none() => {
                    if let Some((_, named @ None)) = asked.first_mut() {
                        number += 1;
                        let id = format!("turn {number}");
                        stage.started(&id);
                        (*named, turn) = (Some(id.clone()), Some(id));
                    }
                }
                Weather::Use(tokens) => {
                    if let Some(turn) = &turn {
                        (total, last) = (total + tokens, tokens);
                        stage.used(turn, total, last);
                    }
                }
                Weather::Again => stage.used(turn.as_deref().unwrap_or("x"), total, last),
                Weather::Complete => {
                    if let Some(turn) = turn.take() {
                        stage.completed(&turn);
                    }
                }
                Weather::Forget => stage.forget(),
                Weather::Settle => stage.settle(),
                Weather::Ask | Weather::Start => {}
            }
        }
        if let Some(turn) = turn.take() {
            stage.completed(&turn);
        }
        let (_, outputs) = stage.hub.obey(Act::Revoke, b"", NOW);
        stage.store(outputs);
        stage.settle();
        prop_assert_eq!(stage.charged.iter().map(|(_, used)| *used).sum::<u64>(), total);
        prop_assert!(stage.turns.is_empty(), "{:?}", stage.turns);
    }
}
