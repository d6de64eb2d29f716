//! What the tunnel costs: the same round trips, events and files straight, through a general TCP
//! tunnel, and through the edge, in one run and in turns. `cargo bench -p tests --bench tunnel`
//!
//! | variable | |
//! |---|---|
//! | `GANTRY_BENCH_QUICK=1` | short rounds, and no TCP tunnel, which has to be installed first |
//! | `GANTRY_BENCH_ONLY` | parts, such as `calls,files,events,approvals,links,agent` |
//!
//! Nothing here passes or fails by a clock. Journal and acknowledgements are on.

mod agent;
mod approvals;
mod bore;
mod calls;
mod edge;
mod events;
mod files;
mod links;

use std::env;

use anyhow::Result;
use tests::packages::Codex;
use tests::runner::{Plan, Profile};
use tests::world::World;

use self::edge::Edge;

/// Whether a part of the bench is wanted.
fn wanted(part: &str) -> bool {
    env::var("GANTRY_BENCH_ONLY").map_or(true, |parts| parts.split(',').any(|it| it == part))
}

fn quick() -> bool {
    env::var("GANTRY_BENCH_QUICK").is_ok_and(|value| value == "1")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let world = World::start().await;
    let plan = Plan { profile: Profile::Release, ..Plan::with(Codex::Newest) };
    let machine = world.machine_of(plan).await;
    let edge = Edge::open(&world, &machine).await?;
    if wanted("agent") {
        agent::measure(&machine).await?;
    }
    if wanted("calls") {
        calls::measure(&edge, &world, &machine).await?;
    }
    if wanted("files") {
        files::measure(&edge).await?;
    }
    drop(machine);
    if wanted("events") {
        events::measure(&world).await?;
    }
    if wanted("approvals") {
        approvals::measure(&world).await?;
    }
    if wanted("links") {
        links::measure(&world).await?;
    }
    Ok(())
}
