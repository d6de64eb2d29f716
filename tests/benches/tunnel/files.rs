//! A file of 64 MiB from the machine: over bare TCP, through a TCP tunnel, and through edge and
//! tunnel.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::bore::Bore;
use super::edge::Edge;
use super::quick;
use tests::figures::ratio;

pub const FILE_BYTES: usize = 64 << 20;
const ROUNDS: usize = 7;
const BLOCK_BYTES: usize = 1 << 20;

/// Puts the file into a workspace; the call that fetches it.
pub fn place(edge: &Edge) -> Result<Vec<u8>> {
    let mut content = vec![0_u8; FILE_BYTES];
    getrandom::fill(&mut content[..BLOCK_BYTES])?;
    fs::write(edge.workspace.join("big"), content)?;
    let path = format!("/admin/api/runners/{}/file?account={}&path=big", edge.runner, edge.account);
    Ok(edge.get(&path))
}

/// Sends the file to whoever connects.
async fn serve(file: &Path) -> Result<u16> {
    let content = Arc::new(fs::read(file)?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let content = content.clone();
            tokio::spawn(async move {
                let _ = stream.write_all(&content).await;
            });
        }
    });
    Ok(port)
}

/// Megabytes per second of one fetch over a bare connection.
async fn bare(port: u16) -> Result<f64> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut block, mut size) = (vec![0; BLOCK_BYTES], 0);
    while size < FILE_BYTES {
        let read = stream.read(&mut block).await?;
        ensure!(read > 0, "cut after {size} bytes");
        size += read;
    }
    Ok(rate(begun))
}

#[expect(clippy::cast_precision_loss, reason = "a size far below 2^53")]
fn rate(begun: Instant) -> f64 {
    FILE_BYTES as f64 / 1e6 / begun.elapsed().as_secs_f64()
}

pub async fn measure(edge: &Edge) -> Result<()> {
    let request = place(edge)?;
    let direct = serve(&edge.workspace.join("big")).await?;
    let bore = if quick() { None } else { Some(Bore::to(direct).await?) };
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rates[0].push(bare(direct).await?);
        if let Some(bore) = &bore {
            rates[1].push(bare(bore.port).await?);
        }
        let begun = Instant::now();
        let size = edge.line().await?.fetch(&request, &mut Vec::new()).await?;
        ensure!(size == FILE_BYTES, "{size} bytes of {FILE_BYTES}");
        rates[2].push(rate(begun));
    }
    println!("a file of 64 MiB, medians of {ROUNDS}");
    let medians = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    });
    for (name, rate) in ["direct", "bore", "gantry"].iter().zip(medians) {
        println!("  {name:<8} {rate:>6.0} MB/s  ({} of direct)", ratio(rate, medians[0]));
    }
    Ok(())
}
