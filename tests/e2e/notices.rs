//! What people are told: by real servers, at most once, and with a record of what became of it.

mod balance;
mod http;
mod injection;
mod records;
mod settings;
mod smtp;
mod unsubscribe;
mod whatsapp;

use std::time::Duration;

use serde_json::{Value, json};
use tests::account::Account;
use tests::world::World;
use tokio::time::{Instant, sleep};

/// How long a record may take to say what a server said long ago.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Tells an account's person something, as a service of ours does.
async fn tell(world: &World, account: &Account, event: &str, notice: Value) {
    let tell = json!({ "notice": { "tell": { "event": event, "notice": notice } } });
    let told = world.object("ACCOUNT", &account.id).command(&tell).await.expect("an answer");
    assert_eq!(told, json!({ "notice": "done" }), "{event}");
}

/// What an operator sees of an account's notices, newest first.
async fn records(world: &World, account: &Account) -> Vec<Value> {
    let path = format!("/admin/api/notices?account={}", account.id);
    let request = reqwest::Client::new().get(world.at(&path)).bearer_auth(world.admin_token());
    let reply = request.send().await.expect("an answer");
    assert_eq!(reply.status(), 200);
    let mut page: Value = reply.json().await.expect("JSON");
    serde_json::from_value(page["data"].take()).expect("records")
}

/// Waits until the only notice of an account is in this state.
async fn until(world: &World, account: &Account, state: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = records(world, account).await;
        if let [record] = found.as_slice()
            && record["state"] == state
        {
            return record.clone();
        }
        assert!(Instant::now() < deadline, "not {state}: {found:#?}\n{}", world.log());
        sleep(POLL).await;
    }
}

/// A notice that everybody gets.
fn topped_up() -> Value {
    json!({ "topped_up": { "amount": 50_000_000, "balance": 60_000_000 } })
}

/// A notice that somebody can have no more of.
fn low_balance() -> Value {
    let link = "https://gantry.test/wallet";
    json!({ "low_balance": { "balance": 1_500_000, "threshold": 2_000_000, "link": link } })
}
