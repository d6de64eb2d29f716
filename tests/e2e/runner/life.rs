//! The object's own life: it sleeps while nothing happens, and knows all the same who lives.

use std::time::Duration;

use functions::domain::hub::command::Standing;
use schema::tunnel::FromRunner;
use schema::tunnel::ToRunner;
use tests::world::World;

use super::stage::Stage;

/// Longer than the runtime keeps an object in memory that nothing happens to.
const IDLE: Duration = Duration::from_secs(4);
const TRIES: u32 = 8;

#[tokio::test]
async fn an_idle_object_sleeps_while_its_socket_stays_and_its_runner_is_known_to_live() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let before = stage.describe().await;
    let mut slept = false;
    for _ in 0..TRIES {
        // Only pings, which the platform answers by itself, for as long as it takes.
        for _ in 0..3 {
            tokio::time::sleep(IDLE).await;
            peer.ping().await;
        }
        let now = stage.describe().await;
        assert_eq!((now.standing, now.generation), (Standing::Online, before.generation));
        assert_eq!(now.connected_at, before.connected_at);
        slept = now.awake_since > before.awake_since;
        if slept {
            break;
        }
    }
    assert!(slept, "the object never left memory");
    peer.send(&FromRunner::Ping { n: 9 }, b"").await;
    assert_eq!(peer.next().await.0, ToRunner::Pong { n: 9 });
    let call = stage.call(b"{}", 60_000);
    super::stage::echo(&mut peer).await;
    call.await.expect("no panic").expect("an answer");
}

#[tokio::test]
async fn a_lost_runner_is_suspect_and_then_offline() {
    let mut stage = Stage::of(World::plan()).await;
    assert_eq!(stage.describe().await.standing, Standing::Never);
    let (peer, _) = stage.connect().await;
    assert_eq!(stage.describe().await.standing, Standing::Online);
    peer.leave().await;
    for (skew, standing) in [("1000", Standing::Suspect), ("20000", Standing::Offline)] {
        stage.world.set_var("CLOCK_SKEW_MS", skew);
        stage.world.restart().await;
        let described = stage.describe().await;
        assert_eq!(described.standing, standing, "{described:?}");
        assert!(described.reason.contains("connection was lost"), "{described:?}");
    }
    let (_peer, _) = stage.connect().await;
    assert_eq!(stage.describe().await.standing, Standing::Online);
}
