//! Publishable keys: they read, and generate so often in a day; never anything of an operator's.

use futures::{StreamExt, stream};
use serde_json::json;

use crate::desk::{Desk, Reply, ask};

/// What a publishable key may generate in any day.
const PER_DAY: usize = 100;
const DAY_LATER_MS: &str = "86400001";

async fn generate(desk: &Desk, key: &str, times: usize) -> Vec<Reply> {
    let one = |_| {
        let request = desk.request("POST", "/v1/responses").json(&ask("rehearse: text 1"));
        Reply::to(request.bearer_auth(key))
    };
    stream::iter(0..times).map(one).buffer_unordered(8).collect().await
}

#[track_caller]
fn check(replies: &[Reply], passed: usize) {
    let (fine, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(fine.len(), passed);
    for reply in refused {
        reply.refuses(429, "rate_limit_exceeded", "or use a secret key on a server");
        assert_eq!(
            (reply.number("x-ratelimit-limit"), reply.number("x-ratelimit-used")),
            (100, 100)
        );
        assert!((86_000..=86_400).contains(&reply.number("retry-after")), "{reply:?}");
    }
}

#[tokio::test]
async fn a_publishable_key_generates_so_often_in_a_day_and_a_restart_forgets_none() {
    let mut desk = Desk::open().await;
    let (key, _) = desk.key(json!({ "kind": "publishable" })).await;
    assert!(key.starts_with("cdx_pk_"), "{key}");
    check(&generate(&desk, &key, PER_DAY + 5).await, PER_DAY);
    assert_eq!(desk.account.charges(PER_DAY).await.len(), PER_DAY);
    desk.world.restart().await;
    check(&generate(&desk, &key, 3).await, 0);
    check(&generate(&desk, &desk.account.key, 3).await, 3);
    // An hour later the rows of the hour are forgotten, and the day's are not.
    desk.world.set_var("CLOCK_SKEW_MS", "3600001");
    desk.world.restart().await;
    let reply = generate(&desk, &key, 1).await.remove(0);
    assert_eq!((reply.status, reply.number("x-ratelimit-limit")), (429, 100));
    desk.world.set_var("CLOCK_SKEW_MS", DAY_LATER_MS);
    desk.world.restart().await;
    check(&generate(&desk, &key, 3).await, 3);
}

#[tokio::test]
async fn a_publishable_key_reads_whatever_it_has_generated() {
    let desk = Desk::open().await;
    let (key, _) = desk.key(json!({ "kind": "publishable" })).await;
    check(&generate(&desk, &key, PER_DAY + 1).await, PER_DAY);
    for path in ["/v1/models", "/api/v1/me", "/api/v1/billing/token-usage"] {
        let reply = desk.send(desk.request("GET", path).bearer_auth(&key)).await;
        assert_eq!((reply.status, reply.number("x-ratelimit-limit")), (200, 50_000), "{path}");
    }
}

#[tokio::test]
async fn each_publishable_key_has_a_day_of_its_own() {
    let desk = Desk::open().await;
    for _ in 0..2 {
        let (key, _) = desk.key(json!({ "kind": "publishable" })).await;
        check(&generate(&desk, &key, PER_DAY + 1).await, PER_DAY);
    }
}

#[tokio::test]
async fn a_publishable_key_is_never_an_operators() {
    let desk = Desk::open().await;
    let wish = json!({ "user_id": desk.account.id, "kind": "publishable", "scopes": ["admin"] });
    let reply = desk.send(desk.admin("POST", "/admin/api/api-keys").json(&wish)).await;
    reply.refuses(422, "validation_error", "never an operator's");
    let (key, _) = desk.key(json!({ "kind": "publishable" })).await;
    let reply = desk.send(desk.request("GET", "/admin/api/users").bearer_auth(&key)).await;
    reply.refuses(403, "permission_denied", "lacks the scope `admin`");
}
