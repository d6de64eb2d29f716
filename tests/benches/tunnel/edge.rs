//! The edge with a machine behind it, asked over connections that are kept.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::account::Account;
use tests::runner::Machine;
use tests::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use tests::http1::Message;

const PATIENCE: Duration = Duration::from_secs(60);
const BLOCK_BYTES: usize = 1 << 20;

/// Where to ask, and as whom.
#[derive(Debug, Clone)]
pub struct Edge {
    pub address: String,
    pub admin_token: String,
    pub account: String,
    pub key: String,
    pub runner: String,
    /// The account's workspace on the machine.
    pub workspace: std::path::PathBuf,
}

/// One kept connection.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    block: Vec<u8>,
}

impl Edge {
    /// An account with a process on the machine.
    pub async fn open(world: &World, machine: &Machine) -> Result<Self> {
        let Account { id, key, .. } = world.account("1000.00").await;
        let edge = Self {
            address: world.url().trim_start_matches("http://").to_owned(),
            admin_token: world.admin_token().to_owned(),
            workspace: machine.state().join("accounts").join(&id).join("work"),
            account: id,
            key,
            runner: machine.id.clone(),
        };
        let mut line = edge.line().await?;
        line.call(&edge.rpc("thread/loaded/list", &json!({}))).await?;
        Ok(edge)
    }

    pub async fn line(&self) -> Result<Line> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Line { stream, block: vec![0; BLOCK_BYTES] })
    }

    /// A raw call to the account's process.
    pub fn rpc(&self, method: &str, params: &Value) -> Vec<u8> {
        let path = format!("/api/codex/rpc?account={}", self.account);
        self.post(&path, &self.admin_token, &json!({ "method": method, "params": params }))
    }

    pub fn post(&self, path: &str, bearer: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        format!(
            "POST {path} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {bearer}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    pub fn get(&self, path: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {}\r\n\r\n",
            self.admin_token
        )
        .into_bytes()
    }
}

impl Line {
    /// Sends a request, and reads the answer to its end; how many bytes its body had.
    pub async fn fetch(&mut self, request: &[u8], keep: &mut Vec<u8>) -> Result<usize> {
        self.stream.write_all(request).await?;
        let (mut message, mut size) = (Message::response(), 0);
        while !message.done() {
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut self.block)).await??;
            ensure!(read > 0, "the edge hung up");
            message.read(&self.block[..read], |bytes| {
                size += bytes.len();
                if keep.len() < BLOCK_BYTES {
                    keep.extend_from_slice(bytes);
                }
            })?;
        }
        let status = message.status().context("a status")?;
        ensure!(status < 300, "{status}: {}", String::from_utf8_lossy(keep));
        Ok(size)
    }

    /// Sends a call, and reads its answer.
    pub async fn call(&mut self, request: &[u8]) -> Result<Value> {
        let mut body = Vec::new();
        self.fetch(request, &mut body).await?;
        let answer: Value = serde_json::from_slice(&body)?;
        ensure!(answer["error"].is_null(), "{answer}");
        Ok(answer)
    }

    /// Sends a request, and only waits for its answer, which begins like this.
    pub async fn round_trip(&mut self, request: &[u8], begins: &str) -> Result<()> {
        let mut body = Vec::new();
        self.fetch(request, &mut body).await?;
        ensure!(body.starts_with(begins.as_bytes()), "{}", String::from_utf8_lossy(&body));
        Ok(())
    }
}
