//! How an agent comes in: the socket, and the first message of each connection.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, Bytes};
use rustix::fs::Mode;
use schema::tunnel::{self, Seq};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::outbox::Outbox;
use crate::local::{Batch, FromHost, Reader, ToHost, VERSION};

/// Who connects says what for within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that wait to be attached.
const WAITING_MAX: usize = 8;

/// An agent that has said where the hub stands.
#[derive(Debug)]
pub struct Attachment {
    reader: Reader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    pub after: Seq,
}

/// The agent that is attached.
#[derive(Debug)]
pub struct Agent {
    pub reader: Reader<OwnedReadHalf>,
    pub outlet: Outlet,
    pub outbox: Outbox,
}

/// Writes one message after the other.
#[derive(Debug)]
pub struct Outlet {
    writer: OwnedWriteHalf,
    rest: Bytes,
}

impl Attachment {
    /// Lets it in; its outbox goes on after `sent`.
    pub fn admit(self, sent: Seq) -> Agent {
        let outlet = Outlet { writer: self.writer, rest: Bytes::new() };
        Agent { reader: self.reader, outlet, outbox: Outbox::new(sent) }
    }
}

impl Outlet {
    /// Whether the last message has been written whole.
    pub fn is_free(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the next message.
    pub fn put(&mut self, batch: Batch) -> io::Result<()> {
        self.rest = batch.finish()?;
        Ok(())
    }

    /// Writes as much as is taken. Nothing is lost if the future is dropped.
    pub async fn flush(&mut self) -> io::Result<()> {
        let written = self.writer.write(&self.rest).await?;
        self.rest.advance(written);
        Ok(())
    }
}

/// Listens, for the owner only. Whoever has introduced itself comes out of the channel.
pub fn listen(path: &Path) -> Result<mpsc::Receiver<Attachment>> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error)?,
        _ => {}
    }
    // Nobody else may connect, not even between the two calls.
    let before = rustix::process::umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener.with_context(|| format!("cannot listen on {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    let (attached, attachments) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        while !attached.is_closed() {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let attached = attached.clone();
                    tokio::spawn(async move {
                        match timeout(PATIENCE, greet(stream)).await {
                            Ok(Ok(attachment)) => drop(attached.send(attachment).await),
                            Ok(Err(error)) => tracing::warn!(%error, "a connection was refused"),
                            Err(_) => tracing::warn!("a connection said nothing"),
                        }
                    });
                }
                Err(error) => {
                    // Out of file descriptors, which pass.
                    tracing::warn!(%error, "the host cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(attachments)
}

async fn greet(stream: UnixStream) -> Result<Attachment> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = Reader::new(reader);
    let first = reader.next().await?.context("it said nothing")?;
    let reason = match tunnel::pop::<ToHost>(&first) {
        Ok(Some((ToHost::Attach { version: VERSION, after }, ..))) => {
            return Ok(Attachment { reader, writer, after });
        }
        Ok(Some((ToHost::Attach { version, .. }, ..))) => {
            format!("this host speaks version {VERSION} and not {version}")
        }
        Ok(None) => "the first message is empty".to_owned(),
        Err(error) => format!("the first message is no attachment: {error}"),
    };
    let mut batch = Batch::default();
    batch.push(&FromHost::Refused { version: VERSION, reason: reason.clone() }, b"")?;
    writer.write_all(&batch.finish()?).await?;
    anyhow::bail!(reason)
}
