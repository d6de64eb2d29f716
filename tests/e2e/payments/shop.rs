//! A customer's desk with Stripe behind it, and the sum that the ledger has to come to.

use std::time::Duration;

use schema::admin::WalletTransaction;
use serde_json::{Value, json};
use tests::account::Account;
use tests::stripe::Stripe;
use tests::world::{Plan, World};
use tokio::time::{Instant, sleep};

use crate::desk::{Desk, Reply};

pub const PATIENCE: Duration = Duration::from_secs(20);
pub const POLL: Duration = Duration::from_millis(20);

/// What `wrangler.toml` gives for $50 and $10, in micro-dollars.
pub const FIFTY: i64 = 540_000_000;
pub const TEN: i64 = 100_000_000;

pub const CHECKOUT: &str = "/api/v1/wallet/stripe/checkout";
pub const CONFIRM: &str = "/api/v1/wallet/stripe/confirm";
pub const WEBHOOK: &str = "/api/v1/stripe/webhook";

/// An account with nothing in its wallet.
pub struct Shop {
    pub desk: Desk,
    pub stripe: Stripe,
}

impl Shop {
    pub async fn open() -> Self {
        Self::of(World::plan()).await
    }

    pub async fn of(plan: Plan) -> Self {
        let stripe = Stripe::start().await;
        let desk = Desk::of(plan.with_stripe(&stripe), "0.00").await;
        Self { desk, stripe }
    }

    pub fn world(&self) -> &World {
        &self.desk.world
    }

    /// Where webhooks go.
    pub fn hook(&self) -> String {
        self.world().at(WEBHOOK)
    }

    /// Opens a checkout; tells the session.
    pub async fn checkout(&self, plan: &str) -> String {
        let opened = self.desk.send(self.desk.post(CHECKOUT).json(&json!({ "plan": plan }))).await;
        assert_eq!(opened.status, 201, "{opened:?}");
        text(&opened.json()["sessionId"])
    }

    /// The same, and the customer pays; tells the session and the payment at Stripe.
    pub async fn paid(&self, plan: &str) -> (String, String) {
        let session = self.checkout(plan).await;
        let paid = self.stripe.pay(&session).await;
        (session, text(&paid["payment_intent"]))
    }

    /// The same, and the customer comes back.
    pub async fn credited(&self, plan: &str) -> String {
        let (session, intent) = self.paid(plan).await;
        let confirmed = self.confirm(&session).await.json();
        assert_eq!(confirmed["credited"], true, "{confirmed}");
        intent
    }

    pub async fn confirm(&self, session: &str) -> Reply {
        let body = json!({ "sessionId": session });
        self.desk.send(self.desk.post(CONFIRM).json(&body)).await
    }

    /// Delivers everything that Stripe has to tell.
    pub async fn deliver(&self) {
        let events = self.stripe.events().await;
        let delivered = self.stripe.deliver(&events, &self.hook()).await;
        assert!(delivered.iter().all(tests::stripe::Delivered::taken), "{delivered:?}");
    }

    /// The customer's payments, newest first.
    pub async fn payments(&self) -> Vec<Value> {
        let page = self.desk.send(self.desk.get("/api/v1/wallet/payments")).await.json();
        page["data"].as_array().expect("a list").clone()
    }

    /// The payments as the operator sees them.
    pub async fn shown_to_operator(&self) -> Vec<Value> {
        let path = format!("/admin/api/users/{}/payments", self.desk.account.id);
        let page = self.desk.send(self.desk.admin("GET", &path)).await.json();
        page["data"].as_array().expect("a list").clone()
    }

    pub async fn balance(&self) -> i64 {
        self.desk.account.me().await.wallet.balance_micro_usd.micros()
    }

    /// Waits until the wallet holds so much.
    #[track_caller]
    pub fn until_balance(&self, micros: i64) -> impl Future<Output = ()> {
        until_balance(&self.desk.account, micros)
    }

    /// What the events' rows say came of them, once all are acted on.
    pub async fn outcomes(&self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sql = "SELECT outcome FROM stripe_events ORDER BY heard_at, id";
            let rows = self.world().sql(sql, vec![]).await;
            if rows.iter().all(|row| row["outcome"].is_string()) {
                return rows.iter().map(|row| text(&row["outcome"])).collect();
            }
            assert!(Instant::now() < deadline, "events wait: {rows:?}");
            sleep(POLL).await;
        }
    }

    /// Rows of the ledger, oldest first.
    pub async fn rows(&self) -> Vec<WalletTransaction> {
        let rows = self.world().operator().rows(&self.desk.account.id).await;
        let mut rows = rows.expect("rows");
        rows.sort_by_key(|row| row.seq);
        rows
    }

    /// Sources and amounts of the rows that Stripe is the reason of, oldest first.
    pub async fn booked(&self) -> Vec<(String, i64)> {
        let rows = self.rows().await.into_iter();
        let rows = rows.filter_map(|row| Some((row.source?, row.amount_micro_usd.micros())));
        rows.filter(|(source, _)| source.starts_with("stripe:")).collect()
    }

    /// What Stripe's state comes to for this account, in micro-dollars, by arithmetic of its own.
    pub async fn owed(&self) -> i64 {
        let (intents, charges) =
            (self.stripe.all("payment_intent").await, self.stripe.all("charge").await);
        let disputes = self.stripe.all("dispute").await;
        let mut sum = 0;
        for intent in intents.iter().filter(|it| it["status"] == "succeeded") {
            if intent["metadata"]["account_id"] != self.desk.account.id.as_str() {
                continue;
            }
            let charge = charges.iter().find(|it| it["id"] == intent["latest_charge"]);
            let back = charge.expect("a charge")["amount_refunded"].as_i64().expect("cents");
            let of_intent = disputes.iter().filter(|it| it["payment_intent"] == intent["id"]);
            let gone = of_intent.filter(|it| it["status"] != "won");
            let gone: i64 = gone.map(|it| it["amount"].as_i64().expect("cents")).sum();
            let cents = intent["amount_received"].as_i64().expect("cents");
            let payment = self.payment_of(intent).await;
            let credit = payment["creditMicroUsd"].as_i64().expect("money");
            sum += credit - (credit * (back + gone).min(cents) * 2 + cents) / (cents * 2);
        }
        sum
    }

    async fn payment_of(&self, intent: &Value) -> Value {
        let id = &intent["metadata"]["payment_id"];
        let payments = self.payments().await;
        payments.into_iter().find(|it| it["id"] == *id).expect("a payment of ours")
    }
}

/// Waits until the wallet holds so much.
pub async fn until_balance(account: &Account, micros: i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let balance = account.me().await.wallet.balance_micro_usd.micros();
        if balance == micros {
            return;
        }
        assert!(Instant::now() < deadline, "the wallet holds {balance} and not {micros}");
        sleep(POLL).await;
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
