//! The runtime is killed between any two steps of an attempt: the next one goes on where it ended,
//! asks under the same key, and the customer is charged once and credited once.

use schema::agent::AutoTopUpState;
use serde_json::json;
use tests::world::World;

use super::rig::{INTENTS, Rig};

/// Longer than any test.
const EVER_MS: i64 = 600_000;

/// Kills the runtime, and starts it again with nobody who asks it for anything.
async fn die(rig: &mut Rig) {
    rig.desk.world.kill9();
    rig.stripe.lead("mend", json!({})).await;
    rig.desk.world.restart().await;
}

/// What it comes to, whatever happened.
async fn check(rig: &Rig) {
    rig.until_balance(2_000).await;
    rig.until_state(AutoTopUpState::Idle).await;
    let calls = rig.until_called("POST", INTENTS, 2).await;
    assert!(calls.iter().all(|call| call.key == calls[0].key), "{calls:?}");
    assert_eq!((rig.intents().await.len(), rig.received().await), (1, vec![1_600]));
    rig.check_books().await;
}

#[tokio::test]
async fn killed_before_stripe_took_it_the_next_process_asks_again_by_itself() {
    let mut rig = Rig::on(World::plan()).await;
    let how = json!({ "path": INTENTS, "method": "POST", "kind": "slow", "ms": EVER_MS });
    rig.stripe.lead("fault", how).await;
    rig.spend("6.00").await;
    rig.until_called("POST", INTENTS, 1).await;
    die(&mut rig).await;
    // Nobody says a word to the Worker: its alarm does it.
    rig.until_called("POST", INTENTS, 2).await;
    check(&rig).await;
}

#[tokio::test]
async fn killed_after_stripe_took_it_the_next_process_hears_of_the_same_payment() {
    let mut rig = Rig::on(World::plan()).await;
    // No webhook tells what became of it.
    rig.stripe.listen("http://127.0.0.1:9/").await;
    rig.stripe.lead("fault", json!({ "path": INTENTS, "method": "POST", "kind": "cut" })).await;
    rig.spend("6.00").await;
    rig.until_called("POST", INTENTS, 1).await;
    rig.desk.world.kill9();
    assert_eq!(rig.received().await, [1_600]);
    rig.desk.world.restart().await;
    rig.until_called("POST", INTENTS, 2).await;
    check(&rig).await;
}

#[tokio::test]
async fn killed_before_the_money_is_booked_the_next_process_books_it() {
    let mut rig = Rig::on(World::plan()).await;
    // Nothing but its own look tells the wallet.
    rig.stripe.listen("http://127.0.0.1:9/").await;
    let how = json!({ "path": INTENTS, "method": "GET", "kind": "slow", "ms": EVER_MS });
    rig.stripe.lead("fault", how).await;
    rig.spend("6.00").await;
    let intent = loop {
        rig.until_called("POST", INTENTS, 1).await;
        if let Some(intent) = rig.intents().await.first() {
            break intent["id"].as_str().expect("text").to_owned();
        }
    };
    rig.until_called("GET", &format!("{INTENTS}/{intent}"), 1).await;
    die(&mut rig).await;
    rig.until_called("POST", INTENTS, 2).await;
    check(&rig).await;
}

#[tokio::test]
async fn killed_before_the_customer_is_asked_the_next_process_asks_them() {
    let mut rig = Rig::on(World::plan()).await;
    rig.stripe.decline(&["authentication_required"]).await;
    let how = json!({ "path": INTENTS, "kind": "slow", "ms": EVER_MS });
    rig.spend("6.00").await;
    rig.until_called("POST", INTENTS, 1).await;
    rig.stripe.lead("fault", how).await;
    die(&mut rig).await;
    let told = rig.until_state(AutoTopUpState::NeedsAction).await;
    assert!(told.approve_url.is_some());
    assert_eq!(rig.intents().await.len(), 1);
    assert_eq!(rig.intents().await[0]["status"], "canceled");
    assert_eq!(rig.balance().await, 4_000_000);
}
