//! Tokens to money: versioned price tables, what a call will cost at most and at least, and what it
//! did cost.

use schema::{MicroUsd, admin::PriceRow, openai::Usage};
use serde::{Deserialize, Serialize};

/// Micro-dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PerMillion(pub i64);

impl PerMillion {
    /// The price of that many tokens, rounded half up: once for each line of a bill, never on the
    /// way.
    pub fn of(self, tokens: u64) -> MicroUsd {
        let exact = i128::from(self.0) * i128::from(tokens);
        let rounded = (exact + 500_000).div_euclid(1_000_000);
        MicroUsd::new(i64::try_from(rounded).unwrap_or(i64::MAX))
    }
}

/// Which input tokens of a conversation are charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputBilling {
    /// Only those beyond the most that the conversation had before (seed 000, v1.0.17).
    NewContext,
    /// All of them, every time.
    All,
}

impl InputBilling {
    /// The rule of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "new_context" => Some(Self::NewContext),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewContext => "new_context",
            Self::All => "all",
        }
    }
}

/// One version of one model's price. A row is never changed; a new price is a new row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The version, noted with every charge that it made.
    pub id: i64,
    pub input: PerMillion,
    /// As other input, if absent.
    pub cached_input: Option<PerMillion>,
    pub output: PerMillion,
    /// As other output, if absent.
    pub reasoning: Option<PerMillion>,
    /// Added to every call.
    pub per_call: MicroUsd,
    pub input_billing: InputBilling,
}

/// What is noted when a model's price changes: the one before, where there was one, and the new
/// one.
pub fn change(former: Option<&PriceRow>, new: &PriceRow) -> String {
    let former = former.map_or_else(|| "none".to_owned(), in_words);
    format!("{} was {former}; is {}", new.model, in_words(new))
}

fn in_words(row: &PriceRow) -> String {
    let parts = [
        ("input", Some(row.input)),
        ("cached", row.cached_input),
        ("output", Some(row.output)),
        ("reasoning", row.reasoning),
        ("call", Some(row.per_call).filter(|it| *it != 0)),
    ];
    let said = parts.into_iter().filter_map(|(name, price)| Some((name, MicroUsd::new(price?))));
    let said: String = said.map(|(name, price)| format!("{name} {price} ")).collect();
    said + &row.input_billing
}

/// What a call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The input tokens that were charged.
    pub billed_input: u64,
    pub total: MicroUsd,
}

/// Input that is charged, and how much of it the provider had cached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fresh {
    pub input: u64,
    pub cached: u64,
}

/// What to reserve for a call before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The least that the call can plausibly cost. A wallet with less is refused.
    pub floor: MicroUsd,
    /// The input, estimated high, and a first slice of output. Reserved where the wallet has it.
    pub wanted: MicroUsd,
}

/// Output tokens that a hold covers beyond what has been produced.
pub const SLICE_TOKENS: u64 = 2_000;
/// Input tokens are never estimated above this: no context window is larger.
const INPUT_MOST_TOKENS: u64 = 400_000;
/// The least input is never estimated above this, because pictures and files weigh many bytes and
/// few tokens.
const INPUT_FLOOR_TOKENS: u64 = 1_000;

/// Tokens that so many bytes of a request hold at most, by a high guess: English has four bytes to
/// a token.
pub fn most_input_tokens(bytes: u64) -> u64 {
    (bytes / 3 + 16).min(INPUT_MOST_TOKENS)
}

/// Tokens that so many bytes hold at least, by a low guess.
fn least_input_tokens(bytes: u64) -> u64 {
    (bytes / 24).min(INPUT_FLOOR_TOKENS)
}

/// What codex says to a model before it says anything of its user's: instructions and tools.
const CODEX_BYTES: u64 = 48_000;

impl Price {
    /// What to reserve for a turn that codex pays for by itself and that begins with so many bytes.
    /// How many calls it makes and what its thread has behind it is not known.
    pub fn quote_turn(&self, bytes: u64) -> Quote {
        self.quote(CODEX_BYTES.saturating_add(bytes), 0, None)
    }

