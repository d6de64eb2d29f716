//! Readings that come late.

use super::*;

/// What the account's object makes of a reading that began so long after another.
async fn hear(desk: &Desk, status: &str, began_ms: i64) -> Value {
    let reading = json!({
        "id": "sub_1", "status": status, "period_start": 0, "period_end": now_ms() + DAY_MS,
        "ends_with_period": false, "price_cents": null, "began_at": 1_000 + began_ms,
    });
    let defaults = json!({ "five_hours": 1_000_000, "three_days": 1_000_000 });
    let hear = json!({ "hear": { "reading": reading, "defaults": defaults } });
    let object = desk.world.object("ACCOUNT", &desk.account.id);
    let heard = object.command(&json!({ "unlimited": hear })).await.expect("an answer");
    heard["unlimited"]["state"].clone()
}

#[tokio::test]
async fn a_reading_that_began_earlier_changes_nothing_also_after_a_restart() {
    let mut desk = Desk::of(World::plan(), "0.00").await;
    assert_eq!(hear(&desk, "active", 1).await["covers"], true);
    assert_eq!(hear(&desk, "canceled", 5).await["covers"], false);
    assert_eq!(hear(&desk, "active", 4).await["covers"], false);
    desk.world.kill9();
    desk.world.restart().await;
    assert_eq!(hear(&desk, "active", 4).await["covers"], false);
    assert_eq!(hear(&desk, "active", 6).await["covers"], true);
}
