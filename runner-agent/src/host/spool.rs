//! Bodies that have been announced by their size and wait to be pulled piece by piece.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use schema::OpId;
use schema::tunnel::CHUNK_BYTES;

use super::files::Opened;

/// Answers that are held in memory, together; the oldest gives way.
pub const MEMORY_MAX_BYTES: usize = 128 * 1024 * 1024;
/// Bodies that are held, files included.
const BODIES_MAX: usize = 64;

/// What waits to be pulled.
#[derive(Debug, Default)]
pub struct Spool {
    bodies: VecDeque<(OpId, Body)>,
}

#[derive(Debug)]
enum Body {
    Memory(Bytes),
    File(Opened),
}

impl Body {
    fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(opened) => opened.bytes,
        }
    }
}

impl Spool {
    /// Holds an answer.
    pub fn put(&mut self, op: OpId, bytes: Bytes) {
        self.hold(op, Body::Memory(bytes));
    }

    /// Holds a part of a file.
    pub fn open(&mut self, op: OpId, file: Opened) {
        self.hold(op, Body::File(file));
    }

    /// The size of what is held.
    pub fn size(&self, op: OpId) -> Option<u64> {
        self.bodies.iter().find(|(it, _)| *it == op).map(|(_, body)| body.size())
    }

    /// The piece that begins there, and whether it is the last. What is not held, or was cut short
    /// meanwhile, ends at once, so that whoever pulls sees that it is not whole.
    pub fn piece(&self, op: OpId, offset: u64) -> (Bytes, bool) {
        let Some((_, body)) = self.bodies.iter().find(|(it, _)| *it == op) else {
            return (Bytes::new(), true);
        };
        let left = body.size().saturating_sub(offset);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let piece = match body {
            Body::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(start..start + length)
            }
            Body::File(opened) => {
                let begins = opened.about.offset.saturating_add(offset);
                let piece = read(&opened.file, begins, length).unwrap_or_else(|error| {
                    tracing::warn!(%error, %op, "a file that was announced cannot be read");
                    Bytes::new()
                });
                // What changed meanwhile is neither what it was nor what it is.
                if opened.holds() { piece } else { Bytes::new() }
            }
        };
        let last = piece.len() < length || left <= CHUNK_BYTES as u64;
        (piece, last)
    }

    /// Nobody wants it any more.
    pub fn drop(&mut self, op: OpId) {
        self.bodies.retain(|(it, _)| *it != op);
    }

    fn hold(&mut self, op: OpId, body: Body) {
        self.drop(op);
        self.bodies.push_back((op, body));
        while self.bodies.len() > BODIES_MAX || self.memory_bytes() > MEMORY_MAX_BYTES {
            self.bodies.pop_front();
        }
    }

    fn memory_bytes(&self) -> usize {
        let sizes = self.bodies.iter().map(|(_, body)| match body {
            Body::Memory(bytes) => bytes.len(),
            Body::File(_) => 0,
        });
        sizes.sum()
    }
}

/// Short only if the file has become so.
fn read(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let read = file.read_at(rest, offset + filled as u64)?;
        if read == 0 {
            break;
        }
        filled += read;
    }
    piece.truncate(filled);
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use schema::workspace::Span;
    use std::io::Write;

    const OP: OpId = OpId::from_bits(1);

    fn opened(file: File, offset: u64, keeps: bool) -> Opened {
        let about = rustix::fs::fstat(&file).unwrap();
        Opened::new(file, &about, Span::From { offset, length: None }, keeps)
    }

    fn whole(spool: &Spool) -> (Vec<u8>, usize) {
        let (mut all, mut pieces) = (Vec::new(), 0);
        loop {
            let (piece, last) = spool.piece(OP, all.len() as u64);
            all.extend_from_slice(&piece);
            pieces += 1;
            if last {
                return (all, pieces);
            }
        }
    }

    #[test]
    fn a_body_is_pulled_in_pieces_from_memory_and_from_a_file() {
        for size in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let bytes: Vec<u8> = (0..size).map(|it| it as u8).collect();
            let pieces = size.div_ceil(CHUNK_BYTES).max(1);
            let mut spool = Spool::default();
            spool.put(OP, bytes.clone().into());
            assert_eq!(whole(&spool), (bytes.clone(), pieces));
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            spool.open(OP, opened(file, 0, true));
            assert_eq!((spool.size(OP), whole(&spool)), (Some(size as u64), (bytes, pieces)));
        }
    }

    #[test]
    fn what_was_cut_short_meanwhile_ends_short_of_its_size() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 3 * CHUNK_BYTES]).unwrap();
        let mut spool = Spool::default();
        spool.open(OP, opened(file.try_clone().unwrap(), 0, false));
        file.set_len(CHUNK_BYTES as u64 + 5).unwrap();
        let (piece, last) = spool.piece(OP, CHUNK_BYTES as u64);
        assert_eq!((piece.len(), last), (5, true));
    }

    #[test]
    fn a_part_of_a_file_is_that_part_as_long_as_the_file_is_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mut spool = Spool::default();
        spool.open(OP, opened(file.try_clone().unwrap(), 4, true));
        assert_eq!(whole(&spool), (b"456789".to_vec(), 1));
        file.write_all(b"x").unwrap();
        assert_eq!(spool.piece(OP, 0), (Bytes::new(), true), "it is not whole");
    }

    #[test]
    fn what_is_not_held_ends_at_once() {
        assert_eq!(Spool::default().piece(OP, 0), (Bytes::new(), true));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_gives_way() {
        let mut spool = Spool::default();
        let big = Bytes::from(vec![0; MEMORY_MAX_BYTES / 2 + 1]);
        spool.put(OP, big.clone());
        spool.put(OpId::from_bits(2), big);
        assert_eq!((spool.size(OP), spool.size(OpId::from_bits(2)).is_some()), (None, true));
    }
}
