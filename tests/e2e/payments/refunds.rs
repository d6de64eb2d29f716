//! Money that goes back: refunds, disputes, and what a wallet is worth after them.

use serde_json::json;

use super::shop::{CONFIRM, FIFTY, Shop, text};
use crate::desk::{Reply, ask};

#[tokio::test]
async fn refunds_take_the_credit_back_in_proportion_and_the_last_takes_the_rest() {
    let shop = Shop::open().await;
    let intent = shop.credited("usd_50").await;
    shop.stripe.refund(&intent, Some(1_667)).await;
    shop.deliver().await;
    shop.until_balance(FIFTY - 180_036_000).await;
    shop.stripe.refund(&intent, None).await;
    shop.deliver().await;
    shop.until_balance(0).await;
    let source = |end: &str| format!("stripe:{intent}{end}");
    let booked = [
        (source(""), FIFTY),
        (source(":refund:1"), -180_036_000),
        (source(":refund:2"), -359_964_000),
    ];
    assert_eq!(shop.booked().await, booked);
    let payment = &shop.payments().await[0];
    let told = (&payment["state"], &payment["refundedAmount"]);
    assert_eq!(told, (&json!("refunded"), &json!(5_000)));
}

#[tokio::test]
async fn a_dispute_holds_the_credit_until_it_is_won() {
    let shop = Shop::open().await;
    let intent = shop.credited("usd_50").await;
    let dispute = text(&shop.stripe.dispute(&intent).await["id"]);
    shop.deliver().await;
    shop.until_balance(0).await;
    assert_eq!(shop.payments().await[0]["state"], "disputed");
    shop.stripe.move_dispute(&dispute, "won").await;
    shop.deliver().await;
    shop.until_balance(FIFTY).await;
    assert_eq!(shop.payments().await[0]["state"], "paid");
    assert_eq!(shop.booked().await.len(), 3);
}

#[tokio::test]
async fn a_dispute_lost_after_the_credit_was_spent_leaves_a_debt_and_all_of_the_history() {
    let shop = Shop::open().await;
    let intent = shop.credited("usd_50").await;
    assert_eq!(shop.desk.respond(&ask("Say hi")).await.status, 200);
    let spent = shop.desk.account.charges(1).await[0].charged_micro_usd.micros();
    let before = shop.rows().await;
    let dispute = text(&shop.stripe.dispute(&intent).await["id"]);
    shop.stripe.move_dispute(&dispute, "lost").await;
    shop.deliver().await;
    shop.until_balance(-spent).await;
    shop.desk.respond(&ask("Say hi")).await.refuses(402, "insufficient_credit", "Your wallet owes");
    let after = shop.rows().await;
    assert_eq!(after[..before.len()], before[..], "history was changed");
    assert_eq!(after.iter().map(|row| row.amount_micro_usd.micros()).sum::<i64>(), -spent);
    assert_eq!(shop.payments().await[0]["state"], "lost");
    // What comes next pays the debt first.
    shop.credited("usd_50").await;
    assert_eq!(shop.balance().await, FIFTY - spent);
    assert_eq!(shop.desk.respond(&ask("Say hi")).await.status, 200);
}

#[tokio::test]
async fn a_reading_that_is_overtaken_by_another_never_undoes_it() {
    let shop = Shop::open().await;
    let (session, intent) = shop.paid("usd_50").await;
    shop.confirm(&session).await;
    // Read before the refund, and heard of after it.
    let path = format!("/v1/payment_intents/{intent}");
    let late = json!({ "path": path, "kind": "late", "ms": 1_500 });
    shop.stripe.lead("fault", late).await;
    let request = shop.desk.post(CONFIRM).json(&json!({ "sessionId": session }));
    let slow = tokio::spawn(Reply::to(request));
    loop {
        let calls = shop.stripe.lead("requests", json!({})).await;
        if calls.as_array().expect("a list").iter().any(|call| call["late"] == true) {
            break;
        }
    }
    shop.stripe.refund(&intent, None).await;
    assert!(!slow.is_finished());
    let fast = shop.confirm(&session).await.json();
    assert_eq!(fast["payment"]["state"], "refunded");
    assert_eq!(slow.await.expect("no panic").json()["payment"]["state"], "paid");
    assert_eq!((shop.balance().await, shop.booked().await.len()), (0, 2));
    assert_eq!(shop.payments().await[0]["state"], "refunded");
}

#[tokio::test]
async fn a_refund_after_the_credit_was_spent_does_the_same() {
    let shop = Shop::open().await;
    let intent = shop.credited("usd_10").await;
    assert_eq!(shop.desk.respond(&ask("Say hi")).await.status, 200);
    let spent = shop.desk.account.charges(1).await[0].charged_micro_usd.micros();
    shop.stripe.refund(&intent, None).await;
    shop.deliver().await;
    shop.until_balance(-spent).await;
    shop.desk.respond(&ask("Say hi")).await.refuses(402, "insufficient_credit", "Your wallet owes");
}

#[tokio::test]
async fn what_came_in_another_currency_or_amount_waits_for_a_person_and_is_not_credited() {
    let shop = Shop::open().await;
    for (fields, words) in [
        (json!({ "currency": "eur" }), "eur came"),
        (json!({ "amount_received": 4_999 }), "4999 usd came"),
        (json!({ "metadata": {} }), "does not say that it is this payment"),
    ] {
        let (session, intent) = shop.paid("usd_50").await;
        shop.stripe.lead("patch", json!({ "id": intent, "fields": fields })).await;
        let confirmed = shop.confirm(&session).await.json();
        let told = (&confirmed["credited"], &confirmed["payment"]["inReview"]);
        assert_eq!(told, (&json!(false), &json!(true)), "{confirmed}");
        let problem = text(&shop.shown_to_operator().await[0]["problem"]);
        assert!(problem.contains(words), "{problem}");
    }
    let problems = shop.desk.admin("GET", "/admin/api/payments/problems");
    let problems = shop.desk.send(problems).await.json();
    assert_eq!(problems["data"].as_array().map(Vec::len), Some(3), "{problems}");
    assert_eq!(problems["data"][0]["account"], shop.desk.account.id.as_str());
    assert_eq!(shop.balance().await, 0);
}
