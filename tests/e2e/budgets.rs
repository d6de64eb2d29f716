//! What a project may spend: of each turn and in all, whatever its calls come to.

mod projects;
mod turns;

use std::time::Duration;

use serde_json::{Value, json};
use tests::account::Account;
use tests::client::{Ask, Caller, Reply};
use tests::rehearsal::End;
use tests::world::World;

use crate::books;

const PROJECT: &str = "prj_00000000000000000000000000000001";
/// How long something may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
const THREAD: &str = "01a1f6b8-a77d-7093-a1a9-fc8cbfb64d9a";

/// A world, an account with ten dollars, and its caller.
async fn desk() -> (World, Account, Caller) {
    let world = World::start().await;
    let account = world.account("10.00").await;
    let caller = world.caller(&account.key);
    (world, account, caller)
}

/// Tells the account's object something of a project's cap; the meter that it answers with.
async fn tell(world: &World, account: &Account, command: Value) -> Value {
    let object = world.object("ACCOUNT", &account.id);
    let mut told = object.command(&json!({ "cap": command })).await.expect("an answer");
    assert!(told["meter"].is_object(), "{told}");
    told["meter"].take()
}

async fn set(world: &World, account: &Account, turn: &str, limit: i64) -> Value {
    let turn = json!({ "id": turn, "limit": limit });
    let cap = json!({ "thread": THREAD, "turn": turn, "limit": null });
    tell(world, account, json!({ "set": { "project": PROJECT, "cap": cap } })).await
}

async fn look(world: &World, account: &Account) -> Value {
    tell(world, account, json!({ "look": { "project": PROJECT } })).await
}

fn ask(directives: &str) -> Ask {
    Ask::stream(&format!("rehearse: {directives}")).in_thread(THREAD)
}

async fn stream(caller: &Caller, directives: &str) -> Reply {
    caller.ask(&ask(directives)).await.expect("an answer")
}

#[tokio::test]
async fn a_turn_costs_no_more_than_it_may_and_its_project_knows_what_it_cost() {
    let (world, account, caller) = desk().await;
    set(&world, &account, "first", 50_000).await;
    assert!(stream(&caller, "text 40; usage input=100 output=40").await.is_whole());
    let books = books::paid(&world, &account, 1).await;
    assert_eq!(books.spent(), 100 * 5 + 40 * 30);
    let meter = look(&world, &account).await;
    assert_eq!(
        (&meter["spent_turn"], &meter["spent_project"], &meter["held"]),
        (&json!(1_700), &json!(1_700), &json!(0))
    );
    // Far more than the limit: what is beyond it is ours, and said.
    assert!(stream(&caller, "text 3; usage huge").await.is_whole());
    let books = books::paid(&world, &account, 2).await;
    assert_eq!(books.spent(), 50_000);
    let note = &books.rows.last().expect("a row").note;
    assert!(note.contains("beyond the budget"), "{note}");
    // Nothing is left for another call, whatever the wallet holds.
    let reply = stream(&caller, "text 3").await;
    assert_eq!((reply.status, reply.failure().0.as_str()), (402, "budget_exceeded"), "{reply:?}");
    assert_eq!(look(&world, &account).await["exhausted"], true);
    // Codex is told in plain words, once, whoever leads it.
    let heads = [("originator", "codex_exec"), ("x-codex-window-id", "T:0")];
    for (name, value) in heads {
        let told = caller.ask(&ask("text 3").header(name, value)).await.expect("an answer");
        assert_eq!(told.status, 400, "{name}");
        assert!(told.body.starts_with("The budget of this turn is used up: $0.05"), "{told:?}");
    }
    // Other threads of the account go on, and so does the next turn.
    assert!(caller.ask(&Ask::stream("Say hi")).await.expect("an answer").is_whole());
    set(&world, &account, "second", 50_000).await;
    assert!(stream(&caller, "text 3").await.is_whole());
    assert_eq!(look(&world, &account).await["turn"], "second");
}

#[tokio::test]
async fn a_stream_that_the_budget_cannot_pay_is_stopped_with_the_reason() {
    let (world, account, caller) = desk().await;
    set(&world, &account, "turn", 100_000).await;
    // 3,333 words cost ten cents; the rest would come later.
    let reply = stream(&caller, "burst; text 9000; wait shut 5000").await;
    let (code, message) = reply.failure();
    assert_eq!(code, "invalid_prompt", "{reply:?}");
    assert!(message.starts_with("The budget of this project's turn"), "{message}");
    assert_eq!(world.upstream().wait_until_idle().await[0].end, End::HungUp);
    let books = books::paid(&world, &account, 1).await;
    assert_eq!((books.balance, books.spent()), (9_900_000, 100_000));
    assert_eq!(look(&world, &account).await["exhausted"], true);
}

#[tokio::test]
async fn many_calls_at_once_of_a_thread_and_its_helpers_keep_within_one_budget() {
    let (world, account, caller) = desk().await;
    set(&world, &account, "turn", 200_000).await;
    let calls = (0..24).map(|n| {
        let ask = Ask::stream(&format!("rehearse: text {}; usage input=900 output=900", 1 + n % 7));
        let ask = match n % 3 {
            0 => ask.in_thread(THREAD),
            1 => ask.in_thread(&format!("child-{n}")).header("x-codex-parent-thread-id", THREAD),
            _ => ask.in_thread(&format!("child-{n}")).header("session-id", THREAD),
        };
        let caller = caller.clone();
        async move { caller.ask(&ask).await.expect("an answer") }
    });
    let replies = futures::future::join_all(calls).await;
    let whole = replies.iter().filter(|reply| reply.is_whole()).count();
    let books = books::closed(&world, &account).await;
    // Six such calls fit, and a part of a seventh.
    assert!(books.spent() <= 200_000 && whole >= 6, "{whole}: {}", books.spent());
    let refused = replies.iter().filter(|reply| !reply.is_whole());
    for reply in refused {
        assert!(reply.body.contains("budget"), "{reply:?}");
    }
    let meter = look(&world, &account).await;
    assert_eq!(meter["spent_turn"], json!(books.spent()));
}

#[tokio::test]
async fn what_was_spent_is_known_after_a_crash() {
    let (mut world, account, caller) = desk().await;
    set(&world, &account, "turn", 50_000).await;
    assert!(stream(&caller, "text 40; usage input=100 output=40").await.is_whole());
    books::paid(&world, &account, 1).await;
    let before = look(&world, &account).await;
    world.kill9();
    world.restart().await;
    let caller = world.caller(&account.key);
    assert!(stream(&caller, "text 3; usage huge").await.is_whole());
    assert_eq!(books::paid(&world, &account, 2).await.spent(), 50_000);
    let after = look(&world, &account).await;
    assert_eq!((&before["spent_turn"], &after["spent_turn"]), (&json!(1_700), &json!(50_000)));
    assert_eq!(after["spent_project"], json!(50_000));
}
