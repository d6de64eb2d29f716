//! A balance that falls below a threshold: told once on the way down, with a link that opens the
//! wallet signed in.

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use tests::client::Ask;
use tests::mail::MailServer;
use tests::world::World;

use super::records;

const ANN: &str = "ann@theirs.test";
const ORIGIN: &str = "http://gantry.test";

#[tokio::test]
async fn each_threshold_is_told_once_and_again_after_a_top_up() {
    let server = MailServer::start().await;
    let plan = World::plan().var("LOW_BALANCE_USD", "10 2").var("PUBLIC_URL", ORIGIN);
    let world = plan.with_mail(&server).start().await;
    // Ten dollars are not below ten dollars.
    let ann = world.customer(ANN, None).await;
    let operator = world.operator();
    let take = async |usd: &str, once: &str| {
        operator.credit(&ann.id, usd, once).await.expect("booked");
    };
    take("-0.01", "a").await;
    assert_eq!(server.nth(ANN, 0).await.subject, "Your balance is below $10.00");
    take("-3.00", "b").await;
    take("-6.00", "c").await;
    let mail = server.nth(ANN, 1).await;
    assert_eq!(mail.subject, "Your balance is below $2.00");
    assert!(mail.text.contains("$0.99 is left."), "{}", mail.text);
    take("50.00", "d").await;
    take("-49.00", "e").await;
    assert_eq!(server.nth(ANN, 2).await.subject, "Your balance is below $2.00");
    let told = records(&world, &ann).await;
    assert_eq!(told.len(), 3, "{told:#?}");
}

#[tokio::test]
async fn a_charge_tells_too_and_the_link_opens_the_wallet_signed_in() {
    let server = MailServer::start().await;
    let plan = World::plan().var("LOW_BALANCE_USD", "10").var("PUBLIC_URL", ORIGIN);
    let world = plan.with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    let caller = world.caller(&ann.key);
    let reply = caller.ask(&Ask::whole("rehearse: text 20")).await.expect("an answer");
    assert_eq!(reply.status, 200, "{reply:?}");
    let mail = server.next(ANN).await;
    let first = mail.text.lines().next().unwrap_or_default();
    let link = first.strip_prefix("Top up: ").expect("the link stands first");
    let path = link.strip_prefix(ORIGIN).expect("a link of ours");
    assert!(path.starts_with("/api/v1/auth/sso?token="), "{path}");
    let http = Client::builder().redirect(Policy::none()).build().expect("a client");
    let opened = http.get(world.at(path)).send().await.expect("an answer");
    assert_eq!(opened.status(), 200, "a page that signs in by its form");
}

#[tokio::test]
async fn who_begins_with_nothing_is_told_nothing() {
    let server = MailServer::start().await;
    let world = World::plan().var("LOW_BALANCE_USD", "20").with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    world.operator().credit(&ann.id, "-1.00", "a").await.expect("booked");
    assert_eq!(records(&world, &ann).await, Vec::<Value>::new());
    let wrong = World::plan().var("LOW_BALANCE_USD", "much").start().await;
    let reply = Client::new().get(wrong.at("/health")).send().await.expect("an answer");
    let reply: Value = reply.json().await.expect("JSON");
    assert_ne!(reply, json!({ "status": "ok" }), "a gap in the configuration is said");
}
