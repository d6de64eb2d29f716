//! The kinds of credentials: keys, the username, and the static tokens of the deployment.

use serde_json::json;
use tests::world::World;

use crate::desk::{Desk, Reply, ask};

#[tokio::test]
async fn the_username_is_a_bearer_for_its_account() {
    let desk = Desk::open().await;
    let name = &desk.account.username;
    let models = desk.send(desk.request("GET", "/v1/models").bearer_auth(name)).await;
    assert_eq!(models.status, 200);
    let request = desk.request("POST", "/v1/responses").bearer_auth(name);
    assert_eq!(desk.send(request.json(&ask("rehearse: text 2"))).await.status, 200);
    let charges = desk.account.charges(1).await;
    assert_eq!((charges[0].output_tokens, charges[0].key_id), (2, None));
    let me = desk.request("GET", "/api/v1/me").bearer_auth(name);
    let me = Reply::to(me).await.json();
    assert_eq!(me["id"], json!(desk.account.id));
}

#[tokio::test]
async fn the_scheme_of_a_bearer_may_be_written_in_any_case() {
    let desk = Desk::open().await;
    for scheme in ["bearer", "BEARER", "Bearer  "] {
        let request = desk.request("GET", "/v1/models");
        let value = format!("{scheme} {}", desk.account.key);
        assert_eq!(desk.send(request.header("authorization", value)).await.status, 200);
    }
}

#[tokio::test]
async fn a_username_is_unguessable_and_none_is_a_prefix_of_another_way_in() {
    let desk = Desk::open().await;
    let name = &desk.account.username;
    let (readable, tail) = name.rsplit_once('-').expect("a tail");
    assert_eq!((readable, tail.len()), ("customer", 20), "{name}");
    for wrong in [readable, tail, &name[..name.len() - 1], &name.to_uppercase()] {
        let reply = desk.send(desk.request("GET", "/v1/models").bearer_auth(wrong)).await;
        reply.refuses(401, "authentication_required", "not known here");
    }
}

#[tokio::test]
async fn a_static_token_calls_models_for_the_operators_own_account() {
    let plan = World::plan().secret("API_TOKENS", "first-token second-token");
    let desk = Desk::of(plan, "0.00").await;
    let with =
        |token: &str, method: &str, path: &str| desk.request(method, path).bearer_auth(token);
    let me = desk.send(with("first-token", "GET", "/api/v1/me")).await.json();
    assert_eq!((&me["username"], &me["plan"]), (&json!("operator"), &json!("enterprise")));
    let path = format!("/admin/api/users/{}/wallet/credit", me["id"].as_str().expect("an id"));
    let credit = desk.admin("POST", &path).json(&json!({ "amount_usd": "5.00" }));
    assert_eq!(desk.send(credit).await.status, 200);
    for token in ["first-token", "second-token"] {
        let request = with(token, "POST", "/v1/responses").json(&ask("rehearse: text 1"));
        assert_eq!(desk.send(request).await.status, 200);
        let reply = desk.send(with(token, "GET", "/admin/api/users")).await;
        reply.refuses(403, "permission_denied", "An operator's key is needed");
    }
    let reply = desk.send(with("first-token second-token", "GET", "/api/v1/me")).await;
    reply.refuses(401, "authentication_required", "not known here");
}

#[tokio::test]
async fn an_operator_has_static_tokens_and_keys_with_the_scope() {
    let plan = World::plan().secret("ADMIN_TOKENS", "first-admin second-admin");
    let world = plan.start().await;
    let http = reqwest::Client::new();
    let users = |bearer: &str| http.get(world.at("/admin/api/users")).bearer_auth(bearer).send();
    for token in ["first-admin", "second-admin"] {
        assert_eq!(users(token).await.expect("an answer").status(), 200);
    }
    for wrong in ["first-admin second-admin", "first", ""] {
        assert_eq!(users(wrong).await.expect("an answer").status(), 401);
    }
}

#[tokio::test]
async fn an_admin_key_works_until_it_is_revoked_and_buys_nothing() {
    let desk = Desk::open().await;
    let (key, id) = desk.key(json!({ "scopes": ["admin"] })).await;
    let users = || desk.send(desk.request("GET", "/admin/api/users").bearer_auth(&key));
    let reply = users().await;
    assert_eq!((reply.status, reply.number("x-ratelimit-used")), (200, 1));
    let request = desk.request("POST", "/v1/responses").bearer_auth(&key).json(&ask("hello"));
    desk.send(request).await.refuses(403, "permission_denied", "lacks the scope `responses`");
    let path = format!("/admin/api/api-keys/{id}/revoke");
    assert_eq!(desk.send(desk.request("POST", &path).bearer_auth(&key)).await.status, 200);
    users().await.refuses(401, "authentication_required", "has been revoked");
    desk.check_untouched().await;
}

#[tokio::test]
async fn an_account_has_25_active_keys_at_most() {
    let desk = Desk::open().await;
    let mut last = String::new();
    for _ in 1..25 {
        last = desk.key(json!({})).await.1;
    }
    let wish = json!({ "user_id": desk.account.id });
    let more = || desk.send(desk.admin("POST", "/admin/api/api-keys").json(&wish));
    more().await.refuses(409, "conflict", "at most 25 active keys. Revoke one first");
    let path = format!("/admin/api/api-keys/{last}/revoke");
    assert_eq!(desk.send(desk.admin("POST", &path)).await.status, 200);
    assert_eq!(more().await.status, 201);
}
