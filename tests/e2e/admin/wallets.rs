//! `/admin/api/users/{user_id}/wallet`, `…/wallet/credit`, `…/wallet/transactions` and
//! `…/token-usage`: `/admin/api/users/{user_id}/wallet/credit`,
//! `/admin/api/users/{user_id}/wallet/transactions`, `/admin/api/users/{user_id}/token-usage`.

use futures::future::join_all;
use reqwest::RequestBuilder;
use schema::admin::CreateUser;
use serde_json::{Value, json};

use crate::desk::{Desk, Reply, ask};

fn at(desk: &Desk, rest: &str) -> String {
    format!("/admin/api/users/{}/{rest}", desk.account.id)
}

fn credit(desk: &Desk, amount_usd: &str) -> RequestBuilder {
    let body = json!({ "amount_usd": amount_usd, "note": "a gift" });
    desk.admin("POST", &at(desk, "wallet/credit")).json(&body)
}

fn set(desk: &Desk, balance_usd: &str) -> RequestBuilder {
    let body = json!({ "balance_usd": balance_usd });
    desk.admin("POST", &at(desk, "wallet")).json(&body)
}

/// The balance that a change answered, and whether it had been made before.
#[track_caller]
fn check(reply: &Reply, balance_usd: &str, replayed: bool) {
    let body = reply.json();
    assert_eq!(reply.status, 200, "{body}");
    let said = (&body["wallet"]["balanceUsd"], &body["replayed"]);
    assert_eq!(said, (&json!(balance_usd), &json!(replayed)));
}

async fn rows(desk: &Desk) -> Vec<Value> {
    let path = at(desk, "wallet/transactions?limit=100");
    let page = desk.send(desk.admin("GET", &path)).await.json();
    page["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_wallet_is_added_to_taken_from_and_set() {
    let desk = Desk::open().await;
    check(&desk.send(credit(&desk, "0.000001")).await, "25.000001", false);
    check(&desk.send(credit(&desk, "-5")).await, "20.000001", false);
    check(&desk.send(set(&desk, "3.5")).await, "3.500000", false);
    check(&desk.send(set(&desk, "3.5")).await, "3.500000", false);
    let told: Vec<_> = rows(&desk)
        .await
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("kind"), row["amount_micro_usd"].as_i64().expect("a number"), text("note"))
        })
        .collect();
    let row = |kind: &str, amount, note: &str| (kind.to_owned(), amount, note.to_owned());
    assert_eq!(
        told,
        [
            row("correction", 0, ""),
            row("correction", -16_500_001, ""),
            row("credit", -5_000_000, "a gift"),
            row("credit", 1, "a gift"),
            row("credit", 25_000_000, "first credit"),
        ]
    );
}

#[tokio::test]
async fn a_wallet_below_zero_buys_nothing() {
    let desk = Desk::open().await;
    check(&desk.send(credit(&desk, "-25.01")).await, "-0.010000", false);
    let reply = desk.respond(&ask("hello")).await;
    reply.refuses(402, "insufficient_credit", "owes $0.010000");
    desk.check_untouched().await;
}

#[tokio::test]
async fn the_same_change_under_the_same_key_happens_once() {
    let mut desk = Desk::open().await;
    let keyed = |request: RequestBuilder| request.header("idempotency-key", "order-1");
    check(&desk.send(keyed(credit(&desk, "1.00"))).await, "26.000000", false);
    check(&desk.send(keyed(credit(&desk, "1.00"))).await, "26.000000", true);
    check(&desk.send(keyed(credit(&desk, "1.000000"))).await, "26.000000", true);
    check(&desk.send(credit(&desk, "2.00")).await, "28.000000", false);
    desk.world.restart().await;
    check(&desk.send(keyed(credit(&desk, "1.00"))).await, "28.000000", true);
    assert_eq!(rows(&desk).await.len(), 3);
}

#[tokio::test]
async fn another_change_under_the_same_key_is_refused_and_changes_nothing() {
    let desk = Desk::open().await;
    let keyed = |request: RequestBuilder| request.header("idempotency-key", "order-1");
    check(&desk.send(keyed(credit(&desk, "1.00"))).await, "26.000000", false);
    let noted = json!({ "amount_usd": "1.00", "note": "another" });
    let noted = desk.admin("POST", &at(&desk, "wallet/credit")).json(&noted);
    for other in [credit(&desk, "1.01"), credit(&desk, "-1.00"), set(&desk, "26.00"), noted] {
        let reply = desk.send(keyed(other)).await;
        reply.refuses(422, "idempotency_key_reused", "Send a new one");
    }
    assert_eq!(rows(&desk).await.len(), 2);
}

