//! HTTP/1.1 messages as they arrive in pieces, for both ends of the bench. It keeps nothing but a
//! head, so that the load costs the machine little beside what it measures.

use anyhow::{Context, Result, bail, ensure};

/// A head longer than this is not one of ours.
const HEAD_MAX_BYTES: usize = 16 << 10;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Body { left: u64 },
    ChunkSize { size: u64 },
    Chunk { left: u64 },
    ChunkEnd,
    Trailer { line_bytes: usize },
    UntilClose,
    Done,
}

/// A message on its way in.
#[derive(Debug)]
pub struct Message {
    head: Vec<u8>,
    part: Part,
    is_request: bool,
}

impl Message {
    pub fn request() -> Self {
        Self { head: Vec::new(), part: Part::Head, is_request: true }
    }

    pub fn response() -> Self {
        Self { head: Vec::new(), part: Part::Head, is_request: false }
    }

    /// Takes the next bytes, hands out those of the body, and says how many were of this message.
    pub fn read(&mut self, bytes: &[u8], mut body: impl FnMut(&[u8])) -> Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() && self.part != Part::Done {
            let taken = match &mut self.part {
                Part::Head => self.read_head(rest)?,
                Part::Body { left } | Part::Chunk { left } => {
                    let size = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    body(&rest[..size]);
                    *left -= size as u64;
                    size
                }
                Part::UntilClose => {
                    body(rest);
                    rest.len()
                }
                Part::ChunkSize { .. } | Part::ChunkEnd | Part::Trailer { .. } => {
                    self.read_framing(rest[0])?;
                    1
                }
                Part::Done => 0,
            };
            rest = &rest[taken..];
            match self.part {
                Part::Body { left: 0 } => self.part = Part::Done,
                Part::Chunk { left: 0 } => self.part = Part::ChunkEnd,
                _ => {}
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// Whether the message is whole.
    pub fn done(&self) -> bool {
        self.part == Part::Done
    }

    /// Whether it is whole if nothing more can come.
    pub fn done_at_close(&self) -> bool {
        matches!(self.part, Part::Done | Part::UntilClose)
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.head.get(9..12)?).ok()?.parse().ok()
    }

    /// Whether the other side will close the connection.
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.head).ok()?;
        head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn read_head(&mut self, rest: &[u8]) -> Result<usize> {
        let before = self.head.len();
        self.head.extend_from_slice(rest);
        let from = before.saturating_sub(3);
        let Some(at) = self.head[from..].windows(4).position(|four| four == b"\r\n\r\n") else {
            ensure!(self.head.len() <= HEAD_MAX_BYTES, "a head without an end");
            return Ok(rest.len());
        };
        let end = from + at + 4;
        self.head.truncate(end);
        self.part = self.framing()?;
        Ok(end - before)
    }

    fn framing(&self) -> Result<Part> {
        if self.header("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            return Ok(Part::ChunkSize { size: 0 });
        }
        if let Some(length) = self.header("content-length") {
            let left = length.parse().context("content-length")?;
            return Ok(if left == 0 { Part::Done } else { Part::Body { left } });
        }
        Ok(if self.is_request { Part::Done } else { Part::UntilClose })
    }

    fn read_framing(&mut self, byte: u8) -> Result<()> {
        self.part = match (self.part, byte) {
            (Part::ChunkSize { size: 0 }, b'\n') => Part::Trailer { line_bytes: 0 },
            (Part::ChunkSize { size }, b'\n') => Part::Chunk { left: size },
            (Part::ChunkSize { .. }, b'\r') => self.part,
            (Part::ChunkSize { size }, digit) => {
                let Some(value) = (digit as char).to_digit(16) else {
                    bail!("a chunk's size with {:?} in it", digit as char);
                };
                Part::ChunkSize { size: size << 4 | u64::from(value) }
            }
            (Part::ChunkEnd, b'\n') => Part::ChunkSize { size: 0 },
            (Part::Trailer { line_bytes: 0 }, b'\n') => Part::Done,
            (Part::Trailer { .. }, b'\n') => Part::Trailer { line_bytes: 0 },
            (Part::Trailer { line_bytes }, b'\r') => Part::Trailer { line_bytes },
            (Part::Trailer { line_bytes }, _) => Part::Trailer { line_bytes: line_bytes + 1 },
            (other, _) => other,
        };
        Ok(())
    }
}
