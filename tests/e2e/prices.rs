//! Prices that an operator sets: by the call, for cached input and for reasoning, of all input or
//! of what is new in a conversation; and from which call on they hold.

use schema::admin::SetPrice;
use schema::agent::UsageTransaction;
use tests::account::Account;
use tests::client::{Ask, Caller};
use tests::world::World;

use crate::books;

/// Prices are read again at every call.
async fn desk() -> (World, Account, Caller) {
    let world = World::plan().var("SETTINGS_TTL_MS", "0").start().await;
    let account = world.account("10.00").await;
    let caller = world.caller(&account.key);
    (world, account, caller)
}

/// $5 and $30 for a million, as in a fresh world.
fn usual() -> SetPrice {
    SetPrice {
        model: "gpt-5.5".to_owned(),
        input_usd_per_million: "5".to_owned(),
        output_usd_per_million: "30".to_owned(),
        cached_input_usd_per_million: None,
        reasoning_usd_per_million: None,
        per_call_usd: None,
        input_billing: None,
    }
}

/// Asks with this usage to be reported; the charge of the call.
async fn charge(account: &Account, caller: &Caller, ask: &Ask) -> UsageTransaction {
    let before = account.token_usage().await.transactions.len();
    assert!(caller.ask(ask).await.expect("an answer").is_whole());
    account.charges(before + 1).await.pop().expect("a charge")
}

fn ask(usage: &str) -> Ask {
    Ask::stream(&format!("rehearse: text 3; usage {usage}"))
}

#[track_caller]
fn check(charge: &UsageTransaction, billed_input: u64, micros: i64) {
    let charged = (charge.billed_input_tokens, charge.charged_micro_usd.micros());
    assert_eq!(charged, (billed_input, micros), "{charge:?}");
}

#[tokio::test]
async fn cached_input_and_reasoning_have_prices_of_their_own_and_a_call_may_have_one() {
    let (world, account, caller) = desk().await;
    let ask = ask("input=1000 cached=400 output=100 reasoning=40");
    check(&charge(&account, &caller, &ask).await, 1_000, 5_000 + 3_000);
    let price = SetPrice { cached_input_usd_per_million: Some("0.5".to_owned()), ..usual() };
    world.operator().set_price(&price).await.expect("a price");
    check(&charge(&account, &caller, &ask).await, 1_000, 3_000 + 200 + 3_000);
    let price = SetPrice { reasoning_usd_per_million: Some("60".to_owned()), ..usual() };
    world.operator().set_price(&price).await.expect("a price");
    check(&charge(&account, &caller, &ask).await, 1_000, 5_000 + 1_800 + 2_400);
    let price = SetPrice { per_call_usd: Some("0.000007".to_owned()), ..usual() };
    world.operator().set_price(&price).await.expect("a price");
    check(&charge(&account, &caller, &ask).await, 1_000, 5_000 + 3_000 + 7);
    books::paid(&world, &account, 4).await;
}

#[tokio::test]
async fn fractions_of_a_micro_dollar_are_rounded_half_up_once_for_each_line() {
    let (world, account, caller) = desk().await;
    let price = SetPrice {
        input_usd_per_million: "0.5".to_owned(),
        output_usd_per_million: "0.4".to_owned(),
        ..usual()
    };
    world.operator().set_price(&price).await.expect("a price");
    check(&charge(&account, &caller, &ask("input=3 output=1")).await, 3, 2);
    check(&charge(&account, &caller, &ask("input=1 output=3")).await, 1, 1 + 1);
    // A call that costs nothing is booked all the same.
    check(&charge(&account, &caller, &ask("input=0 output=1")).await, 0, 0);
    books::paid(&world, &account, 3).await;
}

#[tokio::test]
async fn a_conversation_pays_for_its_new_input_only() {
    let (world, account, caller) = desk().await;
    let turn = |thread: &str, usage: &str| ask(usage).in_thread(thread);
    let first = turn("t-1", "input=1000 output=10");
    check(&charge(&account, &caller, &first).await, 1_000, 5_000 + 300);
    let second = turn("t-1", "input=1500 output=10");
    check(&charge(&account, &caller, &second).await, 500, 2_500 + 300);
    // After a compaction the input is shorter; its mark stays.
    let compacted = turn("t-1", "input=200 output=10");
    check(&charge(&account, &caller, &compacted).await, 0, 300);
    let grown = turn("t-1", "input=1600 output=10");
    check(&charge(&account, &caller, &grown).await, 100, 500 + 300);
    // Another conversation, by the newer client's name of the header, and one without a name.
    let other = ask("input=1000 output=10").header("thread-id", "t-2");
    check(&charge(&account, &caller, &other).await, 1_000, 5_000 + 300);
    check(&charge(&account, &caller, &ask("input=1600 output=10")).await, 1_600, 8_000 + 300);
    books::paid(&world, &account, 6).await;
}

#[tokio::test]
async fn a_conversations_mark_survives_a_killed_runtime() {
    let (mut world, account, caller) = desk().await;
    let first = ask("input=1000 output=10").in_thread("t-1");
    check(&charge(&account, &caller, &first).await, 1_000, 5_300);
    world.kill9();
    world.restart().await;
    let second = ask("input=1100 output=10").in_thread("t-1");
    check(&charge(&account, &world.caller(&account.key), &second).await, 100, 800);
}

#[tokio::test]
async fn an_estimate_raises_no_mark_not_even_after_a_restart() {
    let (mut world, account, caller) = desk().await;
    let cut = Ask::stream("rehearse: text 9; cut 8").in_thread("t-1");
    assert!(caller.ask(&cut).await.is_err());
    assert!(account.charges(1).await[0].input_tokens > 10);
    let turn = ask("input=10 output=1").in_thread("t-1");
    world.kill9();
    world.restart().await;
    check(&charge(&account, &world.caller(&account.key), &turn).await, 10, 50 + 30);
}

#[tokio::test]
async fn all_input_is_paid_where_the_price_says_so() {
    let (world, account, caller) = desk().await;
    let price = SetPrice { input_billing: Some("all".to_owned()), ..usual() };
    world.operator().set_price(&price).await.expect("a price");
    for input in [1_000, 1_500] {
        let turn = ask(&format!("input={input} output=10")).in_thread("t-1");
        check(&charge(&account, &caller, &turn).await, input, input as i64 * 5 + 300);
    }
}

#[tokio::test]
async fn a_new_price_holds_for_calls_that_begin_after_it() {
    let (world, account, caller) = desk().await;
    let usage = "usage input=1000 output=100";
    let running = Ask::stream(&format!("rehearse: text 3; {usage}; wait door"));
    let mut running = caller.open(&running).await.expect("a stream");
    running.frame().await.expect("no fault").expect("a frame");
    let price = SetPrice { output_usd_per_million: "60".to_owned(), ..usual() };
    world.operator().set_price(&price).await.expect("a price");
    world.upstream().release("door");
    assert!(running.rest().await.expect("the rest").is_whole());
    check(&account.charges(1).await[0], 1_000, 5_000 + 3_000);
    check(&charge(&account, &caller, &ask("input=1000 output=100")).await, 1_000, 5_000 + 6_000);
}
