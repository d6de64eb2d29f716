//! A JSON-RPC round trip with the app-server: on its own WebSocket, on the same through a TCP
//! tunnel, and through edge and tunnel. And, for what each part of the way costs, shorter ones:
//! what the machine's host answers itself, what the runner's object knows, what the Worker says
//! alone.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use runner_agent::codex;
use serde_json::{Value, json};
use tests::leash::{Leash, free_port};
use tests::packages::{self, Codex};
use tests::paths;
use tests::process::Tree;
use tests::runner::Machine;
use tests::world::World;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::bore::Bore;
use super::edge::{Edge, Line};
use super::quick;
use tests::figures::{Times, per_second, ratio};

/// Files in the directory that is listed, and how long their names are: an answer of 1 KB.
const FILES: usize = 9;
const NAME_CHARS: usize = 55;
const ROUNDS: u32 = 9;
const ROUND: Duration = Duration::from_millis(700);
const QUICK_ROUND: Duration = Duration::from_millis(200);
const CALLERS: [usize; 2] = [1, 16];
/// How the answer to a call begins.
const RESULT: &str = "{\"result\"";

/// One caller's way to the app-server.
enum Way {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>, String),
    Edge(Line, Vec<u8>, &'static str),
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
            Self::Edge(line, request, begins) => line.round_trip(request, begins).await,
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
    Object,
    Worker,
}

impl Target {
    const ALL: [Self; 6] =
        [Self::Direct, Self::Bore, Self::Gantry, Self::Host, Self::Object, Self::Worker];

    fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Bore => "bore",
            Self::Gantry => "gantry",
            Self::Host => "to the host",
            Self::Object => "to the object",
            Self::Worker => "to the Worker",
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
        let (method, params) = ("fs/readDirectory", &self.params);
        let edge = async |request: Vec<u8>, begins: &'static str| {
            anyhow::Ok(Way::Edge(self.edge.line().await?, request, begins))
        };
        Ok(Some(match (target, &self.bore) {
            (Target::Direct, _) => Way::socket(self.direct, method, params).await?,
            (Target::Bore, Some(bore)) => Way::socket(bore.port, method, params).await?,
            (Target::Bore, None) => return Ok(None),
            (Target::Gantry, _) => edge(self.edge.rpc(method, params), RESULT).await?,
            (Target::Host, _) => edge(self.edge.rpc("initialize", &json!({})), RESULT).await?,
            (Target::Object, _) => {
                let path = format!("/api/system/status?account={}", self.edge.account);
                edge(self.edge.get(&path), "{").await?
            }
            (Target::Worker, _) => edge(self.edge.get("/health"), "{").await?,
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

/// Whose processor time is counted.
struct Parties([(&'static str, Tree); 4]);

impl Parties {
    fn of(world: &World, machine: &Machine) -> Result<Self> {
        let agent = machine.pid().context("an agent")?;
        let [host] = machine.hosts()[..] else { bail!("the machine has not one host") };
        Ok(Self([
            ("workerd", Tree::new(world.pid())),
            ("agent", Tree::alone(agent)),
            ("host", Tree::alone(host)),
            ("host and codex", Tree::new(host)),
        ]))
    }

    fn spent(&mut self) -> [Duration; 4] {
        self.0.each_mut().map(|(_, tree)| tree.cpu())
    }

    /// Milliseconds on a processor for each round trip.
    fn said(&self, spent: [Duration; 4], calls: usize) -> String {
        let each = |time: Duration| {
            time.as_secs_f64() * 1e3 / f64::from(u32::try_from(calls.max(1)).unwrap_or(u32::MAX))
        };
        let all =
            self.0.iter().zip(spent).map(|((name, _), time)| format!("{name} {:.3}", each(time)));
        all.collect::<Vec<_>>().join(", ")
    }
}

/// What was measured of one target.
#[derive(Default)]
struct Row {
    times: Times,
    rate: f64,
    spent: [Duration; 4],
}

pub async fn measure(edge: &Edge, world: &World, machine: &Machine) -> Result<()> {
    // What an operator reads of another's files is noted: a row of it would be measured too.
    let folder = edge.workspace.join("one-kilobyte");
    fs::create_dir_all(&folder)?;
    for number in 0..FILES {
        fs::write(folder.join(format!("{number:x<NAME_CHARS$}")), "")?;
    }
    let (_server, direct) = app_server(&paths::at("target/bench/codex-home")).await?;
    let bore = if quick() { None } else { Some(Bore::to(direct).await?) };
    let bench = Bench { edge, direct, bore, params: json!({ "path": folder }) };
    let mut parties = Parties::of(world, machine)?;
    println!("JSON-RPC round trips, answers of 1 KB, {ROUNDS} rounds in turns");
    for callers in CALLERS {
        let mut rows = Target::ALL.map(|target| (target, Row::default()));
        for round in 0..ROUNDS {
            let length = if quick() { QUICK_ROUND } else { ROUND };
            for turn in 0..rows.len() {
                let at = (turn + round as usize) % rows.len();
                let (target, row) = &mut rows[at];
                let before = parties.spent();
                let measured = bench.round(*target, callers, length).await?;
                for (sum, (before, after)) in
                    row.spent.iter_mut().zip(before.into_iter().zip(parties.spent()))
                {
                    *sum += after.saturating_sub(before);
                }
                row.rate += per_second(measured.len(), length) / f64::from(ROUNDS);
                row.times.extend(measured);
            }
        }
        let (floor, floor_rate) = (rows[0].1.times.percentile(50), rows[0].1.rate);
        for (target, Row { times, rate, spent }) in &rows {
            println!(
                "  {callers:>2} at once  {:<13}  {}  ({} of direct)  {rate:>7.0}/s  ({})",
                target.name(),
                times.said(),
                ratio(times.percentile(50), floor),
                ratio(*rate, floor_rate),
            );
            println!("              on a processor, ms: {}", parties.said(*spent, times.len()));
        }
    }
    Ok(())
}
