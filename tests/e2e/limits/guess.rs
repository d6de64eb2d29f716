//! Wrong credentials: few for each address, and no owner is shut out for what a neighbour tries.

use functions::domain::token::{KeyType, mint};
use schema::AccountId;

use crate::desk::{Desk, Reply, ask};

/// What an address may get wrong in a minute.
const MISSES: usize = 30;
const HERE: &str = "203.0.113.7";
const ELSEWHERE: &str = "203.0.113.8";

async fn models(desk: &Desk, bearer: &str, address: &str) -> Reply {
    let request = desk.request("GET", "/v1/models").bearer_auth(bearer);
    desk.send(request.header("cf-connecting-ip", address)).await
}

async fn respond(desk: &Desk, bearer: &str, address: &str) -> Reply {
    let request = desk.request("POST", "/v1/responses").bearer_auth(bearer);
    desk.send(request.header("cf-connecting-ip", address).json(&ask("hello"))).await
}

/// A key that could be one, of nobody.
fn forged(n: usize) -> String {
    mint(KeyType::Secret, AccountId::from_bits(7), [u8::try_from(n).unwrap(); 32])
}

/// Guesses of all kinds through all doors, until the address has used up its tries.
async fn guess(desk: &Desk) {
    for n in 0..MISSES {
        let reply = match n % 5 {
            0 => models(desk, &format!("somebody-{n}"), HERE).await,
            1 => models(desk, &format!("cdx_sk_{n}"), HERE).await,
            2 => models(desk, &forged(n), HERE).await,
            3 => respond(desk, &forged(n), HERE).await,
            _ => respond(desk, &format!("somebody-{n}"), HERE).await,
        };
        reply.refuses(401, "authentication_required", "not known here");
        let used = i64::try_from(n + 1).unwrap();
        assert_eq!(
            (reply.number("x-ratelimit-limit"), reply.number("x-ratelimit-used")),
            (30, used)
        );
    }
}

#[tokio::test]
async fn after_many_wrong_credentials_an_address_has_to_wait_whatever_it_tries() {
    let desk = Desk::open().await;
    guess(&desk).await;
    for wrong in ["somebody", "cdx_sk_x", &forged(200)] {
        for reply in [models(&desk, wrong, HERE).await, respond(&desk, wrong, HERE).await] {
            reply.refuses(429, "rate_limit_exceeded", "Too many wrong credentials");
            assert!((1..=60).contains(&reply.number("retry-after")), "{reply:?}");
            assert_eq!(reply.number("x-ratelimit-remaining"), 0);
        }
    }
    let other = models(&desk, "somebody", ELSEWHERE).await;
    other.refuses(401, "authentication_required", "not known here");
}

#[tokio::test]
async fn a_right_key_is_let_in_from_an_address_where_others_guess() {
    let desk = Desk::open().await;
    guess(&desk).await;
    assert_eq!(models(&desk, &desk.account.key, HERE).await.status, 200);
    assert_eq!(respond(&desk, &desk.account.key, HERE).await.status, 200);
    let users = desk.admin("GET", "/admin/api/users").header("cf-connecting-ip", HERE);
    assert_eq!(desk.send(users).await.status, 200);
    models(&desk, "somebody", HERE).await.refuses(429, "rate_limit_exceeded", "Try again in");
}

#[tokio::test]
async fn a_username_that_has_been_in_use_is_let_in_where_others_guess_and_a_new_one_waits() {
    let desk = Desk::open().await;
    let name = &desk.account.username;
    assert_eq!(models(&desk, name, ELSEWHERE).await.status, 200);
    guess(&desk).await;
    assert_eq!(models(&desk, name, HERE).await.status, 200);
    assert_eq!(respond(&desk, name, HERE).await.status, 200);
    let newcomer = desk.world.account("0.00").await;
    let reply = models(&desk, &newcomer.username, HERE).await;
    reply.refuses(429, "rate_limit_exceeded", "Try again in");
    assert_eq!(models(&desk, &newcomer.username, ELSEWHERE).await.status, 200);
}

#[tokio::test]
async fn who_shows_no_credential_at_all_guesses_nothing() {
    let desk = Desk::open().await;
    for _ in 0..MISSES + 5 {
        let request = desk.request("GET", "/v1/models").header("cf-connecting-ip", HERE);
        desk.send(request).await.refuses(401, "authentication_required", "Send a key");
    }
    models(&desk, "somebody", HERE).await.refuses(401, "authentication_required", "not known");
}

#[tokio::test]
async fn what_is_known_and_not_allowed_is_no_guess() {
    let desk = Desk::open().await;
    for _ in 0..MISSES + 5 {
        let request = desk.get("/admin/api/users").header("cf-connecting-ip", HERE);
        desk.send(request).await.refuses(403, "permission_denied", "lacks the scope `admin`");
    }
    models(&desk, "somebody", HERE).await.refuses(401, "authentication_required", "not known");
}
