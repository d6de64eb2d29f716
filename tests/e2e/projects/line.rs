//! A terminal's line to a project, frame by frame, as `codex --remote` speaks on it.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tests::world::World;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long codex may take for anything that it is asked here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line that is open.
pub struct Line {
    socket: WebSocketStream<TcpStream>,
    /// What came while something else was awaited.
    unheard: VecDeque<Value>,
    next: u64,
}

/// Dials the root of a world with these headers; refused, it is the status and the body.
pub async fn dial(world: &World, headers: &[(&'static str, &str)]) -> Result<Line, (u16, Value)> {
    let url = world.url();
    let address = url.trim_start_matches("http://");
    let mut request = format!("ws://{address}/").into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    let stream = TcpStream::connect(address).await.expect("a connection");
    match client_async(request, stream).await {
        Ok((socket, response)) => {
            let echoed = response.headers().get("x-codex-app-server-compression");
            assert!(echoed.is_none(), "an offer that nobody takes up");
            Ok(Line { socket, unheard: VecDeque::new(), next: 0 })
        }
        Err(Error::Http(reply)) => {
            let body = reply.body().as_deref().unwrap_or_default();
            Err((reply.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// A line that has introduced itself, with what the process said of itself.
pub async fn open(world: &World, bearer: &str, version: &str) -> (Line, Value) {
    let bearer = format!("Bearer {bearer}");
    let offer = ("x-codex-app-server-compression", "zstd-stream-v1");
    let mut line = dial(world, &[("authorization", &bearer), offer]).await.expect("a line");
    let client = json!({ "name": "codex-tui", "title": null, "version": version });
    let capabilities = json!({ "experimentalApi": true, "optOutNotificationMethods": null });
    let params = json!({ "clientInfo": client, "capabilities": capabilities });
    line.say(json!({ "id": "initialize", "method": "initialize", "params": params })).await;
    let said = line.answer(&json!("initialize")).await["result"].clone();
    line.say(json!({ "method": "initialized" })).await;
    (line, said)
}

impl Line {
    pub async fn say(&mut self, frame: Value) {
        self.say_text(&frame.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("an open line");
    }

    /// Asks, and waits for what it comes to: `{"id", "result"}` or `{"id", "error"}`.
    pub async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = json!(self.next);
        self.say(json!({ "id": id, "method": method, "params": params })).await;
        self.answer(&id).await
    }

    /// The answer to a request.
    pub async fn answer(&mut self, id: &Value) -> Value {
        self.until(|it| it.get("method").is_none() && it["id"] == *id).await
    }

    /// The next frame of that method.
    pub async fn hear(&mut self, method: &str) -> Value {
        self.until(|it| it["method"] == method).await
    }

    /// The next frame that is wished for, of those that have come and not been heard.
    pub async fn until(&mut self, wished: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.unheard.iter().position(&wished) {
            return self.unheard.remove(at).expect("it is there");
        }
        loop {
            let frame = self
                .frame()
                .await
                .unwrap_or_else(|| panic!("the line ended, and not before: {:#?}", self.unheard));
            if wished(&frame) {
                return frame;
            }
            self.unheard.push_back(frame);
        }
    }

    /// The next frame as it comes; none at the end.
    async fn frame(&mut self) -> Option<Value> {
        loop {
            let waited = timeout(PATIENCE, self.socket.next()).await;
            let waited = waited.unwrap_or_else(|_| panic!("nothing came: {:#?}", self.unheard));
            match waited {
                Some(Ok(Message::Text(text))) => {
                    return Some(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(_))) | None => return None,
                Some(Ok(_)) => {}
                Some(Err(_)) => return None,
            }
        }
    }

    /// What has come and was not heard.
    pub fn unheard(&self) -> &VecDeque<Value> {
        &self.unheard
    }

    /// Waits until the other end hangs up.
    pub async fn end(&mut self) {
        while let Some(frame) = self.frame().await {
            self.unheard.push_back(frame);
        }
    }
}
