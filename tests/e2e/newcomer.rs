//! A customer's first minutes, from nothing to an answer that is paid for: in a browser, by
//! `/dashboard`, `/wallet` and `/usage`, and by the API alone.

use reqwest::{Client, StatusCode};
use schema::MicroUsd;
use serde_json::{Value, json};
use tests::browser;
use tests::inbox::Inbox;
use tests::packages::Codex;
use tests::stripe::Stripe;
use tests::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::setup::machine::Machine;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "no analytical engine";

/// What `GET /api/v1/billing/token-usage` says to a key, once a charge is there.
async fn charged(world: &World, key: &str) -> Value {
    loop {
        let usage = get(world, "/api/v1/billing/token-usage", key).await;
        if usage["transactions"].as_array().is_some_and(|rows| !rows.is_empty()) {
            return usage;
        }
    }
}

async fn get(world: &World, path: &str, key: &str) -> Value {
    let reply = Client::new().get(world.at(path)).bearer_auth(key).send().await.unwrap();
    assert!(reply.status().is_success(), "{path}: {}", reply.status());
    reply.json().await.unwrap()
}

async fn post(world: &World, path: &str, key: &str, body: Value) -> (StatusCode, Value) {
    let request = Client::new().post(world.at(path)).bearer_auth(key).json(&body);
    let reply = request.send().await.unwrap();
    (reply.status(), reply.json().await.unwrap())
}

/// The wallet is what was bought less what was charged, to the micro-dollar.
fn adds_up(usage: &Value, credit: i64) {
    let rows = usage["transactions"].as_array().unwrap();
    let spent: i64 = rows.iter().map(|row| row["chargedMicroUsd"].as_i64().unwrap()).sum();
    assert!(spent > 0, "{usage}");
    assert_eq!(usage["wallet"]["balanceMicroUsd"], credit - spent, "{usage}");
}

#[tokio::test]
async fn in_a_browser_from_sign_up_to_an_answer_of_the_stock_cli() {
    let stripe = Stripe::start().await;
    let (world, mut about) = in_a_browser(&stripe).await;
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    about["machine"] = json!(door.local_addr().unwrap().port());
    let (found, ()) = tokio::join!(browser::run(&world, "story.mjs", about), machine(&door));
    let (key, command) = (found["key"].as_str().unwrap(), found["command"].as_str().unwrap());
    assert!(command.contains(key), "the command carries the key");
    assert_ne!(found["answer"], "", "the CLI says what the model said");
    let now = get(&world, "/api/v1/me", key).await;
    assert_eq!(now["person"]["emailVerified"], true, "{now}");
    let usage = charged(&world, key).await;
    let charged = &usage["transactions"][0]["chargedMicroUsd"];
    assert_eq!(micros(&found["charged"]), charged.as_i64().unwrap(), "{usage}");
    let gifts = MicroUsd::from_cents(1_000 + 58_500).micros();
    adds_up(&usage, micros(&found["balance"]) + gifts);
    assert_eq!(found["address"], format!("{}/", world.url()), "what others are told");
}

/// What a page shows as dollars, in micro-dollars.
fn micros(shown: &Value) -> i64 {
    let text = shown.as_str().unwrap().replace(['$', ','], "");
    text.parse::<MicroUsd>().unwrap_or_else(|_| panic!("{text} is no amount")).micros()
}

/// The customer's own machine: runs the command that somebody sends, and says what it printed.
async fn machine(door: &TcpListener) {
    let (mut pasted, _) = door.accept().await.unwrap();
    let mut command = String::new();
    pasted.read_to_string(&mut command).await.unwrap();
    let answer = Machine::new(Codex::Newest).answer(&command).await;
    pasted.write_all(answer.as_bytes()).await.unwrap();
}

/// A world with a shop and an inbox, and what a script has to know of them.
async fn in_a_browser(stripe: &Stripe) -> (World, Value) {
    let inbox = Inbox::open().await.expect("an inbox");
    let plan = World::plan().with_stripe(stripe).with_mail_settings(inbox.settings());
    let mut world = plan.start().await;
    // Links in mails have to lead here.
    world.set_var("PUBLIC_URL", world.url());
    world.restart().await;
    let about = json!({
        "email": EMAIL, "password": PASSWORD, "inbox": inbox.url,
        "friends": [stripe.url(), inbox.url],
    });
    (world, about)
}

#[tokio::test]
async fn in_a_browser_a_plan_and_a_wallet_that_fills_itself_once_the_bank_is_content() {
    let stripe = Stripe::start().await;
    let (world, about) = in_a_browser(&stripe).await;
    stripe.listen(&world.at("/api/v1/stripe/webhook")).await;
    // The first payment without its customer.
    stripe.decline(&["authentication_required"]).await;
    let found = browser::run(&world, "plans.mjs", about).await;
    assert_eq!(found["meters"], 2, "{found}");
    assert_eq!(found["same"], true, "the mail and the wallet lead to one page");
    assert_eq!(found["balance"], "$20.00");
    assert_eq!(found["terms"], json!(["5.00", "20.00", "100.00"]));
    let key = found["key"].as_str().unwrap();
    let usage = get(&world, "/api/v1/me", key).await;
    assert_eq!(usage["wallet"]["balanceMicroUsd"], 20_000_000, "{usage}");
    let intents = stripe.all("payment_intent").await;
    let of_wallet = intents.iter().filter(|it| it["amount"] == 2_000);
    let mut states: Vec<_> = of_wallet.map(|it| it["status"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["canceled", "succeeded"], "what was asked first is never paid beside it");
}

#[tokio::test]
async fn by_the_api_from_sign_up_to_a_metered_answer() {
    let stripe = Stripe::start().await;
    let world = World::plan().with_stripe(&stripe).start().await;
    let register = json!({
        "email": EMAIL, "password": PASSWORD, "name": "Ada", "country": "DE",
        "phone": "+493012345678", "session": "none",
    });
    let (status, registered) = post(&world, "/api/v1/customer/register", "", register).await;
    assert_eq!(status, 201, "{registered}");
    let key = registered["apiKey"]["token"].as_str().unwrap();
    let ask = json!({ "model": "gpt-5.5", "input": "rehearse: text 20", "stream": false });
    let (status, refused) = post(&world, "/v1/responses", key, ask.clone()).await;
    assert_eq!(status, 402, "an empty wallet buys nothing: {refused}");
    let plans = get(&world, "/api/v1/plans", key).await;
    let plan = plans["packs"][0]["id"].as_str().unwrap();
    let checkout = json!({ "plan": plan });
    let (status, opened) = post(&world, "/api/v1/wallet/stripe/checkout", key, checkout).await;
    assert_eq!(status, 201, "{opened}");
    let session = opened["sessionId"].as_str().unwrap();
    stripe.pay(session).await;
    let confirm = json!({ "sessionId": session });
    let (status, settled) = post(&world, "/api/v1/wallet/stripe/confirm", key, confirm).await;
    assert_eq!((status.as_u16(), &settled["credited"]), (200, &json!(true)), "{settled}");
    let (status, answer) = post(&world, "/v1/responses", key, ask).await;
    assert_eq!(status, 200, "{answer}");
    let credit = plans["packs"][0]["creditMicroUsd"].as_i64().unwrap();
    adds_up(&charged(&world, key).await, credit);
}
