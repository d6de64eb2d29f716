//! `/account`, `/api/v1/me` and `/api/v1/notices/wanted`: what a customer tells of themselves, and
//! what they want to be told.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::account::Account;
use tests::browser;
use tests::world::World;

use crate::desk::Reply;
use crate::signin;

const ME: &str = "/api/v1/me";
const WANTED: &str = "/api/v1/notices/wanted";

async fn send(world: &World, method: Method, path: &str, key: &str, body: Value) -> Reply {
    let request = Client::new().request(method, world.at(path)).bearer_auth(key);
    Reply::to(request.json(&body)).await
}

async fn open() -> (World, Account) {
    let world = World::plan().secret("SIGNING_SECRETS", signin::SECRET).start().await;
    let account = world.account("5.00").await;
    (world, account)
}

#[tokio::test]
async fn what_is_told_stays_and_what_is_wrong_is_named() {
    let (world, account) = open().await;
    let tell = async |body| send(&world, Method::POST, ME, &account.key, body).await;
    let told = tell(json!({ "name": "Ada", "country": "gb" })).await.json();
    assert_eq!((&told["name"], &told["country"]), (&json!("Ada"), &json!("GB")));
    let told = tell(json!({ "phone": "+44 20 7946 0000" })).await.json();
    assert_eq!((&told["name"], &told["phone"]), (&json!("Ada"), &json!("+442079460000")));
    assert_eq!(told["missing"], json!(["email"]));
    let wrong = tell(json!({ "country": "Nowhere", "name": "Bob" })).await;
    assert_eq!(wrong.json()["errors"][0]["field"], "country", "{}", wrong.text());
    let me = send(&world, Method::GET, ME, &account.key, Value::Null).await.json();
    assert_eq!(me["person"]["name"], "Ada", "a refusal changes nothing");
}

#[tokio::test]
async fn who_wants_no_more_of_a_kind_of_message_has_it_again_when_they_say_so() {
    let (world, account) = open().await;
    let choose = async |body| send(&world, Method::POST, WANTED, &account.key, body).await.json();
    let all = json!({ "lowBalance": true, "fairUse": true });
    assert_eq!(send(&world, Method::GET, WANTED, &account.key, Value::Null).await.json(), all);
    let fewer = json!({ "lowBalance": false, "fairUse": true });
    assert_eq!(choose(json!({ "lowBalance": false })).await, fewer);
    assert_eq!(choose(json!({})).await, fewer);
    assert_eq!(choose(json!({ "lowBalance": true })).await, all);
}

#[tokio::test]
async fn a_customer_tells_what_is_missing_and_signs_out_everywhere_in_a_browser() {
    let (world, account) = open().await;
    let link = signin::link(&account, "/account");
    let found = browser::run(&world, "account.mjs", json!({ "link": link })).await;
    assert_eq!(found["name"], "Ada <b>Byron</b>");
    assert_eq!(found["wanted"], false);
    assert_eq!(found["news"], json!([false, true, false]), "once, to who was here before");
    assert_eq!(found["after"], "/sign-in");
}
