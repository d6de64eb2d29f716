//! What was used, charge by charge and day by day.

use askama::Template;
use schema::{
    AccountId, KeyId, MicroUsd, Result, Timestamp,
    agent::{DailySpend, UsageTransaction},
    time::DAY_MS,
};
use serde::Deserialize;

use super::{
    super::{
        Frame, PageOr,
        shown::{Count, Usd, WhenText},
    },
    cents, seen,
};
use crate::{
    cx::Cx,
    services::{keys, wallets},
};

/// Charges in a page.
const CHARGES: u32 = 50;

/// Which charges.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ChargesOf {
    /// Those before this position of the ledger.
    starting_after: Option<String>,
}

/// One charge, as a row.
pub struct Charge {
    pub at: WhenText,
    pub model: String,
    pub input: Count,
    pub cached: Count,
    pub output: Count,
    pub charged: Usd,
    pub covered: Option<Usd>,
    pub balance: Usd,
}

impl Charge {
    pub fn of(row: UsageTransaction) -> Self {
        let covered = row.covered_micro_usd;
        Self {
            at: row.at.as_str().into(),
            model: row.model,
            input: Count(row.input_tokens),
            cached: Count(row.cached_input_tokens),
            output: Count(row.output_tokens),
            charged: Usd(row.charged_micro_usd),
            covered: (covered > MicroUsd::ZERO).then_some(Usd(covered)),
            balance: cents(row.balance_after_micro_usd),
        }
    }
}

/// One day, as a row of the chart.
struct Day {
    date: String,
    requests: u64,
    input: u64,
    output: u64,
    charged: MicroUsd,
    covered: MicroUsd,
}

/// What a key used of the charges shown.
struct ByKey {
    name: String,
    last4: String,
    requests: u64,
    charged: MicroUsd,
}

#[derive(Template)]
#[template(path = "dashboard/usage.html")]
pub struct Usage {
    frame: Frame,
    days: Vec<Day>,
    spent: Usd,
    requests: u64,
    keys: Vec<ByKey>,
    charges: Vec<(Charge, String)>,
    next: Option<String>,
    first: bool,
}

pub async fn read(cx: Cx, at: ChargesOf) -> Result<PageOr<Usage>> {
    seen(cx, async |cx, account| usage(cx, account, &at).await).await
}

async fn usage(cx: &Cx, account: AccountId, at: &ChargesOf) -> Result<Usage> {
    let wrong = |_| schema::Error::field("starting_after", "not a position");
    let before = at.starting_after.as_ref().map(|text| text.parse().map_err(wrong)).transpose()?;
    let read = wallets::token_usage(cx, account, before, CHARGES).await?;
    let names = keys::list(cx, account).await?;
    let name = |id: Option<KeyId>| match names.iter().find(|key| Some(key.id) == id) {
        Some(key) => (key.name.clone(), key.last4.clone()),
        None => ("Signed in or by name".to_owned(), String::new()),
    };
    let mut by_key: Vec<ByKey> = Vec::new();
    for row in &read.transactions {
        let (name, last4) = name(row.key_id);
        let place = by_key.iter().position(|it| it.name == name && it.last4 == last4);
        let new = ByKey { name, last4, requests: 0, charged: MicroUsd::ZERO };
        let place = place.unwrap_or_else(|| {
            by_key.push(new);
            by_key.len() - 1
        });
        if let Some(sum) = by_key.get_mut(place) {
            sum.requests += 1;
            sum.charged = sum.charged.plus(row.charged_micro_usd);
        }
    }
    let rows = read.transactions.into_iter().map(|row| {
        let named = name(row.key_id).0;
        (Charge::of(row), named)
    });
    Ok(Usage {
        frame: Frame::of(cx),
        spent: Usd(read.daily.iter().map(|day| day.charged_micro_usd).sum()),
        requests: read.daily.iter().map(|day| day.requests).sum(),
        keys: by_key,
        charges: rows.collect(),
        days: month(read.daily, cx.now),
        next: read.next_cursor,
        first: before.is_none(),
    })
}

/// The thirty days that end today, newest first, also those on which nothing was asked.
fn month(spent: Vec<DailySpend>, now: Timestamp) -> Vec<Day> {
    let dates = (0..30).map(|ago| now.plus_millis(-ago * DAY_MS).date());
    let mut spent = spent.into_iter().peekable();
    dates.map(|date| day(spent.next_if(|it| it.date == date), date)).collect()
}

fn day(spend: Option<DailySpend>, date: String) -> Day {
    let of = |read: fn(&DailySpend) -> u64| spend.as_ref().map(read).unwrap_or_default();
    let sum = |read: fn(&DailySpend) -> MicroUsd| spend.as_ref().map(read).unwrap_or_default();
    Day {
        date,
        requests: of(|it| it.requests),
        input: of(|it| it.input_tokens),
        output: of(|it| it.output_tokens),
        charged: sum(|it| it.charged_micro_usd),
        covered: sum(|it| it.covered_micro_usd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_its_days_also_those_without_a_charge() {
        let now = Timestamp::from_millis(40 * DAY_MS + 5);
        let spend = |ago: i64, micros| DailySpend {
            date: now.plus_millis(-ago * DAY_MS).date(),
            requests: 2,
            input_tokens: 3,
            output_tokens: 4,
            charged_micro_usd: MicroUsd::new(micros),
            covered_micro_usd: MicroUsd::ZERO,
        };
        let days = month(vec![spend(0, 7), spend(29, 9)], now);
        let charged: Vec<i64> = days.iter().map(|day| day.charged.micros()).collect();
        assert_eq!((charged.len(), charged[0], charged[29]), (30, 7, 9));
        assert_eq!(charged.iter().sum::<i64>(), 16);
        assert_eq!((days[1].requests, days[1].date.as_str()), (0, "1970-02-09"));
    }
}
