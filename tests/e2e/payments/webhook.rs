//! `POST /api/v1/stripe/webhook`.

use std::fs;

use serde_json::{Value, json};
use tests::paths;
use tests::stripe::Stripe;

use super::shop::{FIFTY, Shop, WEBHOOK};
use crate::desk::Reply;

async fn post(shop: &Shop, body: &str, header: Option<&str>) -> Reply {
    let mut request = shop.desk.request("POST", WEBHOOK).header("content-type", "application/json");
    if let Some(header) = header {
        request = request.header("stripe-signature", header);
    }
    shop.desk.send(request.body(body.to_owned())).await
}

/// A signature by whoever knows the secret, at whatever moment.
async fn signed(stripe: &Stripe, body: &str, secret: &str, at: i64) -> Option<String> {
    let told = json!({ "payload": body, "secret": secret, "timestamp": at });
    stripe.lead("sign", told).await.as_str().map(str::to_owned)
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after");
    i64::try_from(now.as_secs()).expect("a date")
}

async fn kept(shop: &Shop) -> usize {
    shop.world().sql("SELECT id FROM stripe_events", vec![]).await.len()
}

#[tokio::test]
async fn an_event_credits_what_stripe_says_was_paid_and_its_replay_nothing() {
    let shop = Shop::open().await;
    let (_, intent) = shop.paid("usd_50").await;
    for _ in 0..3 {
        shop.deliver().await;
        shop.until_balance(FIFTY).await;
    }
    let outcomes = shop.outcomes().await;
    assert!(outcomes.iter().any(|outcome| outcome == "settled"), "{outcomes:?}");
    assert_eq!(shop.booked().await, [(format!("stripe:{intent}"), FIFTY)]);
    assert_eq!(kept(&shop).await, shop.stripe.events().await.len());
}

#[tokio::test]
async fn what_stripe_did_not_sign_lately_is_refused_and_leaves_no_trace() {
    let shop = Shop::open().await;
    let (session, _) = shop.paid("usd_50").await;
    let events = shop.stripe.events().await;
    let body = events.last().expect("an event").to_string();
    let (ours, at) = (shop.stripe.webhook_secret().to_owned(), now());
    let other = Stripe::start().await;
    let tampered = body.replace("5000", "9000");
    let theirs = other.webhook_secret().to_owned();
    let header = |secret: String, at| {
        let (stripe, body) = (&shop.stripe, body.clone());
        async move { signed(stripe, &body, &secret, at).await }
    };
    for (body, header) in [
        (&body, None),
        (&body, Some(String::new())),
        (&body, Some("t=1,v1=00".to_owned())),
        (&body, header("whsec_guess".to_owned(), at).await),
        // Of another account at Stripe.
        (&body, header(theirs, at).await),
        // Overheard, and sent again when it is old; or made for a day far away.
        (&body, header(ours.clone(), at - 400).await),
        (&body, header(ours.clone(), at + 2 * 86_400).await),
        // Signed, and then changed.
        (&tampered, header(ours.clone(), at).await),
    ] {
        let reply = post(&shop, body, header.as_deref()).await;
        reply.refuses(400, "invalid_request", "not signed by the payment provider");
    }
    assert_eq!((kept(&shop).await, shop.balance().await), (0, 0));
    // The same bytes, signed, are taken.
    assert_eq!(post(&shop, &body, header(ours, at).await.as_deref()).await.status, 200);
    shop.until_balance(FIFTY).await;
    assert_eq!(shop.confirm(&session).await.json()["wallet"]["balanceMicroUsd"], FIFTY);
}

#[tokio::test]
async fn a_signed_event_that_says_paid_of_what_is_not_paid_credits_nothing() {
    let shop = Shop::open().await;
    let session = shop.checkout("usd_50").await;
    let object = shop.stripe.object(&session).await;
    let mut paid = object.clone();
    (paid["payment_status"], paid["status"]) = (json!("paid"), json!("complete"));
    let event = json!({
        "id": "evt_lie", "object": "event", "type": "checkout.session.completed", "created": now(),
        "livemode": false, "api_version": "2026-10-28.endive", "data": { "object": paid },
    });
    shop.stripe.deliver(&[event], &shop.hook()).await;
    assert_eq!(shop.outcomes().await, ["settled"]);
    assert_eq!((shop.balance().await, &shop.payments().await[0]["state"]), (0, &json!("open")));
}

#[tokio::test]
async fn what_is_not_ours_is_taken_and_changes_nothing() {
    let shop = Shop::open().await;
    let folder = fs::read_dir(paths::at("tests/stripe/events")).expect("a folder");
    let names = folder.map(|file| file.expect("a file").path());
    let names = names.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned());
    let events: Vec<Value> = names.map(Value::from).collect();
    assert!(events.len() >= 45);
    let delivered = shop.stripe.deliver(&events, &shop.hook()).await;
    let first = |it: &tests::stripe::Delivered| it.statuses == [200];
    assert!(delivered.iter().all(first), "{delivered:#?}");
    // A payment in our account at Stripe that none of our customers wished.
    shop.stripe.lead("new_intent", json!({ "amount": 5_000 })).await;
    shop.deliver().await;
    let outcomes = shop.outcomes().await;
    assert!(outcomes.iter().all(|outcome| outcome != "settled"), "{outcomes:?}");
    assert_eq!((shop.balance().await, shop.payments().await.len()), (0, 0));
}

#[tokio::test]
async fn an_event_of_an_unknown_type_is_kept_and_ignored() {
    let shop = Shop::open().await;
    for _ in 0..2 {
        let delivered = shop.stripe.deliver(&["unknown_type".into()], &shop.hook()).await;
        assert_eq!(delivered[0].statuses, [200]);
    }
    assert_eq!(shop.outcomes().await, ["ignored"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_kept_is_not_acknowledged_so_that_it_comes_again() {
    let shop = Shop::open().await;
    shop.paid("usd_50").await;
    let events = shop.stripe.events().await;
    let last = events.last().expect("an event").to_string();
    shop.world().sql("ALTER TABLE stripe_events RENAME TO away", vec![]).await;
    let header = signed(&shop.stripe, &last, shop.stripe.webhook_secret(), now()).await;
    post(&shop, &last, header.as_deref()).await.refuses(503, "unavailable", "");
    shop.world().sql("ALTER TABLE away RENAME TO stripe_events", vec![]).await;
    shop.deliver().await;
    shop.until_balance(FIFTY).await;
}

#[tokio::test]
async fn events_of_real_money_are_nothing_to_a_deployment_that_tries_things_out() {
    let shop = Shop::open().await;
    shop.paid("usd_50").await;
    let mut event = shop.stripe.events().await.last().expect("an event").clone();
    (event["livemode"], event["id"]) = (json!(true), json!("evt_live"));
    let delivered = shop.stripe.deliver(&[event], &shop.hook()).await;
    assert_eq!((delivered[0].statuses.as_slice(), kept(&shop).await), (&[200][..], 0));
}
