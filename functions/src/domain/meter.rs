//! What a response came to: reads a copy of the provider's bytes, forwards nothing, keeps little.
//!
//! A stream is read line by line, whatever the cuts between blocks. Only the line that carries the
//! usage is parsed; of the others no more than their event's kind is looked at, to count what was
//! produced should the usage never come.

use memchr::{memchr, memmem};
use schema::openai::{FinalEvent, InputDetails, OutputDetails, ResponseObject, Usage};

/// A line longer than this is not kept: the last event repeats the whole answer, so it may be long.
const LINE_MAX_BYTES: usize = 16 << 20;
/// How far into an event its kind is looked for.
const KIND_WITHIN_BYTES: usize = 160;
/// A provider that reports more tokens than this is taken to have said this.
const TOKENS_MAX: u64 = 1_000_000_000;

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// `response.completed` or `response.incomplete`, or a whole JSON answer.
    Whole,
    /// `response.failed`.
    Failed,
    /// The provider's bytes ended before any of these.
    Cut,
}

/// What a response came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Produced {
    pub ending: Ending,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// The provider's own count, where it gave one.
    pub usage: Option<Usage>,
    /// Pieces of output that went by; each is a token or more.
    pub deltas: u64,
}

/// A stream as it goes by.
#[derive(Debug, Default)]
pub struct Meter {
    partial: Vec<u8>,
    overlong: bool,
    deltas: u64,
    response_id: Option<String>,
    usage: Option<Usage>,
    ending: Option<Ending>,
}

impl Meter {
    /// Reads the next block of the stream, cut anywhere.
    pub fn read(&mut self, mut block: &[u8]) {
        while let Some(end) = memchr(b'\n', block) {
            let (line, rest) = block.split_at(end);
            self.end_line(line);
            block = rest.get(1..).unwrap_or_default();
        }
        if self.partial.len() + block.len() > LINE_MAX_BYTES {
            self.overlong = true;
            self.partial.clear();
        } else if !self.overlong {
            self.partial.extend_from_slice(block);
        }
    }

    /// Pieces of output so far.
    pub const fn deltas(&self) -> u64 {
        self.deltas
    }

    /// Whether the last event has gone by.
    pub const fn ended(&self) -> bool {
        self.ending.is_some()
    }

    /// What the stream came to, now that no more will come.
    pub fn finish(mut self) -> Produced {
        self.end_line(&[]);
        Produced {
            ending: self.ending.unwrap_or(Ending::Cut),
            response_id: self.response_id,
            usage: self.usage,
            deltas: self.deltas,
        }
    }

