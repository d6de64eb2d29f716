//! Signing in with Google, whose place a certified provider takes: `/api/v1/auth/google/start`,
//! `/api/v1/auth/google/callback`.

use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tests::oidc::{CLIENT_ID, CLIENT_SECRET, Provider};
use tests::world::World;

use super::{ME, Stage, kept};
use crate::desk::Reply;

const START: &str = "/api/v1/auth/google/start";

/// Pages that a browser goes through at most.
const STEPS_MAX: usize = 20;

impl Stage {
    /// A world that signs in with a provider in Google's place.
    pub async fn with_google(issuer: &str) -> Self {
        let plan = World::plan().var("GOOGLE_ISSUER", issuer).var("GOOGLE_CLIENT_ID", CLIENT_ID);
        Self::of(plan.secret("GOOGLE_CLIENT_SECRET", CLIENT_SECRET)).await
    }

    /// A browser that keeps cookies, and goes nowhere by itself.
    pub fn browser() -> Client {
        let browser = Client::builder().cookie_store(true).redirect(Policy::none());
        browser.build().expect("a client")
    }

    /// Where a browser is sent to sign in.
    pub async fn begin(&self, browser: &Client, query: &str) -> String {
        self.begun(browser, query).await.0
    }

    /// The same, with the cookie that it is sent along with.
    pub async fn begun(&self, browser: &Client, query: &str) -> (String, String) {
        let reply = Reply::to(browser.get(self.world.at(&format!("{START}{query}")))).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        (reply.header("location").to_owned(), kept(&reply))
    }
}

/// A deployment that signs in with a certified provider.
struct There {
    stage: Stage,
    _provider: Provider,
}

impl There {
    async fn open(people: Value) -> Self {
        let provider = Provider::start().await;
        let stage = Stage::with_google(provider.url()).await;
        provider.serve(&stage.world.url(), people).await;
        Self { stage, _provider: provider }
    }
}

/// Goes through the provider's pages as `sub`, to the address that a browser is sent back to.
async fn through(browser: &Client, begun: &str, sub: &str) -> String {
    let mut url: reqwest::Url = begun.parse().expect("an address");
    for _ in 0..STEPS_MAX {
        if url.path().ends_with("/callback") {
            return url.to_string();
        }
        let page = Reply::to(browser.get(url.clone())).await;
        let next = if page.status == 200 {
            let prompt = if page.text().contains(r#"value="login""#) { "login" } else { "consent" };
            let form = [("prompt", prompt), ("login", sub), ("password", "x")];
            Reply::to(browser.post(url.clone()).form(&form)).await
        } else {
            page
        };
        assert!(matches!(next.status, 302 | 303), "{next:?}");
        url = url.join(next.header("location")).expect("an address");
    }
    panic!("the provider's pages do not end: {url}");
}

fn ada() -> Value {
    json!({ "ada": { "email": "ada@x.test", "email_verified": true, "name": "Ada" } })
}

#[tokio::test]
async fn who_comes_from_google_lands_signed_in_to_one_and_the_same_account() {
    let there = There::open(ada()).await;
    let mut accounts = Vec::new();
    for _ in 0..2 {
        let browser = Stage::browser();
        let begun = there.stage.begin(&browser, "?next=/wallet").await;
        let back = through(&browser, &begun, "ada").await;
        assert!(back.contains("iss="), "{back}");
        let landed = Reply::to(browser.get(&back)).await;
        assert_eq!((landed.status, landed.header("location")), (303, "/wallet"), "{landed:?}");
        let me = Reply::to(browser.get(there.stage.world.at(ME))).await.json();
        accounts.push(me["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(accounts[0], accounts[1]);
}

#[tokio::test]
async fn a_way_back_is_gone_once() {
    let there = There::open(ada()).await;
    let browser = Stage::browser();
    let (begun, cookie) = there.stage.begun(&browser, "").await;
    let back = through(&browser, &begun, "ada").await;
    assert_eq!(Reply::to(browser.get(&back)).await.status, 303);
    let again = Reply::to(browser.get(&back)).await;
    again.refuses(400, "invalid_request", "not begun in this browser");
    // Who kept the cookie has still a code that the provider takes once.
    let kept = Reply::to(Stage::browser().get(&back).header("cookie", &cookie)).await;
    kept.refuses(400, "invalid_request", "does not take its code");
    assert_eq!(kept.header("set-cookie").split(';').next(), Some("__Host-google="), "{kept:?}");
}

#[tokio::test]
async fn who_did_not_begin_here_does_not_end_here() {
    let there = There::open(ada()).await;
    let (attacker, victim) = (Stage::browser(), Stage::browser());
    let begun = there.stage.begin(&attacker, "").await;
    let back = through(&attacker, &begun, "ada").await;
    let nothing = Reply::to(victim.get(&back)).await;
    nothing.refuses(400, "invalid_request", "not begun in this browser");
    there.stage.begin(&victim, "").await;
    let other = Reply::to(victim.get(&back)).await;
    other.refuses(400, "invalid_request", "does not belong to what this browser began");
    assert_eq!(Reply::to(victim.get(there.stage.world.at(ME))).await.status, 401);
}

#[tokio::test]
async fn who_takes_longer_than_ten_minutes_begins_again() {
    let mut there = There::open(ada()).await;
    let browser = Stage::browser();
    let (begun, cookie) = there.stage.begun(&browser, "").await;
    let back = through(&browser, &begun, "ada").await;
    there.stage.world.set_var("CLOCK_SKEW_MS", (10 * 60_000 + 1_000).to_string());
    there.stage.world.restart().await;
    let late = Reply::to(Stage::browser().get(&back).header("cookie", &cookie)).await;
    late.refuses(400, "invalid_request", "more than ten minutes ago");
}

#[tokio::test]
async fn a_browser_is_sent_with_a_proof_that_only_it_can_complete() {
    let there = There::open(ada()).await;
    let reply = Reply::to(there.stage.get(START)).await;
    assert_eq!(reply.status, 303);
    let cookie = kept(&reply);
    let url: reqwest::Url = reply.header("location").parse().expect("an address");
    let sent = |name: &str| {
        let found = url.query_pairs().find(|(its, _)| its == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    assert_eq!(sent("code_challenge_method"), "S256");
    assert_eq!(
        (sent("response_type"), sent("scope")),
        ("code".into(), "openid email profile".into())
    );
    for random in ["state", "nonce", "code_challenge"] {
        assert!(sent(random).len() >= 32, "{random}: {url}");
    }
    assert!(!url.as_str().contains(cookie.split('.').next().expect("a value")));
    let other = Reply::to(there.stage.get(START)).await;
    assert_ne!(other.header("location"), reply.header("location"));
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_afterwards() {
    let there = There::open(ada()).await;
    for next in ["https://evil.test", "//evil.test", "/%5Cevil.test", "/admin", "wallet"] {
        let start = there.stage.get(&format!("{START}?next={next}"));
        let reply = Reply::to(start).await;
        reply.refuses(422, "validation_error", "next");
        assert_eq!((reply.header("location"), reply.header("set-cookie")), ("", ""));
    }
}

#[tokio::test]
async fn without_google_there_is_another_way() {
    let stage = Stage::open().await;
    for path in [START, "/api/v1/auth/google/callback?code=x&state=x"] {
        let reply = Reply::to(stage.get(path)).await;
        reply.refuses(404, "resource_not_found", "Sign in with your password");
    }
}
