//! `/api/v1/keys`, `/api/v1/keys/{key_id}/restrict`, `/api/v1/keys/{key_id}/revoke` and `/keys`: an
//! account's keys in the hands of its owner.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::account::Account;
use tests::browser;
use tests::world::World;

use crate::desk::Reply;
use crate::signin;

const KEYS: &str = "/api/v1/keys";

struct Owner {
    world: World,
    account: Account,
}

impl Owner {
    async fn open() -> Self {
        let world = World::plan().secret("SIGNING_SECRETS", signin::SECRET).start().await;
        let account = world.account("5.00").await;
        Self { world, account }
    }

    async fn send(&self, method: Method, path: &str, key: &str, body: Value) -> Reply {
        let request = Client::new().request(method, self.world.at(path)).bearer_auth(key);
        Reply::to(request.json(&body)).await
    }

    async fn make(&self, key: &str, body: Value) -> Reply {
        self.send(Method::POST, KEYS, key, body).await
    }

    /// A key that was made.
    async fn made(&self, body: Value) -> Value {
        let reply = self.make(&self.account.key, body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()
    }

    async fn get(&self, path: &str, key: &str) -> Reply {
        self.send(Method::GET, path, key, Value::Null).await
    }
}

#[tokio::test]
async fn a_key_does_what_it_was_made_for_until_it_is_revoked() {
    let owner = Owner::open().await;
    let body = json!({ "name": "reader", "scopes": ["account", "models"] });
    let made = owner.made(body).await;
    let key = made["token"].as_str().expect("a token");
    assert_eq!(owner.get("/api/v1/me", key).await.status, 200);
    let ask = json!({ "model": "gpt-5.5", "input": "rehearse: text 2" });
    assert_eq!(owner.send(Method::POST, "/v1/responses", key, ask).await.status, 403);
    let listed = owner.get(KEYS, key).await;
    assert!(!listed.text().contains(key), "a token is shown once: {}", listed.text());
    let revoke = format!("{KEYS}/{}/revoke", made["id"].as_str().expect("an id"));
    let revoked = owner.send(Method::POST, &revoke, &owner.account.key, json!({})).await;
    assert!(revoked.json()["revokedAt"].is_string(), "{}", revoked.text());
    assert_eq!(owner.get("/api/v1/me", key).await.status, 401);
}

#[tokio::test]
async fn a_key_never_makes_or_revokes_a_stronger_one() {
    let owner = Owner::open().await;
    let reader = owner.made(json!({ "name": "reader", "scopes": ["account", "models"] })).await;
    let reader = reader["token"].as_str().expect("a token");
    let fine = owner.make(reader, json!({ "name": "x", "scopes": ["models"] })).await;
    assert_eq!(fine.status, 201, "{}", fine.text());
    let stronger = owner.make(reader, json!({ "name": "x", "scopes": ["agent"] })).await;
    stronger.refuses(403, "permission_denied", "agent");
    owner.make(reader, json!({ "name": "x" })).await.refuses(403, "permission_denied", "responses");
    let admin = owner.make(&owner.account.key, json!({ "name": "x", "scopes": ["admin"] })).await;
    assert_eq!(admin.status, 422, "{}", admin.text());
    let keys = owner.get(KEYS, reader).await.json();
    let first = keys["data"][0]["id"].as_str().expect("an id");
    let revoke = format!("{KEYS}/{first}/revoke");
    let refused = owner.send(Method::POST, &revoke, reader, json!({})).await;
    refused.refuses(403, "permission_denied", "hand it on");

    let page = owner.made(json!({ "name": "page", "kind": "publishable" })).await;
    let page = page["token"].as_str().expect("a token");
    assert_eq!(owner.get(KEYS, page).await.status, 403);
    assert_eq!(owner.make(page, json!({ "name": "x", "scopes": ["models"] })).await.status, 403);
    // Another account's key is not there.
    let other = owner.world.account("1.00").await;
    let reply = owner.send(Method::POST, &revoke, &other.key, json!({})).await;
    reply.refuses(404, "resource_not_found", "key");
}

#[tokio::test]
async fn a_key_is_left_with_less_at_once_and_never_gets_it_back() {
    let mut owner = Owner::open().await;
    let made = owner.made(json!({ "name": "laptop", "scopes": ["account", "models"] })).await;
    let (key, id) = (made["token"].as_str().expect("a token"), &made["id"]);
    let path = format!("{KEYS}/{}/restrict", id.as_str().expect("an id"));
    let restrict = async |owner: &Owner, by: &str, body: Value| {
        owner.send(Method::POST, &path, by, body).await
    };
    let own = owner.account.key.clone();
    for (body, field) in [
        (json!({ "scopes": [] }), "scopes"),
        (json!({ "scopes": ["models", "responses"] }), "scopes"),
        (json!({ "scopes": ["admin"] }), "scopes"),
        (json!({ "cidrs": ["here"] }), "cidrs"),
    ] {
        let reply = restrict(&owner, &own, body).await;
        reply.refuses(422, "validation_error", field);
    }
    let weak = owner.made(json!({ "name": "weak", "scopes": ["account"] })).await;
    let weak = weak["token"].as_str().expect("a token");
    let less = json!({ "scopes": ["models"], "cidrs": ["127.0.0.0/8"] });
    restrict(&owner, weak, less.clone()).await.refuses(403, "permission_denied", "hand it on");
    let other = owner.world.account("1.00").await;
    restrict(&owner, &other.key, less.clone()).await.refuses(404, "resource_not_found", "key");

    let left = restrict(&owner, &own, less.clone()).await.json();
    assert_eq!((&left["scopes"], &left["cidrs"]), (&json!(["models"]), &json!(["127.0.0.0/8"])));
    assert_eq!(owner.get("/api/v1/me", key).await.status, 403);
    for body in [json!({ "cidrs": [] }), json!({ "cidrs": ["127.0.0.0/7"] })] {
        restrict(&owner, &own, body).await.refuses(422, "validation_error", "cidrs");
    }
    // Nothing named, nothing changed; and what was taken is not remembered in memory alone.
    assert_eq!(restrict(&owner, &own, json!({})).await.json(), left);
    owner.world.restart().await;
    let kept = owner.get(KEYS, &own).await.json();
    assert!(kept["data"].as_array().expect("keys").contains(&left), "{kept}");
    let nowhere = json!({ "cidrs": ["127.255.0.0/16"] });
    assert_eq!(restrict(&owner, &own, nowhere).await.status, 200);
    assert_eq!(owner.get("/v1/models", key).await.status, 403);
    let revoke = format!("{KEYS}/{}/revoke", id.as_str().expect("an id"));
    assert_eq!(owner.send(Method::POST, &revoke, &own, json!({})).await.status, 200);
    restrict(&owner, &own, less).await.refuses(409, "conflict", "revoked");
}

#[tokio::test]
async fn the_same_wish_sent_again_is_the_same_key() {
    let owner = Owner::open().await;
    let send = async |name: &str| {
        let request = Client::new().post(owner.world.at(KEYS)).bearer_auth(&owner.account.key);
        let request = request.header("idempotency-key", "once");
        Reply::to(request.json(&json!({ "name": name, "scopes": ["models"] }))).await
    };
    let (one, two) = tokio::join!(send("mine"), send("mine"));
    assert_eq!((one.status, two.status), (201, 201), "{} {}", one.text(), two.text());
    assert_eq!(one.json(), two.json());
    send("another").await.refuses(422, "idempotency_key_reused", "another key");
    let keys = owner.get(KEYS, &owner.account.key).await.json();
    let made = keys["data"].as_array().expect("keys").iter().filter(|it| it["name"] == "mine");
    assert_eq!(made.count(), 1, "{keys}");
}

#[tokio::test]
async fn a_key_is_made_copied_restricted_and_revoked_in_a_browser() {
    let owner = Owner::open().await;
    let link = signin::link(&owner.account, "/keys");
    let found = browser::run(&owner.world, "keys.mjs", json!({ "link": link })).await;
    assert_eq!((&found["works"], &found["revoked"]), (&json!(200), &json!(401)), "{found}");
    assert_eq!(found["restricted"], json!([403, 200, 403]), "{found}");
    let keys = owner.get(KEYS, &owner.account.key).await.json();
    let made = keys["data"].as_array().expect("keys").last().expect("one").clone();
    assert_eq!(made["scopes"], json!(["models"]), "{keys}");
    assert_eq!(made["cidrs"], json!(["203.0.113.0/24", "2001:db8::/32"]), "{keys}");
}
