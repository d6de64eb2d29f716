//! What a turn cost where codex pays for its models by itself: it reports a sum for the whole
//! thread, as often as it likes; a turn is billed once, when it has ended (seed 000, v1.0.9).
//!
//! Which input is charged is the price's rule, as for a call that comes by `/v1`: a report is made
//! after each call to a model, so what a call had of the thread's context before is known.

use std::collections::VecDeque;

use schema::{
    MicroUsd,
    openai::{InputDetails, OutputDetails, Usage},
};
use serde::{Deserialize, Serialize};

use super::{
    ledger::{Basis, Charge},
    price::{Fresh, Price},
};

/// Turns of a thread that are remembered as billed, so that one that is told of again is known.
const TURNS_MAX: usize = 32;
/// The route under which usage is summed that no route of ours was used for.
pub const ROUTE: &str = "own";

/// Tokens of a call, or of all calls of a thread: `tokenUsage.last` and `tokenUsage.total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokens {
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub output_tokens: u64,
    pub reasoning_output_tokens: u64,
}

/// The member `tokenUsage` of `thread/tokenUsage/updated`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Since the thread began.
    pub total: Tokens,
    /// Of the last call.
    pub last: Tokens,
}

/// What calls came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Used {
    pub tokens: Tokens,
    /// The part of the input that no call of the thread had before.
    pub fresh: Fresh,
}

/// How far a thread has been counted and billed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    /// The last sum; none for a thread that has not reported yet.
    stands: Option<Tokens>,
    /// The most input that one call had.
    water: u64,
    /// Counted, and not billed yet.
    unbilled: Used,
    billed: VecDeque<String>,
}

/// What a turn is charged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub model: String,
    pub price: Price,
    /// Whose credential asked for it, as it is stored.
    pub holder: String,
}

/// A turn that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub thread: String,
    pub turn: String,
    pub terms: Terms,
    pub used: Used,
    /// Whether it came to its end, and did not fail and was not interrupted.
    pub whole: bool,
}

impl Thread {
    /// Counts what a new sum adds to the last one. The same sum again adds nothing; a smaller one
    /// (turns were taken back) is where the thread stands from now on. The first sum of a thread
    /// may be of a past that is not ours to bill (a copy of another, one that went on elsewhere):
    /// then its last call counts, if it was made in a turn that began here.
    pub fn report(&mut self, report: Report, in_turn_of_ours: bool) {
        let Report { total, last } = report;
        let more = match self.stands.replace(total) {
            Some(before) => total.beyond(before),
            None if in_turn_of_ours => last,
            None => Tokens::default(),
        };
        self.unbilled.add(more, self.water);
        self.water = self.water.max(last.input_tokens);
    }

    /// What the turn that runs has cost so far, by what codex has told.
    pub fn cost_so_far(&self, price: &Price) -> MicroUsd {
        price.cost_of_turn(&self.unbilled.tokens.usage(), self.unbilled.fresh).total
    }

    /// What a turn that has ended is billed for; nothing if it was billed before.
    pub fn complete(&mut self, turn: &str) -> Option<Used> {
        if self.has_billed(turn) {
            return None;
        }
        if self.billed.len() >= TURNS_MAX {
            self.billed.pop_front();
        }
        self.billed.push_back(turn.to_owned());
        Some(std::mem::take(&mut self.unbilled))
    }

    /// Whether a turn has ended and been billed.
    pub fn has_billed(&self, turn: &str) -> bool {
        self.billed.iter().any(|billed| billed == turn)
    }
}

impl Ended {
    /// What it is charged, with that much on hold for it; nothing for a turn that failed before any
    /// model answered. One that succeeded and told of no tokens costs what was put on hold.
    pub fn charge(self, held: MicroUsd) -> Option<Charge> {
        let Self { thread, turn, terms, used, whole } = self;
        let told = used != Used::default();
        if !told && !whole {
            return None;
        }
        let usage = used.tokens.usage();
        let cost = terms.price.cost_of_turn(&usage, used.fresh);
        Some(Charge {
            model: terms.model,
            route: ROUTE.to_owned(),
            holder: terms.holder,
            conversation: Some(thread),
            response_id: None,
            turn: Some(turn),
            usage,
            billed_input: cost.billed_input,
            price: terms.price.id,
            basis: if told { Basis::Reported } else { Basis::Held },
            cost: if told { cost.total } else { held },
        })
    }
}

