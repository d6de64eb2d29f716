//! One connection to one host: attached, it passes frames both ways until either side ends it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use schema::AccountId;
use schema::tunnel::{Process, Seq};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::fleet::OPEN_MAX;
use super::outbox::{BATCH_BYTES, ROOM_BYTES};
use crate::host::{self, Spec};
use crate::local::{self, Batch, FromHost, Reader};

/// Frames that wait to be written to a host that does not read. At the maximum the connection is
/// given up: the host is asked again, and what was not answered is sent again.
const DOWN_MAX_FRAMES: usize = 2 * OPEN_MAX;

/// A host that lives answers at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// What comes from a host, and from which of the connections to it.
#[derive(Debug)]
pub struct Up {
    /// Whose.
    pub process: AccountId,
    /// Counts the attachments of the agent: what an older one still says is not heard.
    pub serial: u64,
    /// What.
    pub what: Event,
}

/// What comes from a host.
#[derive(Debug)]
pub enum Event {
    /// It took the connection.
    Attached(Process),
    /// Frames, and the room that they take.
    Frames(Bytes, OwnedSemaphorePermit),
    /// The connection is over.
    Ended(String),
}

/// A connection that is being made, or is there.
#[derive(Debug)]
pub struct Attachment {
    /// See [`Up::serial`].
    pub serial: u64,
    down: mpsc::Sender<Bytes>,
    task: AbortHandle,
}

impl Attachment {
    /// Attaches to the host of the spec, which is started if need be and if `launch` says so.
    pub fn begin(spec: Spec, launch: bool, after: Seq, serial: u64, up: mpsc::Sender<Up>) -> Self {
        let (down, from_agent) = mpsc::channel(DOWN_MAX_FRAMES);
        let task = tokio::spawn(async move {
            let process = spec.process;
            let voice = Voice { process, serial, up };
            let ended = attach(spec, launch, after, from_agent, &voice).await;
            let why =
                ended.err().map_or_else(|| "the host ended it".to_owned(), |e| format!("{e:#}"));
            voice.say(Event::Ended(why)).await;
        });
        Self { serial, down, task: task.abort_handle() }
    }

    /// Passes a frame to the host; says whether it could. Not, if too many wait.
    pub fn send(&self, frame: Bytes) -> bool {
        self.down.try_send(frame).is_ok()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Voice {
    process: AccountId,
    serial: u64,
    up: mpsc::Sender<Up>,
}

impl Voice {
    /// Waits for the agent to listen; an agent that is gone hears nothing, and nothing is lost.
    async fn say(&self, what: Event) {
        let (process, serial) = (self.process, self.serial);
        let _gone = self.up.send(Up { process, serial, what }).await;
    }
}

async fn attach(
    spec: Spec,
    launch: bool,
    after: Seq,
    from_agent: mpsc::Receiver<Bytes>,
    voice: &Voice,
) -> Result<()> {
    let stream = match host::find(&spec).await {
        Some(stream) => stream,
        None if launch => host::launch(&spec).await?,
        None => bail!("no host is running"),
    };
    let (from, mut to) = UnixStream::into_split(stream);
    let mut reader = Reader::new(from);
    let attached = timeout(PATIENCE, local::attach(&mut reader, &mut to, after)).await;
    match attached.context("the host does not answer")?? {
        FromHost::Attached { process, .. } => voice.say(Event::Attached(process)).await,
        FromHost::Refused { version, reason } => {
            bail!("the host (of version {version}) refused: {reason}")
        }
    }
    tokio::select! {
        ended = upward(reader, voice) => ended,
        ended = downward(to, from_agent) => ended,
    }
}

async fn upward(mut reader: Reader<OwnedReadHalf>, voice: &Voice) -> Result<()> {
    let room = Arc::new(Semaphore::new(usize::try_from(ROOM_BYTES)?));
    while let Some(message) = reader.next().await? {
        let bytes = u32::try_from(message.len())?.min(ROOM_BYTES);
        let permit = room.clone().acquire_many_owned(bytes).await?;
        voice.say(Event::Frames(message, permit)).await;
    }
    Ok(())
}

async fn downward(mut to: OwnedWriteHalf, mut frames: mpsc::Receiver<Bytes>) -> Result<()> {
    while let Some(frame) = frames.recv().await {
        let mut batch = Batch::default();
        batch.extend(&frame);
        while batch.len() < BATCH_BYTES
            && let Ok(frame) = frames.try_recv()
        {
            batch.extend(&frame);
        }
        to.write_all(&batch.finish()?).await.context("the host does not listen")?;
    }
    Ok(())
}
