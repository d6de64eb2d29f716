//! Pages, in a real browser: how they look is kept in `target/screenshots`.

use serde_json::json;
use tests::browser;
use tests::world::World;

#[tokio::test]
async fn pages_for_strangers_fit_every_window_and_ask_nobody_else_for_anything() {
    let world = World::start().await;
    let found = browser::run(&world, "strangers.mjs", json!({})).await;
    assert_eq!(found["missing"], 404);
    let policy = found["policy"].as_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
}
