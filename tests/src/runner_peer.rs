//! A runner for faults and for rules that the real one keeps: it speaks the tunnel, and says what
//! it is told to say.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use futures::{SinkExt, StreamExt};
use schema::runner::{Claims, CreatedRegistration, Register, Registered, SCHEME};
use schema::tunnel::{
    self, FromRunner, Hello, IDLE_PING, IDLE_PONG, Process, ProcessState, Provider, Seq, ToRunner,
    VERSION,
};
use schema::{AccountId, AskId, OpId, RunnerId, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::world::World;

/// No step of a test takes longer; one that does is a failure, not a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine: its key pair, and what it calls itself.
#[derive(Debug, Clone)]
pub struct Machine {
    key: SigningKey,
    pub digest: String,
    /// Once it is a runner.
    pub id: RunnerId,
    /// Of its next connection.
    pub generation: u64,
    /// Milliseconds that its clock is ahead.
    pub skew_ms: i64,
}

/// A connection that is open.
#[derive(Debug)]
pub struct Peer {
    socket: WebSocketStream<TcpStream>,
    frames: VecDeque<(ToRunner, Vec<u8>)>,
    pub generation: u64,
}

/// What came of dialling.
pub type Dialled = Result<Peer, (u16, Value)>;

impl Machine {
    /// One that nobody knows.
    pub fn new(digest: &str) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has randomness");
        let (key, id) = (SigningKey::from_bytes(&seed), RunnerId::from_bits(0));
        Self { key, digest: digest.to_owned(), id, generation: 0, skew_ms: 0 }
    }

    /// What it sends to become a runner.
    pub fn wish(&self, token: &str) -> Register {
        Register {
            token: token.to_owned(),
            public_key: URL_SAFE_NO_PAD.encode(self.key.verifying_key().to_bytes()),
            machine: self.digest.clone(),
            name: "a peer".to_owned(),
            labels: [("kind".to_owned(), "peer".to_owned())].into(),
            capacity: None,
            ephemeral: false,
            version: VERSION,
            agent: "0.0.0".to_owned(),
        }
    }

    /// A machine that has become a runner of this world, by a token with these wishes.
    pub async fn enrolled(world: &World, wishes: Value) -> Self {
        let mut machine = Self::new("a machine");
        let token = token(world, wishes).await;
        let request = reqwest::Client::new().post(world.at("/runner/v1/register"));
        let reply = request.json(&machine.wish(&token)).send().await.expect("an answer");
        let (status, text) = (reply.status(), reply.text().await.expect("a body"));
        assert_eq!(status, 201, "{text}");
        machine.id = serde_json::from_str::<Registered>(&text).expect("a runner").runner_id;
        machine
    }

    /// What it claims, for a purpose.
    pub fn claims(&self, purpose: &str) -> Claims {
        let at = now().plus_millis(self.skew_ms);
        let (machine, purpose) = (self.digest.clone(), purpose.to_owned());
        Claims { runner: self.id, generation: self.generation, at, machine, purpose }
    }

    /// What it signs, as a header.
    pub fn sign(&self, claims: &Claims) -> String {
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).expect("JSON"));
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        format!("{SCHEME} {text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Dials, with the next generation.
    pub async fn dial(&mut self, world: &World) -> Dialled {
        self.generation += 1;
        self.dial_as(world, &self.claims("connect")).await
    }

    /// Dials with these claims.
    pub async fn dial_as(&self, world: &World, claims: &Claims) -> Dialled {
        dial(world, &self.sign(claims), claims.generation).await
    }

    /// Dials, and introduces itself with these processes: a tunnel that works, and its welcome.
    pub async fn connect(&mut self, world: &World, processes: Vec<Process>) -> (Peer, ToRunner) {
        let mut peer = self.dial(world).await.expect("a socket");
        peer.send(&FromRunner::Hello(hello(peer.generation, processes)), b"").await;
        let (welcome, _) = peer.next().await;
        assert!(matches!(welcome, ToRunner::Welcome { .. }), "{welcome:?}");
        (peer, welcome)
    }
}

/// A one-time token, made by the operator.
pub async fn token(world: &World, wishes: Value) -> String {
    let path = world.at("/admin/api/runners/registrations");
    let request = reqwest::Client::new().post(path).bearer_auth(world.admin_token());
    let reply = request.json(&wishes).send().await.expect("an answer");
    let (status, text) = (reply.status(), reply.text().await.expect("a body"));
    assert_eq!(status, 201, "{text}");
    serde_json::from_str::<CreatedRegistration>(&text).expect("a token").token
}

