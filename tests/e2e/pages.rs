//! Pages, in a real browser: how they look is kept in `target/screenshots`. What others wrote of it
//! is served as `/assets/vendor/{file}`.

use serde_json::json;
use tests::browser;
use tests::world::World;

use crate::desk::Desk;

#[tokio::test]
async fn pages_for_strangers_fit_every_window_and_ask_nobody_else_for_anything() {
    let world = World::start().await;
    let found = browser::run(&world, "strangers.mjs", json!({})).await;
    assert_eq!(found["missing"], 404);
    let policy = found["policy"].as_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn a_newcomer_who_has_to_be_approved_is_told_so() {
    let desk = Desk::open().await;
    let wish = json!({ "approval_required": true });
    let set = desk.send(desk.admin("POST", "/admin/api/signup-settings").json(&wish)).await;
    assert_eq!(set.status, 200, "{set:?}");
    let about = json!({ "email": "ada@example.com", "password": "no analytical engine" });
    let found = browser::run(&desk.world, "pending.mjs", about).await;
    assert_eq!(found, json!({ "wallet": false, "signIn": true }));
}
