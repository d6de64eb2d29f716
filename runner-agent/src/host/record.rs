//! One event as it lies in the journal: a checksum tells a whole record from a torn one.
//!
//! `[u32 bytes of the body][u32 CRC-32 of all that follows][u64 seq][i64 at][u128 ask, or 0]
//! [body]`, little-endian.

use bytes::Bytes;
use schema::tunnel::Seq;
use schema::{AskId, Timestamp};

/// Bytes before the body.
pub const HEAD_BYTES: usize = 40;
/// The largest body that is written; a longer one on disk is damage.
pub const BODY_MAX_BYTES: usize = schema::tunnel::MESSAGE_MAX_BYTES;

/// An event that has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub seq: Seq,
    pub at: Timestamp,
    pub ask: Option<AskId>,
    pub body: Bytes,
}

/// What a record says about itself before its body is read.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    pub body_bytes: usize,
    sum: u32,
}

impl Record {
    /// Adds it to what is about to be written.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let start = into.len();
        let body_bytes = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        into.extend_from_slice(&body_bytes.to_le_bytes());
        into.extend_from_slice(&[0; 4]);
        into.extend_from_slice(&self.seq.0.to_le_bytes());
        into.extend_from_slice(&self.at.millis().to_le_bytes());
        into.extend_from_slice(&self.ask.map_or(0, AskId::bits).to_le_bytes());
        into.extend_from_slice(&self.body);
        let sum = crc32fast::hash(into.get(start + 8..).unwrap_or_default());
        if let Some(place) = into.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }

    /// Reads what follows a head; none if it is not what was written.
    pub fn decode(head: Head, rest: &[u8]) -> Option<Self> {
        if crc32fast::hash(rest) != head.sum {
            return None;
        }
        let (seq, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (ask, body) = rest.split_first_chunk()?;
        let ask = match u128::from_le_bytes(*ask) {
            0 => None,
            bits => Some(AskId::from_bits(bits)),
        };
        Some(Self {
            seq: Seq(u64::from_le_bytes(*seq)),
            at: Timestamp::from_millis(i64::from_le_bytes(*at)),
            ask,
            body: Bytes::copy_from_slice(body),
        })
    }
}

impl Head {
    /// Reads the first eight bytes of a record; none if they cannot be one's.
    pub fn decode(bytes: [u8; 8]) -> Option<Self> {
        let [a, b, c, d, e, f, g, h] = bytes;
        let body_bytes = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
        let head = Self { body_bytes, sum: u32::from_le_bytes([e, f, g, h]) };
        (body_bytes <= BODY_MAX_BYTES).then_some(head)
    }

    /// Bytes between the first eight and the next record.
    pub const fn rest_bytes(self) -> usize {
        HEAD_BYTES - 8 + self.body_bytes
    }
}