/// Dials with any credential at all.
pub async fn dial(world: &World, authorization: &str, generation: u64) -> Dialled {
    let address = world.url();
    let address = address.trim_start_matches("http://");
    let mut request =
        format!("ws://{address}/runner/v1/connect").into_client_request().expect("a request");
    let value = authorization.parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(Peer { socket, frames: VecDeque::new(), generation }),
        Err(Error::Http(reply)) => {
            let body = reply.body().as_deref().unwrap_or_default();
            Err((reply.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// How a runner introduces itself.
pub fn hello(generation: u64, processes: Vec<Process>) -> Hello {
    Hello {
        version: VERSION,
        agent: "0.0.0".to_owned(),
        generation,
        boot: "a boot".to_owned(),
        codex: "0.169.0".to_owned(),
        schema: "a digest".to_owned(),
        provider: Provider::Edge,
        platform: "linux x86_64".to_owned(),
        draining: false,
        processes,
    }
}

/// A process that runs and has its key.
pub fn running(account: AccountId) -> Process {
    Process {
        process: account,
        state: ProcessState::Running,
        reason: String::new(),
        codex: "0.169.0".to_owned(),
        provisioned: true,
        turns: 0,
    }
}

/// An event of a process.
pub fn event(process: AccountId, seq: u64) -> FromRunner {
    FromRunner::Event { process, seq: Seq(seq), at: now(), ask: None }
}

/// A question of a process, among its events.
pub fn question(process: AccountId, seq: u64, ask: AskId) -> FromRunner {
    FromRunner::Event { process, seq: Seq(seq), at: now(), ask: Some(ask) }
}

/// An answer that stands in its frame.
pub fn answer(op: OpId, body: &[u8]) -> FromRunner {
    FromRunner::Answer { op, size: body.len() as u64, refused: None }
}

/// The operation that a frame is about.
pub fn op(frame: &ToRunner) -> OpId {
    match frame {
        ToRunner::Start { op, .. }
        | ToRunner::Stop { op, .. }
        | ToRunner::Call { op, .. }
        | ToRunner::Notify { op, .. }
        | ToRunner::Reply { op, .. }
        | ToRunner::Read { op, .. }
        | ToRunner::Pull { op, .. }
        | ToRunner::Drop { op, .. }
        | ToRunner::Drain { op, .. } => *op,
        ToRunner::Welcome { .. } | ToRunner::Ack(_) | ToRunner::Pong { .. } => {
            panic!("{frame:?} is no operation")
        }
    }
}

/// What a process says.
pub fn says(method: &str, params: &Value) -> Vec<u8> {
    json!({ "method": method, "params": params }).to_string().into_bytes()
}

/// The time.
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("before the year 292 million"))
}

impl Peer {
    /// Sends one frame as one message.
    pub async fn send(&mut self, head: &FromRunner, body: &[u8]) {
        self.send_all(&[(head.clone(), body.to_vec())]).await;
    }

    /// Sends frames as one message.
    pub async fn send_all(&mut self, frames: &[(FromRunner, Vec<u8>)]) {
        let mut message = Vec::new();
        for (head, body) in frames {
            tunnel::push(&mut message, head, body).expect("a frame");
        }
        self.send_bytes(message).await;
    }

    /// Sends bytes that may be no frames.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.expect("an open socket");
    }

    /// Gives a sign of life that does not wake the hub, and waits for its echo.
    pub async fn ping(&mut self) {
        self.socket.send(Message::text(IDLE_PING)).await.expect("an open socket");
        let echo = self.socket.next().await.expect("a message").expect("an open socket");
        assert_eq!(echo, Message::text(IDLE_PONG));
    }

    /// Sends text, which is no part of the tunnel.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("an open socket");
    }

    /// The next frame.
    pub async fn next(&mut self) -> (ToRunner, Vec<u8>) {
        timeout(PATIENCE, self.read()).await.expect("a frame in time")
    }

    async fn read(&mut self) -> (ToRunner, Vec<u8>) {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            match self.socket.next().await.expect("a message").expect("an open socket") {
                Message::Binary(message) => {
                    let mut rest = &message[..];
                    while let Some((head, body, after)) = tunnel::pop(rest).expect("frames") {
                        self.frames.push_back((head, body.to_vec()));
                        rest = after;
                    }
                }
                Message::Close(why) => panic!("closed: {why:?}"),
                _ => {}
            }
        }
    }

    /// How far the hub has stored, once it says so.
    pub async fn acked(&mut self) -> Seq {
        match self.next().await.0 {
            ToRunner::Ack(stored) => stored.through,
            other => panic!("{other:?} instead of an acknowledgement"),
        }
    }

    /// Waits until the hub closes: with which code, and why.
    pub async fn closed(&mut self) -> (u16, String) {
        timeout(PATIENCE, self.read_close()).await.expect("a close in time")
    }

    async fn read_close(&mut self) -> (u16, String) {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(Some(why)))) => {
                    return (u16::from(why.code), why.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("no close: {other:?}"),
            }
        }
    }

    /// Waits until the connection is gone, however it ends.
    pub async fn lost(&mut self) {
        let gone = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, gone).await.expect("an end in time");
    }

    /// Leaves as a program does that ends well.
    pub async fn leave(mut self) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        self.socket.close(Some(frame)).await.expect("an open socket");
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
