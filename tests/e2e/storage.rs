//! What a runtime that dies leaves behind.

use serde_json::json;
use tests::world::World;

#[tokio::test]
async fn a_killed_runtime_comes_back_with_its_rows() {
    let mut world = World::start().await;
    let (url, pid) = (world.url(), world.pid());
    world.sql("CREATE TABLE notes (text TEXT NOT NULL)", vec![]).await;
    world.sql("INSERT INTO notes (text) VALUES (?1)", vec![json!("kept")]).await;
    world.kill9();
    assert!(reqwest::get(world.at("/health")).await.is_err());
    world.restart().await;
    assert_eq!(world.url(), url);
    assert_ne!(world.pid(), pid);
    assert_eq!(world.sql("SELECT text FROM notes", vec![]).await, [json!({ "text": "kept" })]);
}
