//! The daily look at the books: what differs is told with its reason, and nothing else is.

use std::time::{SystemTime, UNIX_EPOCH};

use functions::domain::account::{Answer, Ask, Command, Outcome};
use schema::admin::{Reconciliation, ReconciliationDifference};
use schema::{Id, MicroUsd, PaymentId, Timestamp};
use serde_json::json;
use tests::world::World;
use tokio::time::{Instant, sleep};

use super::shop::{FIFTY, PATIENCE, POLL, Shop, TEN};
use crate::desk::ask;

const PATH: &str = "/admin/api/reconciliation";
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// A customer who has paid twice and used something, all of it told and summed.
async fn open() -> Shop {
    let shop = Shop::of(World::plan().var("OUTBOX_MS", "1")).await;
    shop.credited("usd_50").await;
    let intent = shop.credited("usd_10").await;
    shop.stripe.refund(&intent, Some(333)).await;
    shop.deliver().await;
    shop.until_balance(FIFTY + TEN - 33_300_000).await;
    assert_eq!(shop.desk.respond(&ask("Say hi")).await.status, 200);
    shop.desk.account.charges(1).await;
    let deadline = Instant::now() + PATIENCE;
    while shop.world().sql("SELECT 1 FROM usage_hourly", vec![]).await.is_empty() {
        assert!(Instant::now() < deadline, "no sum came");
        sleep(POLL).await;
    }
    shop
}

/// Lets so many days end, and keeps the sweeper from mending what this is about.
async fn days_later(shop: &mut Shop, days: i64) {
    shop.world().sql("UPDATE payments SET due_at = NULL", vec![]).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis();
    let now = i64::try_from(now).expect("it fits");
    let skew = DAY_MS - now.rem_euclid(DAY_MS) + 2 * HOUR_MS + (days - 1) * DAY_MS;
    shop.stripe.skew(skew / 1_000).await;
    shop.desk.world.set_var("CLOCK_SKEW_MS", skew.to_string());
    shop.desk.world.restart().await;
}

async fn report(shop: &Shop) -> Reconciliation {
    // Not as a customer's answer is read: an operator is told what we call a route.
    let reply = shop.desk.admin("GET", PATH).send().await.expect("an answer");
    reply.json().await.expect("a report")
}

/// Rings until no day is left to look at.
async fn through(shop: &Shop) -> Vec<ReconciliationDifference> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = report(shop).await.run;
        shop.world().ring().await;
        let after = report(shop).await;
        if before == after.run && after.run.as_ref().is_some_and(|it| it.finished_at.is_some()) {
            return after.differences;
        }
        assert!(Instant::now() < deadline, "it does not end: {:?}", after.run);
    }
}

/// Reasons, subjects, what should be and what is, in order.
fn shown(differences: &[ReconciliationDifference]) -> Vec<(&str, &str, i64, i64)> {
    let mut shown: Vec<_> = differences
        .iter()
        .map(|it| {
            let (expected, found) = (it.expected_micro_usd.micros(), it.found_micro_usd.micros());
            (it.reason.as_str(), it.subject.as_str(), expected, found)
        })
        .collect();
    shown.sort_unstable();
    shown
}

#[tokio::test]
async fn books_that_agree_have_no_difference() {
    let mut shop = open().await;
    assert_eq!(report(&shop).await.run, None);
    days_later(&mut shop, 1).await;
    assert_eq!(shown(&through(&shop).await), []);
    let run = report(&shop).await.run.expect("a run");
    assert_eq!(run.phase, "done");
    // Two payments, a refund and an account; nobody disputes.
    assert_eq!(run.looked, 4);
}

