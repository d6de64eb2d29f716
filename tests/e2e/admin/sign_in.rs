//! Operators in browsers: `/admin/auth/login`, `/admin/logout`, `/admin/api/me`, and what ends
//! their session.

use functions::api::families;
use functions::domain::contract::DOCUMENT;
use functions::domain::cookie;
use functions::domain::link::{Claims, SigningKeys};
use functions::domain::operator::{By, OPERATOR, OPERATOR_MS, Session, print};
use functions::domain::token;
use reqwest::RequestBuilder;
use schema::Timestamp;
use serde_json::{Value, json};
use tests::world::World;

use crate::desk::{Desk, Reply};

const SECRET: &str = "the-signing-secret-of-worlds-in-which-operators-sign-in";
const LOGIN: &str = "/admin/auth/login";
const LOGOUT: &str = "/admin/logout";
const ME: &str = "/admin/api/me";
const HERE: &str = "198.51.100.7";

pub async fn open() -> Desk {
    Desk::of(World::plan().secret("SIGNING_SECRETS", SECRET), "5.00").await
}

pub async fn login(desk: &Desk, body: &Value) -> Reply {
    Reply::to(desk.request("POST", LOGIN).header("cf-connecting-ip", HERE).json(body)).await
}

/// The cookie of who signs in with this, as a browser sends it.
pub async fn session(desk: &Desk, password: &str) -> String {
    let reply = login(desk, &json!({ "password": password })).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let set = reply.header("set-cookie");
    let manner = "; Max-Age=28800; Path=/; Secure; HttpOnly; SameSite=Strict";
    assert!(set.starts_with("__Host-admin=") && set.ends_with(manner), "{set}");
    set.split(';').next().expect("a cookie").to_owned()
}

async fn me(desk: &Desk, cookie: &str) -> Reply {
    Reply::to(desk.request("GET", ME).header("cookie", cookie)).await
}

async fn check(desk: &Desk, cookie: &str, counts: bool) {
    let reply = me(desk, cookie).await;
    if counts {
        assert_eq!(reply.status, 200, "{reply:?}");
    } else {
        reply.refuses(401, "authentication_required", "Sign in again");
    }
}

/// As a browser posts from a page of the world's own.
pub fn own_post(desk: &Desk, path: &str, cookie: &str) -> RequestBuilder {
    let request = desk.request("POST", path).header("cookie", cookie);
    request.header("sec-fetch-site", "same-origin").header("origin", desk.world.url())
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.expect("a clock after 1970").as_millis();
    Timestamp::from_millis(i64::try_from(millis).expect("a time that fits"))
}

/// A cookie that nobody was given.
fn forged(secret: &str, purpose: &str, ms: i64, token: &str) -> String {
    let by = By::Token(print(&token::hash(token)));
    let body = Session { by, name: None, epoch: 0 };
    let (purpose, id) = (purpose.to_owned(), "forged".to_owned());
    let claims = Claims { purpose, id, expires_at: now().plus_millis(ms), body };
    let text = SigningKeys::parse(secret).and_then(|keys| keys.sign(&claims));
    format!("{}={}", cookie::ADMIN, text.expect("a signed text"))
}

#[tokio::test]
async fn a_static_token_signs_in_and_the_cookie_does_what_the_token_does() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let reply = login(&desk, &json!({ "username": "mara", "password": token })).await;
    assert_eq!((reply.status, &reply.json()["actor"]), (200, &json!("operator/mara")));
    assert!(!reply.header("set-cookie").contains(&token::hex(&token::hash(&token))), "{reply:?}");
    let cookie = reply.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let told = me(&desk, &cookie).await.json();
    assert_eq!((&told["by"], &told["username"]), (&json!("token"), &json!("mara")));
    assert!(told["session_ends_at"].is_string() && told.get("key_id").is_none(), "{told}");
    let made = own_post(&desk, "/admin/api/users", &cookie).json(&json!({}));
    assert_eq!(Reply::to(made).await.status, 201);
    let sql = "SELECT actor FROM audit ORDER BY id DESC LIMIT 1";
    assert_eq!(desk.world.sql(sql, vec![]).await, [json!({ "actor": "operator/mara" })]);
    let list = desk.request("GET", "/admin/api/users").header("cookie", &cookie);
    assert_eq!(Reply::to(list).await.status, 200);
}

