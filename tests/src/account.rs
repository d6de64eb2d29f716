//! An account of a world: opened by the operator, asked about with its own key.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use schema::admin::{CreateUser, CreatedUser};
use schema::agent::{Me, TokenUsage, UsageTransaction};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::secret;
use crate::world::World;

/// How long a charge may take to be written after its answer has ended.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Who pays, and the key they pay with.
#[derive(Debug)]
pub struct Account {
    http: Client,
    url: String,
    pub id: String,
    pub username: String,
    pub key: String,
}

impl World {
    /// An account that no rate limit stops, with so many dollars: `world.account("25.00")`.
    pub async fn account(&self, credit_usd: &str) -> Account {
        let (plan, credit_usd) = (Some("enterprise".to_owned()), Some(credit_usd.to_owned()));
        self.open_account(&CreateUser { plan, credit_usd, ..CreateUser::default() }).await
    }

    /// An account with ten dollars, whose person has this address and, if one is given, this phone.
    pub async fn customer(&self, email: &str, phone: Option<&str>) -> Account {
        let account = self.account("10.00").await;
        let person = json!({ "email": email, "phone": phone, "name": "Ann" });
        let (id, hash) = (secret::random(), secret::bytes());
        let key = json!({
            "id": format!("key_{}", &id[..32]), "hash": hash, "name": "default", "kind": "secret",
            "last4": "0000", "scopes": [], "cidrs": [],
        });
        let entry = json!({
            "person": person, "claim": null, "password": null, "standing": "approved", "key": key,
        });
        let enter = json!({ "person": { "enter": entry } });
        let object = self.object("ACCOUNT", &account.id);
        let entered = object.command(&enter).await.expect("an answer");
        assert_eq!(entered["person"]["person"]["email"], email, "{entered}");
        account
    }

    /// An account as wished.
    pub async fn open_account(&self, wish: &CreateUser) -> Account {
        let http = Client::new();
        let request = http.post(self.at("/admin/api/users")).bearer_auth(self.admin_token());
        let CreatedUser { user, api_key } = answer(request.json(wish)).await;
        self.known_account(&user.id.to_string(), &user.username, &api_key.token)
    }

    /// An account that somebody else opened.
    pub fn known_account(&self, id: &str, username: &str, key: &str) -> Account {
        let [id, username, key] = [id, username, key].map(str::to_owned);
        Account { http: Client::new(), url: self.url(), id, username, key }
    }
}

impl Account {
    /// `GET /api/v1/me`
    pub async fn me(&self) -> Me {
        self.get("/api/v1/me").await
    }

    /// `GET /api/v1/billing/token-usage`
    pub async fn token_usage(&self) -> TokenUsage {
        self.get("/api/v1/billing/token-usage?limit=100").await
    }

    /// Waits until nothing is held and so many calls are charged; the charges, oldest first.
    pub async fn charges(&self, count: usize) -> Vec<UsageTransaction> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut usage = self.token_usage().await;
            let nothing_held = usage.wallet.held_micro_usd == schema::MicroUsd::ZERO;
            if nothing_held && usage.transactions.len() >= count {
                assert_eq!(usage.transactions.len(), count, "more charges than calls: {usage:#?}");
                usage.transactions.reverse();
                return usage.transactions;
            }
            assert!(Instant::now() < deadline, "{count} charges did not come: {usage:#?}");
            sleep(POLL).await;
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        answer(self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key)).await
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> T {
    let reply = request.send().await.expect("an answer");
    let (status, body) = (reply.status(), reply.text().await.expect("a body"));
    assert!(status.is_success(), "{status}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}
