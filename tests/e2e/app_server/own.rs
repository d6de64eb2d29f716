//! Codex that pays for its models by itself: its model provider is the scripted model, straight,
//! and the wallet is charged at the end of each turn by what codex said that it used.

use std::fs;
use std::process::Command;

use schema::MicroUsd;
use schema::agent::UsageTransaction;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::packages::Codex;
use tests::rehearsal::Record;
use tests::runner::Plan;
use tests::world::World;
use tests::{paths, rehearsal::Usage};

use super::seat::{Seat, VERSIONS};

/// Micro-dollars for a token: $5 and $30 for a million.
const INPUT_MICROS: u64 = 5;
const OUTPUT_MICROS: u64 = 30;

/// How codex is set up that needs nobody's key.
const SETTINGS: &str = r#"
model = "gpt-5.5"
model_provider = "straight"
approval_policy = "never"
notice.model_migrations = { "gpt-5.5" = "gpt-6-sol" }

[model_providers.straight]
name = "Straight"
base_url = "{URL}/v1"
wire_api = "responses"
experimental_bearer_token = "its own"
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
"#;

/// What a turn of two calls plays, with a door before the end of the second.
const TWO_CALLS: &str = "rehearse: shell echo hello; text 40; wait door 20";

/// A seat at a machine whose codex is its own customer.
struct Own {
    seat: Seat,
    /// What the turns that have ended came to, as the scripted model knows it.
    expected: Vec<Line>,
    /// The most input of a call, and the calls that are in a turn already.
    water: u64,
    seen: usize,
    credit: MicroUsd,
    _template: TempDir,
}

/// A charge as it has to be.
#[derive(Debug, PartialEq)]
struct Line {
    conversation: Option<String>,
    input: u64,
    billed_input: u64,
    output: u64,
    reasoning: u64,
    charged: MicroUsd,
    basis: String,
}

impl Own {
    async fn with(version: Codex) -> Self {
        Self::of(version, "120.00").await
    }

    async fn of(version: Codex, credit_usd: &str) -> Self {
        let world = World::plan().var("OUTBOX_MS", "1").start().await;
        fs::create_dir_all(paths::at("target/worlds")).expect("a folder");
        let template = TempDir::new_in(paths::at("target/worlds")).expect("a folder");
        let settings = SETTINGS.replace("{URL}", &world.upstream().url);
        fs::write(template.path().join("config.toml"), settings).expect("a file");
        let lines = format!("provider = \"own\"\ntemplate = {:?}\n", template.path());
        let machine = world.machine_of(Plan::with(version).configured(&lines)).await;
        let account = world.account(credit_usd).await;
        let credit = account.me().await.wallet.balance_micro_usd;
        let seat = Seat::at(world, machine, account);
        Self { seat, expected: Vec::new(), water: 0, seen: 0, credit, _template: template }
    }

    /// A turn to its end; its thread.
    async fn turn(&mut self, thread: Option<&str>, prompt: &str) -> String {
        let mut body = json!({ "prompt": prompt, "approvalPolicy": "never" });
        if let Some(thread) = thread {
            body["threadId"] = json!(thread);
        }
        let mut events = self.seat.turn(body).await;
        let begun = events.next().await.expect("what has begun").data;
        let last = events.rest().await.pop().expect("an end");
        assert_eq!(last.data["params"]["turn"]["status"], "completed", "{last:?}");
        let thread = begun["threadId"].as_str().expect("an id").to_owned();
        self.ended(&thread).await;
        thread
    }

    /// A turn that has begun and not ended: its thread, and itself.
    async fn begin(&mut self, prompt: &str) -> (String, String) {
        let body = json!({ "prompt": prompt, "approvalPolicy": "never" });
        let begun = self.seat.post("/api/turns", body).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        let id = |name: &str| begun.json()[name].as_str().expect("an id").to_owned();
        (id("threadId"), id("turnId"))
    }

    /// A turn of this thread has ended: all calls since the last are its.
    async fn ended(&mut self, thread: &str) {
        let records = self.seat.world.upstream().wait_until_idle().await;
        let calls: Vec<Usage> = records[self.seen..].iter().filter_map(Record::usage).collect();
        self.seen = records.len();
        let sum = |of: fn(&Usage) -> u64| calls.iter().map(of).sum::<u64>();
        let mut billed_input = 0;
        for call in &calls {
            billed_input += call.input.saturating_sub(self.water);
            self.water = self.water.max(call.input);
        }
        let output = sum(|call| call.output);
        let micros = billed_input * INPUT_MICROS + output * OUTPUT_MICROS;
        self.expected.push(Line {
            conversation: Some(thread.to_owned()),
            input: sum(|call| call.input),
            billed_input,
            output,
            reasoning: sum(|call| call.reasoning),
            charged: MicroUsd::new(i64::try_from(micros).expect("a small sum")),
            basis: "reported".to_owned(),
        });
    }

