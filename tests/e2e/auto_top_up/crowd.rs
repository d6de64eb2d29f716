//! A thousand answers at once drive a wallet through its threshold.

use futures::future::join_all;
use schema::admin::CreateUser;
use schema::agent::AutoTopUpState;
use serde_json::json;
use tests::client::{Ask, Reply};
use tests::world::World;

use super::rig::{CENT, Rig, wish};
use crate::books;

const CALLS: usize = 1_000;
/// Each costs 1,000 * $5 and 100 * $30 for a million: $0.008.
const CHEAP: &str = "rehearse: text 100; usage input=1000 output=100";
/// $0.80.
const DEAR: &str = "rehearse: text 100; usage input=100000 output=10000";

/// A rig whose account no limit stops.
async fn rig(wish: serde_json::Value) -> Rig {
    let mut rig = Rig::bare(World::plan().var("TURN_WAIT_MS", "120000")).await;
    let account = CreateUser {
        plan: Some("enterprise".to_owned()),
        credit_usd: Some("10.00".to_owned()),
        requests_per_hour: Some(1_000_000),
        concurrent_requests: Some(1_000),
        ..CreateUser::default()
    };
    rig.desk.account = rig.world().open_account(&account).await;
    let set = rig.set(&wish).await;
    rig.leave_card(&set).await;
    rig
}

async fn crowd(rig: &Rig, prompt: &str, calls: usize) -> Vec<Reply> {
    let caller = rig.world().caller(&rig.desk.account.key);
    let calls = (0..calls).map(|n| {
        let caller = caller.clone();
        let ask = if n % 2 == 0 { Ask::stream(prompt) } else { Ask::whole(prompt) };
        tokio::spawn(async move { caller.ask(&ask).await.expect("an answer") })
    });
    let replies = join_all(calls.collect::<Vec<_>>()).await.into_iter();
    replies.map(|reply| reply.expect("a task")).collect()
}

#[tokio::test]
async fn a_thousand_answers_through_the_threshold_charge_exactly_once() {
    let rig = rig(wish()).await;
    let replies = crowd(&rig, CHEAP, CALLS).await;
    assert!(replies.iter().all(Reply::is_whole), "an answer is missing");
    let books = books::paid(rig.world(), &rig.desk.account, CALLS).await;
    assert!(books.paid.values().all(|paid| *paid == 8_000), "{:?}", books.paid);
    rig.until(|told| told.state == AutoTopUpState::Idle && told.spent_this_month_usd != "0.000000")
        .await;
    let (intents, received) = (rig.intents().await, rig.received().await);
    assert_eq!((intents.len(), received.len()), (1, 1), "{intents:#?}");
    // What was begun at once, a little below the threshold, is sixteen units or some more.
    assert!((1_600..=1_800).contains(&received[0]), "{received:?}");
    let balance = 10_000_000 + received[0] * CENT - 8_000_000;
    assert_eq!(rig.balance().await, balance);
    rig.check_books().await;
}

#[tokio::test]
async fn however_much_is_asked_for_the_cap_of_the_month_holds() {
    let mut thirty = wish();
    thirty["monthlyCapUsd"] = json!("30.00");
    let rig = rig(thirty).await;
    let mut rounds = 0;
    while rig.read().await.state != AutoTopUpState::Capped {
        crowd(&rig, DEAR, 20).await;
        rounds += 1;
        assert!(rounds < 50, "{:?}", rig.read().await);
    }
    // And nothing more comes, whoever asks.
    crowd(&rig, DEAR, 100).await;
    let told = rig.read().await;
    assert_eq!(told.state, AutoTopUpState::Capped);
    assert_eq!(told.spent_this_month_usd, "30.000000");
    let received = rig.received().await;
    assert_eq!(received.iter().sum::<i64>(), 3_000, "{received:?}");
    assert_eq!(rig.intents().await.len(), received.len());
    rig.check_books().await;
    let books = books::closed(rig.world(), &rig.desk.account).await;
    assert_eq!(books.balance, 40_000_000 - books.paid.values().sum::<i64>());
    assert!(books.balance >= 0);
}
