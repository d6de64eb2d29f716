//! How soon a viewer sees what codex says: a turn of a project watched through the edge, beside the
//! same turn watched on the app-server's own WebSocket, in one run and in turns.
//! `cargo bench -p tests --bench projects`
//!
//! A sample is one turn: the scripted model holds its answer back behind a gate, and the time runs
//! from the gate's opening to the first delta at the viewer. Both sides ask the same model through
//! the same edge, so what differs is the way of an event. With many viewers each of them is a
//! sample; with many projects all turns run at one time.
//!
//! | variable | |
//! |---|---|
//! | `GANTRY_BENCH_QUICK=1` | a few turns of each kind |
//!
//! Nothing here passes or fails by a clock.

mod ours;
mod theirs;

use std::env;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use tests::packages::Codex;
use tests::runner::{Plan, Profile};
use tests::world::World;

use self::ours::Project;
use self::theirs::Direct;
use tests::figures::{Times, ratio};

/// What tells of the model's words.
const DELTA: &str = "item/agentMessage/delta";
const END: &str = "turn/completed";
const PATIENCE: Duration = Duration::from_secs(60);

fn turns() -> usize {
    if env::var("GANTRY_BENCH_QUICK").is_ok_and(|value| value == "1") { 5 } else { 60 }
}

/// A prompt whose answer waits behind a gate.
fn prompt(gate: &str) -> String {
    format!("rehearse: text 3; wait {gate}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let world = World::start().await;
    let plan = Plan { profile: Profile::Release, ..Plan::with(Codex::Newest) };
    let _machine = world.machine_of(plan).await;
    let account = world.account("1000.00").await;
    let begun = Instant::now();
    let first = Project::open(&world, &account).await?;
    println!("open to the first event of a new account's first project: {:?}", begun.elapsed());
    let mut opening = Times::default();
    for _ in 0..turns().min(20) {
        opening.add(Project::open_to_first_event(&world, &account).await?);
    }
    println!("open to the first event of a turn, another project     {}", opening.said());
    let mut direct = Direct::start(&world, &account).await?;

    for viewers in [1, 10, 100] {
        let (mut ours, mut theirs) = (Times::default(), Times::default());
        let mut watched = first.watch(viewers).await?;
        for turn in 0..turns() {
            let gate = format!("v{viewers}-{turn}");
            theirs.extend(direct.sample(&world, &gate).await?);
            // A gate that was opened stays open.
            let gate = format!("{gate}-ours");
            ours.extend(first.sample(&world, &mut watched, &gate).await?);
        }
        say(&format!("{viewers:>3} viewers, one project"), &ours, &theirs);
    }
    for many in [10, 50] {
        let projects = try_join_all((0..many).map(|_| Project::open(&world, &account))).await?;
        let mut theirs = Times::default();
        let mut ours = Times::default();
        let mut viewers = Vec::new();
        for project in &projects {
            viewers.push(project.watch(1).await?);
        }
        for turn in 0..turns().div_ceil(6) {
            let gate = format!("p{many}-{turn}");
            theirs.extend(direct.crowd(&world, &gate, many).await?);
            let gate = format!("{gate}-ours");
            ours.extend(ours::crowd(&world, &projects, &mut viewers, &gate).await?);
        }
        say(&format!("{many:>3} projects at one time"), &ours, &theirs);
    }
    Ok(())
}

fn say(what: &str, ours: &Times, theirs: &Times) {
    println!("{what}");
    println!("  own socket {}", theirs.said());
    let (p50, p99) = (
        ratio(ours.percentile(50), theirs.percentile(50)),
        ratio(ours.percentile(99), theirs.percentile(99)),
    );
    println!("  gantry     {}  ({p50} and {p99} times)", ours.said());
}
