//! The rolling hour: exact in a burst, after it has slid, and after a restart; each credential has
//! its own.

use futures::{StreamExt, stream};
use schema::admin::CreateUser;
use serde_json::json;
use tests::account::Account;
use tests::world::World;

use crate::desk::{Desk, Reply, ask};

/// What a Starter account may ask in any hour, and at once.
const PER_HOUR: usize = 500;
const AT_ONCE: usize = 5;

/// One more than an hour.
const HOUR_LATER_MS: &str = "3600001";

/// Asks so often, both ways in turn, at most as much at once as a Starter account may.
async fn burst(desk: &Desk, starter: &Account, requests: usize) -> Vec<Reply> {
    let one = |n: usize| {
        let request = if n.is_multiple_of(2) {
            desk.request("GET", "/v1/models")
        } else {
            desk.request("POST", "/v1/responses").json(&ask("rehearse: text 1"))
        };
        Reply::to(request.bearer_auth(&starter.key))
    };
    stream::iter(0..requests).map(one).buffer_unordered(AT_ONCE).collect().await
}

/// So many passed, each told what was left after it, and the others were told to wait.
#[track_caller]
fn check(replies: &[Reply], passed: usize) {
    let (fine, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(fine.len(), passed);
    let mut left: Vec<_> = fine.iter().map(|r| r.number("x-ratelimit-remaining")).collect();
    left.sort_unstable();
    let expected = (PER_HOUR - passed..PER_HOUR).map(|left| i64::try_from(left).unwrap());
    assert_eq!(left, expected.collect::<Vec<_>>());
    for reply in refused {
        reply.refuses(429, "rate_limit_exceeded", "You have made the 500 requests that your plan");
        assert_eq!(
            (reply.number("x-ratelimit-limit"), reply.number("x-ratelimit-used")),
            (500, 500)
        );
        assert!((3_500..=3_600).contains(&reply.number("retry-after")), "{reply:?}");
    }
}

/// Whoever writes a row writes what was counted until then, so that no restart comes too early.
async fn write_down(desk: &Desk, account: &Account) {
    let path = format!("/admin/api/users/{}/wallet/credit", account.id);
    let credit = desk.admin("POST", &path).json(&json!({ "amount_usd": "1.00" }));
    assert_eq!(desk.send(credit).await.status, 200);
}

#[tokio::test]
async fn exactly_500_of_600_pass_and_again_when_the_hour_has_slid_but_not_after_a_restart() {
    let mut desk = Desk::open().await;
    let credit_usd = Some("25.00".to_owned());
    let wish = CreateUser { credit_usd, ..CreateUser::default() };
    let starter = desk.world.open_account(&wish).await;
    check(&burst(&desk, &starter, 600).await, PER_HOUR);
    write_down(&desk, &starter).await;
    desk.world.restart().await;
    check(&burst(&desk, &starter, 6).await, 0);
    desk.world.set_var("CLOCK_SKEW_MS", HOUR_LATER_MS);
    desk.world.restart().await;
    check(&burst(&desk, &starter, 600).await, PER_HOUR);
}

#[tokio::test]
async fn every_answer_counts_down_whatever_it_says() {
    let desk = Desk::open().await;
    let asked = [
        desk.get("/v1/models"),
        desk.get("/api/v1/me"),
        desk.post("/v1/responses").json(&json!({ "model": "gpt-0" })),
        desk.post("/v1/responses").json(&ask("rehearse: text 1")),
        desk.post("/v1/responses").json(&ask("rehearse: fail 400")),
        desk.post("/v1/responses").body("{"),
        desk.get("/api/v1/billing/token-usage?limit=x"),
        desk.get("/admin/api/users"),
    ];
    // The last is refused for its scope and is not counted.
    let used = [1, 2, 3, 4, 5, 6, 7];
    let mut replies = Vec::new();
    for request in asked {
        replies.push(desk.send(request).await);
    }
    for (reply, used) in replies.iter().zip(used) {
        assert_eq!(reply.number("x-ratelimit-limit"), 50_000);
        assert_eq!(reply.number("x-ratelimit-used"), used, "{reply:?}");
    }
    let resets = replies[..7].iter().map(|reply| reply.number("x-ratelimit-reset"));
    assert!(resets.clone().all(|reset| Some(reset) == resets.clone().next()));
    assert_eq!(desk.account.me().await.limits.requests_remaining, 50_000 - 8);
}

/// An account that may ask so often in an hour.
async fn slow(world: &World, requests_per_hour: u32) -> Account {
    let plan = Some("enterprise".to_owned());
    let requests_per_hour = Some(requests_per_hour);
    world.open_account(&CreateUser { plan, requests_per_hour, ..CreateUser::default() }).await
}

#[tokio::test]
async fn each_credential_of_an_account_has_an_hour_of_its_own() {
    let mut desk = Desk::open().await;
    desk.account = slow(&desk.world, 2).await;
    let (other, _) = desk.key(json!({})).await;
    let bearers = [&desk.account.key, &other, &desk.account.username];
    for bearer in bearers {
        for (left, status) in [(1, 200), (0, 200), (0, 429), (0, 429)] {
            let request = desk.request("GET", "/v1/models").bearer_auth(bearer);
            let reply = desk.send(request).await;
            assert_eq!((reply.status, reply.number("x-ratelimit-remaining")), (status, left));
        }
    }
}

#[tokio::test]
async fn an_hour_is_full_for_every_family_in_its_own_words() {
    let mut desk = Desk::open().await;
    desk.account = slow(&desk.world, 0).await;
    for path in ["/v1/models", "/api/v1/me", "/api/v1/billing/token-usage"] {
        let reply = desk.send(desk.get(path)).await;
        reply.refuses(429, "rate_limit_exceeded", "Please try again in 3600s");
        assert_eq!(reply.number("retry-after"), 3_600);
    }
    let reply = desk.respond(&ask("hello")).await;
    reply.refuses(429, "rate_limit_exceeded", "Please try again in 3600s");
    assert!(desk.world.upstream().requests().is_empty());
}
