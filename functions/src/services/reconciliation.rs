//! The daily look at the books: a page at a time, each minute some, until the day is through.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use schema::{
    AccountId, Code, Error, Result, Timestamp,
    stripe::{List, PaymentIntent},
};

use super::accounts::unexpected;
use crate::{
    config::Stripe,
    cx::Cx,
    domain::{
        account::{Command, Outcome},
        payment::{self, Booked},
        reconciliation::{self, Books, Difference, Phase, Run},
    },
    objects::stub,
    remote::stripe,
    store::{
        self,
        reconciliation::{Kept, Page, Seen},
    },
};

/// Pages that one round looks at; what is left goes on a minute later.
const ROUND_MAX_PAGES: usize = 5;
/// Accounts of a page. Payments come a hundred at a time.
const PAGE_ACCOUNTS: u32 = 40;
/// Of these at once.
const AT_ONCE: usize = 6;

/// The newest run, and where books differ, at most so many.
pub async fn report(cx: &Cx, most: u32) -> Result<(Option<Kept>, Vec<Seen>)> {
    let newest = store::reconciliation::newest(&cx.env).await?;
    Ok((newest, store::reconciliation::differences(&cx.env, most).await?))
}

/// One round. Where it fails it stops, and goes on there in the next minute.
pub async fn look(cx: &Cx) -> Result<()> {
    let newest = store::reconciliation::newest(&cx.env).await?;
    let open = newest.as_ref().filter(|kept| kept.finished_at.is_none());
    let mut run = match open.map(Kept::run) {
        Some(run) => run.ok_or_else(|| Error::internal("a run in a phase that is not known"))?,
        None => {
            let Some(run) = Run::due(newest.map(|kept| kept.day), cx.now) else { return Ok(()) };
            store::reconciliation::begin(&cx.env, &run, cx.now).await?;
            run
        }
    };
    for _ in 0..ROUND_MAX_PAGES {
        if run.phase == Phase::Done {
            break;
        }
        run = turn_page(cx, &run).await?;
    }
    Ok(())
}

/// Looks at one page and writes down what it shows.
async fn turn_page(cx: &Cx, run: &Run) -> Result<Run> {
    let mut page = Page::default();
    let stripe = cx.config.stripe.as_ref();
    let (looked, cursor) = match (run.phase, stripe) {
        (Phase::Payments, Some(stripe)) => payments(cx, stripe, run, &mut page).await?,
        (Phase::Refunds, Some(stripe)) => {
            let after = run.cursor.as_deref();
            let found = stripe::refunds_since(stripe, run.since(), after).await?;
            let intents = found.data.iter().map(|it| it.payment_intent.as_deref());
            intents_again(cx, stripe, intents.flatten(), &mut page).await?;
            (found.data.len(), next(&found, |it| &it.id))
        }
        (Phase::Disputes, Some(stripe)) => {
            let after = run.cursor.as_deref();
            let found = stripe::disputes_since(stripe, run.since(), after).await?;
            let intents = found.data.iter().map(|it| it.payment_intent.as_deref());
            intents_again(cx, stripe, intents.flatten(), &mut page).await?;
            (found.data.len(), next(&found, |it| &it.id))
        }
        (Phase::Accounts, _) => accounts(cx, run, &mut page).await?,
        // Nothing is sold here.
        (Phase::Payments | Phase::Refunds | Phase::Disputes | Phase::Done, _) => (0, None),
    };
    let after = run.after(looked, cursor);
    store::reconciliation::keep(&cx.env, &page, &after, cx.now).await?;
    Ok(after)
}

/// Stripe's payments: is each that came credited?
async fn payments(
    cx: &Cx,
    stripe: &Stripe,
    run: &Run,
    page: &mut Page,
) -> Result<(usize, Option<String>)> {
    let found = stripe::intents_since(stripe, run.since(), run.cursor.as_deref()).await?;
    let looked = (found.data.len(), next(&found, |it| &it.id));
    let until = run.until().seconds();
    let of_the_day = found.data.into_iter().filter(|it| it.created < until);
    let read = async |mut intent: PaymentIntent| {
        if intent.charge().is_some_and(|charge| charge.disputed) {
            intent.disputes = stripe::disputes(stripe, &intent.id).await?;
        }
        check(cx, &intent).await
    };
    let checked = stream::iter(of_the_day).map(read).buffer_unordered(AT_ONCE);
    add(page, checked.try_collect::<Vec<_>>().await?);
    Ok(looked)
}

