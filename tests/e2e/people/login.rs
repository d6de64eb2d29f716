//! `/api/v1/auth/login` and `/admin/api/api-keys/{key_id}/token`.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{EMAIL, Guest, LOGIN, PASSWORD, desk, from, login};
use crate::desk::{Desk, Reply};

async fn keys(desk: &Desk, account: &str) -> Vec<Value> {
    let path = format!("/admin/api/api-keys?user_id={account}");
    let keys = desk.send(desk.admin("GET", &path)).await.json();
    keys.as_array().expect("a list").clone()
}

async fn revealed(desk: &Desk) -> Vec<Value> {
    let sql = "SELECT actor, detail FROM audit WHERE act = 'key.revealed' ORDER BY id";
    desk.world.sql(sql, vec![]).await
}

#[tokio::test]
async fn signing_in_gives_the_account_s_own_key_and_never_one_more() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    for name in [EMAIL, "ANN@example.com", &guest.username, &format!(" {EMAIL} ")] {
        let reply = login(&desk, name, PASSWORD).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["apiKey"]["token"], guest.key.as_str());
        assert_eq!(reply.json()["id"], guest.id.as_str());
        assert!(reply.header("set-cookie").contains("HttpOnly"), "{reply:?}");
    }
    let keys = keys(&desk, &guest.id).await;
    assert_eq!(keys.len(), 1);
    let key = keys[0]["id"].as_str().expect("an id");
    let rows = revealed(&desk).await;
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["actor"] == guest.id.as_str()
        && row["detail"] == format!("{key} login")));
}

#[tokio::test]
async fn many_at_once_get_one_new_key_where_the_old_one_is_revoked() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let old = keys(&desk, &guest.id).await[0]["id"].as_str().expect("an id").to_owned();
    let revoke = format!("/admin/api/api-keys/{old}/revoke");
    assert_eq!(desk.send(desk.admin("POST", &revoke)).await.status, 200);
    let body = json!({ "username": EMAIL, "password": PASSWORD });
    let logins = (0..6).map(|_| Reply::to(desk.request("POST", LOGIN).json(&body)));
    let replies = join_all(logins).await;
    let new = replies[0].json()["apiKey"]["token"].clone();
    assert!(new.is_string() && new != guest.key.as_str(), "{replies:?}");
    assert!(replies.iter().all(|reply| reply.json()["apiKey"]["token"] == new), "{replies:?}");
    let active = keys(&desk, &guest.id).await;
    assert_eq!(active.iter().filter(|key| key["revoked_at"].is_null()).count(), 1);
}

#[tokio::test]
async fn a_key_that_an_operator_made_is_the_wallet_s_too() {
    let desk = desk().await;
    let id = desk.account.id.as_str();
    let key = keys(&desk, id).await[0].clone();
    assert_eq!((&key["name"], &key["retrievable"]), (&json!("wallet"), &json!(true)));
    let path = format!("/admin/api/api-keys/{}/token", key["id"].as_str().expect("an id"));
    let shown = Reply::to(desk.admin("GET", &path)).await.json();
    assert_eq!((&shown["token"], &shown["id"]), (&json!(desk.account.key), &key["id"]));
    let rows = revealed(&desk).await;
    assert_eq!((rows.len(), &rows[0]["actor"]), (1, &json!("operator")));
}

#[tokio::test]
async fn an_operator_s_key_is_kept_as_its_hash_only() {
    let desk = desk().await;
    let (_, id) = desk.key(json!({ "scopes": ["admin"] })).await;
    let all = keys(&desk, &desk.account.id).await;
    let key = all.iter().find(|key| key["id"] == id.as_str()).expect("the key");
    assert_eq!(key["retrievable"], false);
    let path = format!("/admin/api/api-keys/{id}/token");
    desk.send(desk.admin("GET", &path)).await.refuses(409, "conflict", "Only the hash");
    let nobody = "/admin/api/api-keys/key_00000000000000000000000000000009/token";
    desk.send(desk.admin("GET", nobody)).await.refuses(404, "resource_not_found", "no key");
    assert!(revealed(&desk).await.is_empty());
}

#[tokio::test]
async fn whoever_may_not_sign_in_learns_why_only_with_the_right_password() {
    let desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let path = format!("/admin/api/users/{}/active", guest.id);
    let suspend = desk.admin("POST", &path).json(&json!({ "active": false }));
    assert_eq!(Reply::to(suspend).await.status, 200);
    login(&desk, EMAIL, PASSWORD).await.refuses(403, "permission_denied", "suspended");
    login(&desk, EMAIL, "another yak").await.refuses(401, "authentication_required", "together");
}

#[tokio::test]
async fn a_copy_that_does_not_open_any_more_is_followed_by_one_new_key() {
    let mut desk = desk().await;
    let guest = Guest::arrive(&desk, EMAIL).await;
    let other = tests::secret::sealing_key(&tests::secret::random());
    desk.world.set_secret("SEALING_KEYS", other);
    desk.world.restart().await;
    let first = Reply::to(from(&desk, "192.0.2.1", LOGIN, &body())).await.json();
    let second = Reply::to(from(&desk, "192.0.2.1", LOGIN, &body())).await.json();
    assert!(
        first["apiKey"]["token"].is_string() && first["apiKey"]["token"] != guest.key.as_str(),
        "{first}"
    );
    assert_eq!(first["apiKey"]["token"], second["apiKey"]["token"]);
    assert_eq!(keys(&desk, &guest.id).await.len(), 2);
    // What was delivered goes on working.
    assert_eq!(guest.me(&desk).await["id"], guest.id.as_str());
}

fn body() -> Value {
    json!({ "username": EMAIL, "password": PASSWORD })
}
