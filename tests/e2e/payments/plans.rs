//! `GET /api/v1/plans`.

use serde_json::{Value, json};
use tests::world::World;

use super::shop::Shop;
use crate::desk::Reply;

const PLANS: &str = "/api/v1/plans";

fn ids(plans: &Value) -> Vec<&str> {
    let packs = plans["packs"].as_array().expect("a list");
    packs.iter().map(|pack| pack["id"].as_str().expect("an id")).collect()
}

const EVERYONES: [&str; 4] = ["usd_10", "usd_25", "usd_50", "usd_100"];

#[tokio::test]
async fn a_visitor_sees_what_everyone_may_buy_and_a_customer_also_what_is_for_them_alone() {
    let shop = Shop::open().await;
    let seen = shop.desk.send(shop.desk.request("GET", PLANS)).await.json();
    assert_eq!(ids(&seen), EVERYONES);
    assert_eq!(seen["currencies"], json!(["usd"]));
    let seen = shop.desk.send(shop.desk.get(PLANS)).await.json();
    assert_eq!(ids(&seen), [&EVERYONES[..], &["exit_50"]].concat());
    let exit = &seen["packs"][4];
    let told = [&exit["priceCents"], &exit["creditMicroUsd"], &exit["audience"]];
    assert_eq!(told, [&json!(5_000), &json!(585_000_000), &json!("exit")]);
    assert_eq!((&exit["priceUsd"], &exit["creditUsd"]), (&json!("50.00"), &json!("585.00")));
    shop.credited("exit_50").await;
    let seen = shop.desk.send(shop.desk.get(PLANS)).await.json();
    assert_eq!(ids(&seen), EVERYONES, "it has been taken");
}

#[tokio::test]
async fn a_wrong_key_is_refused_though_nobody_need_say_who_they_are() {
    let shop = Shop::open().await;
    let wrong = shop.desk.request("GET", PLANS).bearer_auth("cdx_sk_wrong");
    let reply = shop.desk.send(wrong).await;
    reply.refuses(401, "authentication_required", "not known here");
}

#[tokio::test]
async fn what_is_sold_is_the_operators_to_say_and_a_slip_sells_nothing() {
    let plan = World::plan().var("PACKS", "[]").var("CURRENCIES", r#"{"eur": 11000}"#);
    let shop = Shop::of(plan).await;
    let seen = shop.desk.send(shop.desk.get(PLANS)).await.json();
    let unlimited = json!({ "id": "unlimited", "priceCents": 19_900, "priceUsd": "199.00" });
    let sold = json!({ "packs": [], "currencies": ["eur", "usd"], "unlimited": unlimited });
    assert_eq!(seen, sold);
    let world = World::plan().var("PACKS", r#"[{"id": "a", "price_cents": 1}]"#).start().await;
    let client = reqwest::Client::new();
    assert_eq!(Reply::to(client.get(world.at(PLANS))).await.status, 503);
}
