//! From a question on the machine to whoever watches, alone and while files of 64 MiB are on their
//! way.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::world::World;

use super::edge::Edge;
use super::events::machine;
use super::files;
use tests::figures::Times;

const QUESTIONS: usize = 300;

/// Has so many questions asked, one after the other; how long each was on its way.
async fn asked(edge: &Edge) -> Result<Times> {
    let http = reqwest::Client::new();
    let request = http.post(format!("http://{}/api/turns", edge.address)).bearer_auth(&edge.key);
    let request = request.header("accept", "text/event-stream");
    let prompt = format!("ask {QUESTIONS}");
    let mut reply = request.json(&json!({ "prompt": prompt })).send().await?;
    ensure!(reply.status().is_success(), "{}", reply.text().await?);
    let mut line = edge.line().await?;
    let (mut unread, mut times) = (Vec::new(), Times::default());
    while let Some(block) = reply.chunk().await? {
        unread.extend_from_slice(&block);
        while let Some(end) = memchr::memmem::find(&unread, b"\n\n") {
            let frame: Vec<u8> = unread.drain(..end + 2).collect();
            let frame = String::from_utf8(frame)?;
            let Some(data) = frame.lines().find_map(|line| line.strip_prefix("data: ")) else {
                continue;
            };
            let event: Value = serde_json::from_str(data)?;
            let Some(at) = event["params"]["atMicros"].as_u64() else { continue };
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            times.add(now.saturating_sub(Duration::from_micros(at)));
            let id = event["id"].as_str().context("a question's name")?;
            let path = format!("/api/server-requests/{id}/resolve?account={}", edge.account);
            let request = edge.post(&path, &edge.admin_token, &json!({}));
            line.call(&request).await?;
        }
    }
    ensure!(times.len() == QUESTIONS, "{} of {QUESTIONS} questions were seen", times.len());
    Ok(times)
}

/// Fetches the file again and again.
async fn fetch_for_ever(edge: Edge, request: Vec<u8>) -> Result<()> {
    loop {
        edge.line().await?.fetch(&request, &mut Vec::new()).await?;
    }
}

pub async fn measure(world: &World) -> Result<()> {
    let (_machine, edge) = machine(world).await?;
    let request = files::place(&edge)?;
    let alone = asked(&edge).await?;
    let fetching = tokio::spawn(fetch_for_ever(edge.clone(), request));
    let busy = asked(&edge).await?;
    ensure!(!fetching.is_finished(), "the file was not to be had: {:?}", fetching.await);
    fetching.abort();
    println!("{QUESTIONS} approvals, from the machine to a viewer");
    println!("  alone                     {}", alone.said());
    println!(
        "  beside files of 64 MiB    {}  (p99 +{:.2} ms)",
        busy.said(),
        busy.percentile(99) - alone.percentile(99)
    );
    Ok(())
}