    fn end_line(&mut self, end: &[u8]) {
        if std::mem::take(&mut self.overlong) {
            return;
        }
        if self.partial.is_empty() {
            return self.line(end);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(end);
        self.line(&whole);
        whole.clear();
        self.partial = whole;
    }

    fn line(&mut self, line: &[u8]) {
        let Some(data) = line.strip_prefix(b"data:") else { return };
        let start = data.get(..KIND_WITHIN_BYTES).unwrap_or(data);
        if memmem::find(start, b".delta\"").is_some() {
            self.deltas += 1;
            return;
        }
        if memmem::find(data, b"\"usage\"").is_none()
            && memmem::find(start, b"\"response.").is_none()
        {
            return;
        }
        let Ok(event) = serde_json::from_slice::<Kind>(data) else { return };
        self.ending = match event.kind.as_ref() {
            "response.completed" | "response.incomplete" => Some(Ending::Whole),
            "response.failed" => Some(Ending::Failed),
            _ => self.ending,
        };
        self.look_into(data);
    }

    /// Takes the id and the usage from an event that carries a response.
    fn look_into(&mut self, data: &[u8]) {
        let Ok(event) = serde_json::from_slice::<FinalEvent>(data) else { return };
        if let Some(id) = event.response.id {
            self.response_id = Some(id.into_owned());
        }
        self.usage = event.response.usage.map(bounded).or(self.usage);
    }
}

#[derive(serde::Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

/// What a whole JSON answer came to; `None` if it is not a response: an object with an id or a
/// usage.
pub fn whole(body: &[u8]) -> Option<Produced> {
    let response: ResponseObject = serde_json::from_slice(body).ok()?;
    if response.id.is_none() && response.usage.is_none() {
        return None;
    }
    let failed = matches!(response.status.as_deref(), Some("failed" | "cancelled"));
    Some(Produced {
        ending: if failed { Ending::Failed } else { Ending::Whole },
        response_id: response.id.map(std::borrow::Cow::into_owned),
        usage: response.usage.map(bounded),
        deltas: 0,
    })
}

/// Figures that sums and readers of numbers can bear; no answer comes near the bound.
fn bounded(usage: Usage) -> Usage {
    let Usage { input_tokens_details: input, output_tokens_details: output, .. } = usage;
    Usage {
        input_tokens: usage.input_tokens.min(TOKENS_MAX),
        input_tokens_details: InputDetails { cached_tokens: input.cached_tokens.min(TOKENS_MAX) },
        output_tokens: usage.output_tokens.min(TOKENS_MAX),
        output_tokens_details: OutputDetails {
            reasoning_tokens: output.reasoning_tokens.min(TOKENS_MAX),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = concat!(
        "event: response.created\n",
        "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"usage\":null}}\n\n",
        ": comment\n\n",
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Gr\u{fc}\u{df}e\"}\n\n",
        "data: {\"delta\":\"\\\"usage\\\":{\",\"type\":\"response.output_text.delta\"}\r\n\r\n",
        "data: {\"type\":\"keepalive\"}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"new\":[1],",
        "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},",
        "\"output_tokens\":3,\"output_tokens_details\":null,\"total_tokens\":12,\"x\":{}}}}\n\n",
        "data: [DONE]\n\n",
    );

    fn metered<'a>(blocks: impl IntoIterator<Item = &'a [u8]>) -> Produced {
        let mut meter = Meter::default();
        blocks.into_iter().for_each(|block| meter.read(block));
        meter.finish()
    }

    #[test]
    fn usage_is_read_from_the_last_event() {
        let produced = metered([STREAM.as_bytes()]);
        assert_eq!(produced.ending, Ending::Whole);
        assert_eq!(produced.response_id.as_deref(), Some("resp_1"));
        assert_eq!(produced.deltas, 2);
        let usage = produced.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (9, 3));
        assert_eq!(usage.input_tokens_details.cached_tokens, 4);
    }

    proptest! {
        #[test]
        fn cuts_between_blocks_change_nothing(cuts in prop::collection::vec(1usize..40, 1..80)) {
            let (mut rest, mut blocks) = (STREAM.as_bytes(), Vec::new());
            for cut in cuts {
                let (block, after) = rest.split_at(cut.min(rest.len()));
                blocks.push(block);
                rest = after;
            }
            blocks.push(rest);
            prop_assert_eq!(metered(blocks), metered([STREAM.as_bytes()]));
        }

        #[test]
        fn no_bytes_are_a_fault(blocks in prop::collection::vec(any::<Vec<u8>>(), 0..9)) {
            metered(blocks.iter().map(Vec::as_slice));
        }
    }

    #[test]
    fn a_stream_that_stops_early_is_cut_and_what_went_by_is_counted() {
        let until = STREAM.find("data: {\"type\":\"response.completed").unwrap();
        let produced = metered([&STREAM.as_bytes()[..until]]);
        assert_eq!((produced.ending, produced.deltas), (Ending::Cut, 2));
        assert_eq!((produced.usage, produced.response_id.as_deref()), (None, Some("resp_1")));
    }

    #[test]
    fn a_last_line_without_its_newline_counts() {
        let stream = STREAM.trim_end().trim_end_matches("data: [DONE]").trim_end();
        assert_eq!(metered([stream.as_bytes()]).ending, Ending::Whole);
    }

    #[test]
    fn failure_and_incompleteness_are_told_apart() {
        let failed = b"data: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\"}}\n\n";
        assert_eq!(metered([failed.as_slice()]).ending, Ending::Failed);
        let short = b"data: {\"type\":\"response.incomplete\",\"response\":{\"id\":\"r\"}}\n\n";
        assert_eq!(metered([short.as_slice()]).ending, Ending::Whole);
    }

    #[test]
    fn odd_usage_is_no_usage_but_still_an_ending() {
        let odd = concat!(
            r#"data: {"type":"response.completed","#,
            r#""response":{"id":"r","usage":{"input_tokens":-1}}}"#
        );
        let produced = metered([odd.as_bytes()]);
        assert_eq!((produced.ending, produced.usage), (Ending::Whole, None));
        assert_eq!(produced.response_id.as_deref(), Some("r"));
        let produced = whole(br#"{"id":"r","usage":{"input_tokens":"1","output_tokens":"2"}}"#);
        assert_eq!(produced.map(|p| (p.ending, p.usage)), Some((Ending::Whole, None)));
    }

    #[test]
    fn usage_beyond_all_measure_is_bounded() {
        let huge = br#"{"id":"r","usage":{"input_tokens":9000000000000000000,"output_tokens":7}}"#;
        let usage = whole(huge).and_then(|p| p.usage).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (TOKENS_MAX, 7));
    }

    #[test]
    fn a_json_answer_is_read_whole_and_a_page_is_not_one() {
        assert!(whole(b"<html>").is_none());
        let answer = br#"{"id":"r","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}"#;
        assert_eq!(whole(answer).and_then(|p| p.usage).map(|u| u.output_tokens), Some(2));
        let failed = br#"{"id":"r","status":"failed","usage":null}"#;
        assert_eq!(whole(failed).map(|p| p.ending), Some(Ending::Failed));
    }
}