#[tokio::test]
async fn a_balance_set_under_the_same_key_is_set_once() {
    let desk = Desk::open().await;
    let keyed = |request: RequestBuilder| request.header("idempotency-key", "order-1");
    check(&desk.send(keyed(set(&desk, "7.00"))).await, "7.000000", false);
    check(&desk.send(credit(&desk, "1.00")).await, "8.000000", false);
    check(&desk.send(keyed(set(&desk, "7.00"))).await, "8.000000", true);
    let reply = desk.send(keyed(set(&desk, "8.00"))).await;
    reply.refuses(422, "idempotency_key_reused", "Send a new one");
}

#[tokio::test]
async fn the_same_key_serves_another_wallet() {
    let mut desk = Desk::open().await;
    let keyed = |request: RequestBuilder| request.header("idempotency-key", "order-1");
    check(&desk.send(keyed(credit(&desk, "1.00"))).await, "26.000000", false);
    desk.account = desk.world.open_account(&CreateUser::default()).await;
    check(&desk.send(keyed(credit(&desk, "2.00"))).await, "2.000000", false);
}

#[tokio::test]
async fn many_at_once_under_one_key_come_to_one() {
    let desk = Desk::open().await;
    let keyed = |n| credit(&desk, "1.00").header("idempotency-key", format!("order-{}", n % 2));
    let replies = join_all((0..20).map(|n| Reply::to(keyed(n)))).await;
    let fresh = replies.iter().filter(|reply| reply.json()["replayed"] == false);
    assert_eq!(fresh.count(), 2);
    assert_eq!(desk.account.me().await.wallet.balance_usd, "27.000000");
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    let desk = Desk::open().await;
    let keyed = |length| credit(&desk, "1.00").header("idempotency-key", "k".repeat(length));
    desk.send(keyed(256)).await.refuses(422, "validation_error", "at most 255 bytes");
    check(&desk.send(keyed(255)).await, "26.000000", false);
}

#[tokio::test]
async fn an_amount_that_is_none_is_refused() {
    let desk = Desk::open().await;
    for amount in ["", "ten", "1.0000001", "1e3", "1,5", "+-1", " 1", "0x1", "NaN"] {
        let reply = desk.send(credit(&desk, amount)).await;
        reply.refuses(422, "validation_error", "`amount_usd`: dollars with at most six decimals");
        let reply = desk.send(set(&desk, amount)).await;
        reply.refuses(422, "validation_error", "`balance_usd`: dollars with at most six decimals");
    }
    let path = at(&desk, "wallet/credit");
    for body in [json!({}), json!({ "amount_usd": 5 }), json!({ "amount_usd": "1", "x": 1 })] {
        let reply = desk.send(desk.admin("POST", &path).json(&body)).await;
        reply.refuses(422, "validation_error", "The body is not right");
    }
    assert_eq!(rows(&desk).await.len(), 1);
}

#[tokio::test]
async fn the_ledger_is_listed_page_by_page_and_its_rows_sum_to_the_balance() {
    let desk = Desk::open().await;
    desk.respond(&ask("rehearse: text 3")).await;
    desk.account.charges(1).await;
    desk.send(credit(&desk, "1.00")).await;
    let whole = rows(&desk).await;
    let kinds: Vec<_> = whole.iter().map(|row| row["kind"].as_str().expect("text")).collect();
    assert_eq!(kinds, ["credit", "post", "hold", "credit"]);
    let sum =
        |name: &str| whole.iter().map(|row| row[name].as_i64().expect("a number")).sum::<i64>();
    assert_eq!(sum("held_micro_usd"), 0);
    let balance = desk.account.me().await.wallet.balance_micro_usd;
    assert_eq!(
        (sum("amount_micro_usd"), &whole[0]["balance_after_micro_usd"]),
        (balance.micros(), &json!(balance))
    );
    let mut read = Vec::new();
    let mut after = String::new();
    loop {
        let path = at(&desk, &format!("wallet/transactions?limit=3{after}"));
        let page = desk.send(desk.admin("GET", &path)).await.json();
        read.extend(page["data"].as_array().expect("a list").clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        after = format!("&starting_after={cursor}");
    }
    assert_eq!(read, whole);
    let path = at(&desk, "wallet/transactions?starting_after=x");
    desk.send(desk.admin("GET", &path)).await.refuses(422, "validation_error", "not a cursor");
}

#[tokio::test]
async fn the_operator_reads_the_charges_that_the_customer_reads() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.respond(&ask("rehearse: text 3")).await;
    }
    desk.account.charges(3).await;
    for query in ["", "?limit=2"] {
        let theirs = desk.get(&format!("/api/v1/billing/token-usage{query}"));
        let ours = desk.admin("GET", &at(&desk, &format!("token-usage{query}")));
        assert_eq!(desk.send(ours).await.json(), desk.send(theirs).await.json());
    }
}
