//! Sessions: whom their cookie speaks for, where it counts, and what ends it:
//! `/api/v1/auth/logout`.

use functions::domain::session::{SESSION, SESSION_MS, SSO};
use schema::AccountId;
use serde_json::json;

use super::{LOGOUT, ME, SECRET, Stage, forged, good};
use crate::desk::Reply;

/// Changes something, and for money.
const CLAIM: &str = "/api/v1/share-credit/claim";

#[tokio::test]
async fn a_session_reads_its_account_and_counts_in_a_window_of_its_own() {
    let stage = Stage::open().await;
    let cookie = stage.session().await;
    let first = stage.me(&cookie).await;
    assert_eq!(first.json()["id"], stage.account.id.as_str(), "{first:?}");
    assert_eq!(first.number("x-ratelimit-used"), 1);
    assert_eq!(stage.account.me().await.limits.requests_remaining, 49_999, "the key's window");
    assert_eq!(stage.me(&cookie).await.number("x-ratelimit-used"), 2);
}

#[tokio::test]
async fn a_cookie_is_looked_at_only_where_no_credential_is_sent() {
    let stage = Stage::open().await;
    let (cookie, other) = (stage.session().await, stage.world.account("1.00").await);
    let both = stage.get(ME).header("cookie", &cookie).bearer_auth(&other.key);
    assert_eq!(Reply::to(both).await.json()["id"], other.id.as_str());
    for credential in ["Bearer wrong", "Bearer", "Basic eDp5"] {
        let sent = stage.get(ME).header("cookie", &cookie).header("authorization", credential);
        assert_eq!(Reply::to(sent).await.status, 401, "{credential}");
    }
}

#[tokio::test]
async fn a_session_is_nothing_but_a_customer() {
    let stage = Stage::open().await;
    let cookie = stage.session().await;
    for path in ["/admin/api/users", "/api/auth/status"] {
        let reply = Reply::to(stage.get(path).header("cookie", &cookie)).await;
        assert_eq!(reply.status, 401, "{path}: {reply:?}");
    }
    let body = json!({ "model": "gpt-5.5", "input": "hello" });
    let paid = stage.own_post("/v1/responses").header("cookie", &cookie).json(&body);
    assert_eq!(Reply::to(paid).await.status, 401, "models want a key");
    assert!(stage.world.upstream().requests().is_empty());
}

#[tokio::test]
async fn nobody_makes_a_session_but_we() {
    let stage = Stage::open().await;
    let me = stage.id();
    stage.check(&good(me), true).await;
    let real = good(me);
    let (name, value) = real.split_once('=').expect("a cookie");
    let (text, tag) = value.split_once('.').expect("two parts");
    let stranger = AccountId::from_bits(7);
    for wrong in [
        forged("a-secret-that-is-not-the-worlds-at-all-but-long", SESSION, 60_000, me, 0),
        forged(SECRET, SSO, 60_000, me, 0),
        forged(SECRET, SESSION, 0, me, 0),
        forged(SECRET, SESSION, 60_000, me, 1),
        forged(SECRET, SESSION, 60_000, stranger, 0),
        format!("{name}={text}.{}", tag.replace(|c: char| c.is_ascii_digit(), "x") + "y"),
        format!("{name}={text}"),
        format!("{name}="),
        format!("{name}=.."),
    ] {
        let reply = stage.me(&wrong).await;
        assert_eq!(reply.status, 401, "{wrong}: {reply:?}");
    }
    let unnamed = stage.me(&format!("session={value}")).await;
    unnamed.refuses(401, "authentication_required", "Send a key");
}

#[tokio::test]
async fn a_stale_page_that_asks_on_does_not_shut_its_address_out() {
    let stage = Stage::open().await;
    let old = forged(SECRET, SESSION, 60_000, stage.id(), 9);
    for _ in 0..40 {
        stage.me(&old).await.refuses(401, "authentication_required", "Sign in again");
    }
    let unknown = Reply::to(stage.get(ME).bearer_auth("somebody")).await;
    unknown.refuses(401, "authentication_required", "not known here");
}

#[tokio::test]
async fn who_signs_out_leaves_no_good_copy_of_the_cookie() {
    let stage = Stage::open().await;
    let (mine, others) = (stage.session().await, stage.session().await);
    let out = Reply::to(stage.own_post(LOGOUT).header("cookie", &mine)).await;
    assert_eq!((out.status, out.json()), (200, json!({ "signedOut": true })), "{out:?}");
    assert!(out.header("set-cookie").starts_with("__Host-session=; Max-Age=0;"), "{out:?}");
    stage.check(&mine, false).await;
    stage.check(&others, true).await;
    let again = Reply::to(stage.own_post(LOGOUT).header("cookie", &mine)).await;
    assert_eq!(again.status, 200, "{again:?}");
    let nobody = Reply::to(stage.own_post(LOGOUT)).await;
    assert_eq!((nobody.status, nobody.json()), (200, json!({ "signedOut": true })));
}

