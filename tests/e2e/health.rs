//! `GET /health`, and the timer.

use tests::world::World;

#[tokio::test]
async fn a_started_worker_is_healthy() {
    let world = World::start().await;
    let reply = reqwest::get(world.at("/health")).await.expect("an answer");
    assert_eq!(reply.status(), 200);
}

#[tokio::test]
async fn the_timer_can_be_rung() {
    let world = World::start().await;
    world.ring().await;
}
