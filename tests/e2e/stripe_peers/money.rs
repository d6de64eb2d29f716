//! Payments as the stand-in plays them.

use serde_json::json;
use tests::stripe::Stripe;

#[tokio::test]
async fn a_kept_card_is_charged_refunded_and_disputed() {
    let stripe = Stripe::start().await;
    let made = stripe.lead("new_customer", json!({})).await;
    let customer = made["customer"]["id"].as_str().expect("an id");
    let how = json!({ "amount": 5_000, "customer": customer });
    let intent = stripe.lead("new_intent", how).await;
    assert_eq!(
        (&intent["status"], &intent["amount_received"]),
        (&json!("succeeded"), &json!(5_000))
    );
    let id = intent["id"].as_str().expect("an id");
    stripe.refund(id, Some(1_500)).await;
    let dispute = stripe.dispute(id).await;
    stripe.move_dispute(dispute["id"].as_str().expect("an id"), "lost").await;
    let charge = stripe.object(intent["latest_charge"].as_str().expect("an id")).await;
    let shown = [&charge["amount_refunded"], &charge["disputed"], &charge["refunded"]];
    assert_eq!(shown, [&json!(1_500), &json!(true), &json!(false)]);
    let events = stripe.events().await;
    let types: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let told = [
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
        "charge.dispute.created",
        "charge.updated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
    ];
    assert_eq!(types, told);
}
