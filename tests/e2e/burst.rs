//! A crowd at a small wallet: exactly what the money allows, and no micro-dollar more.

use futures::future::join_all;
use schema::admin::CreateUser;
use tests::account::Account;
use tests::client::{Ask, Caller, Reply};
use tests::world::World;

use crate::books;

const CALLS: usize = 1_000;
/// What the wallet is worth, in calls.
const AFFORDED: usize = 10;
/// Each costs 1,000 * $5 and 100 * $30 for a million: $0.008.
const QUICK: &str = "rehearse: text 100; usage input=1000 output=100";
/// So long that those who wait for their turn wait within an open stream.
const SLOW: &str = "rehearse: text 100; usage input=1000 output=100; delay 200ms";
const WALLET_USD: &str = "0.08";

/// An account whose limits let the whole crowd through to its wallet.
async fn account(world: &World) -> Account {
    let wish = CreateUser {
        plan: Some("enterprise".to_owned()),
        credit_usd: Some(WALLET_USD.to_owned()),
        requests_per_hour: Some(100_000),
        concurrent_requests: Some(1_000),
        ..CreateUser::default()
    };
    world.open_account(&wish).await
}

/// All callers in turn, streamed and whole in turn, all at once.
async fn burst(callers: &[Caller], prompt: &str) -> Vec<Reply> {
    let calls = (0..CALLS).map(|n| {
        let caller = callers[n % callers.len()].clone();
        let streamed = (n / callers.len()).is_multiple_of(2);
        let ask = if streamed { Ask::stream(prompt) } else { Ask::whole(prompt) };
        tokio::spawn(async move { caller.ask(&ask).await.expect("an answer") })
    });
    join_all(calls.collect::<Vec<_>>())
        .await
        .into_iter()
        .map(|call| call.expect("a task"))
        .collect()
}

/// Refused in words, by status or within a stream that was open already; true for the latter.
#[track_caller]
fn is_refused_in_a_stream(reply: &Reply) -> bool {
    let (code, message) = reply.failure();
    let streamed = reply.status == 200 && code == "invalid_prompt";
    assert!(streamed || (reply.status == 402 && code == "insufficient_credit"), "{reply:?}");
    assert!(message.starts_with("Your wallet is empty"), "{reply:?}");
    streamed
}

/// Answers exactly what the money allows; says how many were refused in a stream.
async fn check(world: &World, account: &Account, replies: &[Reply]) -> usize {
    let (answered, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.is_whole());
    assert_eq!(answered.len(), AFFORDED);
    let in_streams = refused.iter().filter(|reply| is_refused_in_a_stream(reply)).count();
    assert_eq!(world.upstream().wait_until_idle().await.len(), AFFORDED);
    let books = books::paid(world, account, AFFORDED).await;
    assert_eq!((books.balance, books.held), (0, 0));
    assert!(books.paid.values().all(|paid| *paid == 8_000), "{:?}", books.paid);
    let wallet = account.me().await.wallet;
    assert_eq!((wallet.balance_micro_usd.micros(), wallet.held_micro_usd.micros()), (0, 0));
    in_streams
}

#[tokio::test]
async fn a_thousand_calls_at_once_on_money_for_ten_get_ten_answers() {
    let world = World::start().await;
    let account = account(&world).await;
    let replies = burst(&[world.caller(&account.key)], QUICK).await;
    check(&world, &account, &replies).await;
}

#[tokio::test]
async fn a_thousand_calls_over_twenty_five_keys_on_money_for_ten_get_ten_answers() {
    let world = World::start().await;
    let account = account(&world).await;
    let mut callers = vec![world.caller(&account.key)];
    while callers.len() < 25 {
        let key = world.operator().key(&account.id).await.expect("a key");
        callers.push(world.caller(&key));
    }
    let replies = burst(&callers, SLOW).await;
    let in_streams = check(&world, &account, &replies).await;
    assert!(in_streams > 0, "nobody waited long enough to see a stream opened");
}

#[tokio::test]
async fn slow_answers_get_the_money_that_quick_ones_would() {
    // One call at a time has the money; waiting for a place would have ended after the third.
    let world = World::plan().var("TURN_WAIT_MS", "1000").start().await;
    let account = account(&world).await;
    let caller = world.caller(&account.key);
    let ask = Ask::stream("rehearse: text 100; usage input=1000 output=100; delay 300ms");
    let calls = (0..3 * AFFORDED).map(|_| caller.ask(&ask));
    let replies: Vec<_> = join_all(calls).await.into_iter().map(|r| r.expect("a reply")).collect();
    check(&world, &account, &replies).await;
}
