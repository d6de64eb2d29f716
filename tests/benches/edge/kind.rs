//! The kinds of answers that are measured, and the bytes of each, made once.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

/// Between two events of a paced answer.
pub const PACE: Duration = Duration::from_millis(5);

/// Hexadecimal digits that are written over as an answer is sent: its id, and the time of a delta.
pub const STAMP_DIGITS: usize = 16;

/// Output tokens of the JSON answer.
const JSON_TOKENS: usize = 20;

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One JSON object.
    Json,
    /// So many deltas, each event its own write, as fast as the connection takes them.
    Stream(usize),
    /// So many deltas in one write.
    Burst(usize),
    /// So many deltas, each `PACE` after the one before.
    Paced(usize),
}

impl Kind {
    pub const ALL: [Kind; 6] = [
        Kind::Json,
        Kind::Stream(1),
        Kind::Stream(20),
        Kind::Stream(200),
        Kind::Burst(200),
        Kind::Paced(200),
    ];

    /// `json`, `20`, `200-burst`, `200-paced`.
    pub fn name(self) -> String {
        match self {
            Kind::Json => "json".to_owned(),
            Kind::Stream(deltas) => deltas.to_string(),
            Kind::Burst(deltas) => format!("{deltas}-burst"),
            Kind::Paced(deltas) => format!("{deltas}-paced"),
        }
    }

    pub fn streams(self) -> bool {
        self != Kind::Json
    }

    /// Deltas in the answer.
    pub fn deltas(self) -> usize {
        match self {
            Kind::Json => 0,
            Kind::Stream(deltas) | Kind::Burst(deltas) | Kind::Paced(deltas) => deltas,
        }
    }
}

/// An answer's bytes, from the status line to the last chunk.
#[derive(Debug, Default)]
pub struct Tape {
    pub bytes: Vec<u8>,
    /// Where each event ends; the first takes the head with it, the last the end of the body.
    pub ends: Vec<usize>,
    /// Where the answer's id stands.
    ids: Vec<usize>,
    /// Where the time of each event stands, if it is a delta.
    pub times: Vec<Option<usize>>,
}

impl Tape {
    pub fn new(kind: Kind) -> Self {
        if kind == Kind::Json { Self::json() } else { Self::stream(kind.deltas()) }
    }

    /// A copy for one answer.
    pub fn copy(&self, id: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for at in &self.ids {
            stamp(&mut bytes[*at..], id);
        }
        bytes
    }

    fn json() -> Self {
        let body = response("completed", JSON_TOKENS).to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
        let bytes = format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes();
        let end = bytes.len();
        Self { bytes, ends: vec![end], times: vec![None], ids: Vec::new() }.with_ids()
    }

    fn stream(deltas: usize) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut tape = Self { bytes: head.into(), ..Self::default() };
        for (number, mut event) in events(deltas).into_iter().enumerate() {
            event["sequence_number"] = json!(number);
            tape.event(&event);
        }
        tape.bytes.extend_from_slice(b"0\r\n\r\n");
        if let Some(end) = tape.ends.last_mut() {
            *end = tape.bytes.len();
        }
        tape.with_ids()
    }

    fn event(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        // The kind leads, as it does on the true wire.
        let mut data = format!("{{\"type\":\"{kind}\"");
        for (name, value) in event.as_object().into_iter().flatten().filter(|(k, _)| *k != "type") {
            let _ = write!(data, ",\"{name}\":{value}");
        }
        let event = format!("event: {kind}\ndata: {data}}}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        let time = chunk.find("\"delta\":\"").map(|at| self.bytes.len() + at + 9);
        self.bytes.extend_from_slice(chunk.as_bytes());
        self.ends.push(self.bytes.len());
        self.times.push(time);
    }

    fn with_ids(mut self) -> Self {
        let places = self.bytes.windows(5 + STAMP_DIGITS).enumerate();
        let ids = places.filter(|(_, it)| it.starts_with(b"resp_")).map(|(at, _)| at + 5);
        self.ids = ids.collect();
        self
    }
}

/// Writes a number as hexadecimal digits.
pub fn stamp(place: &mut [u8], number: u64) {
    for (digit, byte) in place.iter_mut().take(STAMP_DIGITS).enumerate() {
        let value = number >> (4 * (STAMP_DIGITS - 1 - digit)) & 15;
        *byte = b"0123456789abcdef"[usize::try_from(value).unwrap_or_default()];
    }
}

fn events(deltas: usize) -> Vec<Value> {
    let at = json!({ "item_id": "msg_1", "output_index": 0, "content_index": 0 });
    let at = |kind: &str, more: Value| {
        let mut event = at.clone();
        event["type"] = json!(format!("response.{kind}"));
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        event
    };
    let item = |kind: &str, item: Value| {
        let kind = format!("response.output_item.{kind}");
        json!({ "type": kind, "output_index": 0, "item": item })
    };
    let carry = |kind: &str, response: Value| {
        let kind = format!("response.{kind}");
        json!({ "type": kind, "response": response })
    };
    let text = text(deltas);
    let empty = json!({ "id": "msg_1", "type": "message", "status": "in_progress",
        "role": "assistant", "content": [] });
    let mut events = vec![
        carry("created", response("in_progress", 0)),
        carry("in_progress", response("in_progress", 0)),
        item("added", empty),
        at("content_part.added", json!({ "part": part("") })),
    ];
    let delta = json!({ "delta": "0".repeat(STAMP_DIGITS), "logprobs": [] });
    events.extend((0..deltas).map(|_| at("output_text.delta", delta.clone())));
    events.push(at("output_text.done", json!({ "text": text, "logprobs": [] })));
    events.push(at("content_part.done", json!({ "part": part(&text) })));
    events.push(item("done", message(&text)));
    events.push(carry("completed", response("completed", deltas)));
    events
}

fn text(tokens: usize) -> String {
    "0".repeat(STAMP_DIGITS).repeat(tokens)
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

fn message(text: &str) -> Value {
    json!({ "id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
        "content": [part(text)] })
}

/// The response object, with every field that strict clients want. Its usage is small, so that a
/// wallet lasts.
fn response(status: &str, tokens: usize) -> Value {
    let done = status == "completed";
    let output = if done { json!([message(&text(tokens))]) } else { json!([]) };
    json!({
        "id": format!("resp_{}", "0".repeat(STAMP_DIGITS)), "object": "response",
        "created_at": 1_750_000_000, "status": status, "background": false, "error": null,
        "incomplete_details": null, "instructions": null, "max_output_tokens": null,
        "model": "gpt-5.5", "output": output,
        "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": { "effort": null, "summary": null }, "store": false, "temperature": 1.0,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "user": null, "metadata": {},
        "usage": if done { usage(tokens) } else { Value::Null },
    })
}

fn usage(output: usize) -> Value {
    json!({
        "input_tokens": 12, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": output, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": 12 + output,
    })
}
