//! Calls as customers and operators make them: whole, read frame by frame, or left in the middle.

use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::{Client, RequestBuilder, Response};
use schema::admin::{CreateKey, CreatedKey, SetPrice, WalletChanged, WalletTransaction};
use schema::agent::Me;
use schema::page::Page;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::world::World;

/// The model that prices and routes of a fresh world know.
const MODEL: &str = "gpt-5.5";
/// No call of a test takes longer; one that does is a failure, not a hang.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the system takes for a client that reads nothing; little, so that it is soon full.
const STALLED_BUFFER_BYTES: u32 = 4_096;

/// A request for a response.
#[derive(Debug, Clone)]
pub struct Ask {
    body: Value,
    headers: Vec<(String, String)>,
}

/// Who asks, with one key.
#[derive(Debug, Clone)]
pub struct Caller {
    http: Client,
    url: String,
    key: String,
}

/// Who runs the system.
#[derive(Debug, Clone)]
pub struct Operator {
    http: Client,
    url: String,
    token: String,
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

/// A stream that is read frame by frame. Dropped, it hangs up.
#[derive(Debug)]
pub struct Frames {
    response: Response,
    unread: Vec<u8>,
}

impl Ask {
    /// A prompt, answered in one piece.
    pub fn whole(prompt: &str) -> Self {
        Self { body: json!({ "model": MODEL, "input": prompt }), headers: Vec::new() }
    }

    /// A prompt, answered as a stream.
    pub fn stream(prompt: &str) -> Self {
        Self::whole(prompt).with("stream", true)
    }

    /// One more member of the body.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body[name] = value.into();
        self
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As part of a conversation, which the stock client names like this.
    pub fn in_thread(self, thread: &str) -> Self {
        self.header("thread_id", thread)
    }
}

impl World {
    /// A caller with this key.
    pub fn caller(&self, key: &str) -> Caller {
        Caller { http: http(), url: self.url(), key: key.to_owned() }
    }

    /// Who runs this world.
    pub fn operator(&self) -> Operator {
        Operator { http: http(), url: self.url(), token: self.admin_token().to_owned() }
    }
}

/// A connection for each call: one that is dropped in the middle is a hang-up and nothing else.
fn http() -> Client {
    let client = Client::builder().pool_max_idle_per_host(0).timeout(PATIENCE);
    client.build().expect("a client")
}

impl Caller {
    /// Asks, and reads the answer to its end.
    pub async fn ask(&self, ask: &Ask) -> Result<Reply> {
        Reply::read(self.request(ask).send().await?).await
    }

    /// Asks, and leaves the answer to be read.
    pub async fn open(&self, ask: &Ask) -> Result<Frames> {
        let response = self.request(ask).send().await?;
        let status = response.status();
        ensure!(status == 200, "{status}: {}", response.text().await?);
        Ok(Frames { response, unread: Vec::new() })
    }

    /// Asks, and reads nothing of what comes, for as long as the connection is kept.
    pub async fn ask_and_stall(&self, ask: &Ask) -> Result<TcpStream> {
        let address = self.url.trim_start_matches("http://");
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(STALLED_BUFFER_BYTES)?;
        let mut stream = socket.connect(address.parse()?).await?;
        let (key, body) = (&self.key, ask.body.to_string());
        let request = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    /// `GET /api/v1/me`
    pub async fn me(&self) -> Result<Me> {
        let request = self.http.get(format!("{}/api/v1/me", self.url)).bearer_auth(&self.key);
        decoded(request).await
    }

    fn request(&self, ask: &Ask) -> RequestBuilder {
        let request = self.http.post(format!("{}/v1/responses", self.url)).bearer_auth(&self.key);
        let headers = ask.headers.iter();
        headers.fold(request.json(&ask.body), |request, (name, value)| request.header(name, value))
    }
}

impl Operator {
    /// All rows of a ledger, oldest first: `GET /admin/api/users/{user_id}/wallet/transactions`.
    pub async fn rows(&self, account: &str) -> Result<Vec<WalletTransaction>> {
        let mut rows = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("users/{account}/wallet/transactions?limit=100{after}");
            let page: Page<WalletTransaction> = decoded(self.get(&path)).await?;
            rows.extend(page.data);
            let Some(cursor) = page.next_cursor else { break };
            after = format!("&starting_after={cursor}");
        }
        rows.reverse();
        Ok(rows)
    }