#[tokio::test]
async fn a_managed_key_signs_in_until_it_is_revoked() {
    let desk = open().await;
    let (key, id) = desk.key(json!({ "scopes": ["admin"] })).await;
    let cookie = session(&desk, &key).await;
    let told = me(&desk, &cookie).await.json();
    let (by, key_id) = (&told["by"], &told["key_id"]);
    assert_eq!((by, key_id, &told["actor"]), (&json!("key"), &json!(id), &json!(id)));
    let revoke = desk.admin("POST", &format!("/admin/api/api-keys/{id}/revoke"));
    assert_eq!(desk.send(revoke).await.status, 200);
    me(&desk, &cookie).await.refuses(401, "authentication_required", "revoked");
    let again = login(&desk, &json!({ "password": key })).await;
    again.refuses(401, "authentication_required", "no operator's token");
}

#[tokio::test]
async fn a_keys_session_is_bound_to_the_keys_addresses_as_the_key_is() {
    let desk = open().await;
    let wish = json!({ "scopes": ["admin"], "cidrs": [HERE] });
    let (key, _) = desk.key(wish).await;
    let cookie = session(&desk, &key).await;
    let from = |address| {
        let request = desk.request("GET", ME).header("cookie", &cookie);
        Reply::to(request.header("cf-connecting-ip", address))
    };
    assert_eq!(from(HERE).await.status, 200);
    from("203.0.113.1").await.refuses(403, "permission_denied", "from your address");
}

#[tokio::test]
async fn no_lesser_credential_signs_in() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let (publishable, _) = desk.key(json!({ "kind": "publishable" })).await;
    let (account, _) = desk.key(json!({ "scopes": ["account"] })).await;
    for key in [&desk.account.key, &publishable, &account] {
        let reply = login(&desk, &json!({ "password": key })).await;
        reply.refuses(403, "permission_denied", "lacks the scope `admin`");
        assert_eq!(reply.header("set-cookie"), "");
    }
    for wrong in [desk.account.username.as_str(), "x", ""] {
        let reply = login(&desk, &json!({ "password": wrong })).await;
        reply.refuses(401, "authentication_required", "no operator's token");
    }
    let named = login(&desk, &json!({ "username": "<b>", "password": token })).await;
    assert_eq!(named.status, 422, "{named:?}");
}

#[tokio::test]
async fn guesses_are_limited_where_they_come_from_and_an_operator_who_was_here_is_let_in() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    session(&desk, &token).await;
    let from = |address: &str, password: &str| {
        let request = desk.request("POST", LOGIN).header("cf-connecting-ip", address);
        Reply::to(request.json(&json!({ "password": password })))
    };
    let mut refused = 0;
    for n in 0..12 {
        let reply = from("203.0.113.9", &format!("guess-{n}")).await;
        assert!(matches!(reply.status, 401 | 429), "{reply:?}");
        refused += usize::from(reply.status == 429);
    }
    assert_eq!(refused, 2);
    from("203.0.113.9", &token).await.refuses(429, "rate_limit_exceeded", "tried too often");
    assert_eq!(from(HERE, &token).await.status, 200);
}

#[tokio::test]
async fn nobody_makes_an_operators_session_but_we() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    check(&desk, &session(&desk, &token).await, true).await;
    check(&desk, &forged(SECRET, OPERATOR, 60_000, &token), true).await;
    let other = "a-secret-that-is-not-the-worlds-at-all-but-long";
    for wrong in [
        forged(other, OPERATOR, 60_000, &token),
        forged(SECRET, "session", 60_000, &token),
        forged(SECRET, OPERATOR, 0, &token),
        forged(SECRET, OPERATOR, 60_000, "a token that is not configured"),
        "__Host-admin=".to_owned(),
        "__Host-admin=a.b".to_owned(),
    ] {
        check(&desk, &wrong, false).await;
    }
    let good = forged(SECRET, OPERATOR, 60_000, &token);
    let as_customer = good.replace(cookie::ADMIN, cookie::SESSION);
    let request = desk.request("GET", "/api/v1/me").header("cookie", &as_customer);
    Reply::to(request).await.refuses(401, "authentication_required", "Sign in again");
    let elsewhere = desk.request("GET", "/api/v1/me").header("cookie", &good);
    Reply::to(elsewhere).await.refuses(401, "authentication_required", "Send a key");
}

#[tokio::test]
async fn a_session_ends_with_its_hours_and_with_its_token() {
    let mut desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let cookie = session(&desk, &token).await;
    desk.world.set_var("CLOCK_SKEW_MS", (OPERATOR_MS - 60_000).to_string());
    desk.world.restart().await;
    check(&desk, &cookie, true).await;
    desk.world.set_secret("ADMIN_TOKENS", "another-token-altogether");
    desk.world.restart().await;
    check(&desk, &cookie, false).await;
    desk.world.set_secret("ADMIN_TOKENS", &token);
    desk.world.set_var("CLOCK_SKEW_MS", (OPERATOR_MS + 1_000).to_string());
    desk.world.restart().await;
    check(&desk, &cookie, false).await;
}

