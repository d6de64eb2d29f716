//! The shapes of the account's rows: as they are written, as they are read, and as they are shown.

use schema::{
    MicroUsd, Timestamp,
    admin::WalletTransaction,
    agent::{DailySpend, UsageTransaction},
    time::DAY_MS,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{access::Holder, ledger::Entry, token::Hash};

/// A ledger row in the order of the table's columns; one statement stores a whole batch of them.
pub fn entry_row(entry: &Entry) -> Value {
    let mut row = vec![
        json!(entry.seq),
        json!(entry.kind.as_str()),
        json!(entry.call),
        json!(entry.source),
        json!(entry.amount),
        json!(entry.held),
        json!(entry.balance),
        json!(entry.at),
        if entry.note.is_empty() { Value::Null } else { json!(entry.note) },
    ];
    if let Some(charge) = &entry.charge {
        row.extend([
            json!(charge.model),
            json!(charge.route),
            json!(charge.holder),
            json!(charge.conversation),
            json!(charge.usage.input_tokens),
            json!(charge.usage.input_tokens_details.cached_tokens),
            json!(charge.usage.output_tokens),
            json!(charge.usage.output_tokens_details.reasoning_tokens),
            json!(charge.billed_input),
            json!(charge.price),
            json!(charge.basis.as_str()),
            json!(charge.cost),
        ]);
    }
    let of_plan = [entry.covered, entry.reserved];
    if of_plan.iter().any(|amount| *amount != MicroUsd::ZERO) {
        row.resize(BEFORE_PLAN_COLUMNS, Value::Null);
        let some = |amount: MicroUsd| {
            if amount == MicroUsd::ZERO { Value::Null } else { json!(amount) }
        };
        row.extend(of_plan.map(some));
    }
    if let Some(purpose) = &entry.purpose {
        row.resize(BEFORE_PROJECT_COLUMNS, Value::Null);
        row.extend([json!(purpose.project), json!(purpose.turn)]);
    }
    Value::Array(row)
}

/// Columns of a row before those of the Unlimited plan, with a charge or without.
const BEFORE_PLAN_COLUMNS: usize = 21;
/// The same before those of a project.
const BEFORE_PROJECT_COLUMNS: usize = 23;

#[derive(Deserialize)]
pub struct StepRow {
    pub done: usize,
}

#[derive(Deserialize)]
pub struct MarkRow {
    pub value: i64,
}

#[derive(Deserialize)]
pub struct LastRow {
    pub seq: i64,
    pub balance: i64,
}

#[derive(Deserialize)]
pub struct OpenRow {
    pub call: String,
    pub held: i64,
    pub reserved: i64,
    pub seq: i64,
    pub at: i64,
    pub note: Option<String>,
    pub project: Option<String>,
    pub turn: Option<String>,
}

#[derive(Deserialize)]
pub struct SpentRow {
    pub turn: Option<String>,
    pub spent: i64,
}

#[derive(Deserialize)]
pub struct CapRow {
    pub project: String,
    pub body: String,
}

#[derive(Deserialize)]
pub struct CountedRow {
    pub holder: String,
    pub at: i64,
    pub weight: u32,
}

#[derive(Deserialize)]
pub struct CoveredRow {
    pub second: i64,
    pub covered: i64,
}

#[derive(Deserialize)]
pub struct EntryRow {
    pub seq: i64,
    pub kind: String,
    pub amount: i64,
    pub held: i64,
    pub balance: i64,
    pub source: Option<String>,
    pub call: Option<String>,
    pub note: Option<String>,
    pub at: i64,
    pub covered: Option<i64>,
    pub reserved: Option<i64>,
}

impl EntryRow {
    pub fn shown(self) -> WalletTransaction {
        WalletTransaction {
            seq: self.seq,
            kind: self.kind,
            amount_micro_usd: MicroUsd::new(self.amount),
            held_micro_usd: MicroUsd::new(self.held),
            balance_after_micro_usd: MicroUsd::new(self.balance),
            source: self.source,
            call: self.call,
            note: self.note.unwrap_or_default(),
            covered_micro_usd: MicroUsd::new(self.covered.unwrap_or_default()),
            reserved_micro_usd: MicroUsd::new(self.reserved.unwrap_or_default()),
            at: Timestamp::from_millis(self.at).to_string(),
        }
    }
}

#[derive(Deserialize)]
pub struct UsageRow {
    pub seq: i64,
    pub call: String,
    pub at: i64,
    pub model: String,
    pub source: Option<String>,
    pub conversation: Option<String>,
    pub holder: String,
    pub input: u64,
    pub cached: u64,
    pub billed: u64,
    pub output: u64,
    pub reasoning: u64,
    pub amount: i64,
    pub balance: i64,
    pub basis: String,
    pub covered: Option<i64>,
}

impl UsageRow {
    pub fn shown(self) -> (i64, UsageTransaction) {
        let charged = MicroUsd::new(-self.amount);
        let covered = MicroUsd::new(self.covered.unwrap_or_default());
        let purse = match (charged > MicroUsd::ZERO, covered > MicroUsd::ZERO) {
            (true, true) => "both",
            (false, true) => "unlimited",
            (_, false) => "wallet",
        };
        let response_id = self.source.as_deref().and_then(|s| s.strip_prefix("response:"));
        let shown = UsageTransaction {
            id: self.call,
            at: Timestamp::from_millis(self.at).to_string(),
            model: self.model,
            response_id: response_id.map(str::to_owned),
            conversation: self.conversation,
            key_id: Holder::parse(&self.holder).and_then(Holder::key),
            input_tokens: self.input,
            cached_input_tokens: self.cached,
            billed_input_tokens: self.billed,
            output_tokens: self.output,
            reasoning_tokens: self.reasoning,
            charged_micro_usd: charged,
            charged_usd: charged.to_string(),
            purse: purse.to_owned(),
            covered_micro_usd: covered,
            covered_usd: covered.to_string(),
            balance_after_micro_usd: MicroUsd::new(self.balance),
            basis: self.basis,
        };
        (self.seq, shown)
    }
}

#[derive(Deserialize)]
pub struct DayRow {
    pub day: i64,
    pub requests: u64,
    pub input: u64,
    pub output: u64,
    pub charged: i64,
    pub covered: i64,
}

impl DayRow {
    pub fn shown(self) -> DailySpend {
        DailySpend {
            date: Timestamp::from_millis(self.day * DAY_MS).date(),
            requests: self.requests,
            input_tokens: self.input,
            output_tokens: self.output,
            charged_micro_usd: MicroUsd::new(self.charged),
            covered_micro_usd: MicroUsd::new(self.covered),
        }
    }
}

/// Reads what [`hex`] wrote.
pub fn unhex(text: &str) -> Option<Hash> {
    let digit = |at: usize| text.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len() / 2).map(|i| digit(i * 2)).collect();
    bytes?.try_into().ok()
}
