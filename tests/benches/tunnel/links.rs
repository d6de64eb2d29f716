//! From the moment that a link is up again to a call that works.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use tests::cable::Cable;
use tests::island::Island;
use tests::world::World;
use tokio::time::sleep;

use super::edge::Edge;
use super::events::plan;
use super::quick;
use tests::figures::Times;

const TRIALS: u64 = 40;
const QUICK_TRIALS: u64 = 8;

pub async fn measure(world: &World) -> Result<()> {
    let port = world.url().rsplit(':').next().and_then(|it| it.parse().ok()).context("a port")?;
    let cable = Cable::to(port).await?;
    let island = Island::with_a_way_to(cable.port()).await?;
    let machine = world.machine_on(&island, plan()).await;
    let edge = Edge::open(world, &machine).await?;
    let request = edge.rpc("thread/loaded/list", &json!({}));
    let (mut after_down, mut after_cut) = (Times::default(), Times::default());
    for trial in 0..if quick() { QUICK_TRIALS } else { TRIALS } {
        island.unplug()?;
        sleep(Duration::from_millis(200 + trial * 331 % 4_000)).await;
        // What hung on the old connection is gone for good, as after a new address.
        cable.lose();
        island.plug()?;
        after_down.add(until_answered(&edge, &request).await?);
        cable.cut();
        after_cut.add(until_answered(&edge, &request).await?);
    }
    println!("from a link that is up again, or a cut, to a call that works");
    println!("  link up  {}", after_down.said());
    println!("  cut      {}", after_cut.said());
    Ok(())
}

/// The first call that is answered well; earlier ones may fail or hang.
async fn until_answered(edge: &Edge, request: &[u8]) -> Result<Duration> {
    let begun = Instant::now();
    loop {
        let mut line = edge.line().await?;
        let call = tokio::time::timeout(Duration::from_millis(100), line.call(request)).await;
        if matches!(call, Ok(Ok(_))) {
            return Ok(begun.elapsed());
        }
        anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "no call works any more");
    }
}
