//! Signing in with a browser: with Google, by links that open a page signed in, and what a session
//! is good for.

mod browser;
mod google;
mod linking;
mod session;
mod sso;
mod tokens;

use functions::domain::cookie;
use functions::domain::link::{Claims, SigningKeys};
use functions::domain::session::{Link, SESSION, SSO, SSO_MS, Session};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use schema::{AccountId, Timestamp};
use serde::Serialize;
use tests::account::Account;
use tests::world::{Plan, World};

use crate::desk::Reply;

/// What these worlds sign with, so that a test can sign what the Worker would.
pub const SECRET: &str = "the-signing-secret-of-worlds-in-which-people-sign-in";
const ME: &str = "/api/v1/me";
const SSO_PATH: &str = "/api/v1/auth/sso";
const LOGOUT: &str = "/api/v1/auth/logout";

/// A world, an account, and a browser that keeps nothing by itself.
struct Stage {
    world: World,
    account: Account,
    http: Client,
}

impl Stage {
    async fn open() -> Self {
        Self::of(World::plan()).await
    }

    async fn of(plan: Plan) -> Self {
        let world = plan.secret("SIGNING_SECRETS", SECRET).start().await;
        let account = world.account("5.00").await;
        let http = Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { world, account, http }
    }

    fn id(&self) -> AccountId {
        self.account.id.parse().expect("an id")
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.world.at(path))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.world.at(path))
    }

    /// As a browser posts from a page of the world's own.
    fn own_post(&self, path: &str) -> RequestBuilder {
        self.post(path).header("sec-fetch-site", "same-origin").header("origin", self.world.url())
    }

    /// What a link carries that opens `next` for the account.
    fn token(&self, next: &str) -> String {
        token(&self.account, next)
    }

    /// Sends a link's token as its page does.
    async fn exchange(&self, token: &str) -> Reply {
        Reply::to(self.own_post(SSO_PATH).form(&[("token", token)])).await
    }

    /// A session's cookie, as a browser sends it.
    async fn session(&self) -> String {
        let reply = self.exchange(&self.token("/wallet")).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        kept(&reply)
    }

    async fn me(&self, cookie: &str) -> Reply {
        Reply::to(self.get(ME).header("cookie", cookie)).await
    }

    /// Whether this cookie reads the account.
    async fn check(&self, cookie: &str, counts: bool) {
        let reply = self.me(cookie).await;
        if counts {
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.json()["id"], self.account.id.as_str());
        } else {
            reply.refuses(401, "authentication_required", "Sign in again");
        }
    }
}

/// The link that signs a browser in to an account, in a world that signs with [`SECRET`].
pub fn link(account: &Account, next: &str) -> String {
    format!("{SSO_PATH}?token={}", token(account, next))
}

/// A session of the account as a cookie, in such a world.
pub fn session(account: &Account) -> String {
    good(account.id.parse().expect("an id"))
}

fn token(account: &Account, next: &str) -> String {
    let account = account.id.parse().expect("an id");
    sign(SECRET, SSO, SSO_MS, Link { account, epoch: 0, next: next.to_owned() })
}

/// The cookie that an answer sets, as a browser sends it back.
#[track_caller]
fn kept(reply: &Reply) -> String {
    let set = reply.header("set-cookie");
    assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{reply:?}");
    set.split(';').next().expect("a cookie").to_owned()
}

/// Something signed as the Worker signs, now and for so long.
fn sign(secret: &str, purpose: &str, ms: i64, body: impl Serialize) -> String {
    sign_as(secret, purpose, &tests::secret::random(), ms, body)
}

/// The same under an id that is known elsewhere.
fn sign_as(secret: &str, purpose: &str, id: &str, ms: i64, body: impl Serialize) -> String {
    let (purpose, id) = (purpose.to_owned(), id.to_owned());
    let claims = Claims { purpose, id, expires_at: now().plus_millis(ms), body };
    SigningKeys::parse(secret).and_then(|keys| keys.sign(&claims)).expect("a signed text")
}

/// A session's cookie that nobody began.
fn forged(secret: &str, purpose: &str, ms: i64, account: AccountId, epoch: u32) -> String {
    let body = Session { account, issued_at: now(), epoch };
    format!("{}={}", cookie::SESSION, sign(secret, purpose, ms, body))
}

fn good(account: AccountId) -> String {
    forged(SECRET, SESSION, 60_000, account, 0)
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.expect("a clock after 1970").as_millis();
    Timestamp::from_millis(i64::try_from(millis).expect("a time that fits"))
}
