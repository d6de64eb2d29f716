//! `/api/v1/notices/unsubscribe`: by a page's button or by a mail program's own, and only of what
//! is not essential.

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::mail::{Mail, MailServer};
use tests::world::World;

use super::{low_balance, records, tell, topped_up};

const ANN: &str = "ann@theirs.test";
const ORIGIN: &str = "http://gantry.test";

/// The address in `List-Unsubscribe`, where this world has it.
fn stop(world: &World, mail: &Mail) -> String {
    let link = mail.header("list-unsubscribe").trim_matches(['<', '>']).to_owned();
    let path = link.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{link:?} in {}", mail.raw));
    assert!(path.starts_with("/api/v1/notices/unsubscribe?token="), "{path}");
    assert!(mail.text.contains(&link) && mail.html.contains(&link.replace('&', "&amp;")));
    world.at(path)
}

#[tokio::test]
async fn one_click_stops_what_is_not_essential_and_nothing_else() {
    let server = MailServer::start().await;
    let world = World::plan().var("PUBLIC_URL", ORIGIN).with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    tell(&world, &ann, "low_balance:1", low_balance()).await;
    let mail = server.next(ANN).await;
    assert_eq!(mail.header("list-unsubscribe-post"), "List-Unsubscribe=One-Click");
    let link = stop(&world, &mail);

    // A program that looks at links before their reader does changes nothing.
    let page = Client::new().get(&link).send().await.expect("an answer");
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(page.text().await.expect("a page").contains("Tell me no more</button>"));
    tell(&world, &ann, "low_balance:2", low_balance()).await;
    server.nth(ANN, 1).await;

    let one_click = Client::new().post(&link).form(&[("List-Unsubscribe", "One-Click")]);
    let done = one_click.send().await.expect("an answer");
    assert_eq!(done.status(), StatusCode::OK);
    tell(&world, &ann, "low_balance:3", low_balance()).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let mail = server.nth(ANN, 2).await;
    assert_eq!(mail.subject, "$50.00 added to your wallet");
    assert_eq!(mail.header("list-unsubscribe"), "", "nobody can have no more of what they paid");
    let told = records(&world, &ann).await;
    let third = told.iter().find(|record| record["event"] == "low_balance:3").expect("a record");
    assert_eq!(third["state"], "suppressed");
    assert_eq!(third["answer"], "The person wants no more of these.");
}

#[tokio::test]
async fn a_link_that_was_changed_stops_nothing() {
    let server = MailServer::start().await;
    let world = World::plan().var("PUBLIC_URL", ORIGIN).with_mail(&server).start().await;
    let ann = world.customer(ANN, None).await;
    tell(&world, &ann, "low_balance:1", low_balance()).await;
    let link = stop(&world, &server.next(ANN).await);
    let (base, token) = link.split_once("token=").expect("a token");
    let (claims, tag) = token.split_once('.').expect("a tag");
    let other = format!("{claims}A");
    for token in ["", "x", "x.y", &format!("{other}.{tag}"), &format!("{claims}.{tag}A")] {
        for request in [
            Client::new().get(format!("{base}token={token}")),
            Client::new().post(format!("{base}token={token}")),
        ] {
            let reply = request.send().await.expect("an answer");
            assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{token}");
            let body: Value = reply.json().await.expect("JSON");
            assert_eq!(body["code"], json!("resource_not_found"));
        }
    }
    tell(&world, &ann, "low_balance:2", low_balance()).await;
    server.nth(ANN, 1).await;
}
