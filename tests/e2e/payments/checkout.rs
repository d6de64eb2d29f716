//! `POST /api/v1/wallet/stripe/checkout`.

use serde_json::json;
use tests::stripe::Call;
use tests::world::World;

use super::shop::{CHECKOUT, FIFTY, Shop, text};
use crate::desk::Desk;

const SESSIONS: &str = "/v1/checkout/sessions";

async fn made(shop: &Shop) -> Vec<Call> {
    let calls = shop.stripe.requests().await.into_iter();
    calls.filter(|call| call.method == "POST" && call.path == SESSIONS).collect()
}

#[tokio::test]
async fn a_checkout_asks_for_the_price_and_the_wallet_gets_the_credit() {
    let shop = Shop::open().await;
    let opened = shop.desk.send(shop.desk.post(CHECKOUT).json(&json!({ "plan": "usd_50" }))).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    let opened = opened.json();
    let payment = &opened["payment"];
    assert_eq!((&payment["state"], &payment["amount"]), (&json!("open"), &json!(5_000)));
    assert!(text(&opened["url"]).starts_with("http"), "{opened}");
    let calls = made(&shop).await;
    assert_eq!(calls.len(), 1);
    // Asking again after a crash is asking for the same.
    assert_eq!(calls[0].key, Some(text(&payment["id"])));
    let session = shop.stripe.object(&text(&opened["sessionId"])).await;
    assert_eq!((&session["amount_total"], &session["currency"]), (&json!(5_000), &json!("usd")));
    let notes = &session["metadata"];
    assert_eq!(
        (&notes["account_id"], &notes["payment_id"]),
        (&json!(shop.desk.account.id), &payment["id"])
    );
    assert_eq!(shop.balance().await, 0);
    let paid = shop.stripe.pay(&text(&opened["sessionId"])).await;
    let confirmed = shop.confirm(&text(&paid["id"])).await.json();
    assert_eq!(confirmed["payment"]["state"], "paid");
    assert_eq!(confirmed["wallet"]["balanceMicroUsd"], FIFTY);
    let intent = text(&paid["payment_intent"]);
    assert_eq!(shop.booked().await, [(format!("stripe:{intent}"), FIFTY)]);
}

#[tokio::test]
async fn one_key_names_one_checkout_for_ever() {
    let shop = Shop::open().await;
    let wish = |plan: &str| {
        let request = shop.desk.post(CHECKOUT).header("idempotency-key", "mine");
        shop.desk.send(request.json(&json!({ "plan": plan })))
    };
    let first = wish("usd_50").await.json();
    let second = wish("usd_50").await.json();
    assert_eq!((&first["sessionId"], &first["url"]), (&second["sessionId"], &second["url"]));
    assert_eq!((made(&shop).await.len(), shop.payments().await.len()), (1, 1));
    let other = wish("usd_10").await;
    other.refuses(422, "idempotency_key_reused", "another payment");
    shop.stripe.pay(&text(&first["sessionId"])).await;
    let paid = wish("usd_50").await.json();
    assert_eq!((&paid["payment"]["state"], &paid["url"]), (&json!("paid"), &json!(null)));
    assert_eq!(made(&shop).await.len(), 1);
}

#[tokio::test]
async fn what_is_not_sold_is_refused_before_stripe_hears_of_it() {
    let shop = Shop::open().await;
    for (wish, field, words) in [
        (json!({ "plan": "usd_51" }), "plan", "there is no pack"),
        (json!({ "plan": "" }), "plan", "there is no pack"),
        (json!({ "plan": "usd_50", "currency": "eur" }), "currency", "`eur` is not taken here"),
        (json!({ "plan": "usd_50", "currency": "USD" }), "currency", "these are: usd"),
        (json!({ "plan": "unlimited", "currency": "eur" }), "currency", "paid in dollars"),
    ] {
        let reply = shop.desk.send(shop.desk.post(CHECKOUT).json(&wish)).await;
        reply.refuses(422, "validation_error", words);
        assert_eq!(reply.json()["errors"][0]["field"], field);
    }
    let amount = json!({ "plan": "usd_50", "amount": 1 });
    let reply = shop.desk.send(shop.desk.post(CHECKOUT).json(&amount)).await;
    reply.refuses(422, "validation_error", "amount");
    assert!(made(&shop).await.is_empty() && shop.payments().await.is_empty());
    let nobody = shop.desk.request("POST", CHECKOUT).json(&json!({ "plan": "usd_50" }));
    shop.desk.send(nobody).await.refuses(401, "authentication_required", "");
}

#[tokio::test]
async fn another_currency_is_paid_by_the_operators_table_and_credited_in_dollars() {
    let shop = Shop::of(World::plan().var("CURRENCIES", r#"{"eur": 11000}"#)).await;
    let wish = json!({ "plan": "usd_50", "currency": "eur" });
    let opened = shop.desk.send(shop.desk.post(CHECKOUT).json(&wish)).await.json();
    let payment = &opened["payment"];
    assert_eq!((&payment["amount"], &payment["currency"]), (&json!(4_546), &json!("eur")));
    let session = text(&opened["sessionId"]);
    shop.stripe.pay(&session).await;
    let confirmed = shop.confirm(&session).await.json();
    assert_eq!(confirmed["wallet"]["balanceMicroUsd"], FIFTY);
}

#[tokio::test]
async fn a_checkout_that_fails_halfway_is_made_once_when_it_is_tried_again() {
    let shop = Shop::open().await;
    let wish = || {
        let request = shop.desk.post(CHECKOUT).header("idempotency-key", "again");
        shop.desk.send(request.json(&json!({ "plan": "usd_10" })))
    };
    // Nobody answers; it fails before it is done; it fails, and was done.
    for kind in ["refuse", "500", "429", "cut", "500 after"] {
        shop.stripe.fault(SESSIONS, kind).await;
        wish().await.refuses(503, "unavailable", "");
    }
    let opened = wish().await.json();
    assert_eq!(opened["payment"]["state"], "open");
    assert_eq!(shop.stripe.all("checkout.session").await.len(), 1);
    assert_eq!(shop.payments().await.len(), 1);
}

#[tokio::test]
async fn a_deployment_that_sells_nothing_says_so() {
    let desk = Desk::open().await;
    let wish = json!({ "plan": "usd_10" });
    desk.send(desk.post(CHECKOUT).json(&wish)).await.refuses(503, "unavailable", "");
}
