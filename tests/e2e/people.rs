//! People: they sign up, sign in, and show who they are: `/api/v1/customer/register`,
//! `/api/v1/auth/login`, `/api/v1/auth/verify-email`, `/api/v1/auth/password/forgot`,
//! `/api/v1/auth/password/reset`, `/api/v1/me/email`, `/api/v1/me/password`.

mod attacks;
mod email;
mod login;
mod password;
mod register;
mod signups;

use functions::domain::link::{Claims, SigningKeys};
use functions::domain::person::Card;
use reqwest::RequestBuilder;
use schema::{AccountId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tests::world::World;

use crate::desk::{Desk, Reply};

pub const REGISTER: &str = "/api/v1/customer/register";
pub const LOGIN: &str = "/api/v1/auth/login";
pub const EMAIL: &str = "ann@example.com";
pub const PASSWORD: &str = "a yak in the attic";

/// What the links of these worlds are signed with, so that a test can write what a mail says.
const SIGNING: &str = "a-secret-of-these-tests-that-signs-links";

/// Links of long ago and of far ahead.
pub const PAST: Timestamp = Timestamp::from_millis(1_600_000_000_000);
pub const FUTURE: Timestamp = Timestamp::from_millis(4_000_000_000_000);

pub async fn desk() -> Desk {
    Desk::of(World::plan().secret("SIGNING_SECRETS", SIGNING), "0.00").await
}

/// What a person writes who signs up.
pub fn wish(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "country": "DE", "phone": "+49 30 901820" })
}

/// A request of nobody, from an address.
pub fn from(desk: &Desk, address: &str, path: &str, body: &Value) -> RequestBuilder {
    desk.request("POST", path).header("cf-connecting-ip", address).json(body)
}

/// The same from no address in particular. Its answer may hold a key, which no log shows.
pub async fn post(desk: &Desk, path: &str, body: &Value) -> Reply {
    let reply = desk.send(desk.request("POST", path).json(body)).await;
    let body: Value = serde_json::from_slice(&reply.bytes).unwrap_or_default();
    for secret in [&body["apiKey"]["token"], &body["username"]] {
        assert!(secret.as_str().is_none_or(|text| !desk.world.log().contains(text)), "{secret}");
    }
    reply
}

/// Somebody who signed up: id, username and key.
pub struct Guest {
    pub id: String,
    pub username: String,
    pub key: String,
}

impl Guest {
    /// Signs up, and is taken.
    pub async fn arrive(desk: &Desk, email: &str) -> Self {
        let reply = post(desk, REGISTER, &wish(email)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        Self::of(&reply)
    }

    pub fn of(reply: &Reply) -> Self {
        let body = reply.json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let key = text(&body["apiKey"]["token"]);
        Self { id: text(&body["id"]), username: text(&body["username"]), key }
    }

    pub fn account(&self) -> AccountId {
        self.id.parse().expect("an id")
    }

    /// All that the account's object knows of the person.
    pub async fn card(&self, desk: &Desk) -> Card {
        let object = desk.world.object("ACCOUNT", &self.id);
        let mut told = object.command(&json!({ "person": "read" })).await.expect("an answer");
        serde_json::from_value(told["person"].take()).expect("a card")
    }

    /// What the link says that shows whose the claimed address is.
    pub async fn verification(&self, desk: &Desk) -> String {
        let claim = self.card(desk).await.claim.expect("a claim");
        signed("verify_email", &claim.id, FUTURE, self.account())
    }

    /// Opens that link.
    pub async fn verify(&self, desk: &Desk) -> Reply {
        let token = self.verification(desk).await;
        self.open(desk, &token).await
    }

    /// Opens a link with its token, signed in.
    pub async fn open(&self, desk: &Desk, token: &str) -> Reply {
        self.change(desk, "/api/v1/auth/verify-email", &json!({ "token": token })).await
    }

    pub async fn me(&self, desk: &Desk) -> Value {
        let me = desk.request("GET", "/api/v1/me").bearer_auth(&self.key);
        Reply::to(me).await.json()
    }

    /// Sends a change of the person with their key.
    pub async fn change(&self, desk: &Desk, path: &str, body: &Value) -> Reply {
        desk.send(desk.request("POST", path).bearer_auth(&self.key).json(body)).await
    }
}

/// What a link says.
pub fn signed(purpose: &str, id: &str, expires_at: Timestamp, body: impl Serialize) -> String {
    let (purpose, id) = (purpose.to_owned(), id.to_owned());
    let keys = SigningKeys::parse(SIGNING).expect("a secret");
    keys.sign(&Claims { purpose, id, expires_at, body }).expect("a token")
}

/// Signs in.
pub async fn login(desk: &Desk, name: &str, password: &str) -> Reply {
    post(desk, LOGIN, &json!({ "username": name, "password": password })).await
}
