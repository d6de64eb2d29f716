//! `/v1/responses` as the stock CLI asks: what trying again cannot mend is a 400 in plain words,
//! which it shows as they stand after one request.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::world::World;

use crate::desk::{Desk, Reply, ask};

/// The ways in which the CLI and what is built on it introduce themselves.
const INTRODUCTIONS: [(&str, &str); 3] = [
    ("originator", "codex_cli_rs"),
    ("user-agent", "codex_exec/0.130.0 (Ubuntu 24.4.0; x86_64) unknown"),
    ("originator", "codex-tui"),
];

async fn send(desk: &Desk, key: &str, body: &Value) -> Vec<Reply> {
    let mut replies = Vec::new();
    for (name, value) in INTRODUCTIONS {
        let request = desk.request("POST", "/v1/responses").bearer_auth(key).json(body);
        replies.push(desk.send(request.header(name, value)).await);
    }
    replies
}

async fn check(desk: &Desk, key: &str, body: &Value, words: &str) {
    for reply in send(desk, key, body).await {
        plain(&reply, words);
    }
}

#[track_caller]
fn plain(reply: &Reply, words: &str) {
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    assert!(reply.text().starts_with(words), "{:?}", reply.text());
}

#[tokio::test]
async fn an_empty_wallet() {
    let plan = World::plan().var("TOP_UP_URL", "https://pay.test/top-up");
    let desk = Desk::of(plan, "0.00").await;
    check(&desk, &desk.account.key, &ask("hello"), "Your wallet is empty: it holds $0.00").await;
    let reply = send(&desk, &desk.account.key, &ask("hello")).await.remove(0);
    assert!(reply.text().ends_with("Top up at https://pay.test/top-up"), "{reply:?}");
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_wrong_key_a_revoked_key_and_none() {
    let desk = Desk::open().await;
    check(&desk, "cdx_sk_wrong", &ask("hello"), "This credential is not known here.").await;
    let (key, id) = desk.key(json!({})).await;
    let path = format!("/admin/api/api-keys/{id}/revoke");
    desk.send(desk.admin("POST", &path)).await;
    check(&desk, &key, &ask("hello"), "This API key has been revoked.").await;
    let request = desk.request("POST", "/v1/responses").json(&ask("hello"));
    plain(&desk.send(request.header("originator", "codex_exec")).await, "Send a key as");
}

#[tokio::test]
async fn a_wrong_scope_and_a_foreign_address() {
    let desk = Desk::open().await;
    let (key, _) = desk.key(json!({ "scopes": ["models"] })).await;
    check(&desk, &key, &ask("hello"), "This API key lacks the scope `responses`.").await;
    let (key, _) = desk.key(json!({ "cidrs": ["203.0.113.0/24"] })).await;
    check(&desk, &key, &ask("hello"), "This API key may not be used from your address.").await;
}

#[tokio::test]
async fn an_unknown_model_and_one_without_a_price() {
    let desk = Desk::of(World::plan().var("SETTINGS_TTL_MS", "0"), "25.00").await;
    let key = &desk.account.key;
    let unknown = json!({ "model": "gpt-0", "input": "hello" });
    check(&desk, key, &unknown, "The model `gpt-0` is not served here.").await;
    desk.world.sql("DELETE FROM prices WHERE model = 'gpt-5.5'", vec![]).await;
    check(&desk, key, &ask("hello"), "The model `gpt-5.5` has no price yet").await;
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_body_that_is_not_taken() {
    let desk = Desk::open().await;
    let ask = |dress: fn(RequestBuilder) -> RequestBuilder| {
        let request = desk.post("/v1/responses").header("originator", "codex_cli_rs");
        desk.send(dress(request))
    };
    plain(&ask(|r| r.body("{}")).await, "Send the request as `content-type: application/json`");
    let zstd = ask(|r| r.header("content-encoding", "zstd").json(&json!({})));
    plain(&zstd.await, "The encoding `zstd` is not taken.");
    let broken = ask(|r| r.header("content-type", "application/json").body("{"));
    plain(&broken.await, "The body is not a JSON request");
    plain(&ask(|r| r.json(&json!({ "input": "hi" }))).await, "`model`: name a model");
    let later = ask(|r| r.json(&json!({ "model": "gpt-5.5", "background": true })));
    plain(&later.await, "`background: true` is not supported here");
    desk.check_untouched().await;
}

#[tokio::test]
async fn an_hour_that_is_full_says_when_to_come_back() {
    let desk = Desk::open().await;
    let plan = Some("enterprise".to_owned());
    let wish = schema::admin::CreateUser {
        plan,
        requests_per_hour: Some(0),
        ..schema::admin::CreateUser::default()
    };
    let tired = desk.world.open_account(&wish).await;
    for reply in send(&desk, &tired.key, &ask("hello")).await {
        plain(&reply, "You have made the 0 requests that your plan allows in any hour.");
        assert_eq!(reply.number("retry-after"), 3_600);
    }
}

#[tokio::test]
async fn a_fault_of_the_provider_is_one_that_it_tries_again_a_few_times_only() {
    let desk = Desk::open().await;
    for prompt in ["rehearse: fail 500", "rehearse: fail 401", "rehearse: cut-before"] {
        for reply in send(&desk, &desk.account.key, &ask(prompt)).await {
            reply.refuses(503, "server_is_overloaded", "The model provider");
        }
    }
    desk.account.charges(0).await;
}

#[tokio::test]
async fn a_refusal_by_the_provider_is_the_providers_own() {
    let desk = Desk::open().await;
    let prompt = "rehearse: fail 400 code=context_length_exceeded type=invalid_request_error Long.";
    for reply in send(&desk, &desk.account.key, &ask(prompt)).await {
        reply.refuses(400, "context_length_exceeded", "Long.");
    }
    desk.account.charges(0).await;
}
