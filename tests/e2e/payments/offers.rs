//! What is there once for each customer: private and exit offers, and the credit for sharing.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::shop::{CHECKOUT, Shop, text};
use crate::desk::Reply;

const SHARE: &str = "/api/v1/share-credit";
const CLAIM: &str = "/api/v1/share-credit/claim";

async fn wish(shop: &Shop) -> Reply {
    shop.desk.send(shop.desk.post(CHECKOUT).json(&json!({ "plan": "exit_50" }))).await
}

#[tokio::test]
async fn an_offer_that_is_there_once_has_one_open_page_and_is_paid_once() {
    let shop = Shop::open().await;
    let first = wish(&shop).await.json();
    let second = wish(&shop).await.json();
    assert_eq!(first["sessionId"], second["sessionId"], "two pages could both be paid");
    let session = text(&first["sessionId"]);
    shop.stripe.lead("expire", json!({ "session": session })).await;
    let third = wish(&shop).await.json();
    assert_ne!(third["sessionId"], first["sessionId"], "it has run out");
    shop.stripe.pay(&text(&third["sessionId"])).await;
    let reply = wish(&shop).await;
    reply.refuses(409, "conflict", "You have taken this offer");
    assert_eq!(shop.balance().await, 585_000_000);
}

#[tokio::test]
async fn many_who_want_it_at_once_get_one_page() {
    let shop = Shop::open().await;
    let mut wishes = JoinSet::new();
    for _ in 0..8 {
        wishes.spawn(Reply::to(shop.desk.post(CHECKOUT).json(&json!({ "plan": "exit_50" }))));
    }
    let opened = wishes.join_all().await;
    let first = opened[0].json()["sessionId"].clone();
    assert!(opened.iter().all(|it| it.json()["sessionId"] == first), "{opened:#?}");
    assert_eq!(shop.stripe.all("checkout.session").await.len(), 1);
}

#[tokio::test]
async fn sharing_is_credited_once_however_often_it_is_claimed_at_once() {
    let shop = Shop::open().await;
    let offer = shop.desk.send(shop.desk.get(SHARE)).await.json();
    let told = (&offer["available"], &offer["amountMicroUsd"], &offer["claimedAt"]);
    assert_eq!(told, (&json!(true), &json!(10_000_000), &Value::Null));
    let mut claims = JoinSet::new();
    for _ in 0..20 {
        claims.spawn(Reply::to(shop.desk.post(CLAIM)));
    }
    let claims = claims.join_all().await;
    let new = claims.iter().filter(|reply| reply.json()["replayed"] == false).count();
    assert_eq!((new, shop.balance().await), (1, 10_000_000));
    let offer = shop.desk.send(shop.desk.get(SHARE)).await.json();
    assert_eq!((&offer["available"], offer["claimedAt"].is_string()), (&json!(false), true));
    let rows = shop.rows().await;
    let source = format!("share:{}", shop.desk.account.id);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].source.as_deref(), Some(source.as_str()));
}
