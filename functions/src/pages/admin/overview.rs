//! How the business stands, at one look: what waits for an operator, and what was called and paid.

use askama::Template;
use schema::{MicroUsd, Result};

use super::{Desk, Frame, PageOr, sign_in};
use crate::{
    cx::Cx,
    domain::{mail::settings::Via, person::Standing},
    pages::{
        Nothing, Page,
        shown::{Count, Usd},
    },
    services::{billing, mail, payments, people::signups, reconciliation},
};

/// More than these are not counted, only said to be more.
const COUNTED: u32 = 25;
/// Payments that are named, each on a line.
const PROBLEMS: usize = 5;
/// Differences of the books that are looked at.
const DIFFERENCES: u32 = 100;

/// Something that an operator has to look at.
struct Waiting {
    text: String,
    path: String,
    label: &'static str,
}

#[derive(Template)]
#[template(path = "admin/overview.html")]
pub struct Overview {
    frame: Frame,
    desk: Desk,
    waiting: Vec<Waiting>,
    requests: Count,
    input: Count,
    output: Count,
    charged: Usd,
    provider: String,
    sells: bool,
}

pub async fn read(cx: Cx, _: Nothing) -> Result<PageOr<Overview>> {
    let Some((frame, desk)) = Desk::of(&cx).await? else { return Ok(sign_in(&cx)) };
    let waiting = waiting(&cx).await?;
    let usage = billing::model_usage(&cx).await?;
    let sum = |of: fn(&schema::admin::ModelUsage) -> u64| Count(usage.iter().map(of).sum());
    let charged: MicroUsd = usage.iter().map(|it| it.charged_micro_usd).sum();
    Ok(PageOr::Page(Page(Overview {
        frame,
        desk,
        waiting,
        requests: sum(|it| it.requests),
        input: sum(|it| it.input_tokens),
        output: sum(|it| it.output_tokens),
        charged: Usd(charged),
        provider: billing::routes(&cx).await?.into_iter().next().unwrap_or_default(),
        sells: cx.config.payments().is_ok(),
    })))
}

async fn waiting(cx: &Cx) -> Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    let pending = signups::list(cx, Some(Standing::Pending), None, COUNTED).await?.len();
    if let Some(count) = counted(pending) {
        let text = format!("Sign-ups that wait for approval: {count}.");
        waiting.push(Waiting { text, path: "/admin/sign-ups".to_owned(), label: "Decide" });
    }
    let problems = payments::problems(cx, None, COUNTED).await?;
    for it in problems.iter().take(PROBLEMS) {
        let text = format!("A payment waits for a person: {}", it.problem);
        let path = format!("/admin/customers/{}?tab=payments", it.account);
        waiting.push(Waiting { text, path, label: "Look at it" });
    }
    let (_, differences) = reconciliation::report(cx, DIFFERENCES).await?;
    let open = differences.iter().filter(|it| it.resolved_at.is_none()).count();
    if open > 0 {
        let text = format!("The ledger, Stripe and the sums of usage differ in {open} places.");
        waiting.push(Waiting {
            text,
            path: "/admin/api/reconciliation".to_owned(),
            label: "Read them",
        });
    }
    if mail::read(cx).await?.via == Via::Off {
        let text = "No mail is sent: nobody is told of anything.".to_owned();
        waiting.push(Waiting { text, path: "/admin/mail".to_owned(), label: "Set mail up" });
    }
    Ok(waiting)
}

/// A number of rows of which one more than [`COUNTED`] was read; nothing where there is none.
fn counted(rows: usize) -> Option<String> {
    let most = usize::try_from(COUNTED).unwrap_or(usize::MAX);
    match rows {
        0 => None,
        rows if rows > most => Some(format!("more than {most}")),
        rows => Some(rows.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_to_its_end_is_said_to_be_more() {
        assert_eq!(
            [0, 1, 25, 26].map(counted),
            [None, Some("1".to_owned()), Some("25".to_owned()), Some("more than 25".to_owned())]
        );
    }
}
