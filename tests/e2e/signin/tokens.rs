//! A provider that lies, or is impersonated: nobody is signed in, and no account is made.

use serde_json::{Value, json};
use tests::oidc::Bent;

use super::{ME, Stage};
use crate::desk::Reply;

struct Lying {
    stage: Stage,
    provider: Bent,
}

impl Lying {
    async fn open() -> Self {
        let provider = Bent::start().await;
        let stage = Stage::with_google(provider.url()).await;
        Self { stage, provider }
    }

    /// One sign-in with the provider bent so.
    async fn attempt(&self, how: Value) -> Reply {
        self.provider.bend(how).await;
        let browser = Stage::browser();
        let begun = self.stage.begin(&browser, "").await;
        let back = Reply::to(browser.get(&begun)).await;
        let reply = Reply::to(browser.get(back.header("location"))).await;
        let me = Reply::to(browser.get(self.stage.world.at(ME))).await;
        assert_eq!(me.status == 200, reply.status == 303, "{reply:?} {me:?}");
        reply
    }

    async fn accounts(&self) -> usize {
        self.stage.world.sql("SELECT id FROM accounts", vec![]).await.len()
    }
}

/// What the provider says of somebody with a verified address.
fn ada() -> Value {
    json!({ "sub": "ada", "email": "ada@x.test", "email_verified": true })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = ada();
    claims[name] = value.into();
    json!({ "claims": claims })
}

/// Seconds of the world's own clock, so far from now.
fn seconds(off: i64) -> i64 {
    super::now().seconds() + off
}

#[tokio::test]
async fn no_bad_token_signs_anybody_in() {
    let lying = Lying::open().await;
    let before = lying.accounts().await;
    let made = |make: &str| json!({ "claims": ada(), "make": make });
    for bad in [
        made("none"),
        made("hs256"),
        made("stranger"),
        made("unlisted"),
        made("unnamed"),
        made("altered"),
        made("garbage"),
        with("aud", "somebody-else"),
        with("aud", json!(["app", "somebody-else"])),
        with("azp", "somebody-else"),
        with("iss", "https://accounts.google.com"),
        with("iss", format!("{}/", lying.provider.url())),
        with("exp", seconds(-70)),
        with("iat", seconds(90)),
        with("nonce", "of-another-sign-in"),
        with("nonce", Value::Null),
        with("sub", Value::Null),
        with("sub", ""),
    ] {
        let reply = lying.attempt(bad.clone()).await;
        assert_eq!(reply.status, 403, "{bad}: {reply:?}");
        reply.refuses(403, "permission_denied", "could not be verified");
        assert!(reply.header("set-cookie").starts_with("__Host-google=;"), "{bad}: {reply:?}");
    }
    assert_eq!(lying.accounts().await, before);
    assert_eq!(lying.attempt(json!({ "claims": ada() })).await.status, 303);
    assert_eq!(lying.accounts().await, before + 1);
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let lying = Lying::open().await;
    for fine in [with("exp", seconds(-40)), with("iat", seconds(40)), with("azp", "app")] {
        assert_eq!(lying.attempt(fine.clone()).await.status, 303, "{fine}");
    }
}

#[tokio::test]
async fn a_key_that_was_changed_is_found_and_made_up_keys_are_not_looked_for_again_and_again() {
    let lying = Lying::open().await;
    assert_eq!(lying.attempt(json!({ "claims": ada() })).await.status, 303);
    let rotated = json!({ "claims": ada(), "rotate": "second", "make": "newest" });
    assert_eq!(lying.attempt(rotated).await.status, 303);
    assert_eq!(lying.provider.asked("/jwks").await, 2);
    for _ in 0..5 {
        let unlisted = json!({ "claims": ada(), "make": "unlisted" });
        assert_eq!(lying.attempt(unlisted).await.status, 403);
    }
    assert_eq!(lying.provider.asked("/jwks").await, 2);
    assert_eq!(lying.provider.asked("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn a_way_back_that_was_tampered_with_leads_nowhere() {
    let lying = Lying::open().await;
    for (callback, status) in [
        (json!({ "state": "x" }), 400),
        (json!({ "state": null }), 400),
        (json!({ "code": null }), 400),
        (json!({ "code": "" }), 400),
        (json!({ "code": "made-up" }), 400),
        (json!({ "iss": "https://evil.test" }), 400),
        (json!({ "error": "server_error" }), 400),
        (json!({ "error": "access_denied", "code": null }), 403),
    ] {
        let how = json!({ "claims": ada(), "callback": callback });
        let reply = lying.attempt(how).await;
        assert_eq!(reply.status, status, "{callback}: {reply:?}");
    }
    let iss = json!({ "iss": lying.provider.url() });
    assert_eq!(lying.attempt(json!({ "claims": ada(), "callback": iss })).await.status, 303);
}

#[tokio::test]
async fn a_provider_that_promises_to_say_who_it_is_has_to() {
    let lying = Lying::open().await;
    let promise = json!({ "authorization_response_iss_parameter_supported": true });
    let silent = json!({ "claims": ada(), "discovery": promise });
    let reply = lying.attempt(silent).await;
    reply.refuses(400, "invalid_request", "not said to come from where you were sent");
}

#[tokio::test]
async fn a_provider_that_is_not_who_it_was_asked_to_be_is_not_asked_further() {
    for discovery in [
        json!({ "issuer": "https://evil.test" }),
        json!({ "token_endpoint": null }),
        json!({ "jwks_uri": "file:///etc/passwd" }),
    ] {
        let lying = Lying::open().await;
        lying.provider.bend(json!({ "discovery": discovery })).await;
        let start = Reply::to(lying.stage.get("/api/v1/auth/google/start")).await;
        start.refuses(502, "upstream_failed", "did not answer as it should");
        assert!(!start.text().contains("evil.test"), "{start:?}");
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_told_from_a_person_who_does() {
    let lying = Lying::open().await;
    let failing = json!({ "claims": ada(), "status": 500 });
    let reply = lying.attempt(failing).await;
    reply.refuses(502, "upstream_failed", "did not answer as it should");
}

#[tokio::test]
async fn a_sign_in_that_waits_is_no_session_and_no_link() {
    let lying = Lying::open().await;
    let (_, cookie) = lying.stage.begun(&Stage::browser(), "").await;
    let (_, value) = cookie.split_once('=').expect("a cookie");
    assert_eq!(lying.stage.me(&format!("__Host-session={value}")).await.status, 401);
    assert_eq!(lying.stage.exchange(value).await.status, 403);
    let link = lying.stage.token("/wallet");
    let swapped = format!("__Host-google={link}");
    let path = "/api/v1/auth/google/callback?code=x&state=x";
    let reply = Reply::to(lying.stage.get(path).header("cookie", swapped)).await;
    reply.refuses(400, "invalid_request", "not begun in this browser");
}