#[tokio::test]
async fn all_sessions_end_at_once_if_one_asks_for_it_and_a_dead_one_cannot() {
    let mut stage = Stage::open().await;
    let (mine, others) = (stage.session().await, stage.session().await);
    let everywhere = json!({ "everywhere": true });
    let end = |cookie: &str| stage.own_post(LOGOUT).header("cookie", cookie).json(&everywhere);
    let (out, dead) = (end(&mine), end(&mine));
    assert_eq!(Reply::to(out).await.status, 200);
    stage.check(&mine, false).await;
    stage.check(&others, false).await;
    let anew = forged(SECRET, SESSION, 60_000, stage.id(), 1);
    stage.check(&anew, true).await;
    assert_eq!(Reply::to(dead).await.status, 200, "it stays ended");
    stage.check(&anew, true).await;
    stage.world.kill9();
    stage.world.restart().await;
    stage.check(&others, false).await;
    stage.check(&anew, true).await;
}

#[tokio::test]
async fn another_sites_page_signs_nobody_out() {
    let stage = Stage::open().await;
    let cookie = stage.session().await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("x-nothing", "said"),
    ] {
        let out = || stage.post(LOGOUT).header(name, value);
        // A foreign form comes without the cookie, and its answer must not take it away.
        for out in [out().header("cookie", &cookie), out()] {
            let refused = Reply::to(out).await;
            refused.refuses(403, "permission_denied", "own pages only");
            assert_eq!(refused.header("set-cookie"), "", "{refused:?}");
        }
    }
    stage.check(&cookie, true).await;
}

#[tokio::test]
async fn another_sites_page_claims_no_money_with_a_visitors_session() {
    let stage = Stage::open().await;
    let cookie = stage.session().await;
    let balance = async || stage.account.me().await.wallet.balance_micro_usd;
    let before = balance().await;
    let claim = |headers: &[(&str, &str)]| {
        let request = stage.post(CLAIM).header("cookie", &cookie).body("{}");
        headers.iter().fold(request, |it, (name, value)| it.header(*name, *value))
    };
    let (json, ours) = (("content-type", "application/json"), stage.world.url());
    for headers in [
        &[json, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")][..],
        &[json, ("sec-fetch-site", "same-site"), ("origin", &ours)],
        &[json, ("origin", "https://evil.test")],
        &[json, ("origin", "null")],
        &[json],
    ] {
        let refused = Reply::to(claim(headers)).await;
        refused.refuses(403, "permission_denied", "own pages only");
    }
    let form = ("content-type", "text/plain;charset=UTF-8");
    let typed = Reply::to(claim(&[form, ("sec-fetch-site", "same-origin")])).await;
    typed.refuses(403, "permission_denied", "application/json");
    assert_eq!(balance().await, before);
    let own = Reply::to(claim(&[json, ("origin", &ours)])).await;
    assert_eq!(own.status, 200, "{own:?}");
    assert!(balance().await > before);
    let key = stage.post(CLAIM).bearer_auth(&stage.account.key).header("origin", "null");
    assert_eq!(Reply::to(key).await.status, 200, "a key is no cookie");
}

#[tokio::test]
async fn a_suspended_account_has_no_sessions_and_gets_none_back() {
    let stage = Stage::open().await;
    let (cookie, link) = (stage.session().await, stage.token("/wallet"));
    let path = format!("/admin/api/users/{}/active", stage.account.id);
    let set = async |active: bool| {
        let request = stage.post(&path).bearer_auth(stage.world.admin_token());
        assert_eq!(Reply::to(request.json(&json!({ "active": active }))).await.status, 200);
    };
    set(false).await;
    assert_eq!(stage.me(&cookie).await.status, 401);
    stage.exchange(&link).await.refuses(403, "permission_denied", "called back");
    set(true).await;
    stage.check(&cookie, false).await;
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let mut stage = Stage::open().await;
    let cookie = stage.session().await;
    stage.world.set_var("CLOCK_SKEW_MS", (SESSION_MS - 60_000).to_string());
    stage.world.restart().await;
    stage.check(&cookie, true).await;
    stage.world.set_var("CLOCK_SKEW_MS", (SESSION_MS + 1_000).to_string());
    stage.world.restart().await;
    stage.check(&cookie, false).await;
}