    /// Compares the ledger with what the scripted model sent.
    async fn check(&self) {
        let charges = self.seat.account.charges(self.expected.len()).await;
        let charged: Vec<Line> = charges.iter().map(line).collect();
        assert_eq!(charged, self.expected);
        let all = self.expected.iter().map(|line| line.charged).sum::<MicroUsd>();
        let wallet = self.seat.account.me().await.wallet;
        assert_eq!(wallet.balance_micro_usd, self.credit.minus(all));
        assert_eq!(wallet.held_micro_usd, MicroUsd::ZERO);
    }

    /// Waits until the log has so many events of that method; the last of them.
    async fn said(&self, method: &str, many: usize) -> Value {
        let mut events = self.seat.log(0).await;
        let mut last = Value::Null;
        for _ in 0..many {
            last = events.until(method).await.data;
        }
        last
    }
}

fn line(charge: &UsageTransaction) -> Line {
    Line {
        conversation: charge.conversation.clone(),
        input: charge.input_tokens,
        billed_input: charge.billed_input_tokens,
        output: charge.output_tokens,
        reasoning: charge.reasoning_tokens,
        charged: charge.charged_micro_usd,
        basis: charge.basis.clone(),
    }
}

#[tokio::test]
async fn each_turn_is_charged_once_by_what_codex_said_that_it_used() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let thread = own.turn(None, "rehearse: reasoning 9; say hello").await;
        own.turn(Some(&thread), "rehearse: shell echo hello; shell echo again; text 30").await;
        own.check().await;
        // The operator sees it beside what went by routes.
        let usage = own.seat.operate("GET", "/admin/api/model-usage", None).await;
        assert!(usage.text().contains("\"own\""), "{}", usage.text());
        // Only what the account may hold money for was asked of a model.
        let keys = own.seat.operate("GET", "/admin/api/api-keys", None).await;
        assert!(!keys.text().contains("\"runner\""), "{}", keys.text());
    }
}

#[tokio::test]
async fn money_is_on_hold_while_a_turn_runs_and_an_empty_wallet_begins_none() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let (thread, _) = own.begin("rehearse: text 30; wait door 20").await;
        let held = own.seat.account.me().await.wallet.held_micro_usd;
        assert!(held > MicroUsd::ZERO, "{held:?}");
        own.seat.world.upstream().release("door");
        own.said("turn/completed", 1).await;
        own.ended(&thread).await;
        own.check().await;
        let poor = Own::of(version, "0.00").await;
        let refused = poor.seat.post("/api/turns", json!({ "prompt": "hello" })).await;
        refused.refuses(402, "insufficient_credit", "empty");
        assert!(poor.seat.world.upstream().responses().is_empty());
        poor.check().await;
    }
}

#[tokio::test]
async fn a_restart_of_everything_in_the_middle_of_a_turn_charges_it_once() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let (thread, _) = own.begin(TWO_CALLS).await;
        own.seat.world.upstream().wait_for(2).await;
        own.seat.world.restart().await;
        own.seat.machine.online().await;
        assert!(own.seat.account.me().await.wallet.held_micro_usd > MicroUsd::ZERO);
        own.seat.machine.kill();
        own.seat.world.upstream().release("door");
        own.seat.world.upstream().wait_until_idle().await;
        own.seat.world.kill9();
        own.seat.world.restart().await;
        own.seat.machine.start().expect("the agent starts");
        own.seat.machine.online().await;
        own.said("turn/completed", 1).await;
        own.ended(&thread).await;
        own.check().await;
        own.turn(Some(&thread), "rehearse: say again").await;
        own.check().await;
    }
}

#[tokio::test]
async fn a_turn_whose_process_is_killed_is_charged_for_what_it_had_told() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let (thread, _) = own.begin(TWO_CALLS).await;
        own.seat.world.upstream().wait_for(2).await;
        own.said("thread/tokenUsage/updated", 1).await;
        let pid = own.said("gantry/process/started", 1).await["params"]["pid"].to_string();
        let killed = Command::new("kill").args(["-9", &pid]).status().expect("kill");
        assert!(killed.success());
        let end = own.said("turn/completed", 1).await;
        assert_eq!(end["params"]["turn"]["status"], "failed", "{end}");
        own.seat.world.upstream().release("door");
        own.ended(&thread).await;
        own.check().await;
        own.turn(Some(&thread), "rehearse: say again").await;
        own.check().await;
    }
}

