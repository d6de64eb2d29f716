//! A bank that wants its customer's approval: a link leads to a page for exactly that amount.

use reqwest::{Client, redirect};
use schema::agent::AutoTopUpState;
use serde_json::Value;
use tests::world::World;

use super::rig::{Rig, session};
use crate::desk::Reply;

const HOUR_MS: i64 = 3_600_000;

/// Follows a link as a browser would, one step.
async fn follow(link: &str) -> (u16, String, Value) {
    let browser = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    let reply = browser.get(link).send().await.expect("an answer");
    let status = reply.status().as_u16();
    let place = reply.headers().get("location").map(|place| place.to_str().expect("text"));
    let place = place.unwrap_or_default().to_owned();
    let text = reply.text().await.expect("a body");
    (status, place, serde_json::from_str(&text).unwrap_or_default())
}

/// A wallet whose payment waits for approval; tells the link.
async fn waiting(outcome: &str) -> (Rig, String) {
    let mut rig = Rig::on(World::plan()).await;
    rig.stripe.decline(&[outcome]).await;
    rig.spend("6.00").await;
    let told = rig.until_state(AutoTopUpState::NeedsAction).await;
    assert_eq!(told.spent_this_month_usd, "16.000000");
    assert_eq!(rig.told("action_required").await.len(), 1);
    let link = told.approve_url.expect("a link");
    (rig, link)
}

#[tokio::test]
async fn a_customer_who_follows_the_link_pays_exactly_what_was_asked() {
    for outcome in ["authentication_required", "requires_action"] {
        let (mut rig, link) = waiting(outcome).await;
        // What was asked first is called off: it can never be paid beside the other.
        assert_eq!(rig.intents().await[0]["status"], "canceled");
        rig.spend("1.00").await;
        let (status, page, _) = follow(&link).await;
        assert_eq!((status, follow(&link).await.1), (303, page.clone()));
        let session = rig.stripe.pay(&session(&page)).await;
        assert_eq!(session["amount_total"], 1_600);
        rig.until_balance(1_900).await;
        rig.until_state(AutoTopUpState::Idle).await;
        assert_eq!(rig.received().await, [1_600]);
        rig.check_books().await;
        let (status, _, said) = follow(&link).await;
        assert_eq!((status, said["code"].as_str()), (409, Some("conflict")), "{said}");
        assert!(said["detail"].as_str().is_some_and(|text| text.contains("is made")), "{said}");
    }
}

#[tokio::test]
async fn a_payment_that_was_given_up_and_is_paid_late_is_credited_once() {
    let (mut rig, link) = waiting("authentication_required").await;
    let (_, page, _) = follow(&link).await;
    rig.later(23 * HOUR_MS).await;
    let told = rig.until_state(AutoTopUpState::Waiting).await;
    assert!(told.last_failure.is_some_and(|why| why.contains("not approved in time")));
    // It may be paid yet, so it counts.
    assert_eq!(told.spent_this_month_usd, "16.000000");
    let (status, _, said) = follow(&link).await;
    assert_eq!((status, said["code"].as_str()), (403, Some("permission_denied")), "{said}");
    rig.stripe.pay(&session(&page)).await;
    rig.until_balance(2_000).await;
    let told = rig.until_state(AutoTopUpState::Idle).await;
    assert_eq!((told.spent_this_month_usd.as_str(), told.last_failure), ("16.000000", None));
    let events = rig.stripe.events().await;
    rig.stripe.deliver(&events, &rig.world().at("/api/v1/stripe/webhook")).await;
    rig.check_books().await;
}

#[tokio::test]
async fn a_link_that_is_not_ours_leads_nowhere() {
    let (rig, link) = waiting("authentication_required").await;
    for bad in [format!("{link}A"), link.replace("token=", "token=A")] {
        let (status, _, said) = follow(&bad).await;
        assert_eq!((status, said["code"].as_str()), (403, Some("permission_denied")), "{said}");
    }
    // Whoever turns it off takes the link back.
    rig.set(&serde_json::json!({ "enabled": false })).await;
    let (status, _, said) = follow(&link).await;
    assert_eq!((status, said["code"].as_str()), (409, Some("conflict")), "{said}");
    let reply: Reply = rig.desk.send(rig.desk.get("/api/v1/wallet/auto-topup/approve")).await;
    assert_eq!(reply.status, 422);
}
