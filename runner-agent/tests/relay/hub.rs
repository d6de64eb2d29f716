//! A hub with a will of its own: what it says and when is the test's business.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use schema::runner::Claims;
use schema::tunnel::{self, FromRunner, Hello, Stored, ToRunner, VERSION};
use schema::{AccountId, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub struct Hub {
    listener: TcpListener,
}

/// One connection of the agent.
pub struct Tunnel {
    pub claims: Claims,
    pub hello: Hello,
    socket: WebSocketStream<TcpStream>,
    frames: VecDeque<(FromRunner, Bytes)>,
    /// Whether signs of life are answered.
    pub lively: bool,
}

impl Hub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // What fills quickly shows what waits behind it.
        socket2::SockRef::from(&listener).set_recv_buffer_size(64 * 1024).unwrap();
        Self { listener }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// The next connection, up to its hello.
    pub async fn accept(&self) -> Tunnel {
        let (stream, _) = self.listener.accept().await.unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let note = seen.clone();
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let look = move |request: &Request, answer: Response| -> Result<Response, ErrorResponse> {
            let header = request.headers().get("authorization").unwrap();
            assert_eq!(request.uri().path(), "/runner/v1/connect");
            header.to_str().unwrap().clone_into(&mut note.lock().unwrap());
            Ok(answer)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, look).await.unwrap();
        let claims = claims(&seen.lock().unwrap());
        let hello = Hello {
            version: 0,
            agent: String::new(),
            generation: 0,
            boot: String::new(),
            codex: String::new(),
            schema: String::new(),
            provider: schema::tunnel::Provider::Edge,
            platform: String::new(),
            draining: false,
            processes: Vec::new(),
        };
        let mut tunnel = Tunnel { claims, hello, socket, frames: VecDeque::new(), lively: true };
        let (head, _) = tunnel.next().await.unwrap();
        let FromRunner::Hello(hello) = head else { panic!("{head:?} before the hello") };
        tunnel.hello = hello;
        tunnel
    }

    /// Answers the next connection with plain HTTP; returns what it claimed.
    pub async fn refuse(&self, status: &str, headers: &str, body: &str) -> Claims {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let request = String::from_utf8(request).unwrap();
        let header = request.lines().find_map(|line| line.strip_prefix("authorization: "));
        claims(header.unwrap())
    }
}

fn claims(header: &str) -> Claims {
    let (scheme, rest) = header.split_once(' ').unwrap();
    assert_eq!(scheme, schema::runner::SCHEME);
    let (claims, _) = rest.split_once('.').unwrap();
    serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap()
}

impl Tunnel {
    pub async fn welcome(&mut self, stored: &[(AccountId, u64)]) {
        self.welcome_as(stored, false).await;
    }

    pub async fn welcome_as(&mut self, stored: &[(AccountId, u64)], draining: bool) {
        let stored = stored
            .iter()
            .map(|(process, through)| Stored { process: *process, through: tunnel::Seq(*through) });
        let welcome = ToRunner::Welcome {
            version: VERSION,
            generation: self.hello.generation,
            now: runner_agent::agent::now(),
            stored: stored.collect(),
            draining,
        };
        self.say(&welcome, b"").await;
    }

    pub async fn say(&mut self, head: &ToRunner, body: &[u8]) {
        let mut message = Vec::new();
        tunnel::push(&mut message, head, body).unwrap();
        self.socket.send(Message::Binary(message.into())).await.unwrap();
    }

    pub async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.socket.close(Some(frame)).await.unwrap();
    }

    /// The next frame that is no sign of life; none at the end.
    pub async fn next(&mut self) -> Option<(FromRunner, Bytes)> {
        loop {
            if let Some((head, body)) = self.frames.pop_front() {
                match head {
                    FromRunner::Ping { n } if self.lively => {
                        self.say(&ToRunner::Pong { n }, b"").await;
                    }
                    FromRunner::Ping { .. } => {}
                    _ => return Some((head, body)),
                }
                continue;
            }
            match self.socket.next().await? {
                Ok(Message::Binary(message)) => {
                    let mut rest = message.as_ref();
                    while let Some((head, body, after)) = tunnel::pop(rest).unwrap() {
                        self.frames.push_back((head, message.slice_ref(body)));
                        rest = after;
                    }
                }
                Ok(Message::Text(text)) if self.lively => {
                    assert_eq!(text.as_str(), tunnel::IDLE_PING);
                    let pong = Message::Text(tunnel::IDLE_PONG.into());
                    self.socket.send(pong).await.unwrap();
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame that is of interest.
    pub async fn until<T>(&mut self, mut find: impl FnMut(FromRunner, Bytes) -> Option<T>) -> T {
        loop {
            let (head, body) = self.next().await.expect("the tunnel holds");
            if let Some(found) = find(head, body) {
                return found;
            }
        }
    }
}

/// What a refusal looks like.
pub fn words(text: &str) -> String {
    serde_json::json!({ "code": "authentication_required", "detail": text }).to_string()
}

/// A moment of the edge's clock, as its header has it and as a number.
pub const DATE: (&str, Timestamp) =
    ("date: Wed, 21 Oct 2026 07:28:00 GMT\r\n", Timestamp::from_millis(1_792_567_680_000));