impl Used {
    /// Adds what a call came to, in a thread whose calls had so much input before.
    fn add(&mut self, more: Tokens, water: u64) {
        let (input, cached) = (more.input_tokens, more.cached_input_tokens.min(more.input_tokens));
        self.tokens = self.tokens.plus(more);
        let free = water.min(input);
        self.fresh.input = self.fresh.input.saturating_add(input - free);
        // What a provider caches is the front of the prompt, and what was billed before is too.
        self.fresh.cached = self.fresh.cached.saturating_add(cached.saturating_sub(free));
    }
}

impl Tokens {
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
    use proptest::prelude::*;

    use super::*;
    use crate::domain::price::{InputBilling, PerMillion};

    fn tokens(input: u64, output: u64) -> Tokens {
        let (cached_input_tokens, reasoning_output_tokens) = (input / 6, output * 2 / 7);
        Tokens {
            input_tokens: input,
            cached_input_tokens,
            output_tokens: output,
            reasoning_output_tokens,
        }
    }

    /// A notification's `tokenUsage` as both versions say it, after a call of 120 and 7 tokens.
    fn said(input: u64, output: u64) -> Report {
        let member = |input: u64, output: u64| {
            serde_json::json!({
                "totalTokens": input + output, "inputTokens": input,
                "cachedInputTokens": input / 6, "cacheWriteInputTokens": 0,
                "outputTokens": output, "reasoningOutputTokens": output * 2 / 7,
            })
        };
        let usage = serde_json::json!({
            "total": member(input, output), "last": member(120, 7), "modelContextWindow": 258_400,
        });
        serde_json::from_value(usage).unwrap()
    }

    /// Input, cached, output, reasoning, and the input that is new.
    #[track_caller]
    fn check(thread: &mut Thread, turn: &str, billed: Option<(u64, u64, u64, u64, u64)>) {
        let used = thread.complete(turn).map(|Used { tokens, fresh }| {
            let Tokens { input_tokens, cached_input_tokens, output_tokens, .. } = tokens;
            let reasoning = tokens.reasoning_output_tokens;
            (input_tokens, cached_input_tokens, output_tokens, reasoning, fresh.input)
        });
        assert_eq!(used, billed, "{turn}");
    }

    #[test]
    fn a_turn_is_billed_for_what_its_calls_added_to_the_thread() {
        let thread = &mut Thread::default();
        thread.report(said(120, 7), true);
        check(thread, "first", Some((120, 20, 7, 2, 120)));
        thread.report(said(240, 14), true);
        thread.report(said(360, 21), true);
        check(thread, "second", Some((240, 40, 14, 4, 0)));
    }

    #[test]
    fn input_that_a_call_of_the_thread_had_before_is_not_new() {
        let thread = &mut Thread::default();
        let calls = [(1_000, 10), (1_500, 10), (1_200, 10)];
        let mut total = Tokens::default();
        for (input, output) in calls {
            let last = tokens(input, output);
            total = total.plus(last);
            thread.report(Report { total, last }, true);
        }
        check(thread, "turn", Some((3_700, 616, 30, 6, 1_500)));
    }

    #[test]
    fn a_turn_is_billed_once_however_often_it_is_told() {
        let thread = &mut Thread::default();
        thread.report(said(120, 7), true);
        check(thread, "first", Some((120, 20, 7, 2, 120)));
        check(thread, "first", None);
        thread.report(said(240, 14), true);
        check(thread, "first", None);
        check(thread, "second", Some((120, 20, 7, 2, 0)));
    }

