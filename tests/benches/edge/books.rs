//! The account that pays for the load, and the audit when it is over: as many charges as calls, and
//! nothing held.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::world::World;
use tokio::time::sleep;

/// Requests in an hour and at once that no round comes near.
const REQUESTS_PER_HOUR: u32 = 100_000_000;
const REQUESTS_AT_ONCE: u32 = 1_000;
const CREDIT_USD: &str = "1000000.00";

/// How long the last charges may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// An account that nothing stops.
pub struct Books {
    http: Client,
    url: String,
    admin_token: String,
    id: String,
    pub key: String,
}

/// What the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    pub charges: u64,
    pub held_micro_usd: i64,
    pub running: u64,
}

impl Books {
    pub async fn open(world: &World) -> Result<Self> {
        let (http, url) = (Client::new(), world.url());
        let admin_token = world.admin_token().to_owned();
        let wish = json!({
            "plan": "enterprise", "credit_usd": CREDIT_USD,
            "requests_per_hour": REQUESTS_PER_HOUR, "concurrent_requests": REQUESTS_AT_ONCE,
        });
        let request = http.post(format!("{url}/admin/api/users")).bearer_auth(&admin_token);
        let opened = answer(request.json(&wish)).await?;
        let text = |at: &str| opened.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let id = text("/user/id").context("an id")?;
        let key = text("/api_key/token").context("a key")?;
        Ok(Self { http, url, admin_token, id, key })
    }

    /// Waits until nothing is held, and counts.
    pub async fn audit(&self) -> Result<Audit> {
        let begun = Instant::now();
        loop {
            let user = self.get("").await?;
            let held = user.pointer("/wallet/heldMicroUsd").and_then(Value::as_i64);
            let running = user["running"].as_u64().context("running")?;
            let held_micro_usd = held.with_context(|| format!("no wallet: {user}"))?;
            if (held_micro_usd, running) == (0, 0) || begun.elapsed() > PATIENCE {
                let usage = self.get("/token-usage").await?;
                let days = usage["daily"].as_array().context("daily sums")?;
                let charges = days.iter().filter_map(|day| day["requests"].as_u64()).sum();
                return Ok(Audit { charges, held_micro_usd, running });
            }
            sleep(POLL).await;
        }
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}/admin/api/users/{}{path}", self.url, self.id);
        answer(self.http.get(url).bearer_auth(&self.admin_token)).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Value> {
    let reply = request.send().await?;
    let (status, text) = (reply.status(), reply.text().await?);
    ensure!(status.is_success(), "{status}: {text}");
    match serde_json::from_str(&text) {
        Ok(answer) => Ok(answer),
        Err(error) => bail!("{error}: {text}"),
    }
}
