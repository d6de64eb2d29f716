//! `/api/v1/notices` and `/admin/api/notices`: what became of each message, without what it said.

use reqwest::Client;
use serde_json::{Value, json};
use tests::account::Account;
use tests::mail::MailServer;
use tests::world::World;

use super::{records, tell, topped_up, until};

const ANN: &str = "ann@theirs.test";

async fn own(world: &World, account: &Account, query: &str) -> Value {
    let request = Client::new().get(world.at(&format!("/api/v1/notices{query}")));
    let reply = request.bearer_auth(&account.key).send().await.expect("an answer");
    assert_eq!(reply.status(), 200);
    reply.json().await.expect("JSON")
}

#[tokio::test]
async fn customers_see_their_own_messages_newest_first_and_page_by_page() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    let ben = world.customer("ben@theirs.test", None).await;
    tell(&world, &ben, "topped_up:9", topped_up()).await;
    for event in ["topped_up:1", "topped_up:2", "topped_up:3"] {
        tell(&world, &ann, event, topped_up()).await;
    }
    server.nth(ANN, 2).await;
    let first = own(&world, &ann, "?limit=2").await;
    let events = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["event"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(events(&first), ["topped_up:3", "topped_up:2"]);
    assert_eq!(first["has_more"], true);
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    let second = own(&world, &ann, &format!("?limit=2&starting_after={cursor}")).await;
    assert_eq!(events(&second), ["topped_up:1"]);
    let row = &second["data"][0];
    assert_eq!((&row["template"], &row["channel"]), (&json!("topped_up"), &json!("mail")));
    assert!(row["createdAt"].is_string() && row.get("answer").is_none(), "{row}");
}

#[tokio::test]
async fn who_cannot_be_reached_has_a_record_of_it() {
    let world = World::start().await;
    let nobody = world.account("1.00").await;
    tell(&world, &nobody, "topped_up:1", topped_up()).await;
    let record = until(&world, &nobody, "suppressed").await;
    assert_eq!(record["answer"], "There is no address.");
    let ann = world.customer(ANN, None).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let record = until(&world, &ann, "suppressed").await;
    assert_eq!(record["answer"], "No way to send mail is set up.");
}

#[tokio::test]
async fn what_a_message_said_is_sealed_while_it_waits_and_gone_once_it_is_sent() {
    let server = MailServer::start().await;
    let world = World::plan().with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    let link = "https://gantry.test/reset?token=the-token-of-the-link";
    server.refuse("rcpt", 451, "later", 1).await;
    tell(&world, &ann, "reset:1", json!({ "reset_password": { "link": link } })).await;
    server.count("rcpt", 1).await;
    let record = until(&world, &ann, "waiting").await;
    assert!(!record.to_string().contains("the-token"), "{record}");
    assert!(!files_hold(&world, "the-token-of-the-link"), "the link is on the disk as it is");
    assert!(files_hold(&world, "topped_up") || files_hold(&world, "reset_password"), "no files");
}

#[tokio::test]
async fn an_operator_names_the_account() {
    let world = World::start().await;
    let request =
        Client::new().get(world.at("/admin/api/notices")).bearer_auth(world.admin_token());
    assert_eq!(request.send().await.expect("an answer").status(), 422);
    let ann = world.account("1.00").await;
    assert!(records(&world, &ann).await.is_empty());
    let request = Client::new().get(world.at("/admin/api/notices")).bearer_auth(&ann.key);
    assert_eq!(request.send().await.expect("an answer").status(), 403);
}

/// Whether a file of the objects' storage has these bytes in it.
fn files_hold(world: &World, text: &str) -> bool {
    world.stored().iter().any(|bytes| bytes.windows(text.len()).any(|it| it == text.as_bytes()))
}
