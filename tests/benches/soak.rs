//! Ten minutes of everything at once, bounded: whole and streamed answers, hang-ups, refusals and
//! failures. It shows the memory of the runtime as it goes, and stops with an error if it grew or a
//! micro-dollar is missing. `GANTRY_SOAK_SECONDS` shortens it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use reqwest::Client;
use schema::admin::CreateUser;
use serde_json::{Value, json};
use tests::account::Account;
use tests::world::World;
use tokio::time::{interval, sleep};

const SECONDS: u64 = 600;
/// Between two calls of one caller, so that the soak is long rather than hot.
const PAUSE: Duration = Duration::from_millis(20);
const CALLERS: usize = 12;
const SAMPLES: usize = 60;
/// The memory of the last third over that of the middle third, in per cent, at the most.
const GROWTH_MAX_PERCENT: u64 = 10;

/// What callers ask for, in turns.
const PROMPTS: [&str; 8] = [
    "rehearse: text 20",
    "rehearse: text 200",
    "rehearse: burst 200",
    "rehearse: pace 5ms 60",
    "rehearse: text 40; cut 20",
    "rehearse: fail 500",
    "rehearse: usage missing; text 10",
    "rehearse: text 3",
];

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = std::env::var("GANTRY_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let length = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let world = World::start().await;
    let account = world.open_account(&unlimited()).await;
    let until = Instant::now() + length;
    let url = world.at("/v1/responses");
    let callers =
        (0..CALLERS).map(|n| tokio::spawn(call_until(until, url.clone(), n, account.key.clone())));
    let callers: Vec<_> = callers.collect();
    let memory = watch(&world, length).await?;
    let mut calls = 0;
    for caller in callers {
        calls += caller.await??;
    }
    world.upstream().reset();
    judge(&memory)?;
    settled(&account).await?;
    println!("{calls} calls, nothing left on hold, memory flat");
    Ok(())
}

fn unlimited() -> CreateUser {
    CreateUser {
        plan: Some("enterprise".to_owned()),
        credit_usd: Some("100000.00".to_owned()),
        requests_per_hour: Some(10_000_000),
        concurrent_requests: Some(1_000),
        ..CreateUser::default()
    }
}

/// One caller: a prompt after the other, every fifth answer left after its first block.
async fn call_until(until: Instant, url: String, first: usize, key: String) -> Result<u64> {
    let (http, mut calls) = (Client::new(), 0);
    while Instant::now() < until {
        let turn = first + usize::try_from(calls).unwrap_or(0);
        let prompt = PROMPTS[turn % PROMPTS.len()];
        let body =
            json!({ "model": "gpt-5.5", "input": prompt, "stream": !turn.is_multiple_of(3) });
        let thread = format!("soak-{first}-{}", calls / 10);
        let request = http.post(&url).bearer_auth(&key).header("thread-id", thread).json(&body);
        // An answer that breaks off is among what is asked for.
        if let Ok(answer) = request.send().await {
            let mut blocks = answer.bytes_stream();
            while let Some(Ok(_)) = blocks.next().await {
                if turn.is_multiple_of(5) {
                    break;
                }
            }
        }
        calls += 1;
        sleep(PAUSE).await;
    }
    Ok(calls)
}

/// The memory of the runtime in kilobytes, sixty times over the length, shown as it is read.
async fn watch(world: &World, length: Duration) -> Result<Vec<u64>> {
    let step = length / u32::try_from(SAMPLES)?;
    let (mut ticks, mut memory) = (interval(step), Vec::new());
    ticks.tick().await;
    for _ in 0..SAMPLES {
        ticks.tick().await;
        let kilobytes = resident(world.pid())?;
        memory.push(kilobytes);
        let at = step * u32::try_from(memory.len())?;
        println!("{:>5} s  {kilobytes:>8} kB", at.as_secs());
        // The scripted model keeps what it was asked; this one process holds both.
        world.upstream().reset();
    }
    Ok(memory)
}

fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(number.parse()?)
}

fn judge(memory: &[u64]) -> Result<()> {
    let third = memory.len() / 3;
    let median = |part: &[u64]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part[part.len() / 2]
    };
    let (middle, last) = (median(&memory[third..2 * third]), median(&memory[2 * third..]));
    println!("middle third {middle} kB, last third {last} kB");
    ensure!(last * 100 <= middle * (100 + GROWTH_MAX_PERCENT), "the memory grew");
    Ok(())
}

/// Waits until every call has been settled.
async fn settled(account: &Account) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(150);
    loop {
        let me: Value = serde_json::to_value(account.me().await)?;
        let held = me.pointer("/wallet/heldMicroUsd").and_then(Value::as_i64).context("held")?;
        if held == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{held} micro-dollars are still on hold");
        sleep(Duration::from_millis(200)).await;
    }
}
