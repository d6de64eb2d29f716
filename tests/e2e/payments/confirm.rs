//! `POST /api/v1/wallet/stripe/confirm`, `POST /api/v1/wallet/top-up` and
//! `GET /api/v1/wallet/payments`; the operator sees the same at
//! `/admin/api/users/{user_id}/payments`.

use serde_json::json;

use super::shop::{CONFIRM, FIFTY, Shop, TEN, text};
use crate::desk::Reply;

const TOP_UP: &str = "/api/v1/wallet/top-up";

#[tokio::test]
async fn whoever_comes_back_is_credited_once_by_whatever_door() {
    let shop = Shop::open().await;
    let (session, _) = shop.paid("usd_50").await;
    let id = text(&shop.payments().await[0]["id"]);
    for _ in 0..2 {
        assert_eq!(shop.confirm(&session).await.json()["credited"], true);
        for body in [json!({ "sessionId": session }), json!({ "paymentId": id })] {
            let topped = shop.desk.send(shop.desk.post(TOP_UP).json(&body)).await.json();
            assert_eq!(
                (&topped["credited"], &topped["payment"]["state"]),
                (&json!(true), &json!("paid"))
            );
        }
    }
    assert_eq!((shop.balance().await, shop.booked().await.len()), (FIFTY, 1));
}

#[tokio::test]
async fn who_comes_back_without_having_paid_gets_nothing() {
    let shop = Shop::open().await;
    let session = shop.checkout("usd_50").await;
    let confirmed = shop.confirm(&session).await.json();
    assert_eq!(
        (&confirmed["credited"], &confirmed["payment"]["state"]),
        (&json!(false), &json!("open"))
    );
    shop.stripe.lead("expire", json!({ "session": session })).await;
    let confirmed = shop.confirm(&session).await.json();
    assert_eq!(
        (&confirmed["credited"], &confirmed["payment"]["state"]),
        (&json!(false), &json!("expired"))
    );
    assert_eq!((shop.balance().await, shop.booked().await.len()), (0, 0));
}

#[tokio::test]
async fn money_that_takes_days_is_credited_when_it_comes_and_not_before() {
    let shop = Shop::open().await;
    let (slow, never) = (shop.checkout("usd_10").await, shop.checkout("usd_50").await);
    for session in [&slow, &never] {
        shop.stripe.pay_as(session, "async").await;
        let confirmed = shop.confirm(session).await.json();
        let told = (&confirmed["credited"], &confirmed["payment"]["state"]);
        assert_eq!(told, (&json!(false), &json!("processing")));
    }
    shop.stripe.settle(&slow, true).await;
    shop.stripe.settle(&never, false).await;
    assert_eq!(shop.confirm(&slow).await.json()["credited"], true);
    let failed = shop.confirm(&never).await.json();
    assert_eq!(
        (&failed["credited"], &failed["payment"]["state"]),
        (&json!(false), &json!("failed"))
    );
    assert!(failed["payment"]["failure"].is_string(), "{failed}");
    assert_eq!(shop.balance().await, TEN);
}

#[tokio::test]
async fn nobody_is_credited_for_what_another_paid() {
    let shop = Shop::open().await;
    let (session, _) = shop.paid("usd_50").await;
    let id = text(&shop.payments().await[0]["id"]);
    let thief = shop.world().account("0.00").await;
    for (path, body) in [
        (CONFIRM, json!({ "sessionId": session })),
        (TOP_UP, json!({ "sessionId": session })),
        (TOP_UP, json!({ "paymentId": id })),
    ] {
        let request = shop.desk.request("POST", path).bearer_auth(&thief.key).json(&body);
        Reply::to(request).await.refuses(404, "resource_not_found", "");
    }
    assert_eq!(thief.me().await.wallet.balance_micro_usd.micros(), 0);
    assert_eq!(shop.confirm("cs_test_made_up").await.status, 404);
    assert_eq!(shop.confirm(&session).await.json()["credited"], true);
}

#[tokio::test]
async fn a_top_up_names_what_was_paid_and_never_how_much() {
    let shop = Shop::open().await;
    let both = json!({ "sessionId": "cs_1", "paymentId": format!("pay_{:032x}", 1) });
    for body in [json!({}), both, json!({ "amount": 5_000 }), json!({ "amountUsd": "50.00" })] {
        let reply = shop.desk.send(shop.desk.post(TOP_UP).json(&body)).await;
        reply.refuses(422, "validation_error", "");
    }
}

#[tokio::test]
async fn payments_are_listed_newest_first_page_by_page() {
    let shop = Shop::open().await;
    let mut sessions = Vec::new();
    for _ in 0..3 {
        sessions.push(shop.checkout("usd_10").await);
    }
    shop.stripe.pay(&sessions[1]).await;
    shop.confirm(&sessions[1]).await;
    let states: Vec<_> = shop.payments().await.iter().map(|it| text(&it["state"])).collect();
    assert_eq!(states, ["open", "paid", "open"]);
    let shown = shop.shown_to_operator().await;
    let of: Vec<_> = shown.iter().map(|it| text(&it["session"])).collect();
    sessions.reverse();
    assert_eq!(of, sessions);
    let path = "/api/v1/wallet/payments?limit=2";
    let page = shop.desk.send(shop.desk.get(path)).await.json();
    assert_eq!((page["data"].as_array().map(Vec::len), &page["has_more"]), (Some(2), &json!(true)));
    let next = format!("{path}&starting_after={}", text(&page["next_cursor"]));
    let page = shop.desk.send(shop.desk.get(&next)).await.json();
    assert_eq!(
        (page["data"].as_array().map(Vec::len), &page["has_more"]),
        (Some(1), &json!(false))
    );
}
