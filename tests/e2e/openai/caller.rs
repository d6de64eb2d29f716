//! `/v1/responses` and `/v1/models`: who is let in, and what everyone else is told.

use functions::domain::token::{KeyType, mint};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::desk::{Desk, Reply, ask};

/// The same question about a credential on both ways in: one is decided before the object, one in
/// it.
async fn both(desk: &Desk, dress: impl Fn(RequestBuilder) -> RequestBuilder) -> [Reply; 2] {
    let respond = dress(desk.request("POST", "/v1/responses").json(&ask("hello")));
    let models = dress(desk.request("GET", "/v1/models"));
    [desk.send(respond).await, desk.send(models).await]
}

async fn with_key(desk: &Desk, key: &str) -> [Reply; 2] {
    both(desk, |request| request.bearer_auth(key)).await
}

#[track_caller]
fn all_refuse(replies: [Reply; 2], status: u16, code: &str, words: &str) {
    for reply in replies {
        reply.refuses(status, code, words);
    }
}

#[tokio::test]
async fn without_a_key_nobody_gets_in() {
    let desk = Desk::open().await;
    let words = "Send a key as `Authorization: Bearer";
    let header =
        |value: &'static str| move |request: RequestBuilder| request.header("authorization", value);
    all_refuse(both(&desk, |request| request).await, 401, "authentication_required", words);
    for value in ["", "Bearer", "Bearer ", "Basic dTpw", "Token x"] {
        let replies = both(&desk, header(value)).await;
        all_refuse(replies, 401, "authentication_required", words);
    }
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_key_that_nobody_has_is_refused() {
    let desk = Desk::open().await;
    let account = desk.account.id.parse().expect("an id");
    let stranger = schema::AccountId::from_bits(7);
    for (owner, secret) in [(account, [9; 32]), (stranger, [9; 32])] {
        let key = mint(KeyType::Secret, owner, secret);
        let replies = with_key(&desk, &key).await;
        all_refuse(replies, 401, "authentication_required", "not known here");
    }
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_key_with_a_typing_error_is_refused() {
    let desk = Desk::open().await;
    let key = &desk.account.key;
    let swapped = if key.ends_with('0') { "1" } else { "0" };
    let typed = [format!("{}{swapped}", &key[..key.len() - 1]), key[..70].to_owned()];
    let longer = [format!("{key}x"), key.to_uppercase(), "cdx_sk_".to_owned(), "cdx_".to_owned()];
    for typed in typed.iter().chain(&longer) {
        let replies = with_key(&desk, typed).await;
        all_refuse(replies, 401, "authentication_required", "Check it for missing characters");
    }
    assert_eq!(desk.send(desk.get("/v1/models")).await.status, 200);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_where_it_was_in_use() {
    let desk = Desk::open().await;
    let (key, id) = desk.key(json!({})).await;
    for reply in with_key(&desk, &key).await {
        assert_eq!(reply.status, 200);
    }
    let path = format!("/admin/api/api-keys/{id}/revoke");
    assert_eq!(desk.send(desk.admin("POST", &path)).await.status, 200);
    let replies = with_key(&desk, &key).await;
    all_refuse(replies, 401, "authentication_required", "has been revoked");
    assert_eq!(desk.send(desk.get("/v1/models")).await.status, 200);
    assert_eq!(desk.account.charges(1).await.len(), 1);
}

#[tokio::test]
async fn a_stream_that_runs_is_not_ended_by_the_revocation_of_its_key() {
    let desk = Desk::open().await;
    let (key, id) = desk.key(json!({})).await;
    let mut body = ask("rehearse: text 3; wait door");
    body["stream"] = json!(true);
    let request = desk.request("POST", "/v1/responses").bearer_auth(&key).json(&body);
    let stream = request.send().await.expect("an open stream");
    let path = format!("/admin/api/api-keys/{id}/revoke");
    assert_eq!(desk.send(desk.admin("POST", &path)).await.status, 200);
    let replies = with_key(&desk, &key).await;
    all_refuse(replies, 401, "authentication_required", "has been revoked");
    desk.world.upstream().release("door");
    let text = stream.text().await.expect("a whole stream");
    assert!(text.contains("response.completed"), "{text}");
    assert_eq!(desk.account.charges(1).await[0].output_tokens, 3);
}

#[tokio::test]
async fn a_key_opens_only_what_its_scopes_name() {
    let desk = Desk::open().await;
    let (reader, _) = desk.key(json!({ "scopes": ["models"] })).await;
    let [respond, models] = with_key(&desk, &reader).await;
    respond.refuses(403, "permission_denied", "lacks the scope `responses`");
    assert_eq!(models.status, 200);
    let (caller, _) = desk.key(json!({ "scopes": ["responses"] })).await;
    let [respond, models] = with_key(&desk, &caller).await;
    models.refuses(403, "permission_denied", "lacks the scope `models`");
    assert_eq!(respond.status, 200);
}

#[tokio::test]
async fn a_key_with_ranges_is_refused_from_a_foreign_address() {
    let desk = Desk::open().await;
    let ranges = json!(["203.0.113.0/24", "2001:db8::/32"]);
    let (key, _) = desk.key(json!({ "cidrs": ranges })).await;
    let from = |address: &'static str| {
        let key = key.clone();
        move |request: RequestBuilder| request.bearer_auth(&key).header("cf-connecting-ip", address)
    };
    let words = "may not be used from your address";
    for address in ["198.51.100.1", "203.0.114.1", "2001:db9::1", "nonsense"] {
        all_refuse(both(&desk, from(address)).await, 403, "permission_denied", words);
    }
    all_refuse(with_key(&desk, &key).await, 403, "permission_denied", words);
    desk.check_untouched().await;
    for address in ["203.0.113.7", "2001:db8::7", "::ffff:203.0.113.7"] {
        for reply in both(&desk, from(address)).await {
            assert_eq!(reply.status, 200, "{address}");
        }
    }
}

#[tokio::test]
async fn an_address_that_the_caller_claims_counts_for_nothing() {
    let desk = Desk::open().await;
    let (key, _) = desk.key(json!({ "cidrs": ["203.0.113.0/24"] })).await;
    for header in ["x-forwarded-for", "x-real-ip", "true-client-ip", "forwarded"] {
        let replies =
            both(&desk, |request| request.bearer_auth(&key).header(header, "203.0.113.7"));
        all_refuse(replies.await, 403, "permission_denied", "from your address");
    }
}

#[tokio::test]
async fn a_suspended_account_is_refused_until_it_is_let_in_again() {
    let desk = Desk::open().await;
    let path = format!("/admin/api/users/{}/active", desk.account.id);
    let active = |active: bool| {
        let request = desk.admin("POST", &path).json(&json!({ "active": active }));
        desk.send(request)
    };
    assert_eq!(active(false).await.status, 200);
    let replies = with_key(&desk, &desk.account.key).await;
    all_refuse(replies, 403, "permission_denied", "Ask the operator");
    desk.world.upstream().wait_until_idle().await;
    assert!(desk.world.upstream().requests().is_empty());
    assert_eq!(active(true).await.status, 200);
    assert_eq!(desk.send(desk.get("/v1/models")).await.status, 200);
}

#[tokio::test]
async fn a_web_socket_is_refused_so_that_the_client_goes_on_over_http() {
    let desk = Desk::open().await;
    for agent in ["codex_cli_rs/0.130.0", "curl/8"] {
        let request = desk.get("/v1/responses").header("user-agent", agent);
        let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
        let request = request.header("sec-websocket-version", "13");
        let reply =
            desk.send(request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")).await;
        reply.refuses(426, "upgrade_refused", "Use POST");
    }
}

#[tokio::test]
async fn a_method_that_a_path_has_not_is_told_which_it_has() {
    let desk = Desk::open().await;
    for (method, path, allow) in [
        ("PUT", "/v1/responses", "POST, GET"),
        ("DELETE", "/v1/responses", "POST, GET"),
        ("POST", "/v1/models", "GET"),
        ("OPTIONS", "/v1/models", "GET"),
    ] {
        let reply = desk.send(desk.request(method, path)).await;
        reply.refuses(405, "method_not_allowed", "Use ");
        assert_eq!(reply.header("allow"), allow);
    }
    let head = desk.send(desk.request("HEAD", "/v1/models").bearer_auth(&desk.account.key)).await;
    assert_eq!((head.status, head.text()), (200, ""));
}

#[tokio::test]
async fn a_path_that_is_not_there_is_refused_in_the_words_of_its_neighbours() {
    let desk = Desk::open().await;
    for path in ["/v1/", "/v1/responses/", "/v1/responses/resp_1", "/v1/chat/completions"] {
        let reply = desk.send(desk.get(path)).await;
        reply.refuses(404, "resource_not_found", "`GET /openapi.json` lists");
        assert!(reply.json()["error"].is_object());
    }
    for path in ["/v2/responses", "/api/v1/nothing", "/admin/api/nothing", "//v1/models"] {
        let reply = desk.send(desk.get(path)).await;
        reply.refuses(404, "resource_not_found", "`GET /openapi.json` lists");
        assert!(reply.json()["detail"].is_string());
    }
}
