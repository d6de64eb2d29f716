//! What nobody told us of.

use serde_json::json;

use super::shop::{FIFTY, Shop, TEN, text, until_balance};

/// Beyond the first look of the sweeper.
const LATER_MS: i64 = 10 * 60_000;

/// Starts the runtime again with its clock set ahead, and rings its timer.
async fn ring_later(shop: &mut Shop, ms: i64) {
    shop.desk.world.set_var("CLOCK_SKEW_MS", ms.to_string());
    shop.desk.world.restart().await;
    shop.desk.world.ring().await;
}

#[tokio::test]
async fn a_paid_checkout_whose_webhook_never_came_is_credited() {
    let mut shop = Shop::open().await;
    let (_, intent) = shop.paid("usd_50").await;
    let open = shop.checkout("usd_10").await;
    // It is not due yet.
    shop.world().ring().await;
    assert_eq!(shop.balance().await, 0);
    ring_later(&mut shop, LATER_MS).await;
    assert_eq!(shop.balance().await, FIFTY);
    let states: Vec<_> = shop.payments().await.iter().map(|it| text(&it["state"])).collect();
    assert_eq!(states, ["open", "paid"]);
    shop.stripe.pay(&open).await;
    ring_later(&mut shop, 2 * LATER_MS).await;
    assert_eq!(shop.balance().await, FIFTY + TEN);
    assert_eq!(shop.booked().await[0], (format!("stripe:{intent}"), FIFTY));
}

#[tokio::test]
async fn a_refund_that_nobody_told_of_is_found_when_the_payment_is_looked_at_again() {
    let mut shop = Shop::open().await;
    let intent = shop.credited("usd_50").await;
    shop.stripe.refund(&intent, None).await;
    ring_later(&mut shop, LATER_MS).await;
    assert_eq!(shop.balance().await, FIFTY, "what is paid is looked at once a day");
    ring_later(&mut shop, 25 * 3_600_000).await;
    assert_eq!((shop.balance().await, shop.owed().await), (0, 0));
}

#[tokio::test]
async fn an_event_that_was_taken_in_and_not_acted_on_is_acted_on() {
    let mut shop = Shop::open().await;
    let (_, _) = shop.paid("usd_50").await;
    let events = shop.stripe.events().await;
    let last = events.last().expect("an event");
    let sql = "INSERT INTO stripe_events (id, type, heard_at, body, due_at)
               VALUES (?1, ?2, unixepoch() * 1000, ?3, 1)";
    let row = vec![last["id"].clone(), last["type"].clone(), json!(last.to_string())];
    shop.world().sql(sql, row).await;
    let broken = vec![json!("evt_broken"), json!("x"), json!("{")];
    shop.world().sql(sql, broken).await;
    shop.desk.world.ring().await;
    assert_eq!(shop.balance().await, FIFTY);
    let mut outcomes = shop.outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, ["settled", "unreadable"]);
    // And what was acted on is forgotten after a while.
    ring_later(&mut shop, 31 * 86_400_000).await;
    assert!(shop.outcomes().await.is_empty());
}

#[tokio::test]
async fn one_payment_that_cannot_be_read_stops_no_other_and_is_tried_again() {
    let mut shop = Shop::open().await;
    let other = shop.world().account("0.00").await;
    let broken = shop.checkout("usd_50").await;
    let wish = json!({ "plan": "usd_10" });
    let request = shop.desk.request("POST", super::shop::CHECKOUT).bearer_auth(&other.key);
    let opened = crate::desk::Reply::to(request.json(&wish)).await.json();
    for session in [&broken, &text(&opened["sessionId"])] {
        shop.stripe.pay(session).await;
    }
    shop.stripe.fault(&format!("/v1/checkout/sessions/{broken}"), "500").await;
    shop.desk.world.set_var("CLOCK_SKEW_MS", LATER_MS.to_string());
    shop.desk.world.restart().await;
    shop.world().ring().await;
    until_balance(&other, TEN).await;
    assert_eq!(shop.balance().await, 0);
    ring_later(&mut shop, 2 * LATER_MS).await;
    assert_eq!(shop.balance().await, FIFTY);
}
