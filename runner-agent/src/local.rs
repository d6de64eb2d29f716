//! The socket between the agent and a host on one machine: how a connection begins, and how
//! messages are told apart. What follows are the frames of the tunnel as they are.
//!
//! A message is `[u32 length, little-endian][frames]`; the length does not count itself. The agent
//! attaches, the host says that it is attached, and from then on the agent passes `ToRunner` frames
//! down and `FromRunner` frames up without reading their bodies. A newer attachment replaces the
//! older one, whose connection ends.

use std::io::{self, ErrorKind};

use bytes::{Buf, Bytes, BytesMut};
use schema::tunnel::{self, BadFrame, MESSAGE_MAX_BYTES, Process, Seq};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version that this code speaks. A host outlives updates of the agent, so both sides check it.
pub const VERSION: u32 = 1;

/// The largest message: one of the tunnel, and the prefixes that a batch may add to it.
pub const MESSAGE_LIMIT_BYTES: usize = MESSAGE_MAX_BYTES + 64 * 1024;

/// Bytes before a message.
const PREFIX_BYTES: usize = 4;
/// Room that a reader keeps for the next read.
const READ_BYTES: usize = 64 * 1024;

/// The agent's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToHost {
    /// From now on frames go to this connection.
    Attach {
        /// See [`VERSION`].
        version: u32,
        /// Where the hub stands: every later event is sent (again). 0 if it knows none.
        after: Seq,
    },
}

/// The host's first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromHost {
    /// Frames follow: open questions first, then events.
    Attached {
        /// See [`VERSION`].
        version: u32,
        /// The host's own process id.
        pid: u32,
        /// What it hosts.
        process: Process,
    },
    /// The connection ends here.
    Refused {
        /// The version that the host speaks.
        version: u32,
        /// Why, for a person.
        reason: String,
    },
}

/// Frames that become one message, with the length before them.
#[derive(Debug)]
pub struct Batch {
    buffer: Vec<u8>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { buffer: vec![0; PREFIX_BYTES] }
    }
}

impl Batch {
    /// Adds a frame.
    pub fn push(&mut self, head: &impl Serialize, body: &[u8]) -> Result<(), BadFrame> {
        tunnel::push(&mut self.buffer, head, body)
    }

    /// Adds frames that are a message already.
    pub fn extend(&mut self, frames: &[u8]) {
        self.buffer.extend_from_slice(frames);
    }

    /// Bytes of the frames.
    pub fn len(&self) -> usize {
        self.buffer.len() - PREFIX_BYTES
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole message, for one write.
    pub fn finish(mut self) -> io::Result<Bytes> {
        let length = u32::try_from(self.len());
        let length = length.map_err(|_| io::Error::new(ErrorKind::InvalidInput, "4 GiB"))?;
        if let Some(prefix) = self.buffer.first_chunk_mut::<PREFIX_BYTES>() {
            *prefix = length.to_le_bytes();
        }
        Ok(self.buffer.into())
    }
}

/// Reads messages, several with one read where they come together.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads from there.
    pub fn new(from: R) -> Self {
        Self { from, buffer: BytesMut::new() }
    }

    /// The next message; none at the end. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            self.buffer.reserve(READ_BYTES);
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "cut in a message"));
            }
        }
    }

    /// A message that has been read already.
    pub fn take(&mut self) -> io::Result<Option<Bytes>> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MESSAGE_LIMIT_BYTES {
            let error = format!("a message of {length} bytes");
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        if self.buffer.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// Writes frames as one message.
pub async fn write(to: &mut (impl AsyncWrite + Unpin), frames: &[u8]) -> io::Result<()> {
    let mut batch = Batch::default();
    batch.extend(frames);
    to.write_all(&batch.finish()?).await
}

/// The agent's side of the beginning.
pub async fn attach<R: AsyncRead + Unpin>(
    from: &mut Reader<R>,
    to: &mut (impl AsyncWrite + Unpin),
    after: Seq,
) -> io::Result<FromHost> {
    let bad = |error: BadFrame| io::Error::new(ErrorKind::InvalidData, error);
    let mut batch = Batch::default();
    batch.push(&ToHost::Attach { version: VERSION, after }, b"").map_err(bad)?;
    to.write_all(&batch.finish()?).await?;
    let ended = || io::Error::new(ErrorKind::UnexpectedEof, "the host did not answer");
    let message = from.next().await?.ok_or_else(ended)?;
    let (head, _, _) = tunnel::pop(&message).map_err(bad)?.ok_or_else(ended)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn messages_come_back_whole_however_they_were_cut() {
        let mut sent = Vec::new();
        for text in ["one", "", "three"] {
            write(&mut sent, text.as_bytes()).await.unwrap();
        }
        let (mut to, from) = tokio::io::duplex(3);
        let writer = tokio::spawn(async move { to.write_all(&sent).await });
        let mut reader = Reader::new(from);
        for text in ["one", "", "three"] {
            assert_eq!(reader.next().await.unwrap().unwrap(), text.as_bytes());
        }
        assert_eq!(reader.next().await.unwrap(), None);
        writer.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_message_that_ends_too_soon_or_is_too_large_is_an_error() {
        let mut reader = Reader::new(&[5, 0, 0, 0, b'x'][..]);
        assert_eq!(reader.next().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff][..]);
        assert_eq!(reader.next().await.unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
