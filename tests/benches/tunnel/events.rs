//! Events of 1 KB, as many as an app-server can say: read straight from its pipe, and watched
//! through journal, tunnel, hub and edge. And what memory the machine needs while a thousand come
//! each second.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::process::Tree;
use tests::runner::{Machine, Plan, Profile};
use tests::world::World;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::edge::Edge;
use tests::figures::{per_second, ratio};

const COUNT: usize = 20_000;
const BYTES: usize = 1_000;
const PACE: usize = 1_000;
const PACED: usize = 10_000;
const SILENCE: Duration = Duration::from_secs(20);

/// The app-server that does what the text of a turn says.
fn scripted() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_broken-app-server"))
}

/// A machine that hosts it; bubblewrap comes with codex only, and is not what is measured.
pub fn plan() -> Plan {
    let plan = Plan::hosting(scripted()).configured("jail = \"off\"");
    Plan { profile: Profile::Release, ..plan }
}

pub async fn machine(world: &World) -> Result<(Machine, Edge)> {
    let machine = world.machine_of(plan()).await;
    let edge = Edge::open(world, &machine).await?;
    Ok((machine, edge))
}

/// From the process's own pipe.
async fn straight() -> Result<Duration> {
    let mut command = Command::new(scripted());
    command.arg("app-server").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut input = child.stdin.take().context("a pipe")?;
    let mut lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
    let text = format!("flood {COUNT} {BYTES}");
    let params = json!({ "threadId": "t", "input": [{ "type": "text", "text": text }] });
    let turn = json!({ "id": 1, "method": "turn/start", "params": params });
    let begun = Instant::now();
    input.write_all(format!("{turn}\n").as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        if line.contains("turn/completed") {
            return Ok(begun.elapsed());
        }
    }
    anyhow::bail!("the app-server ended")
}

/// A turn, watched by the caller who starts it; how many deltas it saw.
pub async fn watched(edge: &Edge, text: &str) -> Result<(usize, Duration)> {
    let request = reqwest::Client::new().post(format!("http://{}/api/turns", edge.address));
    let request = request.bearer_auth(&edge.key).header("accept", "text/event-stream");
    let begun = Instant::now();
    let mut reply = request.json(&json!({ "prompt": text })).send().await?;
    ensure!(reply.status().is_success(), "{}", reply.text().await?);
    let (mut unread, mut seen) = (Vec::new(), 0);
    while let Some(block) = tokio::time::timeout(SILENCE, reply.chunk()).await?? {
        unread.extend_from_slice(&block);
        while let Some(end) = memchr::memmem::find(&unread, b"\n\n") {
            let frame: Vec<u8> = unread.drain(..end + 2).collect();
            seen += usize::from(memchr::memmem::find(&frame, b"item/agentMessage/delta").is_some());
        }
    }
    Ok((seen, begun.elapsed()))
}

pub async fn measure(world: &World) -> Result<()> {
    let (machine, edge) = machine(world).await?;
    let pipe = straight().await?;
    let (seen, ours) = watched(&edge, &format!("flood {COUNT} {BYTES}")).await?;
    ensure!(seen == COUNT, "{seen} of {COUNT} events were seen");
    let (floor, rate) = (per_second(COUNT, pipe), per_second(COUNT, ours));
    println!("{COUNT} events of 1 KB in one flood, to a viewer");
    println!("  pipe     {floor:>7.0}/s");
    println!("  gantry   {rate:>7.0}/s  ({} of the pipe)", ratio(rate, floor));
    let agent = machine.pid().map(Tree::new);
    let hosts: Vec<Tree> = machine.hosts().into_iter().map(Tree::new).collect();
    for tree in agent.iter().chain(&hosts) {
        tree.forget_peak();
    }
    let (seen, _) = watched(&edge, &format!("pace {PACE} {PACED} {BYTES}")).await?;
    ensure!(seen == PACED, "{seen} of {PACED} events were seen");
    let mb = |bytes: u64| bytes / 1_000_000;
    println!(
        "  memory at {PACE} events a second: agent {} MB, host {} MB",
        agent.iter().map(Tree::peak_bytes_of_root).map(mb).sum::<u64>(),
        hosts.iter().map(Tree::peak_bytes_of_root).map(mb).sum::<u64>(),
    );
    Ok(())
}