/// Payments of which something went back, each read again.
async fn intents_again(
    cx: &Cx,
    stripe: &Stripe,
    intents: impl Iterator<Item = &str>,
    page: &mut Page,
) -> Result<()> {
    let intents: BTreeSet<_> = intents.collect();
    let read = async |id| check(cx, &stripe::intent(stripe, id).await?).await;
    let checked = stream::iter(intents).map(read).buffer_unordered(AT_ONCE);
    add(page, checked.try_collect::<Vec<_>>().await?);
    Ok(())
}

/// Our accounts: has each credit its payment, and each sum its rows?
async fn accounts(cx: &Cx, run: &Run, page: &mut Page) -> Result<(usize, Option<String>)> {
    let (after, day) = (run.cursor.as_deref(), (run.from(), run.until()));
    let found = store::reconciliation::accounts(&cx.env, after, day, PAGE_ACCOUNTS).await?;
    let full = found.len() == PAGE_ACCOUNTS as usize;
    let next = found.last().filter(|_| full).map(ToString::to_string);
    let checked = stream::iter(&found).map(|account| one_account(cx, *account, day));
    let checked = checked.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
    for its in checked {
        page.differences.extend(its.differences);
        page.looked.extend(its.looked);
    }
    Ok((found.len(), next))
}

async fn one_account(
    cx: &Cx,
    account: AccountId,
    (from, until): (Timestamp, Timestamp),
) -> Result<Page> {
    let (intents, ours) =
        match ask(cx, account, reconciliation::Command::Books { from, until }).await {
            Ok(reconciliation::Outcome::Books { intents, usage }) => (intents, usage),
            Ok(other) => return Err(unexpected(&Outcome::Reconciliation(other))),
            // Sums of an account that is not there have no rows.
            Err(error) if error.code == Code::ResourceNotFound => (Vec::new(), Vec::new()),
            Err(error) => return Err(error),
        };
    let told = store::reconciliation::usage(&cx.env, account, from, until).await?;
    let mut page = Page {
        differences: reconciliation::usage(account, &ours, &told),
        looked: vec![(account, format!("{}T*", from.date()))],
    };
    let Some(stripe) = cx.config.stripe.as_ref() else { return Ok(page) };
    for intent in intents {
        let read = match stripe::intent(stripe, &intent).await {
            Ok(read) => Some(read),
            Err(error) if error.code == Code::ResourceNotFound => None,
            Err(error) => return Err(error),
        };
        add(&mut page, vec![Some(compare(cx, account, &intent, read.as_ref()).await?)]);
    }
    Ok(page)
}

/// What was looked at, and where its books differ.
type Checked = ((AccountId, String), Vec<Difference>);

/// Lays the books of a payment side by side. Nothing for one that is not ours.
async fn check(cx: &Cx, intent: &PaymentIntent) -> Result<Option<Checked>> {
    let Some((account, _)) = payment::ours(&intent.metadata) else { return Ok(None) };
    compare(cx, account, &intent.id, Some(intent)).await.map(Some)
}

async fn compare(
    cx: &Cx,
    account: AccountId,
    id: &str,
    stripe: Option<&PaymentIntent>,
) -> Result<Checked> {
    let named = stripe.and_then(|it| payment::ours(&it.metadata)).map(|(_, payment)| payment);
    let command = reconciliation::Command::Payment { intent: id.to_owned(), payment: named };
    let (wish, rows) = match ask(cx, account, command).await {
        Ok(reconciliation::Outcome::Payment { wish, rows }) => (wish, rows),
        Ok(other) => return Err(unexpected(&Outcome::Reconciliation(other))),
        Err(error) if error.code == Code::ResourceNotFound => (None, Vec::new()),
        Err(error) => return Err(error),
    };
    let mut booked = Booked::default();
    for (source, amount) in &rows {
        booked.add(id, source, *amount);
    }
    let (wish, booked) = (wish.as_deref(), &booked);
    let differences = Books { account, intent: id, wish, booked, stripe }.differences();
    Ok(((account, id.to_owned()), differences))
}

fn add(page: &mut Page, checked: Vec<Option<Checked>>) {
    for (looked, differences) in checked.into_iter().flatten() {
        page.looked.push(looked);
        page.differences.extend(differences);
    }
}

/// Where the next page begins, if there is one.
fn next<T>(page: &List<T>, id: impl Fn(&T) -> &String) -> Option<String> {
    page.data.last().filter(|_| page.has_more).map(|last| id(last).clone())
}

async fn ask(
    cx: &Cx,
    account: AccountId,
    command: reconciliation::Command,
) -> Result<reconciliation::Outcome> {
    match stub::ask(&cx.env, account, Command::Reconciliation(command)).await? {
        Outcome::Reconciliation(outcome) => Ok(outcome),
        other => Err(unexpected(&other)),
    }
}