    /// What to reserve for a request of `bytes`, in a conversation whose input reached `high_water`
    /// before, that asks for at most `max_output` tokens.
    pub fn quote(&self, bytes: u64, high_water: u64, max_output: Option<u64>) -> Quote {
        let slice = max_output.map_or(SLICE_TOKENS, |most| most.min(SLICE_TOKENS));
        Quote {
            floor: self.at_least(bytes, high_water, 0).max(MicroUsd::new(1)),
            wanted: self.at_most(bytes, high_water, slice).max(MicroUsd::new(1)),
        }
    }

    /// What a request of `bytes` costs at most when it has produced `output` tokens.
    pub fn at_most(&self, bytes: u64, high_water: u64, output: u64) -> MicroUsd {
        let input = most_input_tokens(bytes).saturating_sub(self.free_input(high_water));
        let dearest_input = self.cached_input.map_or(self.input, |cached| cached.max(self.input));
        let dearest_output = self.reasoning.map_or(self.output, |reason| reason.max(self.output));
        self.per_call.plus(dearest_input.of(input)).plus(dearest_output.of(output))
    }

    /// What a request of `bytes` costs at least when it has produced `output` tokens. A stream that
    /// cannot be paid for is ended by this figure, so that no estimate takes an answer that the
    /// money allows.
    pub fn at_least(&self, bytes: u64, high_water: u64, output: u64) -> MicroUsd {
        let input = least_input_tokens(bytes).saturating_sub(self.free_input(high_water));
        let cheapest_input = self.cached_input.map_or(self.input, |cached| cached.min(self.input));
        let cheapest_output = self.reasoning.map_or(self.output, |reason| reason.min(self.output));
        self.per_call.plus(cheapest_input.of(input)).plus(cheapest_output.of(output))
    }

    /// The bill of a call, line by line. `high_water` is the most input that its conversation had
    /// before.
    pub fn cost(&self, usage: &Usage, high_water: u64) -> Cost {
        let input = usage.input_tokens;
        let free = self.free_input(high_water).min(input);
        // What a provider caches is the front of the prompt, and what was billed before is its
        // front too.
        let cached = usage.input_tokens_details.cached_tokens.min(input).saturating_sub(free);
        self.bill(usage, Fresh { input: input - free, cached })
    }

    /// The bill of all calls of a turn together, whose new input was counted call by call.
    pub fn cost_of_turn(&self, usage: &Usage, fresh: Fresh) -> Cost {
        match self.input_billing {
            InputBilling::NewContext => self.bill(usage, fresh),
            InputBilling::All => self.cost(usage, 0),
        }
    }

    fn bill(&self, usage: &Usage, billed: Fresh) -> Cost {
        let Fresh { input, cached } = billed;
        let cached = cached.min(input);
        let reasoning = usage.output_tokens_details.reasoning_tokens.min(usage.output_tokens);
        let lines = [
            self.per_call,
            self.input.of(input - self.cached_input.map_or(0, |_| cached)),
            self.cached_input.map_or(MicroUsd::ZERO, |price| price.of(cached)),
            self.output.of(usage.output_tokens - self.reasoning.map_or(0, |_| reasoning)),
            self.reasoning.map_or(MicroUsd::ZERO, |price| price.of(reasoning)),
        ];
        Cost { billed_input: input, total: lines.into_iter().sum() }
    }

