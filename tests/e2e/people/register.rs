//! `/api/v1/customer/register`.

use serde_json::json;

use super::{EMAIL, Guest, PASSWORD, REGISTER, desk, post, wish};
use crate::desk::{Reply, ask};

#[tokio::test]
async fn a_person_signs_up_and_their_key_works_at_once() {
    let desk = desk().await;
    let mut ann = wish(" Ann@Example.COM ");
    ann["name"] = json!("Ann O'Neil");
    ann["username"] = json!("ann");
    let reply = post(&desk, REGISTER, &ann).await;
    assert_eq!((reply.status, &reply.json()["pending"]), (201, &json!(false)), "{reply:?}");
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("Secure"), "{cookie}");
    let guest = Guest::of(&reply);
    assert!(guest.username.starts_with("ann-") && guest.key.starts_with("cdx_sk_"));
    let me = guest.me(&desk).await;
    assert_eq!(me["id"], guest.id.as_str());
    assert_eq!(
        me["person"],
        json!({
            "name": "Ann O'Neil", "email": EMAIL, "emailVerified": false, "country": "DE",
            "phone": "+4930901820", "missing": [],
        })
    );
    let respond = desk.request("POST", "/v1/responses").bearer_auth(&guest.key);
    desk.send(respond.json(&ask("hello"))).await.refuses(402, "insufficient_credit", "empty");
}

#[tokio::test]
async fn what_a_person_writes_wrongly_is_refused_by_the_name_of_the_field() {
    let desk = desk().await;
    let injected = "ann@example.com\r\nBcc: bob@example.com";
    for (field, value) in [
        ("email", json!("ann")),
        ("email", json!(injected)),
        ("email", json!("ann@example.com, bob@example.com")),
        ("email", json!("<ann@example.com>")),
        ("name", json!("Ann\r\nBcc: bob@example.com")),
        ("name", json!("Ann\u{0}")),
        ("name", json!("a".repeat(101))),
        ("phone", json!("030 901820")),
        ("phone", json!("+49 30\n901820")),
        ("country", json!("XX")),
        ("password", json!("too short")),
        ("password", json!("password1234")),
        ("password", json!("ann@example.com")),
        ("password", json!("x".repeat(201))),
        ("username", json!("a b")),
        ("username", json!("cdx_sk_a")),
    ] {
        let mut ann = wish(EMAIL);
        ann[field] = value.clone();
        let reply = post(&desk, REGISTER, &ann).await;
        reply.refuses(422, "validation_error", field);
        assert_eq!(reply.json()["errors"][0]["field"], field, "{value} {reply:?}");
    }
    let accounts = desk.world.sql("SELECT count(*) AS n FROM accounts", vec![]).await;
    assert_eq!(accounts[0]["n"], 1);
}

#[tokio::test]
async fn what_a_first_sign_up_has_to_tell_is_asked_for() {
    let desk = desk().await;
    for field in ["email", "password", "country", "phone"] {
        let mut ann = wish(EMAIL);
        ann.as_object_mut().expect("an object").remove(field);
        post(&desk, REGISTER, &ann).await.refuses(422, "validation_error", field);
    }
}

#[tokio::test]
async fn no_password_is_kept_and_no_log_shows_one() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let kept = serde_json::to_string(&guest.card(&desk).await.password).expect("JSON");
    assert!(kept.starts_with("\"$argon2id$v=19$m="), "{kept}");
    assert!(!kept.contains(PASSWORD) && !desk.world.log().contains(PASSWORD));
}

#[tokio::test]
async fn whoever_has_a_copy_of_the_database_has_no_key() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let path = format!("/admin/api/api-keys?user_id={}", guest.id);
    let keys = Reply::to(desk.admin("GET", &path)).await;
    assert!(!keys.text().contains(&guest.key), "{keys:?}");
    let keys = keys.json();
    assert_eq!((&keys[0]["name"], &keys[0]["retrievable"]), (&json!("wallet"), &json!(true)));
    for table in ["accounts", "keys", "emails", "signups", "audit"] {
        let rows = desk.world.sql(&format!("SELECT * FROM {table}"), vec![]).await;
        assert!(!serde_json::to_string(&rows).expect("JSON").contains(&guest.key), "{table}");
    }
}
