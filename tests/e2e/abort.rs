//! Clients that hang up: what was produced is paid, wherever they left, and nothing else is.

use std::time::Duration;

use futures::{StreamExt, stream};
use tests::account::Account;
use tests::client::{Ask, Caller};
use tests::rehearsal::Record;
use tests::world::World;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::books::{self, Books};
use crate::dice::Dice;

const CREDIT_USD: &str = "100.00";
/// Text, then a call of a tool.
const ACTS: &str = "reasoning 2; text 5; shell ls -la /tmp";

fn ask(directives: &str) -> Ask {
    let tool = serde_json::json!({ "type": "function", "name": "exec_command" });
    Ask::stream(&format!("rehearse: {directives}")).with("tools", vec![tool])
}

/// The ledger's charges are the upstream's reports, one for one.
async fn check(world: &World, account: &Account) -> Books {
    let records = world.upstream().wait_until_idle().await;
    let mut expected: Vec<i64> =
        records.iter().filter_map(Record::usage).map(books::price).collect();
    let books = books::paid(world, account, expected.len()).await;
    let mut paid: Vec<i64> = books.paid.values().copied().collect();
    expected.sort_unstable();
    paid.sort_unstable();
    assert_eq!(paid, expected);
    assert_eq!(books.credited - books.balance, books::produced(&records));
    books
}

/// Reads so many frames, and leaves.
async fn leave_after(caller: &Caller, ask: &Ask, frames: usize) {
    let mut stream = caller.open(ask).await.expect("a stream");
    for _ in 0..frames {
        stream.frame().await.expect("no fault").expect("a frame");
    }
}

/// The frames of the stream that is left, counted from one that is not.
async fn frames(caller: &Caller) -> usize {
    let reply = caller.ask(&ask(ACTS)).await.expect("an answer");
    assert!(reply.is_whole() && reply.body.contains("function_call_arguments.delta"), "{reply:?}");
    reply.events().len()
}

#[tokio::test]
async fn leaving_after_any_frame_pays_for_the_whole_that_was_produced() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let caller = world.caller(&account.key);
    let frames = frames(&caller).await;
    assert!(frames > 20, "{frames}");
    for after in 1..=frames {
        // The upstream stands still until the client has left.
        let gate = format!("left-{after}");
        leave_after(&caller, &ask(&format!("{ACTS}; wait {gate} {after}")), after).await;
        world.upstream().release(&gate);
    }
    let books = check(&world, &account).await;
    assert_eq!((books.paid.len(), books.free), (frames + 1, 0));
}

#[tokio::test]
async fn leaving_a_paced_stream_after_any_frame_pays_for_the_whole_that_was_produced() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let caller = world.caller(&account.key);
    let frames = frames(&caller).await;
    let mut leaving = JoinSet::new();
    for after in 1..=frames {
        let (caller, ask) = (caller.clone(), ask(&format!("{ACTS}; pace 40ms")));
        leaving.spawn(async move { leave_after(&caller, &ask, after).await });
    }
    leaving.join_all().await;
    assert_eq!(check(&world, &account).await.paid.len(), frames + 1);
}

/// Asks, and leaves as soon as the request has reached the upstream.
async fn leave_before_the_answer(world: &World, caller: &Caller, ask: &Ask) {
    let arrived = world.upstream().counts().arrived;
    let asking = tokio::spawn({
        let (caller, ask) = (caller.clone(), ask.clone());
        async move { caller.ask(&ask).await.map(drop) }
    });
    world.upstream().wait_for(arrived + 1).await;
    asking.abort();
    assert!(asking.await.is_err_and(|left| left.is_cancelled()));
}

#[tokio::test]
async fn leaving_before_the_first_byte_pays_for_what_is_produced_and_leaves_nothing_on_hold() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let caller = world.caller(&account.key);
    for (gate, directives) in ["delay 300ms", "wait 1 0", "wait 2 1"].iter().enumerate() {
        for ask in [ask(directives), Ask::whole(&format!("rehearse: {directives}"))] {
            leave_before_the_answer(&world, &caller, &ask).await;
            world.upstream().release(&gate.to_string());
            check(&world, &account).await;
        }
    }
}

/// Leaves after some frames, or at some moment, or not at all.
async fn leave_somewhere(caller: &Caller, mut dice: Dice) {
    let pace = ["burst", "slow 1ms", "pace 3ms", "split 100", "delay 20ms"][dice.below(5)];
    let directives = format!("text {}; {ACTS}; {pace}", dice.below(40));
    let moment = Duration::from_millis(dice.below(120) as u64);
    match dice.below(4) {
        0 => drop(timeout(moment, caller.ask(&ask(&directives))).await),
        1 => {
            let whole = Ask::whole(&format!("rehearse: {directives}"));
            drop(timeout(moment, caller.ask(&whole)).await);
        }
        _ => {
            let mut stream = caller.open(&ask(&directives)).await.expect("a stream");
            for _ in 0..dice.below(60) {
                let Some(_) = stream.frame().await.expect("no fault") else { return };
            }
        }
    }
}

#[tokio::test]
async fn three_hundred_clients_that_leave_at_random_lose_and_invent_no_cent() {
    let world = World::start().await;
    let account = world.account(CREDIT_USD).await;
    let caller = world.caller(&account.key);
    let mut dice = Dice::new();
    let clients = (0..300).map(|_| leave_somewhere(&caller, dice.split()));
    stream::iter(clients).buffer_unordered(30).count().await;
    let books = check(&world, &account).await;
    assert!(books.paid.len() > 200, "most left before anything was asked: {books:?}");
}

#[tokio::test]
async fn a_client_that_stays_and_reads_nothing_pays_and_leaves_nothing_on_hold() {
    let world = World::plan().var("UPSTREAM_IDLE_MS", "1000").start().await;
    let account = world.account(CREDIT_USD).await;
    // More than the buffers between the two ends take; then the upstream falls silent.
    let ask = ask("text 15000; burst; wait shut 14500");
    let _stalled = world.caller(&account.key).ask_and_stall(&ask).await.expect("a connection");
    world.upstream().wait_until(|counts| counts.hung_up == 1).await;
    let books = books::paid(&world, &account, 1).await;
    let charges = account.charges(1).await;
    assert_eq!((charges[0].basis.as_str(), charges[0].output_tokens), ("counted", 14_500 - 4));
    assert_eq!(books.spent(), charges[0].charged_micro_usd.micros());
}
