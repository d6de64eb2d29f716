//! An agent with a hub behind it, in one: what a host is told, and what it says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use runner_agent::local::{self, FromHost, Reader};
use schema::tunnel::{self, FromRunner, Grade, Process, Refusal, Seq, Stored, ToRunner};
use schema::{AccountId, AskId, OpId};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub const ACCOUNT: AccountId = AccountId::from_bits(7);
/// What must come, comes within this time.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An agent that is attached, with everything that it has received.
pub struct Client {
    reader: Reader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    pub hello: FromHost,
    /// Through this one events came without a gap.
    pub last: Seq,
    pub events: Vec<Value>,
    pub asks: Vec<AskId>,
    pub process: Option<Process>,
    /// Whether what comes is acknowledged at once.
    pub acknowledges: bool,
    answers: HashMap<OpId, (u64, Result<Bytes, Refusal>)>,
    chunks: Vec<(OpId, u64, bool, Bytes)>,
}

impl Client {
    pub async fn attach(stream: UnixStream, after: Seq) -> Client {
        let (reader, mut writer) = stream.into_split();
        let mut reader = Reader::new(reader);
        let hello = local::attach(&mut reader, &mut writer, after).await.unwrap();
        Client {
            reader,
            writer,
            hello,
            last: after,
            events: Vec::new(),
            asks: Vec::new(),
            process: None,
            acknowledges: true,
            answers: HashMap::new(),
            chunks: Vec::new(),
        }
    }

    pub async fn frame(&mut self, head: &ToRunner, body: &[u8]) {
        let mut message = Vec::new();
        tunnel::push(&mut message, head, body).unwrap();
        local::write(&mut self.writer, &message).await.unwrap();
    }

    /// Calls a method, and waits for what comes of it.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Refusal> {
        let op = new_op();
        self.send(op, method, &params, 30_000).await;
        self.answer(op).await
    }

    pub async fn send(&mut self, op: OpId, method: &str, params: &Value, wait_ms: u32) {
        let body = json!({ "method": method, "params": params }).to_string();
        let grade = Grade::Customer;
        let head = ToRunner::Call { op, process: ACCOUNT, grade, wait_ms };
        self.frame(&head, body.as_bytes()).await;
    }

    /// What an operation comes to, pulled if it is large.
    pub async fn answer(&mut self, op: OpId) -> Result<Value, Refusal> {
        let body = self.bytes(op).await?;
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    pub async fn bytes(&mut self, op: OpId) -> Result<Vec<u8>, Refusal> {
        while !self.answers.contains_key(&op) {
            assert!(self.step().await, "the host is gone");
        }
        let (size, body) = self.answers.remove(&op).unwrap();
        let mut body = body?.to_vec();
        while (body.len() as u64) < size {
            let offset = body.len() as u64;
            self.frame(&ToRunner::Pull { op, process: ACCOUNT, offset }, b"").await;
            while self.chunks.is_empty() {
                assert!(self.step().await, "the host is gone");
            }
            let (its, at, last, piece) = self.chunks.remove(0);
            body.extend_from_slice(&piece);
            assert_eq!((its, at, last), (op, offset, body.len() as u64 == size));
        }
        Ok(body)
    }

    /// Receives until an event of this method has come, and returns it.
    pub async fn event(&mut self, method: &str) -> Value {
        loop {
            let found = self.events.iter().position(|event| event["method"] == method);
            if let Some(found) = found {
                return self.events.remove(found);
            }
            assert!(self.step().await, "the host is gone");
        }
    }

    /// Receives until it holds.
    pub async fn until(&mut self, holds: impl Fn(&Client) -> bool) {
        while !holds(self) {
            assert!(self.step().await, "the host is gone");
        }
    }

    /// Receives one message; false at the end.
    pub async fn step(&mut self) -> bool {
        let message = timeout(PATIENCE, self.reader.next()).await.expect("nothing comes");
        let Ok(Some(message)) = message else { return false };
        let mut rest: &[u8] = &message;
        let before = self.last;
        while let Some((frame, body, after)) = tunnel::pop::<FromRunner>(rest).unwrap() {
            rest = after;
            self.received(frame, message.slice_ref(body));
        }
        if self.acknowledges && self.last > before {
            self.ack().await;
        }
        true
    }

    pub async fn ack(&mut self) {
        let stored = Stored { process: ACCOUNT, through: self.last };
        self.frame(&ToRunner::Ack(stored), b"").await;
    }

    fn received(&mut self, frame: FromRunner, body: Bytes) {
        match frame {
            FromRunner::Event { seq, .. } => {
                assert_eq!(seq, self.last.next(), "a gap");
                self.last = seq;
                self.events.push(serde_json::from_slice(&body).unwrap());
            }
            FromRunner::Ask { ask, .. } => self.asks.push(ask),
            FromRunner::Answer { op, size, refused } => {
                self.answers.insert(op, (size, refused.map_or(Ok(body), Err)));
            }
            FromRunner::Chunk { op, offset, last } => self.chunks.push((op, offset, last, body)),
            FromRunner::Process(process) => self.process = Some(process),
            other => panic!("not a host's: {other:?}"),
        }
    }
}

pub fn new_op() -> OpId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    OpId::from_bits(NEXT.fetch_add(1, Ordering::Relaxed).into())
}
