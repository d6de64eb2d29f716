//! A JSON-RPC round trip with the app-server: on its own WebSocket, on the same through a TCP
//! tunnel, and through edge and tunnel; and, for what the way alone costs, one that the machine's
//! host answers itself.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use runner_agent::codex;
use serde_json::{Value, json};
use tests::leash::{Leash, free_port};
use tests::packages::{self, Codex};
use tests::paths;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::bore::Bore;
use super::edge::{Edge, Line};
use super::quick;
use tests::figures::{Times, per_second, ratio};

/// In base64 with its envelope this is an answer of 1 KB.
const FILE_BYTES: usize = 740;
const ROUNDS: u32 = 9;
const ROUND: Duration = Duration::from_millis(700);
const QUICK_ROUND: Duration = Duration::from_millis(200);
const CALLERS: [usize; 2] = [1, 16];

/// One caller's way to the app-server.
enum Way {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>, String),
    Edge(Line, Vec<u8>),
}

impl Way {
    async fn socket(port: u16, method: &str, params: &Value) -> Result<Self> {
        let (mut socket, _) = connect_async(format!("ws://127.0.0.1:{port}")).await?;
        let info = json!({ "name": "bench", "title": null, "version": "0" });
        let capabilities = json!({ "experimentalApi": true });
        let params_of_first = json!({ "clientInfo": info, "capabilities": capabilities });
        let first = json!({ "id": 0, "method": "initialize", "params": params_of_first });
        socket.send(Message::text(first.to_string())).await?;
        answer(&mut socket, 0).await?;
        socket.send(Message::text(json!({ "method": "initialized" }).to_string())).await?;
        let request = json!({ "id": 1, "method": method, "params": params });
        Ok(Self::Socket(Box::new(socket), request.to_string()))
    }

    async fn round_trip(&mut self) -> Result<()> {
        match self {
            Self::Socket(socket, request) => {
                socket.send(Message::text(request.clone())).await?;
                answer(socket, 1).await
            }
            Self::Edge(line, request) => line.round_trip(request).await,
        }
    }
}

/// Waits for the answer to a request; notifications in between are not ours.
async fn answer<S>(socket: &mut WebSocketStream<S>, id: u64) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let head = format!("{{\"id\":{id},\"result\"");
    loop {
        let message = socket.next().await.context("the app-server hung up")??;
        let Message::Text(text) = message else { continue };
        if text.starts_with(&head) {
            return Ok(());
        }
        ensure!(!text.starts_with("{\"error\""), "{text}");
    }
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Direct,
    Bore,
    Gantry,
    Host,
}

impl Target {
    const ALL: [Self; 4] = [Self::Direct, Self::Bore, Self::Gantry, Self::Host];

    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bore => "bore",
            Self::Gantry => "gantry",
            Self::Host => "gantry, host",
        }
    }
}

struct Bench<'a> {
    edge: &'a Edge,
    direct: u16,
    bore: Option<Bore>,
    params: Value,
}

impl Bench<'_> {
    async fn way(&self, target: Target) -> Result<Option<Way>> {
        let (method, params) = ("fs/readFile", &self.params);
        Ok(Some(match (target, &self.bore) {
            (Target::Direct, _) => Way::socket(self.direct, method, params).await?,
            (Target::Bore, Some(bore)) => Way::socket(bore.port, method, params).await?,
            (Target::Bore, None) => return Ok(None),
            (Target::Gantry, _) => {
                Way::Edge(self.edge.line().await?, self.edge.rpc(method, params))
            }
            (Target::Host, _) => {
                Way::Edge(self.edge.line().await?, self.edge.rpc("initialize", &json!({})))
            }
        }))
    }

    /// As many round trips as there is time for; each caller waits for its own answer.
    async fn round(&self, target: Target, callers: usize, time: Duration) -> Result<Times> {
        let mut all = JoinSet::new();
        for _ in 0..callers {
            let Some(mut way) = self.way(target).await? else { return Ok(Times::default()) };
            all.spawn(async move {
                let mut times = Times::default();
                let begun = Instant::now();
                while begun.elapsed() < time {
                    let start = Instant::now();
                    way.round_trip().await?;
                    times.add(start.elapsed());
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Times::default();
        for one in all.join_all().await {
            times.extend(one?);
        }
        Ok(times)
    }
}

/// An app-server as it comes, on a WebSocket of its own.
async fn app_server(home: &Path) -> Result<(Leash, u16)> {
    fs::create_dir_all(home)?;
    let port = free_port()?;
    let mut server = Command::new(codex::resolve(&packages::codex(Codex::Newest))?.program);
    server.args(["app-server", "--listen", &format!("ws://127.0.0.1:{port}")]);
    server.env("CODEX_HOME", home);
    Ok((Leash::start(&mut server, &paths::at("target/bench/app-server.log"), port).await?, port))
}

pub async fn measure(edge: &Edge) -> Result<()> {
    let file = edge.workspace.join("one-kilobyte");
    fs::write(&file, "x".repeat(FILE_BYTES))?;
    let (_server, direct) = app_server(&paths::at("target/bench/codex-home")).await?;
    let bore = if quick() { None } else { Some(Bore::to(direct).await?) };
    let bench = Bench { edge, direct, bore, params: json!({ "path": file }) };
    println!("JSON-RPC round trips, answers of 1 KB, {ROUNDS} rounds in turns");
    for callers in CALLERS {
        let mut times = Target::ALL.map(|target| (target, Times::default(), 0.0_f64));
        for round in 0..ROUNDS {
            let length = if quick() { QUICK_ROUND } else { ROUND };
            for turn in 0..times.len() {
                let at = (turn + round as usize) % times.len();
                let (target, all, rate) = &mut times[at];
                let measured = bench.round(*target, callers, length).await?;
                *rate += per_second(measured.len(), length) / f64::from(ROUNDS);
                all.extend(measured);
            }
        }
        let (floor, floor_rate) = (times[0].1.percentile(50), times[0].2);
        for (target, all, rate) in &times {
            println!(
                "  {callers:>2} at once  {:<12}  {}  ({} of direct)  {rate:>7.0}/s  ({})",
                target.name(),
                all.said(),
                ratio(all.percentile(50), floor),
                ratio(*rate, floor_rate),
            );
        }
    }
    Ok(())
}
