//! Whether an answer is what was asked for: every event there, and the last one whole. Gateways may
//! word JSON anew, so it looks at what is said and not at how.

use std::time::Instant;

use memchr::{memchr, memmem};
use serde::Deserialize;

use super::kind::{Kind, STAMP_DIGITS};

/// Bytes of a refusal that are shown.
const SAID_MAX_BYTES: usize = 400;

/// What has come of an answer's body.
#[derive(Debug)]
pub struct Check {
    kind: Kind,
    begun: Instant,
    /// A line whose end has not come, or the whole of a JSON answer.
    partial: Vec<u8>,
    deltas: usize,
    completed: bool,
    /// Nanoseconds from the sending of each event to its arrival, of a paced answer.
    pub delays: Vec<u64>,
}

#[derive(Deserialize)]
struct Object {
    status: String,
    usage: Usage,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: u64,
}

impl Check {
    pub fn new(kind: Kind, begun: Instant) -> Self {
        let (partial, delays) = (Vec::new(), Vec::new());
        Self { kind, begun, partial, deltas: 0, completed: false, delays }
    }

    /// Looks at the next bytes of the body.
    pub fn read(&mut self, mut bytes: &[u8], now: Instant) {
        if self.kind == Kind::Json {
            return self.partial.extend_from_slice(bytes);
        }
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            if self.partial.is_empty() {
                self.line(line, now);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, now);
                whole.clear();
                self.partial = whole;
            }
            bytes = &rest[1..];
        }
        self.partial.extend_from_slice(bytes);
    }

    /// What is wrong with the answer now that it has ended.
    pub fn verdict(&self) -> Result<(), String> {
        if self.kind == Kind::Json {
            let object = serde_json::from_slice::<Object>(&self.partial);
            let object = object.map_err(|error| format!("not a response: {error}"))?;
            let whole = object.status == "completed" && object.usage.input_tokens > 0;
            return if whole { Ok(()) } else { Err("a response that is not whole".to_owned()) };
        }
        let wanted = self.kind.deltas();
        match (self.deltas == wanted, self.completed) {
            (true, true) => Ok(()),
            (true, false) => Err("the last event is missing".to_owned()),
            (false, _) => Err(format!("{} deltas instead of {wanted}", self.deltas)),
        }
    }

    /// The last words of the answer, for who wants to know why it was refused.
    pub fn said(&self) -> String {
        let end = &self.partial[..self.partial.len().min(SAID_MAX_BYTES)];
        String::from_utf8_lossy(end).into_owned()
    }

    fn line(&mut self, line: &[u8], now: Instant) {
        let Some(data) = line.strip_prefix(b"data:") else { return };
        if memmem::find(data, b"response.output_text.delta\"").is_some() {
            self.deltas += 1;
            if let (Kind::Paced(_), Some(sent)) = (self.kind, sent(data)) {
                let arrived = u64::try_from((now - self.begun).as_nanos()).unwrap_or_default();
                self.delays.push(arrived.saturating_sub(sent));
            }
        } else if memmem::find(data, b"response.completed\"").is_some() {
            self.completed = memmem::find(data, b"\"input_tokens\"").is_some();
        }
    }
}

/// When the provider sent a delta: the time is its text.
fn sent(data: &[u8]) -> Option<u64> {
    let at = memmem::find(data, b"\"delta\":")? + b"\"delta\":".len();
    let text = data.get(at..)?;
    let quote = memchr(b'"', text)? + 1;
    let digits = text.get(quote..quote + STAMP_DIGITS)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
