//! From the checkout to a metered answer, whatever brings the news and how often.

use std::time::Duration;

use tests::stripe::{Badly, Delivered, Stripe};
use tokio::time::{Instant, sleep};

use super::*;

const CHECKOUT: &str = "/api/v1/wallet/stripe/checkout";
const SUBSCRIPTION: &str = "/api/v1/wallet/subscription";
const WEBHOOK: &str = "/api/v1/stripe/webhook";
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

async fn desk(stripe: &Stripe) -> Desk {
    Desk::of(World::plan().with_stripe(stripe), "0.00").await
}

/// Opens a checkout of the plan; tells the session.
async fn checkout(desk: &Desk) -> String {
    let opened = desk.send(desk.post(CHECKOUT).json(&json!({ "plan": "unlimited" }))).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    opened.json()["sessionId"].as_str().expect("a session").to_owned()
}

/// Waits until the customer reads that the subscription stands like this.
async fn until(desk: &Desk, status: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = desk.send(desk.get(SUBSCRIPTION)).await.json();
        if shown["status"] == status {
            return shown;
        }
        assert!(Instant::now() < deadline, "{shown} is not {status}");
        sleep(POLL).await;
    }
}

#[tokio::test]
async fn events_in_any_order_and_number_give_the_plan_once_and_the_wallet_nothing() {
    let stripe = Stripe::start().await;
    let desk = desk(&stripe).await;
    let session = checkout(&desk).await;
    assert_eq!(checkout(&desk).await, session, "nobody pays for two subscriptions");
    let asked = stripe.object(&session).await;
    assert_eq!((&asked["amount_total"], &asked["currency"]), (&json!(19_900), &json!("usd")));
    let paid = stripe.pay(&session).await;
    let id = paid["subscription"].as_str().expect("a subscription");
    let badly = Badly { times: Some(5), seed: Some(7), together: true, hang_up: false };
    let events = stripe.events().await;
    let delivered = stripe.deliver_badly(&events, &desk.world.at(WEBHOOK), badly).await;
    assert!(delivered.iter().all(Delivered::taken), "{delivered:?}");
    assert_eq!(until(&desk, "active").await["active"], true);
    calls(&desk, 0, 1).await;
    let again = desk.send(desk.post(CHECKOUT).json(&json!({ "plan": "unlimited" }))).await;
    again.refuses(409, "conflict", "There is a subscription already.");
    assert_eq!(desk.account.me().await.wallet.balance_micro_usd.micros(), 0);
    let books = desk.world.operator().rows(&desk.account.id).await.expect("rows");
    assert!(books.iter().all(|row| row.kind != "credit"), "{books:?}");
    // Its end, told before all that went before it.
    stripe.lead("renew", json!({ "subscription": id })).await;
    stripe.lead("end_subscription", json!({ "subscription": id })).await;
    let mut events = stripe.events().await;
    events.reverse();
    stripe.deliver(&events, &desk.world.at(WEBHOOK)).await;
    assert_eq!(until(&desk, "canceled").await["active"], false);
    desk.respond(&ask(CALL)).await.refuses(402, "insufficient_credit", "Your wallet is empty");
    assert_ne!(checkout(&desk).await, session, "who was subscribed may be so again");
}

#[tokio::test]
async fn who_comes_back_from_their_checkout_has_the_plan_before_any_event() {
    let stripe = Stripe::start().await;
    let desk = desk(&stripe).await;
    let session = checkout(&desk).await;
    let come_back = |key: &str| {
        let request = desk.request("POST", SUBSCRIPTION).bearer_auth(key);
        desk.send(request.json(&json!({ "sessionId": session })))
    };
    assert_eq!(come_back(&desk.account.key).await.json()["status"], "none");
    stripe.pay(&session).await;
    let other = desk.world.account("0.00").await;
    let refused = come_back(&other.key).await;
    refused.refuses(404, "resource_not_found", "There is no checkout");
    assert_eq!(come_back(&desk.account.key).await.json()["active"], true);
    calls(&desk, 0, 1).await;
}

#[tokio::test]
async fn an_event_that_was_forged_changes_nothing_because_stripe_is_asked() {
    let stripe = Stripe::start().await;
    let desk = desk(&stripe).await;
    let session = checkout(&desk).await;
    let paid = stripe.pay(&session).await;
    stripe.deliver(&stripe.events().await, &desk.world.at(WEBHOOK)).await;
    until(&desk, "active").await;
    // It says that the subscription is over, and of another that it is active.
    let mut over = json!({
        "id": "evt_forged_1", "object": "event", "type": "customer.subscription.deleted",
        "created": now_ms() / 1_000, "livemode": false, "api_version": schema::stripe::VERSION,
        "pending_webhooks": 0, "request": null,
        "data": { "object": stripe.object(paid["subscription"].as_str().expect("an id")).await },
    });
    over["data"]["object"]["status"] = json!("canceled");
    let mut none = over.clone();
    none["id"] = json!("evt_forged_2");
    none["data"]["object"]["id"] = json!("sub_that_there_is_not");
    let delivered = stripe.deliver(&[over, none], &desk.world.at(WEBHOOK)).await;
    assert!(delivered.iter().all(Delivered::taken), "{delivered:?}");
    let deadline = Instant::now() + PATIENCE;
    let sql = "SELECT id FROM stripe_events WHERE id LIKE 'evt_forged%' AND outcome IS NOT NULL";
    while desk.world.sql(sql, vec![]).await.len() < 2 {
        assert!(Instant::now() < deadline, "the events wait");
        sleep(POLL).await;
    }
    assert_eq!(until(&desk, "active").await["active"], true);
}
