//! What a customer may ask for, and what an operator may stop.

use schema::agent::AutoTopUpState;
use serde_json::{Value, json};
use tests::world::World;

use super::rig::{Rig, wish};

fn but(field: &str, value: Value) -> Value {
    let mut body = wish();
    body[field] = value;
    body
}

#[tokio::test]
async fn what_cannot_work_is_refused_in_words() {
    let rig = Rig::bare(World::plan()).await;
    for (body, said) in [
        (json!({ "enabled": true }), "`thresholdUsd`: needed to turn it on"),
        (but("thresholdUsd", json!("five")), "`thresholdUsd`: dollars with at most six decimals"),
        (but("thresholdUsd", json!("0.99")), "`thresholdUsd`: from 1.00 to 10000.00 dollars"),
        (but("targetUsd", json!("5.00")), "`targetUsd`: above the threshold of 5.00 dollars"),
        (but("targetUsd", json!("10000.01")), "`targetUsd`: above the threshold"),
        (but("monthlyCapUsd", json!("14.99")), "`monthlyCapUsd`: at least 15.00 dollars"),
        (but("monthlyCapUsd", json!("20.001")), "`monthlyCapUsd`: whole cents"),
        (but("lowBalanceUsd", json!(["0"])), "`lowBalanceUsd`: above zero"),
        (but("lowBalanceUsd", json!(["1", "2", "3", "4", "5", "6"])), "`lowBalanceUsd`: 5 at most"),
        (but("amount", json!(1)), "The body is not right"),
    ] {
        rig.ask(&body).await.refuses(422, "validation_error", said);
    }
    let told = rig.read().await;
    assert_eq!((told.enabled, told.state), (false, AutoTopUpState::Off));
    assert_eq!(told.low_balance_usd, ["10.000000", "2.000000"]);
    let set = rig.set(&json!({ "enabled": false, "lowBalanceUsd": ["1", "2.5"] })).await;
    assert_eq!(set.low_balance_usd, ["2.500000", "1.000000"]);
}

#[tokio::test]
async fn a_deployment_that_sells_nothing_says_so() {
    let desk = crate::desk::Desk::open().await;
    let reply = desk.send(desk.post(super::rig::PATH).json(&wish())).await;
    assert_eq!(reply.status, 503, "{reply:?}");
}

#[tokio::test]
async fn without_a_card_nothing_is_charged_until_one_is_left() {
    let mut rig = Rig::bare(World::plan()).await;
    let set = rig.set(&wish()).await;
    assert_eq!((set.state, set.has_card), (AutoTopUpState::NeedsCard, false));
    rig.spend("6.00").await;
    assert_eq!(rig.read().await.state, AutoTopUpState::NeedsCard);
    rig.leave_card(&set).await;
    rig.until_balance(2_000).await;
    rig.check_books().await;
}

#[tokio::test]
async fn turned_off_or_stopped_by_an_operator_it_charges_nobody() {
    let mut rig = Rig::on(World::plan()).await;
    let off = rig.set(&json!({ "enabled": false })).await;
    assert_eq!((off.state, off.threshold_usd), (AutoTopUpState::Off, None));
    rig.spend("6.00").await;
    let path = format!("/admin/api/users/{}/auto-topup", rig.desk.account.id);
    let pause = |paused: bool| {
        rig.desk.send(rig.desk.admin("POST", &path).json(&json!({ "paused": paused })))
    };
    assert_eq!(pause(true).await.json()["state"], "off");
    let set = rig.set(&wish()).await;
    assert_eq!((set.enabled, set.state), (true, AutoTopUpState::Paused));
    assert_eq!(rig.read().await.state, AutoTopUpState::Paused);
    assert!(rig.intents().await.is_empty());
    assert_eq!(pause(false).await.status, 200);
    rig.until_balance(2_000).await;
    rig.check_books().await;
    let foreign = rig.desk.request("POST", &path).bearer_auth(&rig.desk.account.key);
    let foreign = foreign.json(&json!({ "paused": true }));
    rig.desk.send(foreign).await.refuses(403, "permission_denied", "lacks the scope");
}

#[tokio::test]
async fn a_fall_of_the_balance_is_told_once_and_again_after_it_was_made_good() {
    let mut rig = Rig::bare(World::plan()).await;
    rig.set(&json!({ "enabled": false, "lowBalanceUsd": ["5", "1"] })).await;
    // What is told follows a moment after the row that it follows from.
    for (change, told) in [
        ("-5.00", vec![]),
        ("-0.01", vec!["low_balance:5.000000:1"]),
        ("-1.00", vec!["low_balance:5.000000:1"]),
        ("-3.00", vec!["low_balance:5.000000:1", "low_balance:1.000000:2"]),
        ("0.50", vec!["low_balance:5.000000:1", "low_balance:1.000000:2"]),
        (
            "-0.50",
            vec!["low_balance:5.000000:1", "low_balance:1.000000:2", "low_balance:1.000000:3"],
        ),
    ] {
        rig.change(change).await;
        rig.until_told("low_balance", told.len()).await;
        rig.desk.world.kill9();
        rig.desk.world.restart().await;
        rig.read().await;
        assert_eq!(rig.told("low_balance").await, told, "{change}");
    }
}