    /// Adds dollars to a wallet, once for each name.
    pub async fn credit(&self, account: &str, usd: &str, once: &str) -> Result<WalletChanged> {
        let request = self.post(&format!("users/{account}/wallet/credit"));
        let body = json!({ "amount_usd": usd });
        decoded(request.header("idempotency-key", once).json(&body)).await
    }

    /// Makes a key of an account.
    pub async fn key(&self, account: &str) -> Result<String> {
        let user_id = account.parse().map_err(|_| anyhow::anyhow!("not an id: {account}"))?;
        let (name, kind, scopes, cidrs) = (String::new(), None, None, Vec::new());
        let body = CreateKey { user_id, name, kind, scopes, cidrs };
        let created: CreatedKey = decoded(self.post("api-keys").json(&body)).await?;
        Ok(created.token)
    }

    /// Puts a price in force.
    pub async fn set_price(&self, price: &SetPrice) -> Result<Value> {
        decoded(self.post("billing/settings").json(price)).await
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}/admin/api/{path}", self.url)).bearer_auth(&self.token)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}/admin/api/{path}", self.url)).bearer_auth(&self.token)
    }
}

impl Reply {
    async fn read(response: Response) -> Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.text().await? })
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The events of a stream.
    pub fn events(&self) -> Vec<Value> {
        self.body.split("\n\n").filter_map(event).collect()
    }

    /// The response object: the body itself, or what the last event of a stream carries.
    pub fn response(&self) -> Value {
        let last = || Some(self.events().pop()?["response"].take());
        if self.json().is_object() { self.json() } else { last().unwrap_or_default() }
    }

    /// Whether the whole answer is there.
    pub fn is_whole(&self) -> bool {
        self.status == 200 && self.response()["status"] == "completed"
    }

    /// Code and message of a failure, told by status or within the stream.
    pub fn failure(&self) -> (String, String) {
        let error = &self.response()["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }

    /// One header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Frames {
    /// The next frame as it came; none at the end.
    pub async fn frame(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame = self.unread.drain(..end + 2).collect();
                return Ok(Some(String::from_utf8(frame)?));
            }
            let Some(block) = self.response.chunk().await? else { return Ok(None) };
            self.unread.extend_from_slice(&block);
        }
    }

    /// The data of the next frame that has some; null at the end.
    pub async fn event(&mut self) -> Result<Value> {
        while let Some(frame) = self.frame().await? {
            if let Some(event) = event(&frame) {
                return Ok(event);
            }
        }
        Ok(Value::Null)
    }

    /// The rest of the stream.
    pub async fn rest(mut self) -> Result<Reply> {
        let (status, headers) = (self.response.status().as_u16(), self.response.headers().clone());
        while let Some(block) = self.response.chunk().await? {
            self.unread.extend_from_slice(&block);
        }
        Ok(Reply { status, headers, body: String::from_utf8(self.unread)? })
    }
}

fn event(frame: &str) -> Option<Value> {
    let data = frame.lines().find_map(|line| line.strip_prefix("data: "))?;
    serde_json::from_str(data).ok()
}

async fn decoded<T: DeserializeOwned>(request: RequestBuilder) -> Result<T> {
    let reply = Reply::read(request.send().await?).await?;
    ensure!((200..300).contains(&reply.status), "{}: {}", reply.status, reply.body);
    Ok(serde_json::from_str(&reply.body)?)
}