#[tokio::test]
async fn each_difference_is_told_with_its_reason_until_it_is_mended() {
    let mut shop = open().await;
    let account = shop.desk.account.id.clone();
    let (refunded, disputed) = (shop.credited("usd_10").await, shop.credited("usd_50").await);
    // A credit without a payment.
    let (source, note) = ("stripe:pi_nobody".to_owned(), "a slip".to_owned());
    let command = Command::Credit { source, amount: MicroUsd::from_cents(700), note };
    let object = shop.world().object("ACCOUNT", &account);
    let told: Answer = object.ask(&Ask { knock: None, command }).await.expect("an answer");
    assert!(matches!(told.outcome, Outcome::Receipt { .. }), "{told:?}");
    // A payment without a credit.
    let payment: PaymentId = Id::new(Timestamp::from_millis(1), [7; 10]);
    let metadata = json!({
        "account_id": account, "payment_id": payment.to_string(), "purpose": "wallet_topup",
    });
    let lost = shop.stripe.lead("new_intent", json!({ "amount": 900, "metadata": metadata })).await;
    let lost = lost["id"].as_str().expect("an id");
    // What went back, and nobody told us.
    shop.stripe.refund(&refunded, Some(500)).await;
    shop.stripe.dispute(&disputed).await;
    days_later(&mut shop, 1).await;
    // A sum that is not of its rows.
    let sum = &shop.world().sql("SELECT * FROM usage_hourly", vec![]).await[0];
    let charged = sum["charged"].as_f64().expect("a number") as i64;
    let more = "UPDATE usage_hourly SET charged = charged + 1";
    shop.world().sql(more, vec![]).await;
    let found = through(&shop).await;
    let usage = found.iter().find(|it| it.reason == "usage_differs").expect("a sum");
    assert!(usage.subject.ends_with("gpt-5.5 a-label-of-ours"), "{usage:?}");
    let mut wanted = vec![
        ("credit_without_payment", "pi_nobody", 0, 7_000_000),
        ("dispute_differs", disputed.as_str(), -FIFTY, 0),
        ("payment_without_credit", lost, 9_000_000, 0),
        ("refund_differs", refunded.as_str(), -TEN / 2, 0),
        ("usage_differs", usage.subject.as_str(), charged, charged + 1),
    ];
    wanted.sort_unstable();
    assert_eq!(shown(&found), wanted);
    assert!(found.iter().all(|it| it.account_id.to_string() == account));

    // Mended by hand or by what should have done it, they stay on record as such.
    shop.deliver().await;
    shop.until_balance(FIFTY + TEN - 33_300_000 + TEN / 2 + 7_000_000 - charged).await;
    shop.world().sql("UPDATE usage_hourly SET charged = charged - 1", vec![]).await;
    days_later(&mut shop, 2).await;
    let found = through(&shop).await;
    let open = |it: &&ReconciliationDifference| it.resolved_at.is_none();
    let open: Vec<_> = found.iter().filter(open).cloned().collect();
    let reasons: Vec<_> = shown(&open).iter().map(|it| it.0).collect();
    assert!(!reasons.contains(&"refund_differs") && !reasons.contains(&"dispute_differs"));
    assert!(reasons.contains(&"payment_without_credit"), "{reasons:?}");
    assert_eq!(found.len(), 5, "a difference is one row, however often it is seen");
}

#[tokio::test]
async fn a_look_that_fails_goes_on_where_it_stopped() {
    let mut shop = open().await;
    shop.stripe.dispute(&shop.credited("usd_10").await).await;
    days_later(&mut shop, 1).await;
    shop.stripe.fault("/v1/disputes", "500").await;
    // The platform is told that a duty failed.
    let _ = shop.world().database().ring("* * * * *").await;
    let run = report(&shop).await.run.expect("a run");
    assert_eq!((run.phase.as_str(), run.finished_at), ("payments", None));
    shop.stripe.fault("/v1/refunds", "500").await;
    let _ = shop.world().database().ring("* * * * *").await;
    let run = report(&shop).await.run.expect("a run");
    assert_eq!((run.phase.as_str(), run.finished_at), ("refunds", None));
    let found = through(&shop).await;
    assert_eq!(shown(&found).iter().map(|it| it.0).collect::<Vec<_>>(), ["dispute_differs"]);
}