#[tokio::test]
async fn who_signs_out_leaves_no_good_copy_of_the_cookie() {
    let mut desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let (key, _) = desk.key(json!({ "scopes": ["admin"] })).await;
    for password in [&token, &key] {
        let (mine, others) = (session(&desk, password).await, session(&desk, password).await);
        let out = Reply::to(own_post(&desk, LOGOUT, &mine).json(&json!({}))).await;
        assert_eq!((out.status, out.json()), (200, json!({ "signedOut": true })), "{out:?}");
        assert!(out.header("set-cookie").starts_with("__Host-admin=; Max-Age=0;"), "{out:?}");
        check(&desk, &mine, false).await;
        check(&desk, &others, true).await;
        desk.world.kill9();
        desk.world.restart().await;
        check(&desk, &mine, false).await;
        check(&desk, &others, true).await;
        assert_eq!(Reply::to(own_post(&desk, LOGOUT, &mine).json(&json!({}))).await.status, 200);
    }
}

#[tokio::test]
async fn a_foreign_page_does_nothing_with_an_operators_cookie() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let cookie = session(&desk, &token).await;
    let (users, ours) = ("/admin/api/users", desk.world.url());
    let of = |path: &str, headers: &[(&str, &str)]| {
        let request = desk.request("POST", path).header("cookie", &cookie).body("{}");
        headers.iter().fold(request, |it, (name, value)| it.header(*name, *value))
    };
    let json = ("content-type", "application/json");
    for headers in [
        &[json, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")][..],
        &[json, ("sec-fetch-site", "same-site"), ("origin", &ours)],
        &[json, ("origin", "null")],
        &[json],
    ] {
        for path in [users, LOGOUT] {
            let refused = Reply::to(of(path, headers)).await;
            refused.refuses(403, "permission_denied", "own pages only");
            assert_eq!(refused.header("set-cookie"), "");
        }
    }
    let form = [("content-type", "text/plain"), ("sec-fetch-site", "same-origin")];
    Reply::to(of(users, &form)).await.refuses(403, "permission_denied", "application/json");
    check(&desk, &cookie, true).await;
}

#[tokio::test]
async fn a_credential_that_is_sent_counts_and_not_the_cookie_beside_it() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let cookie = session(&desk, &token).await;
    for bearer in [desk.account.key.as_str(), "wrong"] {
        let request = desk.request("GET", ME).header("cookie", &cookie).bearer_auth(bearer);
        assert!(matches!(Reply::to(request).await.status, 401 | 403), "{bearer}");
    }
    let told = desk.send(desk.admin("GET", ME)).await.json();
    assert_eq!((&told["actor"], told.get("session_ends_at")), (&json!("operator"), None));
}

#[tokio::test]
async fn where_the_deployments_own_account_rests_its_operators_still_sign_in() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let cookie = session(&desk, &token).await;
    let list = desk.send(desk.admin("GET", "/api/system/status")).await.json();
    let own = list["account"].as_str().expect("the deployment's account").to_owned();
    let rest = desk.admin("POST", &format!("/admin/api/users/{own}/active"));
    assert_eq!(desk.send(rest.json(&json!({ "active": false }))).await.status, 200);
    check(&desk, &cookie, false).await;
    check(&desk, &session(&desk, &token).await, true).await;
}

#[tokio::test]
async fn an_operators_session_is_good_exactly_where_the_document_says_so() {
    let desk = open().await;
    let cookie = session(&desk, desk.world.admin_token()).await;
    let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
    assert_eq!(document["components"]["securitySchemes"]["operator"]["name"], cookie::ADMIN);
    let families = families();
    let routes = families.iter().flat_map(|family| &family.routes);
    let mut asked = 0;
    for route in routes.filter(|route| route.method == "GET" && !route.socket) {
        let schemes = document["paths"][route.path]["get"]["security"].as_array().expect("a list");
        if schemes.is_empty() {
            continue;
        }
        let promised = schemes.iter().any(|scheme| scheme.get("operator").is_some());
        let request = desk.request("GET", route.path).header("cookie", &cookie);
        let status = request.send().await.expect("an answer").status().as_u16();
        assert_eq!(!matches!(status, 401 | 403), promised, "{}: {status}", route.path);
        asked += 1;
    }
    assert!(asked > 60, "{asked}");
}
