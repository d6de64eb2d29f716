//! What a turn cost where codex pays for its models by itself: it reports a sum for the whole
//! thread, as often as it likes; a turn is billed once, when it has completed (seed 000, v1.0.9).

use std::collections::VecDeque;

use schema::openai::{InputDetails, OutputDetails, Usage};
use serde::{Deserialize, Serialize};

/// Turns that are remembered as billed. Events come in order, so one would do.
const TURNS_MAX: usize = 32;

/// What a thread has used since it began: `tokenUsage.total` of `thread/tokenUsage/updated`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Total {
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub output_tokens: u64,
    pub reasoning_output_tokens: u64,
}

/// How far a thread has been counted and billed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The last sum; none for a thread that has not reported yet.
    last: Option<Total>,
    /// Counted, and not billed yet.
    unbilled: Total,
    billed: VecDeque<String>,
}

impl Thread {
    /// A thread that begins now, with nothing used.
    pub fn begun() -> Self {
        Self { last: Some(Total::default()), ..Self::default() }
    }

    /// A thread with a past: a copy of another, or one that went on elsewhere. What it reports
    /// first is where it stands, and not billed.
    pub fn found() -> Self {
        Self::default()
    }

    /// Counts what a new sum adds to the last one. The same sum again adds nothing; a smaller one
    /// (turns were taken back) is where the thread stands from now on.
    pub fn report(&mut self, total: Total) {
        if let Some(last) = self.last.replace(total) {
            self.unbilled = self.unbilled.plus(total.beyond(last));
        }
    }

    /// What a turn that has completed is billed for; nothing if it was billed before.
    pub fn complete(&mut self, turn: &str) -> Option<Usage> {
        if self.billed.iter().any(|billed| billed == turn) {
            return None;
        }
        if self.billed.len() >= TURNS_MAX {
            self.billed.pop_front();
        }
        self.billed.push_back(turn.to_owned());
        Some(std::mem::take(&mut self.unbilled).usage())
    }
}

impl Total {
    const fn beyond(self, last: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_sub(last.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_sub(last.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_sub(last.output_tokens),
            reasoning_output_tokens: self
                .reasoning_output_tokens
                .saturating_sub(last.reasoning_output_tokens),
        }
    }

    const fn plus(self, more: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(more.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(more.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_add(more.output_tokens),
            reasoning_output_tokens: self
                .reasoning_output_tokens
                .saturating_add(more.reasoning_output_tokens),
        }
    }

    const fn usage(self) -> Usage {
        Usage {
            input_tokens: self.input_tokens,
            input_tokens_details: InputDetails { cached_tokens: self.cached_input_tokens },
            output_tokens: self.output_tokens,
            output_tokens_details: OutputDetails { reasoning_tokens: self.reasoning_output_tokens },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A notification's `tokenUsage` as both versions say it.
    fn said(input: u64, output: u64) -> Total {
        let usage = serde_json::json!({
            "total": {
                "totalTokens": input + output, "inputTokens": input,
                "cachedInputTokens": input / 6, "cacheWriteInputTokens": 0,
                "outputTokens": output, "reasoningOutputTokens": output * 2 / 7,
            },
            "last": { "totalTokens": 127, "inputTokens": 120, "outputTokens": 7 },
            "modelContextWindow": 258_400,
        });
        serde_json::from_value(usage["total"].clone()).unwrap()
    }

    #[track_caller]
    fn check(thread: &mut Thread, turn: &str, billed: Option<(u64, u64, u64, u64)>) {
        let usage = thread.complete(turn).map(|usage| {
            let Usage { input_tokens, output_tokens, .. } = usage;
            let cached = usage.input_tokens_details.cached_tokens;
            (input_tokens, cached, output_tokens, usage.output_tokens_details.reasoning_tokens)
        });
        assert_eq!(usage, billed, "{turn}");
    }

    #[test]
    fn a_turn_is_billed_for_what_its_calls_added_to_the_thread() {
        let thread = &mut Thread::begun();
        thread.report(said(120, 7));
        check(thread, "first", Some((120, 20, 7, 2)));
        thread.report(said(240, 14));
        thread.report(said(360, 21));
        check(thread, "second", Some((240, 40, 14, 4)));
    }

    #[test]
    fn a_turn_is_billed_once_however_often_it_is_told() {
        let thread = &mut Thread::begun();
        thread.report(said(120, 7));
        check(thread, "first", Some((120, 20, 7, 2)));
        check(thread, "first", None);
        thread.report(said(240, 14));
        check(thread, "first", None);
        check(thread, "second", Some((120, 20, 7, 2)));
    }

    #[test]
    fn a_sum_that_is_said_again_adds_nothing() {
        let thread = &mut Thread::begun();
        thread.report(said(120, 7));
        thread.report(said(120, 7));
        check(thread, "waited for an approval", Some((120, 20, 7, 2)));
        // As after a resume, before anything else has happened.
        thread.report(said(120, 7));
        check(thread, "used nothing", Some((0, 0, 0, 0)));
    }

    #[test]
    fn a_copy_of_a_thread_is_not_billed_for_what_the_other_used() {
        let thread = &mut Thread::found();
        thread.report(said(480, 28));
        thread.report(said(600, 35));
        check(thread, "its own", Some((120, 20, 7, 2)));
    }

    #[test]
    fn turns_that_were_taken_back_are_not_billed_again() {
        let thread = &mut Thread::begun();
        thread.report(said(480, 28));
        check(thread, "first", Some((480, 80, 28, 8)));
        thread.report(said(240, 14));
        thread.report(said(360, 21));
        check(thread, "after a rollback", Some((120, 20, 7, 2)));
    }
}