    const fn free_input(&self, high_water: u64) -> u64 {
        match self.input_billing {
            InputBilling::NewContext => high_water,
            InputBilling::All => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schema::openai::{InputDetails, OutputDetails};

    use super::*;

    fn price(input_billing: InputBilling) -> Price {
        Price {
            id: 1,
            input: PerMillion(5_000_000),
            cached_input: None,
            output: PerMillion(30_000_000),
            reasoning: None,
            per_call: MicroUsd::ZERO,
            input_billing,
        }
    }

    fn usage(input: u64, cached: u64, output: u64, reasoning: u64) -> Usage {
        Usage {
            input_tokens: input,
            input_tokens_details: InputDetails { cached_tokens: cached },
            output_tokens: output,
            output_tokens_details: OutputDetails { reasoning_tokens: reasoning },
        }
    }

    #[track_caller]
    fn check(price: &Price, usage: Usage, high_water: u64, billed_input: u64, micros: i64) {
        let total = MicroUsd::new(micros);
        assert_eq!(price.cost(&usage, high_water), Cost { billed_input, total });
    }

    #[test]
    fn a_change_is_told_with_what_was_and_what_is() {
        let new = PriceRow {
            id: 0,
            model: "gpt-5.5".to_owned(),
            input: 5_000_000,
            cached_input: None,
            output: 30_000_000,
            reasoning: None,
            per_call: 0,
            input_billing: "new_context".to_owned(),
        };
        let old = PriceRow { cached_input: Some(1), per_call: 2, ..new.clone() };
        let is = "input 5.000000 output 30.000000 new_context";
        assert_eq!(change(None, &new), format!("gpt-5.5 was none; is {is}"));
        let was = "input 5.000000 cached 0.000001 output 30.000000 call 0.000002 new_context";
        assert_eq!(change(Some(&old), &new), format!("gpt-5.5 was {was}; is {is}"));
    }

    #[test]
    fn only_new_input_of_a_conversation_is_billed() {
        let price = price(InputBilling::NewContext);
        check(&price, usage(1_000, 0, 50, 0), 0, 1_000, 5_000 + 1_500);
        check(&price, usage(1_500, 900, 20, 5), 1_000, 500, 2_500 + 600);
        check(&price, usage(800, 0, 1, 0), 1_500, 0, 30);
    }

    #[test]
    fn all_input_is_billed_where_the_table_says_so() {
        check(&price(InputBilling::All), usage(1_500, 0, 20, 0), 1_000, 1_500, 7_500 + 600);
    }

    #[test]
    fn cached_and_reasoning_tokens_have_lines_of_their_own() {
        let price = Price {
            cached_input: Some(PerMillion(500_000)),
            reasoning: Some(PerMillion(60_000_000)),
            per_call: MicroUsd::new(7),
            ..price(InputBilling::NewContext)
        };
        check(&price, usage(1_000, 400, 50, 20), 0, 1_000, 7 + 3_000 + 200 + 900 + 1_200);
        check(&price, usage(1_000, 400, 0, 0), 300, 700, 7 + 3_000 + 50);
        check(&price, usage(10, 99, 1, 99), 0, 10, 7 + 5 + 60);
    }

    #[test]
    fn a_line_is_rounded_half_up_and_only_once() {
        assert_eq!(PerMillion(500_000).of(1), MicroUsd::new(1));
        assert_eq!(PerMillion(499_999).of(1), MicroUsd::ZERO);
        assert_eq!(PerMillion(2_500_000).of(3), MicroUsd::new(8));
        assert_eq!(PerMillion(i64::MAX).of(u64::MAX), MicroUsd::MAX);
    }

    proptest! {
        #[test]
        fn the_least_is_never_above_the_most(
            bytes in 0u64..10_000_000, water in 0u64..100_000, output in 0u64..100_000,
            cached in prop::option::of(0i64..50_000_000),
            reason in prop::option::of(0i64..90_000_000),
        ) {
            let price = Price {
                cached_input: cached.map(PerMillion),
                reasoning: reason.map(PerMillion),
                ..price(InputBilling::NewContext)
            };
            let least = price.at_least(bytes, water, output);
            prop_assert!(least <= price.at_most(bytes, water, output));
            let quote = price.quote(bytes, water, Some(output));
            prop_assert!(MicroUsd::ZERO < quote.floor && quote.floor <= quote.wanted);
        }
    }
}
