//! Turns of true app-servers, with usage by chance: none costs more than it may, and the ledger
//! agrees with what is told of them.

use schema::MicroUsd;
use serde_json::json;
use tests::packages::Codex;
use tokio::time::{Instant, sleep};

use super::{PATIENCE, POLL};
use crate::app_server::seat::{Event, Seat, VERSIONS};
use crate::books;
use crate::dice::Dice;
use crate::projects::bench::Bench;

/// Of each version.
const TURNS: usize = 50;

/// What a turn plays: calls of a model, each with its usage.
fn script(dice: &mut Dice) -> String {
    let commands = "shell true; ".repeat(dice.below(3));
    let usage = match dice.below(12) {
        // Dollars; and below what has codex compact its thread, which it tries five times.
        0 => "input=9000 output=150000".to_owned(),
        1 => "missing".to_owned(),
        2 => "null".to_owned(),
        _ => format!("input={} output={}", dice.below(9_000), dice.below(3_000)),
    };
    format!("rehearse: {commands}text {}; usage {usage}", 1 + dice.below(30))
}

/// What the wallet has paid once nothing is held any more.
async fn spent(seat: &Seat) -> i64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let wallet = seat.account.me().await.wallet;
        if wallet.held_micro_usd == MicroUsd::ZERO {
            return 120_000_000 - wallet.balance_micro_usd.micros();
        }
        assert!(Instant::now() < deadline, "money stays on hold: {wallet:?}");
        sleep(POLL).await;
    }
}

/// How many of so many turns of a project were ended by their budget.
async fn run(version: Codex, mut dice: Dice) -> usize {
    let bench = Bench::with(version).await;
    let project = bench.create(json!({ "name": "Thrifty" })).await;
    bench.post(&project, "open", json!({ "approvalPolicy": "never" })).await;
    let mut events = bench.events(&project, "").await;
    let (mut before, mut ended) = (0, 0);
    for turn in 0..TURNS {
        let limit = 1_000 + dice.below(120_000) as i64;
        let prompt = script(&mut dice);
        let body = json!({ "prompt": prompt, "maxCostMicroUsd": limit, "whenBusy": "refuse" });
        bench.post(&project, "turns", body).await;
        let told = events.gather("turn/completed").await;
        let after = spent(&bench.seat).await;
        let cost = after - before;
        assert!(cost <= limit, "turn {turn} cost {cost} of {limit}: {told:#?}");
        ended += usize::from(has_ended_early(&told));
        before = after;
    }
    let books = books::closed(&bench.seat.world, &bench.seat.account).await;
    assert_eq!(books.spent(), before);
    ended
}

/// Whether the budget ended a turn: at once, by a refusal that says so or by an interrupt.
fn has_ended_early(events: &[Event]) -> bool {
    let last = &events.last().expect("an end").data["params"]["turn"];
    if last["status"] == "completed" {
        return false;
    }
    let why = last["error"]["message"].as_str().unwrap_or_default();
    assert!(last["status"] == "interrupted" || why.contains("budget"), "{last}");
    assert!(events.iter().any(|it| it.method() == "gantry/meter"), "no meter: {events:#?}");
    let again = events.iter().find(|event| event.data["params"]["willRetry"] == true);
    assert!(again.is_none(), "{again:?}");
    true
}

#[tokio::test]
async fn a_hundred_turns_with_usage_by_chance_never_pass_their_limits() {
    let mut dice = Dice::new();
    let [pinned, newest] = VERSIONS.map(|version| run(version, dice.split()));
    let (pinned, newest) = tokio::join!(pinned, newest);
    println!("{pinned} and {newest} of {TURNS} turns each were ended by their budget");
    assert!(pinned > 0 && newest > 0, "no budget was put to the proof");
}
