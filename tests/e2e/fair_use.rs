//! The Unlimited plan: what it pays, until when, and what happens then. `/admin/api/billing/
//! fup-settings` and `/api/v1/wallet/subscription`.

mod bought;
mod client;
mod crowd;
mod late;
mod lives;
mod settings;
mod told;
mod turns;
mod windows;

use std::time::{SystemTime, UNIX_EPOCH};

use schema::time::{DAY_MS, HOUR_MS};
use serde_json::{Value, json};
use tests::account::Account;
use tests::world::World;

use crate::desk::{Desk, ask};

/// 1,000 tokens in and 100 out: $0.008 at list price.
const CALL: &str = "rehearse: text 100; usage input=1000 output=100";
const CALL_MICROS: i64 = 8_000;

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    i64::try_from(now).expect("a date")
}

/// Tells an account's object of a subscription, as the Worker does when it has read one at Stripe.
async fn subscribe(world: &World, account: &Account) {
    let reading = json!({
        "id": "sub_1", "status": "active", "period_start": now_ms(),
        "period_end": now_ms() + 30 * DAY_MS, "ends_with_period": false, "price_cents": 19_900,
        "began_at": now_ms(),
    });
    let defaults = json!({ "five_hours": 60_000_000, "three_days": 250_000_000 });
    let hear = json!({ "hear": { "reading": reading, "defaults": defaults } });
    let object = world.object("ACCOUNT", &account.id);
    let heard = object.command(&json!({ "unlimited": hear })).await.expect("an answer");
    assert_eq!(heard["unlimited"]["state"]["covers"], true, "{heard}");
}

/// Gives an account fair use of its own, in dollars.
async fn limit(desk: &Desk, five_hours: &str, three_days: &str) {
    let wish = json!({
        "user_id": desk.account.id, "five_hours_usd": five_hours, "three_days_usd": three_days,
    });
    let set = desk.admin("POST", "/admin/api/billing/fup-settings").json(&wish);
    let set = desk.send(set).await;
    assert_eq!(set.status, 200, "{set:?}");
}

/// How the account stands, as the operator sees it.
async fn standing(desk: &Desk) -> Value {
    let path = format!("/admin/api/billing/fup-settings?user_id={}", desk.account.id);
    let read = desk.send(desk.admin("GET", &path)).await;
    assert_eq!(read.status, 200, "{read:?}");
    read.json()["account"].clone()
}

/// What was used of each window, in micro-dollars.
async fn used(desk: &Desk) -> [i64; 2] {
    let standing = standing(desk).await;
    [0, 1].map(|at| standing["windows"][at]["used_micro_usd"].as_i64().expect("an amount"))
}

/// A subscriber with an empty wallet.
async fn subscriber(five_hours: &str, three_days: &str) -> Desk {
    let desk = Desk::of(World::plan(), "0.00").await;
    subscribe(&desk.world, &desk.account).await;
    limit(&desk, five_hours, three_days).await;
    desk
}

/// Calls, one after the other; each is answered and charged before the next.
async fn calls(desk: &Desk, before: usize, count: usize) {
    for done in 1..=count {
        let reply = desk.respond(&ask(CALL)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        desk.account.charges(before + done).await;
    }
}

/// The same world, so much later.
async fn later(desk: &mut Desk, ms: i64) {
    desk.world.set_var("CLOCK_SKEW_MS", ms.to_string());
    desk.world.restart().await;
}

/// The wallet pays what the plan does not, or no more.
async fn set_fallback(desk: &Desk, on: bool) {
    let set = desk.post("/api/v1/wallet/subscription").json(&json!({ "fallback": on }));
    let set = desk.send(set).await;
    assert_eq!((set.status, &set.json()["fallback"]), (200, &json!(on)), "{set:?}");
}
