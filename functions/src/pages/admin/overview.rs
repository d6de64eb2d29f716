//! How the business stands, at one look: what waits for an operator, what runs, and what came to
//! what.

use askama::Template;
use schema::{
    Result,
    admin::{Dashboard, MoneyCounts, WaitingCounts},
};

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::mail::settings::Via,
    pages::{
        Nothing, Page,
        shown::{Count, Usd, WhenText},
    },
    services::{billing, mail, overview},
};

/// From here on, a count means that or more.
const COUNTED_MAX: u32 = 100;

/// Where what Stripe told us of stands, and waits.
const EVENTS: &str = "/admin/payments?events=waiting#events";

/// Something that an operator has to look at.
#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    text: String,
    path: &'static str,
    label: &'static str,
}

/// What models came to in some time.
struct Sum {
    title: &'static str,
    requests: Count,
    input: Count,
    output: Count,
    charged: Usd,
}

#[derive(Template)]
#[template(path = "admin/overview.html")]
pub struct Overview {
    frame: Frame,
    desk: Desk,
    at: WhenText,
    now: Dashboard,
    codex: &'static str,
    waiting: Vec<Waiting>,
    sums: [Sum; 2],
    provider: String,
    sells: bool,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Overview>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let now = overview::read(&cx).await?;
    let mut waiting = waiting(now.waiting);
    if mail::read(&cx).await?.via == Via::Off {
        let text = "No mail is sent: nobody is told of anything.".to_owned();
        waiting.push(Waiting { text, path: "/admin/mail", label: "Set mail up" });
    }
    Ok(PageOr::Page(Page(Overview {
        frame,
        desk,
        at: now.at.as_str().into(),
        codex: codex(&now.codex),
        waiting,
        sums: [sum("Today (UTC)", now.today), sum("Thirty days", now.last_30_days)],
        provider: billing::routes(&cx).await?.into_iter().next().unwrap_or_default(),
        sells: cx.config.payments().is_ok(),
        now,
    })))
}

fn sum(title: &'static str, counts: MoneyCounts) -> Sum {
    Sum {
        title,
        requests: Count(counts.requests),
        input: Count(counts.input_tokens),
        output: Count(counts.output_tokens),
        charged: Usd(counts.charged_micro_usd),
    }
}

/// How the deployment's own codex is, in words.
fn codex(state: &str) -> &'static str {
    match state {
        "running" => "runs",
        "stopped" => "is stopped",
        "never_started" => "was never started",
        _ => "does not answer",
    }
}

fn waiting(counts: WaitingCounts) -> Vec<Waiting> {
    let WaitingCounts { signups, payments, differences, webhooks } = counts;
    let all = [
        (signups, "Sign-ups that wait for approval", "/admin/sign-ups", "Decide"),
        (payments, "Payments that wait for a person", "/admin/payments", "Look at them"),
        (differences, "Differences between the books", "/admin/books", "Look at them"),
        (webhooks, "Events of Stripe that were not acted on", EVENTS, "Look at them"),
    ];
    let line = |(count, what, path, label): (u32, &str, _, _)| {
        let more = if count >= COUNTED_MAX { " or more" } else { "" };
        Waiting { text: format!("{what}: {count}{more}."), path, label }
    };
    all.into_iter().filter(|(count, ..)| *count > 0).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_that_waits_is_led_to_where_it_stands() {
        let counts = WaitingCounts { signups: 1, payments: 1, differences: 1, webhooks: 1 };
        let paths: Vec<_> = waiting(counts).into_iter().map(|it| it.path).collect();
        assert_eq!(paths, ["/admin/sign-ups", "/admin/payments", "/admin/books", EVENTS]);
    }

    #[test]
    fn only_what_waits_is_named_and_what_was_not_counted_to_its_end_is_said_to_be_more() {
        assert_eq!(waiting(WaitingCounts::default()), []);
        let counts = WaitingCounts { signups: 1, webhooks: 100, ..WaitingCounts::default() };
        let said: Vec<_> = waiting(counts).into_iter().map(|it| it.text).collect();
        assert_eq!(said[0], "Sign-ups that wait for approval: 1.");
        assert_eq!(said[1], "Events of Stripe that were not acted on: 100 or more.");
    }
}
