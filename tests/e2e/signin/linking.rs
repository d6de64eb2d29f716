//! Whose account somebody gets who comes from Google with an address that may be another's.

use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tests::oidc::Bent;

use super::{ME, SECRET, Stage, sign_as};
use crate::desk::Reply;

const REGISTER: &str = "/api/v1/customer/register";
const LOGIN: &str = "/api/v1/auth/login";
const VERIFY: &str = "/api/v1/auth/verify-email";
const ADA: &str = "ada@example.com";
const PASSWORD: &str = "a yak in the attic";

struct Google {
    stage: Stage,
    provider: Bent,
}

impl Google {
    async fn open() -> Self {
        let provider = Bent::start().await;
        let stage = Stage::with_google(provider.url()).await;
        Self { stage, provider }
    }

    /// Signs in with Google, which says so; the browser, and what the way back came to.
    async fn come(&self, sub: &str, email: &str, verified: bool) -> (Client, Reply) {
        let claims = json!({ "sub": sub, "email": email, "email_verified": verified });
        self.provider.bend(json!({ "claims": claims })).await;
        let browser = Stage::browser();
        let reply = self.through(&browser).await;
        (browser, reply)
    }

    async fn through(&self, browser: &Client) -> Reply {
        let begun = self.stage.begin(browser, "").await;
        let back = Reply::to(browser.get(&begun)).await;
        Reply::to(browser.get(back.header("location"))).await
    }

    /// The account that somebody lands in.
    async fn account(&self, sub: &str, email: &str, verified: bool) -> String {
        let (browser, reply) = self.come(sub, email, verified).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        self.me(&browser).await["id"].as_str().expect("an id").to_owned()
    }

    async fn me(&self, browser: &Client) -> Value {
        Reply::to(browser.get(self.stage.world.at(ME))).await.json()
    }

    /// Nobody lands anywhere, and no account is made.
    async fn refuses(&self, sub: &str, email: &str, verified: bool, words: &str) {
        let before = self.accounts().await;
        let (browser, reply) = self.come(sub, email, verified).await;
        reply.refuses(403, "permission_denied", words);
        let me = Reply::to(browser.get(self.stage.world.at(ME))).await;
        assert_eq!((me.status, self.accounts().await), (401, before), "{me:?}");
    }

    async fn accounts(&self) -> usize {
        self.stage.world.sql("SELECT id FROM accounts", vec![]).await.len()
    }

    /// Signs up with a password; the account's id.
    async fn register(&self, email: &str) -> String {
        let wish = json!({
            "email": email, "password": PASSWORD, "country": "DE", "phone": "+49 30 901820",
        });
        let reply = Reply::to(self.stage.post(REGISTER).json(&wish)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Opens the link that was mailed to a claimed address.
    async fn verify(&self, account: &str) {
        let object = self.stage.world.object("ACCOUNT", account);
        let told = object.command(&json!({ "person": "read" })).await.expect("an answer");
        let id = told["person"]["claim"]["id"].as_str().expect("a claim").to_owned();
        let token = sign_as(SECRET, "verify_email", &id, 60_000, account);
        let name = self
            .stage
            .world
            .sql("SELECT username FROM accounts WHERE id = ?", vec![account.into()]);
        let name = name.await[0]["username"].as_str().expect("a name").to_owned();
        let link = self.stage.post(VERIFY).bearer_auth(name).json(&json!({ "token": token }));
        let reply = Reply::to(link).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// The account that the password opens.
    async fn login(&self, name: &str) -> Reply {
        let body = json!({ "username": name, "password": PASSWORD });
        Reply::to(self.stage.post(LOGIN).json(&body)).await
    }
}

#[tokio::test]
async fn an_address_that_both_sides_verified_links() {
    let google = Google::open().await;
    let account = google.register(ADA).await;
    google.verify(&account).await;
    assert_eq!(google.account("1", "Ada@Example.com", true).await, account);
    assert_eq!(google.account("1", ADA, true).await, account, "and stays");
    assert_eq!(google.login(ADA).await.status, 200, "the password is still good");
}

#[tokio::test]
async fn who_only_claimed_an_address_keeps_their_own_account_and_gets_nothing_of_its_owners() {
    let google = Google::open().await;
    // The attacker was here first, with the victim's address and a password of their own.
    let attackers = google.register(ADA).await;
    let (browser, landed) = google.come("1", ADA, true).await;
    assert_eq!(landed.status, 303, "{landed:?}");
    let me = google.me(&browser).await;
    let victims = me["id"].as_str().expect("an id").to_owned();
    assert_ne!(victims, attackers);
    let login = google.login(ADA).await;
    assert!(!login.text().contains(&victims), "{login:?}");
    assert_eq!(google.account("1", ADA, true).await, victims);
}

#[tokio::test]
async fn an_address_that_google_has_not_verified_opens_no_account_and_makes_none() {
    let google = Google::open().await;
    let account = google.register(ADA).await;
    google.refuses("1", ADA, false, "has not verified your mail address").await;
    google.verify(&account).await;
    google.refuses("1", ADA, false, "has not verified your mail address").await;
    google.refuses("2", "nobody@example.com", false, "has not verified your mail address").await;
    assert_eq!(google.account("1", ADA, true).await, account);
}

#[tokio::test]
async fn an_account_stays_with_its_google_account_whatever_becomes_of_the_address() {
    let google = Google::open().await;
    let first = google.account("1", ADA, true).await;
    assert_eq!(google.account("1", "new@example.com", true).await, first);
    assert_eq!(google.account("1", "any@example.com", false).await, first);
    // The address was given to somebody else.
    google.refuses("2", ADA, true, "belongs to another Google account").await;
    assert_ne!(google.account("2", "other@example.com", true).await, first);
}

#[tokio::test]
async fn who_comes_for_the_first_time_in_many_windows_at_once_gets_one_account() {
    let google = Google::open().await;
    let claims = json!({ "sub": "1", "email": ADA, "email_verified": true });
    google.provider.bend(json!({ "claims": claims })).await;
    let browsers: Vec<Client> = (0..6).map(|_| Stage::browser()).collect();
    let landed = join_all(browsers.iter().map(|browser| google.through(browser))).await;
    let mut ids = Vec::new();
    for (browser, reply) in browsers.iter().zip(&landed) {
        assert!(matches!(reply.status, 303 | 403 | 409), "{reply:?}");
        if reply.status == 303 {
            ids.push(google.me(browser).await["id"].clone());
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{landed:#?}");
    assert_eq!(json!(google.account("1", ADA, true).await), ids[0]);
}

#[tokio::test]
async fn no_state_comes_back_twice_even_if_the_provider_takes_its_code_twice() {
    let google = Google::open().await;
    google.account("1", ADA, true).await;
    let browser = Stage::browser();
    let (begun, cookie) = google.stage.begun(&browser, "").await;
    let mut landed = Vec::new();
    for _ in 0..2 {
        // A new code each time, and the cookie that was kept.
        let back = Reply::to(Stage::browser().get(&begun)).await;
        let back = Stage::browser().get(back.header("location")).header("cookie", &cookie);
        landed.push(Reply::to(back).await);
    }
    assert_eq!(landed[0].status, 303, "{landed:?}");
    landed[1].refuses(403, "permission_denied", "has been used");
}
