//! From a webhook to the credited wallet: how long the answer takes, and how long until the balance
//! shows it, beside an empty request to the same runtime in the same run. Both readings at the
//! stand-in for Stripe, on the same machine, are in it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use schema::agent::CheckoutOpened;
use serde_json::{Value, json};
use tests::account::Account;
use tests::stripe::Stripe;
use tests::world::World;

const PAYMENTS: usize = 300;
const QUICK: usize = 60;
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<()> {
    let quick = std::env::var("GANTRY_BENCH_QUICK").is_ok();
    let count = if quick { QUICK } else { PAYMENTS };
    let stripe = Stripe::start().await;
    let world = World::plan().with_stripe(&stripe).start().await;
    let account = world.open_account(&unlimited()).await;
    let http = Client::new();
    let (mut empty, mut told, mut credited) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..count {
        let event = paid(&http, &world, &stripe, &account).await?;
        empty.push(timed(&http, &world).await?);
        let (answer, credit) = deliver(&http, &world, &stripe, &account, &event).await?;
        // The first ones warm up both sides.
        if n >= count / 10 {
            told.push(answer);
            credited.push(credit);
        }
    }
    let unit = at(&mut empty, 50);
    println!("| {} payments, one after the other | p50 | p99 | p99 / empty p50 |", told.len());
    println!("|---|--:|--:|--:|");
    for (name, times) in [
        ("an empty request", &mut empty),
        ("webhook to its answer", &mut told),
        ("webhook to the credited balance", &mut credited),
    ] {
        let (middle, late) = (at(times, 50), at(times, 99));
        let ratio = late.as_secs_f64() / unit.as_secs_f64();
        println!("| {name} | {middle:.2?} | {late:.2?} | {ratio:.1} |");
    }
    Ok(())
}

fn unlimited() -> schema::admin::CreateUser {
    schema::admin::CreateUser {
        plan: Some("enterprise".to_owned()),
        requests_per_hour: Some(10_000_000),
        concurrent_requests: Some(1_000),
        ..schema::admin::CreateUser::default()
    }
}

/// A customer who has paid; the event that says so.
async fn paid(http: &Client, world: &World, stripe: &Stripe, account: &Account) -> Result<Value> {
    let request = http.post(world.at("/api/v1/wallet/stripe/checkout")).bearer_auth(&account.key);
    let opened = request.json(&json!({ "plan": "usd_10" })).send().await?.error_for_status()?;
    let opened: CheckoutOpened = opened.json().await?;
    stripe.pay(&opened.session_id.context("a session")?).await;
    let events = stripe.events().await.into_iter().rev();
    let mut events = events.filter(|event| event["type"] == "checkout.session.completed");
    events.next().context("an event")
}

async fn timed(http: &Client, world: &World) -> Result<Duration> {
    let begun = Instant::now();
    http.get(world.at("/health")).send().await?.error_for_status()?.bytes().await?;
    Ok(begun.elapsed())
}

/// From the webhook to its answer, and to the credited balance.
async fn deliver(
    http: &Client,
    world: &World,
    stripe: &Stripe,
    account: &Account,
    event: &Value,
) -> Result<(Duration, Duration)> {
    let before = account.me().await.wallet.balance_micro_usd;
    let body = event.to_string();
    let header = stripe.sign(&body).await;
    let request = http.post(world.at("/api/v1/stripe/webhook")).header("stripe-signature", header);
    let begun = Instant::now();
    request.body(body).send().await?.error_for_status()?;
    let answered = begun.elapsed();
    while account.me().await.wallet.balance_micro_usd == before {
        ensure!(begun.elapsed() < PATIENCE, "{event} was not credited");
    }
    Ok((answered, begun.elapsed()))
}

fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}
