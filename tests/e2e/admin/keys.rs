//! `/admin/api/api-keys`, `/admin/api/api-keys/{key_id}/restrict` and
//! `/admin/api/api-keys/{key_id}/revoke`.

use serde_json::{Value, json};

use crate::desk::{Desk, Reply};

const KEYS: &str = "/admin/api/api-keys";

async fn create(desk: &Desk, mut wish: Value) -> Reply {
    wish["user_id"] = json!(desk.account.id);
    desk.send(desk.admin("POST", KEYS).json(&wish)).await
}

async fn list(desk: &Desk) -> Vec<Value> {
    let path = format!("{KEYS}?user_id={}", desk.account.id);
    let keys = desk.send(desk.admin("GET", &path)).await.json();
    keys.as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_key_is_what_was_wished_and_its_token_is_shown_once() {
    let desk = Desk::open().await;
    let plain = create(&desk, json!({})).await.json();
    assert_eq!(plain["scopes"], json!(["responses", "models", "account", "agent"]));
    assert_eq!((&plain["kind"], &plain["cidrs"]), (&json!("secret"), &json!([])));
    let made = create(
        &desk,
        json!({
            "name": "of the page", "kind": "publishable", "scopes": ["models"],
            "cidrs": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"],
        }),
    );
    let mut made = made.await.json();
    assert_eq!(made["cidrs"], json!(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32"]));
    let token = made.as_object_mut().expect("an object").remove("token").expect("a token");
    assert!(token.as_str().expect("text").starts_with("cdx_pk_"));
    let listed = list(&desk).await;
    assert_eq!((listed.len(), &listed[2]), (3, &made));
    assert!(!json!(listed).to_string().contains(token.as_str().expect("text")));
    assert_eq!(made["revoked_at"], Value::Null);
}

#[tokio::test]
async fn what_a_key_cannot_be_is_refused_by_the_name_of_the_field() {
    let desk = Desk::open().await;
    for (wish, field) in [
        (json!({ "kind": "golden" }), "kind"),
        (json!({ "scopes": ["everything"] }), "scopes"),
        (json!({ "scopes": [] }), "scopes"),
        (json!({ "kind": "publishable", "scopes": ["admin"] }), "scopes"),
        (json!({ "cidrs": ["10.0.0.0/33"] }), "cidrs"),
        (json!({ "cidrs": ["here"] }), "cidrs"),
        (json!({ "cidrs": vec!["10.0.0.0/8"; 101] }), "cidrs"),
        (json!({ "name": "a".repeat(1_001) }), "name"),
    ] {
        let reply = create(&desk, wish).await;
        reply.refuses(422, "validation_error", field);
        assert_eq!(reply.json()["errors"][0]["field"], field, "{reply:?}");
    }
    let wish = json!({ "user_id": "nobody" });
    let reply = desk.send(desk.admin("POST", KEYS).json(&wish)).await;
    reply.refuses(422, "validation_error", "not an identifier");
    assert_eq!(list(&desk).await.len(), 1);
}

#[tokio::test]
async fn keys_of_nobody_are_not_found() {
    let desk = Desk::open().await;
    let nobody = schema::AccountId::from_bits(5);
    let path = format!("{KEYS}?user_id={nobody}");
    desk.send(desk.admin("GET", &path)).await.refuses(404, "resource_not_found", "no such account");
    let wish = json!({ "user_id": nobody });
    let reply = desk.send(desk.admin("POST", KEYS).json(&wish)).await;
    reply.refuses(404, "resource_not_found", "no such account");
    for query in ["", "?user_id=", "?user_id=nobody"] {
        let reply = desk.send(desk.admin("GET", &format!("{KEYS}{query}"))).await;
        reply.refuses(422, "validation_error", "The query is not right");
    }
}

#[tokio::test]
async fn a_revoked_key_stays_revoked_since_the_first_time() {
    let mut desk = Desk::open().await;
    let (_, id) = desk.key(json!({})).await;
    let path = format!("{KEYS}/{id}/revoke");
    let first = desk.send(desk.admin("POST", &path)).await.json();
    assert!(first["revoked_at"].is_string(), "{first}");
    let second = desk.send(desk.admin("POST", &path)).await.json();
    assert_eq!(first, second);
    desk.world.restart().await;
    assert_eq!(list(&desk).await[1], first);
}

#[tokio::test]
async fn an_operator_leaves_a_key_with_less_and_it_is_noted() {
    let desk = Desk::open().await;
    let (token, id) = desk.key(json!({ "scopes": ["models", "account"] })).await;
    let path = format!("{KEYS}/{id}/restrict");
    let restrict = async |body: Value| desk.send(desk.admin("POST", &path).json(&body)).await;
    let left = restrict(json!({ "scopes": ["models"] })).await.json();
    assert_eq!((&left["scopes"], &left["user_id"]), (&json!(["models"]), &json!(desk.account.id)));
    let asked =
        Reply::to(reqwest::Client::new().get(desk.world.at("/api/v1/me")).bearer_auth(&token))
            .await;
    asked.refuses(403, "permission_denied", "account");
    restrict(json!({ "scopes": ["account"] })).await.refuses(422, "validation_error", "scopes");
    let audit = desk.admin("GET", "/admin/api/audit?act=key.restricted");
    let noted = desk.send(audit).await;
    let left = format!("{id} to models from anywhere");
    assert!(noted.text().contains(&left), "{noted:?}");
    let nobody = format!("{KEYS}/{}/restrict", schema::KeyId::from_bits(5));
    desk.send(desk.admin("POST", &nobody).json(&json!({}))).await.refuses(
        404,
        "resource_not_found",
        "key",
    );
}
