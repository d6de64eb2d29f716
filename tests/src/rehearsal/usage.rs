//! Token counts of the scripted model: the same request and script always cost the same.
//!
//! Input tokens are the bytes of all text in `instructions` and `input` (messages, call arguments,
//! call outputs), divided by four and rounded up. Output tokens are one per delta: a word, a word
//! of reasoning, a piece of a call's arguments.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes of text that make one token.
const BYTES_PER_TOKEN: usize = 4;

/// Fits an `i64`, and no product of it does.
const HUGE: i64 = 9_000_000_000_000_000_000;

/// What a response cost, as the wire counts it: cached is part of input, reasoning part of output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// What the response reports. The directive is `usage WORD`, or `usage KEY=N …` with the keys
/// `input`, `cached`, `output`, `reasoning`, `total`; keys left out are counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Rule {
    /// What was counted.
    #[default]
    Counted,
    /// `usage input=1000 cached=200 …`: these figures.
    Exact(Exact),
    /// `usage missing`: no `usage` member.
    Missing,
    /// `usage null`
    Null,
    /// `usage none-total`: no `total_tokens` member.
    NoTotal,
    /// `usage no-details`: the three mandatory figures alone.
    NoDetails,
    /// `usage huge`: figures whose price no 64-bit integer holds.
    Huge,
    /// `usage negative`
    Negative,
    /// `usage strings`: figures in quotation marks.
    Strings,
}

/// Figures that replace what was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Exact {
    pub input: Option<u64>,
    pub cached: Option<u64>,
    pub output: Option<u64>,
    pub reasoning: Option<u64>,
    pub total: Option<u64>,
}

/// The input tokens of a text.
pub fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

impl Usage {
    /// The `usage` object of the wire.
    pub fn to_wire(self, total: Option<u64>) -> Value {
        json!({
            "input_tokens": self.input,
            "input_tokens_details": { "cached_tokens": self.cached },
            "output_tokens": self.output,
            "output_tokens_details": { "reasoning_tokens": self.reasoning },
            "total_tokens": total.unwrap_or_else(|| self.input.saturating_add(self.output)),
        })
    }

    /// Reads a `usage` object of the wire; details that are missing count nothing.
    pub fn from_wire(usage: &Value) -> Option<Usage> {
        let figure = |pointer| usage.pointer(pointer).and_then(Value::as_u64);
        Some(Usage {
            input: figure("/input_tokens")?,
            cached: figure("/input_tokens_details/cached_tokens").unwrap_or_default(),
            output: figure("/output_tokens")?,
            reasoning: figure("/output_tokens_details/reasoning_tokens").unwrap_or_default(),
        })
    }
}

impl Rule {
    pub fn parse(rest: &str) -> Result<Rule, String> {
        Ok(match rest {
            "missing" => Rule::Missing,
            "null" => Rule::Null,
            "none-total" => Rule::NoTotal,
            "no-details" => Rule::NoDetails,
            "huge" => Rule::Huge,
            "negative" => Rule::Negative,
            "strings" => Rule::Strings,
            figures => Rule::Exact(Exact::parse(figures)?),
        })
    }

    /// The `usage` member of a response that cost `counted`; none if it is left out.
    pub fn report(&self, counted: Usage) -> Option<Value> {
        let total = counted.input + counted.output;
        Some(match self {
            Rule::Counted => counted.to_wire(None),
            Rule::Exact(exact) => exact.over(counted).to_wire(exact.total),
            Rule::Missing => return None,
            Rule::Null => Value::Null,
            Rule::NoTotal => json!({
                "input_tokens": counted.input, "output_tokens": counted.output,
            }),
            Rule::NoDetails => figures(json!(counted.input), json!(counted.output), json!(total)),
            Rule::Huge => figures(json!(HUGE), json!(HUGE), json!(HUGE)),
            Rule::Negative => figures(json!(-1_000), json!(-50), json!(-1_050)),
            Rule::Strings => figures(
                json!(counted.input.to_string()),
                json!(counted.output.to_string()),
                json!(total.to_string()),
            ),
        })
    }
}

impl Exact {
    fn parse(figures: &str) -> Result<Exact, String> {
        let mut exact = Exact::default();
        for figure in figures.split_whitespace() {
            let unknown = || format!("rehearsal does not know the usage `{figure}`");
            let (key, value) = figure.split_once('=').ok_or_else(unknown)?;
            let value = Some(value.parse().map_err(|_| unknown())?);
            match key {
                "input" => exact.input = value,
                "cached" => exact.cached = value,
                "output" => exact.output = value,
                "reasoning" => exact.reasoning = value,
                "total" => exact.total = value,
                _ => return Err(unknown()),
            }
        }
        Ok(exact)
    }

    fn over(&self, counted: Usage) -> Usage {
        Usage {
            input: self.input.unwrap_or(counted.input),
            cached: self.cached.unwrap_or(counted.cached),
            output: self.output.unwrap_or(counted.output),
            reasoning: self.reasoning.unwrap_or(counted.reasoning),
        }
    }
}

fn figures(input: Value, output: Value, total: Value) -> Value {
    json!({ "input_tokens": input, "output_tokens": output, "total_tokens": total })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTED: Usage = Usage { input: 30, cached: 0, output: 7, reasoning: 2 };

    #[track_caller]
    fn check(directive: &str, reported: Option<Value>) {
        let rule = Rule::parse(directive);
        assert_eq!(rule.map(|rule| rule.report(COUNTED)), Ok(reported));
    }

    #[test]
    fn four_bytes_of_text_begin_a_token() {
        assert_eq!([0, 1, 4, 5, 400].map(tokens), [0, 1, 1, 2, 100]);
    }

    #[test]
    fn exact_figures_replace_the_counted_ones() {
        let exact = Usage { input: 1_000, cached: 200, output: 50, reasoning: 10 };
        check("input=1000 cached=200 output=50 reasoning=10", Some(exact.to_wire(None)));
        check("input=1000", Some(Usage { input: 1_000, ..COUNTED }.to_wire(None)));
        check("total=1", Some(COUNTED.to_wire(Some(1))));
    }

    #[test]
    fn usage_can_be_left_out_in_part_or_whole() {
        check("missing", None);
        check("null", Some(Value::Null));
        check("none-total", Some(json!({ "input_tokens": 30, "output_tokens": 7 })));
        let mandatory = json!({ "input_tokens": 30, "output_tokens": 7, "total_tokens": 37 });
        check("no-details", Some(mandatory));
    }

    #[test]
    fn unknown_figures_are_refused() {
        assert!(Rule::parse("input=many").is_err());
        assert!(Rule::parse("banana=1").is_err());
        assert!(Rule::parse("banana").is_err());
    }

    #[test]
    fn a_report_reads_back_as_what_was_counted() {
        assert_eq!(Usage::from_wire(&COUNTED.to_wire(None)), Some(COUNTED));
        assert_eq!(Usage::from_wire(&Value::Null), None);
    }
}