#[tokio::test]
async fn a_turn_that_used_nothing_costs_nothing() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let (thread, turn) = own.begin("rehearse: text 30; wait door 20").await;
        own.seat.world.upstream().wait_for(1).await;
        let body = json!({ "threadId": thread });
        let path = format!("/api/turns/{turn}/interrupt");
        assert_eq!(own.seat.post(&path, body).await.status, 200);
        own.said("turn/completed", 1).await;
        own.seat.world.upstream().release("door");
        own.seen = own.seat.world.upstream().wait_until_idle().await.len();
        own.check().await;
        // A call that codex refuses begins no turn.
        let body = json!({ "threadId": "01a1f6b5-0000-7000-8000-000000000000", "prompt": "hi" });
        own.seat.post("/api/turns", body).await.refuses(404, "resource_not_found", "");
        own.check().await;
    }
}

#[tokio::test]
async fn what_is_said_to_a_turn_that_runs_is_part_of_it() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let (thread, turn) = own.begin("rehearse: text 30; wait door 20").await;
        own.seat.world.upstream().wait_for(1).await;
        let body = json!({ "threadId": thread, "prompt": "rehearse: say more" });
        let steered = own.seat.post("/api/turns", body).await;
        assert_eq!(steered.json()["turnId"], turn.as_str(), "{}", steered.text());
        own.seat.world.upstream().release("door");
        own.said("turn/completed", 1).await;
        own.ended(&thread).await;
        own.check().await;
    }
}

#[tokio::test]
async fn while_nothing_can_be_written_no_turn_begins_and_the_one_that_ran_is_charged_later() {
    let mut own = Own::with(Codex::Newest).await;
    let (thread, _) = own.begin("rehearse: text 30; wait door 20").await;
    own.seat.world.upstream().wait_for(1).await;
    own.seat.world.fill_disk(0);
    let refused = own.seat.post("/api/turns", json!({ "prompt": "hello" })).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    own.seat.world.upstream().release("door");
    assert_eq!(own.seat.world.upstream().wait_until_idle().await.len(), 1);
    own.seat.world.free_disk();
    own.seat.machine.online().await;
    own.said("turn/completed", 1).await;
    own.ended(&thread).await;
    own.check().await;
}

#[tokio::test]
async fn the_same_request_again_is_the_same_turn_and_charged_once() {
    let mut own = Own::with(Codex::Newest).await;
    let thread = own.seat.post("/api/threads", json!({})).await.json()["threadId"].clone();
    let thread = thread.as_str().expect("an id").to_owned();
    let body = json!({ "threadId": thread, "prompt": "rehearse: say hello" });
    let mut turns = Vec::new();
    for _ in 0..2 {
        let request = own.seat.operators("POST", "/api/turns").header("idempotency-key", "once");
        let reply = request.json(&body).send().await.expect("an answer");
        let told: Value = reply.json().await.expect("JSON");
        turns.push(told["turnId"].as_str().expect("an id").to_owned());
        own.said("turn/completed", 1).await;
    }
    assert_eq!(turns[0], turns[1]);
    own.ended(&thread).await;
    own.check().await;
}

#[tokio::test]
async fn no_model_is_asked_that_has_no_price_or_outside_of_turns() {
    let own = Own::with(Codex::Newest).await;
    let body = json!({ "prompt": "hi", "model": "a-model-without-a-price" });
    own.seat.post("/api/turns", body).await.refuses(400, "model_not_priced", "price");
    let made = own.seat.post("/api/threads", json!({ "model": "another-without" })).await;
    let body = json!({ "prompt": "hi", "threadId": made.json()["threadId"] });
    own.seat.post("/api/turns", body).await.refuses(400, "model_not_priced", "another-without");
    for method in ["thread/queue/add", "thread/sample", "turn/settings/update"] {
        own.seat.rpc(method, json!({})).await.refuses(403, "permission_denied", "pays by itself");
    }
    assert!(own.seat.world.upstream().responses().is_empty());
    own.check().await;
}

#[tokio::test]
async fn a_compaction_is_a_turn_too_and_paid_as_one() {
    for version in VERSIONS {
        let mut own = Own::with(version).await;
        let thread = own.turn(None, "rehearse: text 30").await;
        let compacted = own.seat.rpc("thread/compact/start", json!({ "threadId": thread })).await;
        assert!(compacted.json()["error"].is_null(), "{}", compacted.text());
        own.said("turn/completed", 2).await;
        own.ended(&thread).await;
        own.check().await;
    }
}
