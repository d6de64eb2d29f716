//! `/api/v1/me/password`, `/api/v1/auth/password/forgot` and `/api/v1/auth/password/reset`.

use functions::domain::password::print;
use serde_json::{Value, json};

use super::{EMAIL, FUTURE, Guest, PASSWORD, PAST, desk, login, post, signed};
use crate::desk::{Desk, Reply};

const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
const CHANGE: &str = "/api/v1/me/password";
const NEW: &str = "another yak, another attic";

/// What a link says that sets another password.
async fn link(desk: &Desk, guest: &Guest, until: schema::Timestamp) -> String {
    let card = guest.card(desk).await;
    let print = print(card.password.as_ref());
    let body = json!({ "account": guest.id, "email": EMAIL, "print": print });
    signed("reset_password", "some-id", until, body)
}

async fn reset(desk: &Desk, token: &str, password: &str) -> Reply {
    post(desk, RESET, &json!({ "token": token, "password": password })).await
}

fn change(current: &str, new: &str) -> Value {
    json!({ "currentPassword": current, "newPassword": new })
}

#[tokio::test]
async fn who_knows_the_password_chooses_another_and_every_session_ends() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let signed_in = login(&desk, EMAIL, PASSWORD).await;
    let cookie = signed_in.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let me = || desk.request("GET", "/api/v1/me").header("cookie", &cookie);
    assert_eq!(Reply::to(me()).await.status, 200);
    let wrong = guest.change(&desk, CHANGE, &change("not the password", NEW)).await;
    wrong.refuses(422, "validation_error", "currentPassword");
    let common = guest.change(&desk, CHANGE, &change(PASSWORD, "password1234")).await;
    common.refuses(422, "validation_error", "newPassword");
    assert_eq!(guest.change(&desk, CHANGE, &change(PASSWORD, NEW)).await.status, 200);
    assert_eq!(Reply::to(me()).await.status, 401);
    login(&desk, EMAIL, PASSWORD).await.refuses(401, "authentication_required", "together");
    // The key is the wallet's and stays.
    assert_eq!(login(&desk, EMAIL, NEW).await.json()["apiKey"]["token"], guest.key.as_str());
}

#[tokio::test]
async fn an_account_without_a_password_gets_one_by_mail_only() {
    let desk = desk().await;
    let request = desk.post(CHANGE).json(&change("", NEW));
    desk.send(request).await.refuses(409, "conflict", "no password yet");
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_told_to_nobody_who_forgot() {
    let desk = desk().await;
    Guest::arrive(&desk, EMAIL).await;
    let mut answers = Vec::new();
    for email in [EMAIL, "nobody@example.com", EMAIL, EMAIL, EMAIL, EMAIL] {
        let reply = post(&desk, FORGOT, &json!({ "email": email })).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        answers.push(reply.bytes);
    }
    // Also where the mailbox has been written to as often as it is.
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let nonsense = post(&desk, FORGOT, &json!({ "email": "nonsense" })).await;
    nonsense.refuses(422, "validation_error", "email");
}

#[tokio::test]
async fn a_link_sets_another_password_once_and_the_key_stays() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    assert_eq!(guest.verify(&desk).await.status, 200);
    let (token, earlier) = (link(&desk, &guest, FUTURE).await, link(&desk, &guest, FUTURE).await);
    reset(&desk, &token, "password1234").await.refuses(422, "validation_error", "password");
    assert_eq!(reset(&desk, &token, NEW).await.status, 200);
    for used in [token, earlier] {
        reset(&desk, &used, "a third yak in the attic").await.refuses(
            400,
            "invalid_request",
            "not good",
        );
    }
    login(&desk, EMAIL, PASSWORD).await.refuses(401, "authentication_required", "together");
    assert_eq!(login(&desk, EMAIL, NEW).await.json()["apiKey"]["token"], guest.key.as_str());
    assert_eq!(guest.me(&desk).await["id"], guest.id.as_str());
}

#[tokio::test]
async fn a_link_that_is_over_or_forged_or_of_another_kind_sets_nothing() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let good = link(&desk, &guest, FUTURE).await;
    let print = print(guest.card(&desk).await.password.as_ref());
    let body = json!({ "account": guest.id, "email": EMAIL, "print": print });
    let nobody = "acct_00000000000000000000000000000009";
    for token in [
        link(&desk, &guest, PAST).await,
        signed("verify_email", "some-id", FUTURE, &body),
        signed("session", "some-id", FUTURE, &body),
        signed("reset_password", "x", FUTURE, json!({ "account": guest.id })),
        format!("{good}x"),
        "x".to_owned(),
    ] {
        reset(&desk, &token, NEW).await.refuses(400, "invalid_request", "not good");
    }
    let of_nobody = json!({ "account": nobody, "email": EMAIL, "print": print });
    let token = signed("reset_password", "x", FUTURE, of_nobody);
    reset(&desk, &token, NEW).await.refuses(404, "resource_not_found", "");
    assert_eq!(login(&desk, EMAIL, PASSWORD).await.status, 200);
}

/// Somebody signs up with another's address and waits. Its owner asks for a password, and finds an
/// account of which nobody else has a way in.
#[tokio::test]
async fn an_owner_who_recovers_an_account_that_another_made_shuts_the_other_out() {
    let desk = desk().await;
    let thief = Guest::arrive(&desk, EMAIL).await;
    let cookie = login(&desk, EMAIL, PASSWORD).await.header("set-cookie").to_owned();
    let token = link(&desk, &thief, FUTURE).await;
    assert_eq!(reset(&desk, &token, NEW).await.status, 200);
    let owner = login(&desk, EMAIL, NEW).await;
    assert_eq!((owner.status, &owner.json()["id"]), (200, &json!(thief.id)));
    assert_ne!(owner.json()["apiKey"]["token"], thief.key.as_str());
    let me = |bearer: &str| Reply::to(desk.request("GET", "/api/v1/me").bearer_auth(bearer));
    me(&thief.key).await.refuses(401, "authentication_required", "revoked");
    me(&thief.username).await.refuses(401, "authentication_required", "not known");
    login(&desk, EMAIL, PASSWORD).await.refuses(401, "authentication_required", "together");
    let cookie = cookie.split(';').next().expect("a cookie");
    let by_cookie = desk.request("GET", "/api/v1/me").header("cookie", cookie);
    assert_eq!(Reply::to(by_cookie).await.status, 401);
    let mine = Guest::of(&owner).me(&desk).await;
    assert_eq!(mine["person"]["emailVerified"], true);
}
