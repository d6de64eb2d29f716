//! The runtime is killed at any moment of payments, again and again: nothing is lost, nothing comes
//! twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::shop::{CHECKOUT, CONFIRM, Shop, text};
use crate::dice::Dice;

const ROUNDS: usize = 8;
const CUSTOMERS: usize = 4;

/// What customers were told, in all lives.
#[derive(Debug, Default)]
struct Told {
    /// Sessions that were opened for them.
    opened: Vec<String>,
    /// Credits that were confirmed to them, by payment.
    confirmed: Vec<String>,
}

/// Where a customer goes, and with what.
#[derive(Clone)]
struct Way {
    http: Client,
    url: String,
    key: String,
    stripe: String,
    stripe_key: String,
}

impl Way {
    fn of(shop: &Shop) -> Self {
        Self {
            http: Client::new(),
            url: shop.world().url(),
            key: shop.desk.account.key.clone(),
            stripe: shop.stripe.url().to_owned(),
            stripe_key: shop.stripe.secret_key().to_owned(),
        }
    }

    /// What was answered, unless the runtime is gone.
    async fn ask(&self, path: &str, name: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key);
        let reply = request.header("idempotency-key", name).json(body).send().await.ok()?;
        let reply = reply.error_for_status().ok()?;
        reply.json().await.ok()
    }

    async fn lead(&self, verb: &str, how: Value) -> Value {
        let request = self.http.post(format!("{}/control/{verb}", self.stripe));
        let reply = request.bearer_auth(&self.stripe_key).json(&how).send().await;
        reply.expect("the stand-in answers").json().await.expect("JSON")
    }
}

/// Buys, pays, comes back, and is given some of it back, until the runtime is gone.
async fn keep_buying(way: Way, mut dice: Dice, name: String, told: Arc<Mutex<Told>>) {
    for n in 0.. {
        let (wish, key) = (json!({ "plan": "usd_50" }), format!("{name}-{n}"));
        let Some(opened) = way.ask(CHECKOUT, &key, &wish).await else { return };
        let session = text(&opened["sessionId"]);
        told.lock().expect("no panic").opened.push(session.clone());
        let paid = way.lead("pay", json!({ "session": session })).await;
        if dice.below(2) == 0 {
            let Some(back) = way.ask(CONFIRM, &key, &json!({ "sessionId": session })).await else {
                return;
            };
            assert_eq!(back["credited"], true, "{back}");
            told.lock().expect("no panic").confirmed.push(text(&back["payment"]["id"]));
        }
        if dice.below(2) == 0 {
            let cents = 1 + dice.below(4_999);
            way.lead("refund", json!({ "intent": paid["payment_intent"], "amount": cents })).await;
        }
    }
}

#[tokio::test]
async fn a_runtime_killed_between_any_two_steps_comes_to_what_stripe_says() {
    let mut shop = Shop::open().await;
    let (mut dice, told) = (Dice::new(), Arc::<Mutex<Told>>::default());
    shop.stripe.listen(&shop.hook()).await;
    for round in 0..ROUNDS {
        let mut customers = JoinSet::new();
        for customer in 0..CUSTOMERS {
            let (way, name) = (Way::of(&shop), format!("{round}-{customer}"));
            customers.spawn(keep_buying(way, dice.split(), name, told.clone()));
        }
        let moment = Duration::from_millis(50 + dice.below(900) as u64);
        let end = timeout(moment, customers.join_next()).await;
        assert!(end.is_err(), "the customers ended by themselves: {end:?}");
        shop.desk.world.kill9();
        customers.join_all().await;
        shop.desk.world.restart().await;
    }
    // Stripe has given up on some deliveries; the sweeper has not.
    shop.stripe.settled().await;
    shop.desk.world.set_var("CLOCK_SKEW_MS", (26 * 3_600_000).to_string());
    shop.desk.world.restart().await;
    loop {
        shop.world().ring().await;
        let due = "SELECT id FROM payments WHERE due_at < ?1 LIMIT 1";
        let now = json!(i64::try_from(now_ms()).expect("a date") + 26 * 3_600_000);
        if shop.world().sql(due, vec![now]).await.is_empty() {
            break;
        }
    }
    let owed = whole(&shop).await;
    shop.until_balance(owed).await;
    let told = std::mem::take(&mut *told.lock().expect("no panic"));
    check(&shop, &told).await;
}

fn now_ms() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis()
}

/// What Stripe's state comes to: every payment was of fifty dollars.
async fn whole(shop: &Shop) -> i64 {
    let charges = shop.stripe.all("charge").await;
    let paid = charges.iter().filter(|charge| charge["paid"] == true);
    let owed = paid.map(|charge| {
        let back = charge["amount_refunded"].as_i64().expect("cents");
        let (credit, cents) = (540_000_000, charge["amount"].as_i64().expect("cents"));
        credit - (credit * back * 2 + cents) / (cents * 2)
    });
    owed.sum()
}

/// Each payment was credited once, and nobody was told of one that is not.
async fn check(shop: &Shop, told: &Told) {
    let paid = shop.stripe.all("charge").await;
    let paid = paid.iter().filter(|charge| charge["paid"] == true).count();
    let booked = shop.booked().await;
    let sources: std::collections::HashSet<_> = booked.iter().map(|(source, _)| source).collect();
    assert_eq!(sources.len(), booked.len(), "a source was booked twice: {booked:#?}");
    let credits = sources.iter().filter(|source| source.matches(':').count() == 1).count();
    assert_eq!(credits, paid);
    let sessions = shop.stripe.all("checkout.session").await;
    for opened in &told.opened {
        assert!(sessions.iter().any(|it| it["id"] == opened.as_str()), "{opened} is lost");
    }
    assert!(told.confirmed.len() <= credits);
    let back = booked.len() - credits;
    println!("{paid} paid, {} confirmed, {back} rows of refunds", told.confirmed.len());
}
