//! A host that says what it is told to say, at the place where the agent looks for one.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use runner_agent::config::Settings;
use runner_agent::host::Spec;
use runner_agent::local::{Batch, FromHost, Reader, ToHost, VERSION};
use rustix::fs::{FlockOperation, flock};
use schema::AccountId;
use schema::tunnel::{self, FromRunner, Process, ProcessState, ToRunner};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

pub struct Host {
    listener: UnixListener,
    process: Process,
    _held: File,
}

/// One connection of the agent.
pub struct Attached {
    pub after: u64,
    reader: Reader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    message: Bytes,
}

impl Host {
    pub fn start(settings: &Settings, account: AccountId, turns: u32) -> Self {
        let spec = settings.spec("http://unused", account).unwrap();
        spec.write().unwrap();
        let held = hold(&spec.pid());
        let listener = UnixListener::bind(&spec.socket).unwrap();
        Self { listener, process: process(account, turns), _held: held }
    }

    pub fn spec_of(settings: &Settings, account: AccountId) -> Spec {
        settings.spec("http://unused", account).unwrap()
    }

    pub async fn accept(&self) -> Attached {
        let (stream, _) = self.listener.accept().await.unwrap();
        let (from, writer) = stream.into_split();
        let mut reader = Reader::new(from);
        let message = reader.next().await.unwrap().unwrap();
        let (head, _, _) = tunnel::pop::<ToHost>(&message).unwrap().unwrap();
        let ToHost::Attach { version, after } = head;
        assert_eq!(version, VERSION);
        let mut attached = Attached { after: after.0, reader, writer, message: Bytes::new() };
        let process = self.process.clone();
        let said = FromHost::Attached { version, pid: 1, process };
        let mut batch = Batch::default();
        batch.push(&said, b"").unwrap();
        // The agent may have attached anew meanwhile.
        let _ = attached.writer.write_all(&batch.finish().unwrap()).await;
        attached
    }
}

impl Attached {
    pub async fn say(&mut self, head: &FromRunner, body: &[u8]) {
        let mut batch = Batch::default();
        batch.push(head, body).unwrap();
        self.writer.write_all(&batch.finish().unwrap()).await.unwrap();
    }

    /// The next frame; none at the end.
    pub async fn next(&mut self) -> Option<(ToRunner, Bytes)> {
        while self.message.is_empty() {
            self.message = self.reader.next().await.ok()??;
        }
        let message = self.message.clone();
        let (head, body, rest) = tunnel::pop(&message).unwrap().unwrap();
        self.message = message.slice_ref(rest);
        Some((head, message.slice_ref(body)))
    }
}

pub fn process(account: AccountId, turns: u32) -> Process {
    Process {
        process: account,
        state: ProcessState::Running,
        reason: String::new(),
        codex: "0.169.0".to_owned(),
        provisioned: true,
        turns,
    }
}

fn hold(path: &Path) -> File {
    fs::write(path, "").unwrap();
    let mut file = File::options().write(true).open(path).unwrap();
    writeln!(file, "{}", std::process::id()).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}
