//! A customer whose wallet may fill itself up, with Stripe behind it.

use std::time::Duration;

use schema::admin::WalletTransaction;
use schema::agent::{AutoTopUp, AutoTopUpState};
use serde_json::{Value, json};
use tests::stripe::{Call, Stripe};
use tests::world::{Plan, World};
use tokio::time::{Instant, sleep};

use crate::desk::{Desk, Reply};

const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);

pub const PATH: &str = "/api/v1/wallet/auto-topup";
pub const INTENTS: &str = "/v1/payment_intents";
/// A cent in micro-dollars.
pub const CENT: i64 = 10_000;

/// Below five dollars, up to twenty, and no more than a hundred in a month.
pub fn wish() -> Value {
    json!({
        "enabled": true, "thresholdUsd": "5.00", "targetUsd": "20.00", "monthlyCapUsd": "100.00"
    })
}

pub struct Rig {
    pub desk: Desk,
    pub stripe: Stripe,
    skew_ms: i64,
    changes: u32,
}

impl Rig {
    /// Ten dollars, no card.
    pub async fn bare(plan: Plan) -> Self {
        let stripe = Stripe::start().await;
        let desk = Desk::of(plan.with_stripe(&stripe), "10.00").await;
        stripe.listen(&desk.world.at("/api/v1/stripe/webhook")).await;
        Self { desk, stripe, skew_ms: 0, changes: 0 }
    }

    /// Ten dollars and a card, and it is on.
    pub async fn on(plan: Plan) -> Self {
        Self::with(plan, wish()).await
    }

    /// The same, with other terms.
    pub async fn with(plan: Plan, wish: Value) -> Self {
        let rig = Self::bare(plan).await;
        let set = rig.set(&wish).await;
        assert_eq!(set.state, AutoTopUpState::NeedsCard);
        rig.leave_card(&set).await;
        rig
    }

    /// The customer leaves a card where they were told to.
    pub async fn leave_card(&self, told: &AutoTopUp) {
        self.stripe.pay(&session(told.card_url.as_deref().expect("a page"))).await;
        self.until(|it| it.has_card).await;
    }

    pub fn world(&self) -> &World {
        &self.desk.world
    }

    pub async fn ask(&self, wish: &Value) -> Reply {
        self.desk.send(self.desk.post(PATH).json(wish)).await
    }

    pub async fn set(&self, wish: &Value) -> AutoTopUp {
        let reply = self.ask(wish).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        serde_json::from_value(reply.json()).expect("an auto top-up")
    }

    pub async fn read(&self) -> AutoTopUp {
        let reply = self.desk.send(self.desk.get(PATH)).await;
        serde_json::from_value(reply.json()).expect("an auto top-up")
    }

    /// Waits until it is as wished.
    pub async fn until(&self, wish: impl Fn(&AutoTopUp) -> bool) -> AutoTopUp {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.read().await;
            if wish(&told) {
                return told;
            }
            assert!(Instant::now() < deadline, "it is not as it should be: {told:#?}");
            sleep(POLL).await;
        }
    }

    pub async fn until_state(&self, state: AutoTopUpState) -> AutoTopUp {
        self.until(|told| told.state == state).await
    }

    /// Takes so much out of the wallet.
    pub async fn spend(&mut self, dollars: &str) {
        self.change(&format!("-{dollars}")).await;
    }

    /// What the customer was told, by template and event, oldest first.
    pub async fn told(&self, template: &str) -> Vec<String> {
        let reply = self.desk.send(self.desk.get("/api/v1/notices")).await.json();
        let told = reply["data"].as_array().expect("a list").iter().rev();
        let told = told.filter(|notice| notice["template"] == template);
        told.map(|notice| notice["event"].as_str().expect("text").to_owned()).collect()
    }

    /// Waits until the customer was told so often.
    pub async fn until_told(&self, template: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.told(template).await;
            if told.len() >= times {
                return;
            }
            assert!(Instant::now() < deadline, "{template} was told {} times", told.len());
            sleep(POLL).await;
        }
    }

    pub async fn change(&mut self, dollars: &str) {
        self.changes += 1;
        let name = format!("change-{}", self.changes);
        let operator = self.world().operator();
        operator.credit(&self.desk.account.id, dollars, &name).await.expect("a change");
    }

    /// Lets so much time pass, here and at Stripe, with a restart in it.
    pub async fn later(&mut self, ms: i64) {
        self.skew_ms += ms;
        self.stripe.skew(self.skew_ms / 1_000).await;
        self.desk.world.set_var("CLOCK_SKEW_MS", self.skew_ms.to_string());
        self.desk.world.restart().await;
        // The alarm was set by a clock that was not ahead; a word wakes the account.
        self.read().await;
    }

    pub async fn balance(&self) -> i64 {
        self.desk.account.me().await.wallet.balance_micro_usd.micros()
    }

    pub async fn until_balance(&self, cents: i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let balance = self.balance().await;
            if balance == cents * CENT {
                return;
            }
            assert!(Instant::now() < deadline, "the wallet holds {balance}, not {cents} cents");
            sleep(POLL).await;
        }
    }

    /// Payments that were begun at Stripe, oldest first.
    pub async fn intents(&self) -> Vec<Value> {
        let mut intents = self.stripe.all("payment_intent").await;
        intents.reverse();
        intents
    }

    /// Cents that came of payments of this kind.
    pub async fn received(&self) -> Vec<i64> {
        let intents = self.intents().await.into_iter();
        let paid = intents.filter(|it| it["status"] == "succeeded");
        paid.map(|it| it["amount_received"].as_i64().expect("cents")).collect()
    }

    /// Waits, without a word to the Worker, until Stripe has heard so many such calls.
    pub async fn until_called(&self, method: &str, path: &str, times: usize) -> Vec<Call> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let calls = self.stripe.requests().await.into_iter();
            let same = |it: &Call| it.method == method && it.path.split('?').next() == Some(path);
            let calls: Vec<_> = calls.filter(same).collect();
            if calls.len() >= times {
                return calls;
            }
            assert!(Instant::now() < deadline, "{method} {path} came {} times", calls.len());
            sleep(POLL).await;
        }
    }

    /// What the ledger was credited for payments, oldest first.
    pub async fn credits(&self) -> Vec<i64> {
        let paid = |row: &WalletTransaction| {
            row.kind == "credit"
                && row.source.as_deref().is_some_and(|source| source.starts_with("stripe:pi_"))
        };
        let rows = self.world().operator().rows(&self.desk.account.id).await.expect("rows");
        let mut rows: Vec<_> = rows.into_iter().filter(paid).collect();
        rows.sort_by_key(|row| row.seq);
        rows.iter().map(|row| row.amount_micro_usd.micros()).collect()
    }

    /// Each payment that came is in the ledger once, to the cent.
    pub async fn check_books(&self) {
        let received: Vec<_> = self.received().await.iter().map(|cents| cents * CENT).collect();
        assert_eq!(self.credits().await, received);
    }
}

/// The session of a page.
pub fn session(url: &str) -> String {
    url.rsplit('/').next().expect("a session").to_owned()
}
