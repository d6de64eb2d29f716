//! `/admin/api/billing`, `/admin/api/billing/settings`, `/admin/api/model-provider`,
//! `/admin/api/model-usage`.

use std::time::Duration;

use serde_json::{Value, json};
use tests::world::{ROUTE, World};
use tokio::time::{Instant, sleep};

use crate::desk::{Desk, Reply, ask};

const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// A world in which a changed setting counts from the next request on.
async fn desk() -> Desk {
    let plan = World::plan().var("SETTINGS_TTL_MS", "0").var("OUTBOX_MS", "1");
    Desk::of(plan, "25.00").await
}

async fn price(desk: &Desk, mut price: Value) -> Value {
    price["model"] = json!("gpt-5.5");
    let set = desk.admin("POST", "/admin/api/billing/settings").json(&price);
    let set = desk.send(set).await;
    assert_eq!(set.status, 200, "{set:?}");
    set.json()["prices"][0].clone()
}

/// What a call with this usage is charged.
async fn charge(desk: &Desk, usage: &str, earlier: usize) -> i64 {
    desk.respond(&ask(&format!("rehearse: text 1; usage {usage}"))).await;
    let charges = desk.account.charges(earlier + 1).await;
    charges[earlier].charged_micro_usd.micros()
}

#[tokio::test]
async fn the_first_prices_are_five_and_thirty_dollars_for_a_million_tokens() {
    let desk = desk().await;
    let billing = desk.send(desk.admin("GET", "/admin/api/billing")).await.json();
    let prices = billing["prices"].as_array().expect("a list");
    assert_eq!(prices.len(), 2);
    for price in prices {
        assert_eq!((&price["input"], &price["output"]), (&json!(5_000_000), &json!(30_000_000)));
        assert_eq!(price["input_billing"], "new_context");
    }
    assert_eq!(charge(&desk, "input=1000 output=50", 0).await, 1_000 * 5 + 50 * 30);
}

#[tokio::test]
async fn a_new_price_counts_from_the_next_call_on_and_changes_no_charge_that_was_made() {
    let desk = desk().await;
    let usage = "input=1000 cached=400 output=50 reasoning=20";
    assert_eq!(charge(&desk, usage, 0).await, 6_500);
    let dear = price(
        &desk,
        json!({
            "input_usd_per_million": "7", "output_usd_per_million": "11.5",
            "cached_input_usd_per_million": "0.5", "reasoning_usd_per_million": "100",
            "per_call_usd": "0.000009",
        }),
    );
    assert_eq!(dear.await["input"], 7_000_000);
    assert_eq!(charge(&desk, usage, 1).await, 600 * 7 + 200 + 30 * 23 / 2 + 20 * 100 + 9);
    let free = json!({ "input_usd_per_million": "0", "output_usd_per_million": "0" });
    let free = price(&desk, free).await;
    assert_eq!(charge(&desk, usage, 2).await, 0);
    assert_eq!(free["id"], 4, "{free}");
    let charges = desk.account.charges(3).await;
    let charged: Vec<_> = charges.iter().map(|charge| charge.charged_micro_usd.micros()).collect();
    assert_eq!(charged, [6_500, 6_754, 0]);
}

#[tokio::test]
async fn input_is_billed_new_or_whole_as_the_price_says() {
    let desk = desk().await;
    let prices = |rule: &str| {
        let mut price = json!({ "input_usd_per_million": "5", "output_usd_per_million": "0" });
        price["input_billing"] = json!(rule);
        price
    };
    let turn = |input: u64| {
        let body = ask(&format!("rehearse: text 1; usage input={input} output=1"));
        desk.send(desk.post("/v1/responses").header("thread_id", "t-1").json(&body))
    };
    price(&desk, prices("new_context")).await;
    turn(1_000).await;
    turn(1_500).await;
    desk.account.charges(2).await;
    price(&desk, prices("all")).await;
    turn(1_600).await;
    let charges = desk.account.charges(3).await;
    let billed: Vec<_> = charges.iter().map(|charge| charge.billed_input_tokens).collect();
    assert_eq!(billed, [1_000, 500, 1_600]);
}

#[tokio::test]
async fn a_price_that_is_none_is_refused_by_the_name_of_the_field() {
    let desk = desk().await;
    let with = |field: &str, value: Value| {
        let mut price = json!({
            "model": "gpt-5.5", "input_usd_per_million": "5", "output_usd_per_million": "30",
        });
        price[field] = value;
        price
    };
    let settings = "/admin/api/billing/settings";
    for (field, value) in [
        ("model", json!("")),
        ("input_usd_per_million", json!("-1")),
        ("output_usd_per_million", json!("many")),
        ("cached_input_usd_per_million", json!("1.0000001")),
        ("reasoning_usd_per_million", json!("-0.1")),
        ("per_call_usd", json!("")),
        ("input_billing", json!("some")),
    ] {
        let reply = desk.send(desk.admin("POST", settings).json(&with(field, value))).await;
        reply.refuses(422, "validation_error", field);
        assert_eq!(reply.json()["errors"][0]["field"], field, "{reply:?}");
    }
    for wrong in [with("unknown", json!(1)), with("input_usd_per_million", json!(5)), json!({})] {
        let reply = desk.send(desk.admin("POST", settings).json(&wrong)).await;
        reply.refuses(422, "validation_error", "The body is not right");
    }
    let billing = desk.send(desk.admin("GET", "/admin/api/billing")).await.json();
    assert_eq!(billing["prices"][0]["id"], 1);
}

#[tokio::test]
async fn a_route_that_there_is_not_cannot_be_chosen() {
    let desk = desk().await;
    let path = "/admin/api/model-provider";
    let routes = json!({ "active": ROUTE, "routes": [ROUTE] });
    assert_eq!(Reply::to(desk.admin("GET", path)).await.json(), routes);
    let reply = desk.send(desk.admin("POST", path).json(&json!({ "provider": "other" }))).await;
    reply.refuses(422, "validation_error", "there is no route `other`");
    assert_eq!(reply.json()["errors"][0]["field"], "provider");
    let chosen = desk.admin("POST", path).json(&json!({ "provider": ROUTE }));
    assert_eq!(Reply::to(chosen).await.json(), routes);
}

#[tokio::test]
async fn what_each_model_came_to_is_summed_over_all_accounts() {
    let desk = desk().await;
    let other = desk.world.account("5.00").await;
    let body = ask("rehearse: text 1; usage input=1000 output=50");
    for key in [&desk.account.key, &desk.account.key, &other.key] {
        let request = desk.request("POST", "/v1/responses").bearer_auth(key);
        assert_eq!(desk.send(request.json(&body)).await.status, 200);
    }
    let sums = json!([{
        "provider": ROUTE, "model": "gpt-5.5", "requests": 3, "input_tokens": 3_000,
        "output_tokens": 150, "charged_micro_usd": 3 * 6_500,
    }]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let read = Reply::to(desk.admin("GET", "/admin/api/model-usage")).await.json();
        if read == sums {
            return;
        }
        assert!(Instant::now() < deadline, "{read} did not become {sums}");
        sleep(POLL).await;
    }
}
