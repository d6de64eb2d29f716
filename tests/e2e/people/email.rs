//! `/api/v1/me/email` and `/api/v1/auth/verify-email`: one account has a verified address, and
//! whoever else claims it learns nothing.

use serde_json::{Value, json};

use super::{EMAIL, FUTURE, Guest, PASSWORD, PAST, desk, login, post, signed};

const VERIFY: &str = "/api/v1/auth/verify-email";
const ME_EMAIL: &str = "/api/v1/me/email";

fn address(me: &Value) -> (Value, Value) {
    (me["person"]["email"].clone(), me["person"]["emailVerified"].clone())
}

#[tokio::test]
async fn a_link_verifies_an_address_once() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let token = guest.verification(&desk).await;
    let reply = guest.open(&desk, &token).await;
    assert_eq!((reply.status, &reply.json()["emailVerified"]), (200, &json!(true)), "{reply:?}");
    guest.open(&desk, &token).await.refuses(400, "invalid_request", "not good");
    assert_eq!(address(&guest.me(&desk).await), (json!(EMAIL), json!(true)));
}

#[tokio::test]
async fn a_link_that_is_forged_over_or_for_something_else_is_refused() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let claim = guest.card(&desk).await.claim.expect("a claim");
    let account = guest.account();
    let good = signed("verify_email", &claim.id, FUTURE, account);
    let (text, tag) = good.split_once('.').expect("a tag");
    let other = signed("verify_email", "0".repeat(32).as_str(), FUTURE, account);
    for token in [
        signed("verify_email", &claim.id, PAST, account),
        signed("reset_password", &claim.id, FUTURE, account),
        format!("{text}x.{tag}"),
        format!("{}.{tag}", other.split_once('.').expect("a tag").0),
        other,
        text.to_owned(),
        String::new(),
    ] {
        guest.open(&desk, &token).await.refuses(400, "invalid_request", "not good");
    }
    assert_eq!(address(&guest.me(&desk).await), (json!(EMAIL), json!(false)));
}

#[tokio::test]
async fn an_address_is_verified_for_one_account_whoever_claimed_it_first() {
    let desk = desk().await;
    let first = Guest::arrive(&desk, EMAIL).await;
    let second = Guest::arrive(&desk, EMAIL).await;
    assert_ne!(first.id, second.id);
    let late = first.verification(&desk).await;
    assert_eq!(second.verify(&desk).await.status, 200);
    first.open(&desk, &late).await.refuses(409, "conflict", "belongs to another account");
    let owner = desk.world.sql("SELECT account FROM emails WHERE verified_at > 0", vec![]).await;
    assert_eq!(owner, [json!({ "account": second.id })]);
    // Both go on with their own passwords and keys; the address means its owner first.
    let reply = login(&desk, EMAIL, PASSWORD).await;
    assert_eq!(reply.json()["id"], second.id.as_str());
    assert_eq!(first.me(&desk).await["id"], first.id.as_str());
}

#[tokio::test]
async fn an_address_moves_when_the_new_one_is_verified_and_not_before() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(guest.verify(&desk).await.status, 200);
    let new = json!({ "email": "Ann@Work.example", "password": PASSWORD });
    let reply = guest.change(&desk, ME_EMAIL, &new).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.json(), json!({ "email": "ann@work.example", "verified": false }));
    assert_eq!(address(&guest.me(&desk).await), (json!(EMAIL), json!(true)));
    assert_eq!(guest.verify(&desk).await.status, 200);
    assert_eq!(address(&guest.me(&desk).await), (json!("ann@work.example"), json!(true)));
    let ids = [EMAIL, "ann@work.example"].map(|name| login(&desk, name, PASSWORD));
    let [old, new] = ids;
    old.await.refuses(401, "authentication_required", "together");
    assert_eq!(new.await.json()["id"], guest.id.as_str());
    // Nobody's address is free for whoever comes.
    let other = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(other.verify(&desk).await.status, 200);
}

#[tokio::test]
async fn a_found_key_alone_takes_no_verified_account_over() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(guest.verify(&desk).await.status, 200);
    for body in [
        json!({ "email": "thief@example.com" }),
        json!({ "email": "thief@example.com", "password": "not the password" }),
    ] {
        guest.change(&desk, ME_EMAIL, &body).await.refuses(422, "validation_error", "password");
    }
    assert!(guest.card(&desk).await.claim.is_none());
    let again = guest.change(&desk, ME_EMAIL, &json!({ "email": EMAIL })).await;
    assert_eq!(again.json(), json!({ "email": EMAIL, "verified": true }));
}

#[tokio::test]
async fn a_publishable_key_changes_nobody() {
    let desk = desk().await;
    let (token, _) = desk.key(json!({ "kind": "publishable" })).await;
    for (path, body) in [
        (ME_EMAIL, json!({ "email": EMAIL })),
        ("/api/v1/me/password", json!({ "currentPassword": "x", "newPassword": "y" })),
    ] {
        let request = desk.request("POST", path).bearer_auth(&token).json(&body);
        desk.send(request).await.refuses(403, "permission_denied", "publishable key");
    }
}

#[tokio::test]
async fn an_account_that_an_operator_made_gets_an_address() {
    let desk = desk().await;
    let account = &desk.account;
    let guest = Guest {
        id: account.id.clone(),
        username: account.username.clone(),
        key: account.key.clone(),
    };
    assert_eq!(guest.me(&desk).await["person"]["missing"], json!(["email", "country", "phone"]));
    let wrong = guest.change(&desk, ME_EMAIL, &json!({ "email": "a@b\r\nc" })).await;
    wrong.refuses(422, "validation_error", "email");
    let reply = guest.change(&desk, ME_EMAIL, &json!({ "email": EMAIL })).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(guest.verify(&desk).await.status, 200);
    assert_eq!(guest.me(&desk).await["person"]["missing"], json!(["country", "phone"]));
}

#[tokio::test]
async fn a_link_gives_nobody_an_account_that_a_stranger_made_with_their_address() {
    let desk = desk().await;
    let stranger = Guest::arrive(&desk, EMAIL).await;
    let owner = Guest::arrive(&desk, "owner@example.com").await;
    let token = stranger.verification(&desk).await;
    let opened = post(&desk, VERIFY, &json!({ "token": token })).await;
    opened.refuses(401, "authentication_required", "do nothing");
    let opened = owner.open(&desk, &token).await;
    opened.refuses(401, "authentication_required", "do nothing");
    assert_eq!(address(&stranger.me(&desk).await), (json!(EMAIL), json!(false)));
}

#[tokio::test]
async fn a_newer_claim_makes_the_links_of_an_older_one_void() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let old = guest.verification(&desk).await;
    let body = json!({ "email": "ann@work.example" });
    assert_eq!(guest.change(&desk, ME_EMAIL, &body).await.status, 202);
    guest.open(&desk, &old).await.refuses(400, "invalid_request", "not good");
    assert_eq!(guest.verify(&desk).await.json()["email"], "ann@work.example");
}
