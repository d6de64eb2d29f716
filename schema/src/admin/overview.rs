//! What an operator sees first, and what they look through: the dashboard, what was done, prices by
//! version, and what Stripe told us of.

use serde::{Deserialize, Serialize};

use super::PriceRow;
use crate::{MicroUsd, app_server::Release};

/// `GET /admin/api/dashboard`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Dashboard {
    /// When this was read, ISO 8601.
    pub at: String,
    /// The version of the deployment.
    pub version: String,
    /// The codex of the deployment's own account: `running`, `stopped`, `never_started`, or
    /// `out_of_reach` where its machine does not answer.
    pub codex: String,
    /// The newest release of codex that was looked up; absent until one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The machines that host codex, as each last reported.
    pub runners: RunnerCounts,
    /// What models came to since midnight UTC.
    pub today: MoneyCounts,
    /// The same in the last thirty days, by the hour.
    pub last_30_days: MoneyCounts,
    /// What runs now.
    pub running: RunningCounts,
    /// What waits for a person.
    pub waiting: WaitingCounts,
}

/// Machines that host codex and are not revoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RunnerCounts {
    /// Connected, and taking new work.
    pub up: u32,
    /// Connected, and kept away from new work.
    pub drained: u32,
    /// Not connected.
    pub away: u32,
    /// Processes that those up may host in all.
    pub capacity: u32,
    /// Processes that run on any of them.
    pub processes: u32,
}

/// Sums of the charges that were told to the directory, which takes about a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct MoneyCounts {
    /// Charged requests.
    pub requests: u64,
    /// Their input tokens.
    pub input_tokens: u64,
    /// Their output tokens.
    pub output_tokens: u64,
    /// What they were charged, by wallets and plans together.
    pub charged_micro_usd: MicroUsd,
}

/// Calls to models that run now. No row is written while one runs, so the accounts are asked: up to
/// fifty of those that were charged in this hour or the one before. A call of an account that was
/// not is not seen, nor one beyond the fifty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RunningCounts {
    /// Calls and turns that run, in the accounts that answered.
    pub calls: u32,
    /// Accounts that answered.
    pub accounts: u32,
    /// Whether there were more accounts, or some did not answer.
    pub incomplete: bool,
}

/// What waits for a person. Each is counted up to 100, which then means that or more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct WaitingCounts {
    /// Sign-ups to approve or reject.
    pub signups: u32,
    /// Payments that nobody can settle by themselves.
    pub payments: u32,
    /// Differences between the books that are still seen.
    pub differences: u32,
    /// Events of Stripe that have not been acted on.
    pub webhooks: u32,
}

/// One line of `GET /admin/api/audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct AuditRow {
    /// Higher than that of whatever was noted before.
    pub id: i64,
    /// When, ISO 8601.
    pub at: String,
    /// Who: `operator`, a key or an account, with the name after a slash where one was given.
    pub actor: String,
    /// What they did, for example `wallet.set`.
    pub act: String,
    /// To whom, and with what.
    pub detail: String,
}

/// One line of `GET /admin/api/prices`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct PriceVersion {
    /// The price.
    #[serde(flatten)]
    pub price: PriceRow,
    /// From when, ISO 8601.
    pub created_at: String,
    /// Whether it is the model's price now.
    pub in_force: bool,
}

/// One line of `GET /admin/api/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct WebhookEvent {
    /// The event at Stripe.
    pub id: String,
    /// For example `checkout.session.completed`.
    pub r#type: String,
    /// The version of Stripe's API that it is written in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// When it came, ISO 8601.
    pub heard_at: String,
    /// `settled`, `heard`, `foreign` or `ignored`; absent until it was acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How often that failed.
    pub tries: u32,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
}
