//! Payments that fail, and what nobody knows the end of.

use schema::agent::AutoTopUpState;
use serde_json::json;
use tests::world::World;

use super::rig::{INTENTS, Rig, wish};

const HOUR_MS: i64 = 3_600_000;
const MONTH_MS: i64 = 31 * 24 * HOUR_MS;

#[tokio::test]
async fn a_payment_fills_the_gap_and_is_credited_once() {
    let mut rig = Rig::on(World::plan()).await;
    rig.spend("4.999999").await;
    assert_eq!(rig.read().await.state, AutoTopUpState::Idle);
    assert_eq!(rig.desk.account.me().await.auto_top_up, AutoTopUpState::Idle);
    rig.spend("0.000002").await;
    // The gap to twenty dollars is 15.000001.
    rig.until(|told| told.spent_this_month_usd == "16.000000").await;
    rig.until_state(AutoTopUpState::Idle).await;
    assert_eq!(rig.balance().await, 20_999_999);
    assert_eq!(rig.received().await, [1_600]);
    let events = rig.stripe.events().await;
    rig.stripe.deliver(&events, &rig.world().at("/api/v1/stripe/webhook")).await;
    rig.check_books().await;
}

#[tokio::test]
async fn three_failures_in_a_row_pause_it_until_the_customer_says_so() {
    let mut rig = Rig::on(World::plan()).await;
    rig.stripe.decline(&["insufficient_funds", "card_declined", "insufficient_funds"]).await;
    rig.spend("6.00").await;
    for failure in 1..3 {
        let told = rig.until_state(AutoTopUpState::Waiting).await;
        assert!(told.last_failure.is_some_and(|why| why.contains("card")), "failure {failure}");
        assert_eq!(rig.intents().await.len(), failure);
        rig.later(13 * HOUR_MS).await;
        rig.until_called("POST", INTENTS, failure + 1).await;
    }
    let told = rig.until_state(AutoTopUpState::Paused).await;
    assert_eq!((told.waits_until, told.spent_this_month_usd.as_str()), (None, "0.000000"));
    assert_eq!(rig.told("payment_failed").await.len(), 3);
    assert_eq!(rig.told("auto_top_up_paused").await.len(), 1);
    rig.later(MONTH_MS).await;
    rig.spend("1.00").await;
    assert_eq!(rig.read().await.state, AutoTopUpState::Paused);
    assert_eq!((rig.intents().await.len(), rig.balance().await), (3, 3_000_000));
    // The customer leaves it as it is and says so again: that is a new try.
    rig.set(&wish()).await;
    rig.until_balance(2_000).await;
    assert_eq!(rig.until_state(AutoTopUpState::Idle).await.last_failure, None);
    rig.check_books().await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_again_and_charged_once() {
    for kind in ["refuse", "429", "500", "cut", "500 after"] {
        let mut rig = Rig::on(World::plan()).await;
        // No webhook tells what became of it.
        rig.stripe.listen("http://127.0.0.1:9/").await;
        rig.stripe.fault(INTENTS, kind).await;
        rig.spend("6.00").await;
        rig.until_balance(2_000).await;
        let calls = rig.until_called("POST", INTENTS, 2).await;
        assert!(calls.iter().all(|call| call.key == calls[0].key), "{kind}: {calls:?}");
        assert_eq!((rig.intents().await.len(), rig.received().await), (1, vec![1_600]), "{kind}");
        rig.check_books().await;
    }
}

#[tokio::test]
async fn a_payment_that_takes_its_time_is_awaited() {
    let mut rig = Rig::on(World::plan()).await;
    rig.stripe.decline(&["processing"]).await;
    rig.spend("6.00").await;
    rig.until_called("POST", INTENTS, 1).await;
    rig.spend("1.00").await;
    assert_eq!(rig.until_state(AutoTopUpState::Charging).await.spent_this_month_usd, "16.000000");
    assert_eq!(rig.balance().await, 3_000_000);
    let intent = rig.intents().await[0]["id"].clone();
    rig.stripe.lead("finish", json!({ "intent": intent })).await;
    rig.until_balance(1_900).await;
    rig.until_state(AutoTopUpState::Idle).await;
    assert_eq!(rig.intents().await.len(), 1);
    rig.check_books().await;
}
