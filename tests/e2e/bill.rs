//! What the scripted model's log says that a wallet has to have paid.

use std::collections::HashMap;

use schema::MicroUsd;
use schema::agent::UsageTransaction;
use tests::account::Account;
use tests::rehearsal::Record;
use tests::world::World;

/// Micro-dollars for a token: $5 and $30 for a million.
const INPUT_MICROS: u64 = 5;
const OUTPUT_MICROS: u64 = 30;

/// One charge as it has to be.
#[derive(Debug, PartialEq)]
struct Line {
    response_id: Option<String>,
    input: u64,
    cached: u64,
    billed_input: u64,
    output: u64,
    reasoning: u64,
    charged: MicroUsd,
}

/// Compares the ledger with all that the scripted model has sent in this world, every bit of it for
/// one account, which was opened with `credit`.
pub async fn check(world: &World, account: &Account, credit: MicroUsd) {
    let mut expected = lines(&world.upstream().wait_until_idle().await);
    let charges = account.charges(expected.len()).await;
    let mut charged: Vec<Line> = charges.iter().map(line).collect();
    // Calls that run at one time end in any order.
    for lines in [&mut expected, &mut charged] {
        lines.sort_by(|a, b| a.response_id.cmp(&b.response_id));
    }
    assert_eq!(charged, expected);
    let mut balance = credit;
    for charge in &charges {
        balance = balance.minus(charge.charged_micro_usd);
        assert_eq!(charge.balance_after_micro_usd, balance);
    }
    assert_eq!(account.me().await.wallet.balance_micro_usd, balance);
}

/// Of a conversation, only the input beyond the most that it had before is billed.
fn lines(records: &[Record]) -> Vec<Line> {
    let mut waters = HashMap::new();
    let sent = records.iter().filter_map(|record| Some((record, record.usage()?)));
    sent.map(|(record, usage)| {
        let mut billed_input = usage.input;
        if let Some(conversation) = record.body["prompt_cache_key"].as_str() {
            let water = waters.entry(conversation).or_insert(0);
            billed_input = usage.input.saturating_sub(*water);
            *water = usage.input.max(*water);
        }
        let micros = billed_input * INPUT_MICROS + usage.output * OUTPUT_MICROS;
        Line {
            response_id: record.response_id.clone(),
            input: usage.input,
            cached: usage.cached,
            billed_input,
            output: usage.output,
            reasoning: usage.reasoning,
            charged: MicroUsd::new(i64::try_from(micros).expect("a small sum")),
        }
    })
    .collect()
}

fn line(charge: &UsageTransaction) -> Line {
    Line {
        response_id: charge.response_id.clone(),
        input: charge.input_tokens,
        cached: charge.cached_input_tokens,
        billed_input: charge.billed_input_tokens,
        output: charge.output_tokens,
        reasoning: charge.reasoning_tokens,
        charged: charge.charged_micro_usd,
    }
}
