//! `/api/v1`: what a customer reads of their own account.

mod auto_top_up;
mod cli;
mod files;
mod keys;
mod notices;
mod payments;
mod people;
mod policy;
mod projects;
pub mod signin;
mod status;
pub mod subscription;

pub use auto_top_up::{AutoTopUp, AutoTopUpState, SetAutoTopUp};
pub use cli::{CliSettings, CliVersion, PublicCodex, ShellBlocks};
pub use files::{
    FileContent, FileEncoding, FileEntry, FileRemoved, FileTree, FileWritten, WriteFile,
};
pub use keys::{ApiKey, ApiKeys, MadeApiKey, NewApiKey, RestrictApiKey};
pub use notices::{Notice, WantedNotices};
pub use payments::{
    Checkout, CheckoutOpened, Confirm, MonthlyPlan, Pack, Payment, Plans, Received, Settled,
    ShareCredit, TopUp,
};
pub use people::{
    ChangePassword, EmailWanted, Forgot, Heard, KeyText, Login, PersonView, Register,
    ResetPassword, SetEmail, SignedIn, TellPerson, VerifyEmail,
};
pub use policy::{
    CheckPolicy, PolicyRule, PolicyThen, PolicyVerdict, PolicyWhen, ProjectPolicy, SetPolicy,
};
pub use projects::{
    ApprovalKind, ApprovalState, ApprovalView, Approvals, CreateProject, DecisionView, OpenProject,
    Opened, Project, ProjectState, ProjectThread, ProjectTurn, QueuedPrompt, ResolveApproval,
    RunnerState, StartProjectTurn, StreamTicket, TerminalPass, WhenBusy,
};
use serde::{Deserialize, Serialize};
pub use status::{AgentStatus, PermissionPreset, Permissions, Skills};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::{Basis, PlanName, Purse};
use crate::{AccountId, CallId, Code, KeyId, MicroUsd, error::FieldError};

/// `GET /api/v1/me`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The account.
    pub id: AccountId,
    /// The name that also serves as a bearer; empty for a publishable key.
    pub username: String,
    /// `starter`, `professional` or `enterprise`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "PlanName"))]
    pub plan: String,
    /// How the stock Codex CLI is pointed here; absent where the deployment does not know its own
    /// address. `GET /api/v1/me/cli` has commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli: Option<CliSettings>,
    /// The money.
    pub wallet: Wallet,
    /// Where its auto top-up stands: more of it at `GET /api/v1/wallet/auto-topup`.
    pub auto_top_up: AutoTopUpState,
    /// What the presented credential may still do.
    pub limits: Limits,
    /// Who it belongs to.
    pub person: PersonView,
    /// The operator who looks at the account as its owner does, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonated_by: Option<String>,
}

/// What a wallet holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Wallet {
    /// Credits less what was charged, in micro-dollars.
    pub balance_micro_usd: MicroUsd,
    /// The part of the balance that running calls have reserved.
    pub held_micro_usd: MicroUsd,
    /// What a new call may use.
    pub available_micro_usd: MicroUsd,
    /// The balance in dollars, for people.
    pub balance_usd: String,
}

/// Where the presented credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Requests in any hour.
    pub requests_per_hour: u32,
    /// Requests still free in the hour that ends now.
    pub requests_remaining: u32,
    /// Requests at once.
    pub concurrent_requests: u32,
    /// Requests running now.
    pub running: u32,
}

/// `GET /api/v1/billing/token-usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    /// What the wallet holds now.
    pub wallet: Wallet,
    /// Charges, newest first.
    pub transactions: Vec<UsageTransaction>,
    /// Sums by day, newest first, of the thirty days that end today.
    pub daily: Vec<DailySpend>,
    /// Whether older charges follow.
    pub has_more: bool,
    /// What to send as `starting_after` for the charges that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UsageTransaction {
    /// The request, as in its `X-Request-Id`.
    pub id: String,
    /// When it was charged, ISO 8601.
    pub at: String,
    /// The model asked for.
    pub model: String,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// The conversation, where the client named one.
    pub conversation: Option<String>,
    /// The key that was presented.
    pub key_id: Option<KeyId>,
    /// Input tokens as reported.
    pub input_tokens: u64,
    /// Of these, the ones that the provider had cached.
    pub cached_input_tokens: u64,
    /// Input tokens that were charged: with `new_context`, only those beyond the conversation's
    /// high-water mark.
    pub billed_input_tokens: u64,
    /// Output tokens as reported.
    pub output_tokens: u64,
    /// Of these, reasoning.
    pub reasoning_tokens: u64,
    /// The charge.
    pub charged_micro_usd: MicroUsd,
    /// The charge in dollars.
    pub charged_usd: String,
    /// Who paid: the `wallet`, the `unlimited` plan, or `both`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Purse"))]
    pub purse: String,
    /// What the Unlimited plan paid, at list price; it is no part of the charge.
    #[serde(default)]
    pub covered_micro_usd: MicroUsd,
    /// The same in dollars.
    #[serde(default)]
    pub covered_usd: String,
    /// The balance after it.
    pub balance_after_micro_usd: MicroUsd,
    /// How the tokens are known: `reported`, or `counted` where the provider sent no usage.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Basis"))]
    pub basis: String,
}

/// What one day came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DailySpend {
    /// The day in UTC.
    pub date: String,
    /// Charged requests.
    pub requests: u64,
    /// Input tokens as reported.
    pub input_tokens: u64,
    /// Output tokens as reported.
    pub output_tokens: u64,
    /// What they cost.
    pub charged_micro_usd: MicroUsd,
    /// What the Unlimited plan paid of them besides, at list price.
    #[serde(default)]
    pub covered_micro_usd: MicroUsd,
}

/// A failure, here and on `/admin/api`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Failure {
    /// What a person reads: what happened and what to do next.
    pub detail: String,
    /// What a program switches on.
    pub code: Code,
    /// The request's id, where the fault is ours: it finds the line in our log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<CallId>,
    /// One entry for each wrong field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
