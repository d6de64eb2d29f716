//! What an operator sets: the price, everybody's fair use, and an account's own.

use super::*;

const PATH: &str = "/admin/api/billing/fup-settings";

#[tokio::test]
async fn everybodys_limits_count_from_the_next_call_on_and_an_accounts_own_come_before_them() {
    let plan = World::plan().var("SETTINGS_TTL_MS", "0");
    let desk = Desk::of(plan, "0.00").await;
    subscribe(&desk.world, &desk.account).await;
    let set = |wish: Value| desk.send(desk.admin("POST", PATH).json(&wish));
    let read = set(json!({ "five_hours_usd": "0.008", "price_usd": "249.00" })).await;
    assert_eq!(
        read.json(),
        json!({
            "price_usd": "249.00", "five_hours_micro_usd": 8_000,
            "three_days_micro_usd": 250_000_000,
        })
    );
    calls(&desk, 0, 1).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
    let id = &desk.account.id;
    let own = set(json!({ "user_id": id, "five_hours_usd": "0.016" })).await.json();
    assert_eq!(own["account"]["own_five_hours_micro_usd"], 16_000);
    assert_eq!(own["account"]["windows"][0]["limit_micro_usd"], 16_000);
    assert_eq!(own["account"]["windows"][1]["limit_micro_usd"], 250_000_000);
    calls(&desk, 1, 1).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
    // Nothing of its own any more: everybody's again.
    set(json!({ "five_hours_usd": "0.032" })).await;
    let own = set(json!({ "user_id": id })).await.json();
    assert_eq!(own["account"]["own_five_hours_micro_usd"], Value::Null);
    calls(&desk, 2, 2).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
    let acts = desk.world.sql("SELECT detail FROM audit WHERE act = 'fair_use.set'", vec![]).await;
    assert_eq!(acts.len(), 4);
}

#[tokio::test]
async fn what_is_no_limit_and_no_price_is_refused_by_the_name_of_its_field() {
    let desk = Desk::open().await;
    for (field, value) in [
        ("five_hours_usd", "-1"),
        ("three_days_usd", "many"),
        ("price_usd", "1.001"),
        ("price_usd", "0.49"),
    ] {
        let mut wish = json!({});
        wish[field] = json!(value);
        let reply = desk.send(desk.admin("POST", PATH).json(&wish)).await;
        reply.refuses(422, "validation_error", field);
    }
    let wish = json!({ "user_id": desk.account.id, "price_usd": "1.00" });
    let reply = desk.send(desk.admin("POST", PATH).json(&wish)).await;
    reply.refuses(422, "validation_error", "the price is everybody's");
    let nobody = "acct_00000000000000000000000000000001";
    let reply = desk.send(desk.admin("GET", &format!("{PATH}?user_id={nobody}"))).await;
    reply.refuses(404, "resource_not_found", "no such account");
    desk.send(desk.get(PATH)).await.refuses(403, "permission_denied", "lacks the scope `admin`");
}
