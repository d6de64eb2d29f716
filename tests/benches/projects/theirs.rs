//! The app-server's own WebSocket, watched by whoever asks.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::account::Account;
use tests::packages::{self, Codex};
use tests::world::World;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{DELTA, END, PATIENCE, prompt};
use tests::figures::Times;

const KEY: &str = "GANTRY_BENCH_KEY";

/// An app-server that listens, and one connection to it.
pub struct Direct {
    _child: Child,
    _home: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    threads: Vec<String>,
    asked: i64,
}

impl Direct {
    pub async fn start(world: &World, account: &Account) -> Result<Self> {
        let home = tempfile::tempdir_in(tests::paths::at("target"))?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let provider = format!(
            "{{name=\"gw\",base_url=\"{}/v1\",env_key=\"{KEY}\",wire_api=\"responses\"}}",
            world.url()
        );
        let mut command = Command::new(packages::node());
        command.arg(packages::codex(Codex::Newest));
        command.args(["app-server", "--listen", &format!("ws://127.0.0.1:{port}")]);
        command.args(["-c", "model_provider=\"gw\"", "-c"]);
        command.arg(format!("model_providers.gw={provider}"));
        command.env("CODEX_HOME", home.path()).env(KEY, &account.key).kill_on_drop(true);
        let child = command.current_dir(home.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.spawn()?;
        let url = format!("ws://127.0.0.1:{port}");
        let begun = Instant::now();
        let socket = loop {
            match connect_async(&url).await {
                Ok((socket, _)) => break socket,
                Err(error) => {
                    ensure!(begun.elapsed() < PATIENCE, "{error}");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        };
        let threads = Vec::new();
        let mut direct = Self { _child: child, _home: home, socket, threads, asked: 0 };
        let client = json!({ "name": "bench", "title": null, "version": "0.0.0" });
        direct.call("initialize", json!({ "clientInfo": client })).await?;
        direct.send(&json!({ "method": "initialized" })).await?;
        Ok(direct)
    }

    /// One turn.
    pub async fn sample(&mut self, world: &World, gate: &str) -> Result<Times> {
        self.crowd(world, gate, 1).await
    }

    /// So many turns at one time, in threads of their own.
    pub async fn crowd(&mut self, world: &World, gate: &str, many: usize) -> Result<Times> {
        while self.threads.len() < many {
            let params = json!({ "model": "gpt-5.5", "approvalPolicy": "never", "cwd": null });
            let made = self.call("thread/start", params).await?;
            self.threads.push(made["thread"]["id"].as_str().context("a thread")?.to_owned());
        }
        let before = world.upstream().requests().len();
        for thread in self.threads.clone().iter().take(many) {
            let input = json!([{ "type": "text", "text": prompt(gate) }]);
            self.call("turn/start", json!({ "threadId": thread, "input": input })).await?;
        }
        world.upstream().wait_for(before + many).await;
        let opened = Instant::now();
        world.upstream().release(gate);
        let (mut times, mut ended, mut seen) = (Times::default(), 0, Vec::new());
        while ended < many {
            let said = self.hear().await?;
            let thread = said["params"]["threadId"].as_str().unwrap_or_default().to_owned();
            match said["method"].as_str() {
                Some(DELTA) if !seen.contains(&thread) => {
                    times.add(opened.elapsed());
                    seen.push(thread);
                }
                Some(END) => ended += 1,
                _ => {}
            }
        }
        ensure!(times.len() == many, "{} of {many} spoke", times.len());
        Ok(times)
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "id": id, "method": method, "params": params })).await?;
        loop {
            let said = self.hear().await?;
            if said["id"] == id && said["method"].is_null() {
                ensure!(said["error"].is_null(), "{method}: {said}");
                return Ok(said["result"].clone());
            }
        }
    }

    async fn send(&mut self, value: &Value) -> Result<()> {
        Ok(self.socket.send(Message::text(value.to_string())).await?)
    }

    async fn hear(&mut self) -> Result<Value> {
        loop {
            let said = timeout(PATIENCE, self.socket.next()).await?.context("it hung up")??;
            if let Message::Text(text) = said {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }
}
