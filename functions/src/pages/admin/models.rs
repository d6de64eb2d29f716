//! Which provider is asked first, and what each of them and each model came to.

use askama::Template;
use schema::{MicroUsd, Result, Timestamp, admin::ModelUsage, time::DAY_MS};

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    pages::{
        Nothing, Page,
        shown::{Count, Usd},
    },
    services::{
        billing::{self, DailySum},
        models,
    },
};

struct Row {
    provider: String,
    model: String,
    requests: Count,
    input: Count,
    output: Count,
    charged: Usd,
    /// Of all that was charged.
    percent: i64,
}

/// A day, with what each provider was charged for on it.
#[derive(Debug, PartialEq, Eq)]
struct Day {
    date: String,
    requests: u64,
    tokens: u64,
    charged: Vec<MicroUsd>,
}

#[derive(Template)]
#[template(path = "admin/models.html")]
pub struct Models {
    frame: Frame,
    desk: Desk,
    routes: Vec<String>,
    models: Vec<String>,
    rows: Vec<Row>,
    /// The providers that were charged for, as the days name them.
    providers: Vec<String>,
    days: Vec<Day>,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Models>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let (routes, models) = (billing::routes(&cx).await?, models::list(&cx).await?);
    let usage = billing::model_usage(&cx).await?;
    let all = usage.iter().map(|it| it.charged_micro_usd).sum();
    let rows = usage.into_iter().map(|it| row(it, all)).collect();
    let (providers, days) = days(billing::daily_usage(&cx).await?);
    Ok(PageOr::Page(Page(Models { frame, desk, routes, models, rows, providers, days })))
}

/// A row for each day, with a column for each provider.
fn days(sums: Vec<DailySum>) -> (Vec<String>, Vec<Day>) {
    let mut providers: Vec<String> = sums.iter().map(|sum| sum.route.clone()).collect();
    providers.sort_unstable();
    providers.dedup();
    let mut days: Vec<Day> = Vec::new();
    for sum in sums {
        let date = Timestamp::from_millis(sum.day.saturating_mul(DAY_MS)).date();
        if days.last().is_none_or(|day| day.date != date) {
            let charged = vec![MicroUsd::ZERO; providers.len()];
            days.push(Day { date, requests: 0, tokens: 0, charged });
        }
        let Some(day) = days.last_mut() else { continue };
        day.requests += sum.requests;
        day.tokens += sum.tokens;
        let columns = providers.iter().zip(&mut day.charged);
        for (_, charged) in columns.filter(|(provider, _)| **provider == sum.route) {
            *charged = charged.plus(MicroUsd::new(sum.charged));
        }
    }
    (providers, days)
}

fn row(it: ModelUsage, all: MicroUsd) -> Row {
    let (part, whole) = (it.charged_micro_usd.micros(), all.micros().max(1));
    Row {
        provider: it.provider,
        model: it.model,
        requests: Count(it.requests),
        input: Count(it.input_tokens),
        output: Count(it.output_tokens),
        charged: Usd(it.charged_micro_usd),
        percent: part.saturating_mul(100) / whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_a_column_for_each_provider() {
        let sum = |day, route: &str, charged| DailySum {
            day,
            route: route.to_owned(),
            requests: 1,
            tokens: 10,
            charged,
        };
        let (providers, days) = days(vec![sum(2, "b", 5), sum(1, "a", 3), sum(1, "b", 4)]);
        assert_eq!(providers, ["a", "b"]);
        let charged = |it: &Day| it.charged.iter().map(|it| it.micros()).collect::<Vec<_>>();
        assert_eq!((days[0].date.as_str(), charged(&days[0])), ("1970-01-03", vec![0, 5]));
        assert_eq!((days[1].requests, days[1].tokens, charged(&days[1])), (2, 20, vec![3, 4]));
    }
}