    #[test]
    fn a_sum_that_is_said_again_adds_nothing() {
        let thread = &mut Thread::default();
        thread.report(said(120, 7), true);
        thread.report(said(120, 7), true);
        check(thread, "waited for an approval", Some((120, 20, 7, 2, 120)));
        // As after a resume, before anything else has happened.
        thread.report(said(120, 7), false);
        check(thread, "used nothing", Some((0, 0, 0, 0, 0)));
    }

    #[test]
    fn a_copy_of_a_thread_is_not_billed_for_what_the_other_used() {
        let thread = &mut Thread::default();
        thread.report(said(480, 28), false);
        thread.report(said(600, 35), true);
        check(thread, "its own", Some((120, 20, 7, 2, 0)));
        let silent = &mut Thread::default();
        silent.report(said(600, 35), true);
        check(silent, "its own", Some((120, 20, 7, 2, 120)));
    }

    #[test]
    fn turns_that_were_taken_back_are_not_billed_again() {
        let thread = &mut Thread::default();
        thread.report(Report { total: tokens(480, 28), last: tokens(480, 28) }, true);
        check(thread, "first", Some((480, 80, 28, 8, 480)));
        thread.report(said(240, 14), false);
        thread.report(said(360, 21), true);
        check(thread, "after a rollback", Some((120, 20, 7, 2, 0)));
    }

    fn ended(used: Used, whole: bool, input_billing: InputBilling) -> Ended {
        let price = Price {
            id: 1,
            input: PerMillion(5_000_000),
            cached_input: Some(PerMillion(500_000)),
            output: PerMillion(30_000_000),
            reasoning: None,
            per_call: MicroUsd::ZERO,
            input_billing,
        };
        let terms = Terms { model: "m".into(), price, holder: "username".into() };
        Ended { thread: "T".into(), turn: "U".into(), terms, used, whole }
    }

    #[test]
    fn a_turn_that_told_of_nothing_costs_its_hold_if_it_succeeded_and_nothing_if_not() {
        let held = MicroUsd::new(77);
        let silent = |whole| ended(Used::default(), whole, InputBilling::All).charge(held);
        assert_eq!(silent(false), None);
        let charge = silent(true).unwrap();
        assert_eq!((charge.basis, charge.cost), (Basis::Held, held));
    }

    #[test]
    fn which_input_is_charged_is_the_rule_of_the_price() {
        let mut used = Used::default();
        used.add(tokens(600, 10), 0);
        used.add(tokens(1_200, 10), 600);
        let cost = |rule| ended(used, true, rule).charge(MicroUsd::ZERO).unwrap();
        let (all, new) = (cost(InputBilling::All), cost(InputBilling::NewContext));
        // 300 of 1,800 cached; of the 1,200 that are new, 100.
        assert_eq!((all.billed_input, all.cost.micros()), (1_800, 7_500 + 150 + 600));
        assert_eq!((new.billed_input, new.cost.micros()), (1_200, 5_500 + 50 + 600));
    }

    /// Input and output of a call, how often it is told, and whether a turn ends with it.
    fn call() -> impl Strategy<Value = (u64, u64, usize, bool)> {
        (0..9_000u64, 0..900u64, 1..4usize, any::<bool>())
    }

    proptest! {
        /// However often sums are said again, and wherever turns end, all turns together are billed
        /// for all that was used.
        #[test]
        fn turns_together_cost_what_was_used(
            calls in prop::collection::vec(call(), 1..60)
        ) {
            let (mut thread, mut total) = (Thread::default(), Tokens::default());
            let (mut billed, mut turns) = (Tokens::default(), 0);
            for (input, output, times, ends) in calls {
                let last = tokens(input, output);
                total = total.plus(last);
                for _ in 0..times {
                    thread.report(Report { total, last }, true);
                }
                if ends {
                    turns += 1;
                    for _ in 0..times {
                        let used = thread.complete(&turns.to_string()).unwrap_or_default();
                        prop_assert!(used.fresh.input <= used.tokens.input_tokens);
                        billed = billed.plus(used.tokens);
                    }
                }
            }
            billed = billed.plus(thread.complete("last").unwrap_or_default().tokens);
            prop_assert_eq!(billed, total);
        }
    }
}
