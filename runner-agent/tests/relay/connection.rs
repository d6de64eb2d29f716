//! When the agent dials, when it leaves, and when it does not come back.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_hub_that_goes_silent_is_dialled_anew() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(0).await;
        tunnel.lively = false;
        let silent = async { while tunnel.next().await.is_some() {} };
        let (next, ()) = tokio::join!(world.hub.accept(), silent);
        assert_eq!(next.claims.generation, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_work_is_under_way_signs_of_life_pass_through_the_hub() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(1).await;
        tunnel.lively = false;
        let mut beats = 0;
        let (next, ()) = tokio::join!(world.hub.accept(), async {
            while tunnel.next().await.is_some() {}
            beats += 1;
        });
        assert_eq!((next.claims.generation, beats), (2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_network_is_probed_and_a_dead_socket_left_at_once() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(0).await;
        tunnel.lively = false;
        let begun = tokio::time::Instant::now();
        world.changes.send(Change::Up).await.unwrap();
        let silent = async { while tunnel.next().await.is_some() {} };
        let (next, ()) = tokio::join!(world.hub.accept(), silent);
        assert_eq!(next.claims.generation, 2);
        assert!(begun.elapsed().as_millis() < 1_000, "on the test's own clock");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_dialled_again() {
    for (number, code) in [(4001, 10), (4003, 11), (4010, 12)] {
        in_world(async |mut world| {
            let (agent, mut tunnel, _host, _alice) = world.begun(0).await;
            tunnel.close(number, "because").await;
            let outcome = agent.await.unwrap();
            assert_eq!(outcome.code(), code);
            assert!(outcome.words().contains("because"), "{}", outcome.words());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_could_not_store_is_dialled_again() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(0).await;
        tunnel.close(4503, "no room").await;
        assert_eq!(world.hub.accept().await.claims.generation, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_void_credential_is_not_shown_twice() {
    in_world(async |mut world| {
        let agent = world.agent(4);
        world.hub.refuse("401 Unauthorized", "", &hub::words("It was revoked.")).await;
        let outcome = agent.await.unwrap();
        assert_eq!(outcome, Outcome::Revoked("It was revoked.".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_not_the_edges_own_is_not_final() {
    in_world(async |mut world| {
        let _agent = world.agent(4);
        world.hub.refuse("403 Forbidden", "", "<html>Log in to this network first.</html>").await;
        world.hub.accept().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_corrected_by_the_edges_once() {
    in_world(async |mut world| {
        let agent = world.agent(4);
        let (header, date) = hub::DATE;
        let body = hub::words("The claims are of another time.");
        let first = world.hub.refuse("401 Unauthorized", header, &body).await;
        assert!(first.at.since(date).abs() > 60_000);
        let second = world.hub.refuse("401 Unauthorized", header, &body).await;
        assert!(second.at.since(date).abs() < 60_000 && second.generation == 2);
        assert_eq!(agent.await.unwrap().code(), 11);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_asks_for_patience_is_dialled_later() {
    in_world(async |mut world| {
        let _agent = world.agent(4);
        let begun = tokio::time::Instant::now();
        world.hub.refuse("503 Service Unavailable", "retry-after: 7\r\n", "").await;
        world.hub.accept().await;
        assert!(begun.elapsed().as_secs() >= 7, "on the test's own clock");
    })
    .await;
}
