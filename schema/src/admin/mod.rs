//! `/admin/api`: what an operator sends and reads.

pub mod fair_use;
mod mail;
mod notices;
mod operators;
mod orders;
mod overview;
mod payments;
mod people;
mod reconciliation;

pub use mail::{
    MailSent, MailServer, MailSettings, MailTemplate, MessageProvider, SendTemplate, SendTestMail,
    SetMailServer, SetMailSettings, SetMessageProvider,
};
pub use notices::NoticeRecord;
pub use operators::{Impersonation, LoginOperator, OperatorMe};
pub use orders::{Order, OrderDelivery, PlaceOrder};
pub use overview::{
    AuditRow, Dashboard, MoneyCounts, PriceVersion, RunnerCounts, RunningCounts, WaitingCounts,
    WebhookEvent,
};
pub use payments::{Problem, UserPayment};
pub use reconciliation::{Reconciliation, ReconciliationDifference, ReconciliationRun};

pub use people::{RevealedKey, Signup, SignupSettings};
use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::{
    Dollars, InputBilling, KeyKind, Name, PlanName, RowKind, ScopeName, SignedDollars,
};
use crate::{
    AccountId, KeyId, MicroUsd,
    agent::{PublicCodex, Wallet},
};

/// `POST /admin/api/users`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CreateUser {
    /// Letters, digits, `-` and `_`; an unguessable tail is added, because the name serves as a
    /// bearer.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Name>"))]
    pub username: Option<String>,
    /// `starter` (unless told), `professional` or `enterprise`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<PlanName>"))]
    pub plan: Option<String>,
    /// First credit in dollars, as text: `"25.00"`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub credit_usd: Option<String>,
    /// A remark for the operator.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    pub note: Option<String>,
    /// With `enterprise`: requests in any hour.
    pub requests_per_hour: Option<u32>,
    /// With `enterprise`: requests at once.
    pub concurrent_requests: Option<u32>,
}

/// What `POST /admin/api/users` answers. The token is shown here and never again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct CreatedUser {
    /// The account.
    pub user: User,
    /// Its first key.
    pub api_key: CreatedKey,
}

/// An account as the operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct User {
    /// The account.
    pub id: AccountId,
    /// Its name, also a bearer.
    pub username: String,
    /// `starter`, `professional` or `enterprise`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "PlanName"))]
    pub plan: String,
    /// Whether it may be used.
    pub active: bool,
    /// The operator's remark.
    pub note: String,
    /// When it was made, ISO 8601.
    pub created_at: String,
}

/// `POST /admin/api/users/{user_id}/active`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetActive {
    /// Whether the account may be used.
    pub active: bool,
}

/// `POST /admin/api/users/{user_id}/auto-topup`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PauseAutoTopUp {
    /// Whether it is stopped, whatever the customer wants.
    pub paused: bool,
}

/// `POST /admin/api/users/{user_id}/wallet`: sets the balance by a correcting row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetWallet {
    /// The balance that the wallet shall have, in dollars.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "SignedDollars"))]
    pub balance_usd: String,
    /// Why.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    pub note: String,
}

/// `POST /admin/api/users/{user_id}/wallet/credit`: adds to the balance, or takes from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreditWallet {
    /// Dollars to add; with a minus sign, to take.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "SignedDollars"))]
    pub amount_usd: String,
    /// Why.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    pub note: String,
}

/// What a change of a wallet answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct WalletChanged {
    /// The wallet after it.
    pub wallet: Wallet,
    /// Whether the same operation had been done before, so that nothing happened now.
    pub replayed: bool,
}

/// One row of a wallet's ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct WalletTransaction {
    /// Position in the ledger.
    pub seq: i64,
    /// `credit`, `correction`, `hold`, `extend`, `post`, `void` or `expire`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "RowKind"))]
    pub kind: String,
    /// What it did to the balance.
    pub amount_micro_usd: MicroUsd,
    /// What it did to the reserved part.
    pub held_micro_usd: MicroUsd,
    /// The balance after it.
    pub balance_after_micro_usd: MicroUsd,
    /// What it came from, unique where it may come twice.
    pub source: Option<String>,
    /// The request it belongs to.
    pub call: Option<String>,
    /// Why.
    pub note: String,
    /// What the Unlimited plan paid, at list price.
    #[serde(default)]
    pub covered_micro_usd: MicroUsd,
    /// What it did to the reserved part of that plan's allowance.
    #[serde(default)]
    pub reserved_micro_usd: MicroUsd,
    /// When, ISO 8601.
    pub at: String,
}

/// `POST /admin/api/api-keys`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// The account that pays.
    pub user_id: AccountId,
    /// What a person calls it.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    pub name: String,
    /// `secret` (unless told) or `publishable`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<KeyKind>"))]
    pub kind: Option<String>,
    /// What it may do: `responses`, `models`, `account`, `agent`, `admin`. All but `admin`,
    /// unless told; a publishable one never `agent` or `admin`.
    #[serde(default)]
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "Option<Vec<ScopeName>>", length(min = 1))
    )]
    pub scopes: Option<Vec<String>>,
    /// Addresses it may come from, in CIDR notation; any, if empty.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 100)))]
    pub cidrs: Vec<String>,
}

/// A key with its token, which is shown here and never again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct CreatedKey {
    /// The bearer.
    pub token: String,
    /// The commands that point the stock Codex CLI here with it; absent where it may not call
    /// models, and where the deployment does not know its own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli: Option<Box<PublicCodex>>,
    /// The key.
    #[serde(flatten)]
    pub key: Key,
}

/// A key without its token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Key {
    /// The key.
    pub id: KeyId,
    /// The account that pays.
    pub user_id: AccountId,
    /// What a person calls it.
    pub name: String,
    /// `secret` or `publishable`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "KeyKind"))]
    pub kind: String,
    /// The last four characters of its token.
    pub last4: String,
    /// What it may do.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<ScopeName>"))]
    pub scopes: Vec<String>,
    /// Addresses it may come from.
    pub cidrs: Vec<String>,
    /// When it was made, ISO 8601.
    pub created_at: String,
    /// When it was revoked, ISO 8601.
    pub revoked_at: Option<String>,
    /// Whether its token can be read again; if not, only its hash is kept.
    pub retrievable: bool,
}

/// A price of a model, in micro-dollars for a million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct PriceRow {
    /// The version, one higher with each change of any price.
    pub id: i64,
    /// The model.
    pub model: String,
    /// Input.
    pub input: i64,
    /// Input that the provider had cached; as other input, if absent.
    pub cached_input: Option<i64>,
    /// Output.
    pub output: i64,
    /// Reasoning output; as other output, if absent.
    pub reasoning: Option<i64>,
    /// Added to every call.
    pub per_call: i64,
    /// `new_context` or `all`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "InputBilling"))]
    pub input_billing: String,
}

/// `POST /admin/api/billing/settings`: a new version of one model's price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetPrice {
    /// The model.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 1000)))]
    pub model: String,
    /// Dollars for a million input tokens.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Dollars"))]
    pub input_usd_per_million: String,
    /// Dollars for a million output tokens.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Dollars"))]
    pub output_usd_per_million: String,
    /// Dollars for a million cached input tokens.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub cached_input_usd_per_million: Option<String>,
    /// Dollars for a million reasoning tokens.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub reasoning_usd_per_million: Option<String>,
    /// Dollars for each call.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub per_call_usd: Option<String>,
    /// `new_context` (unless told) or `all`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<InputBilling>"))]
    pub input_billing: Option<String>,
}

/// `GET /admin/api/billing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Billing {
    /// The prices in force, one for each model.
    pub prices: Vec<PriceRow>,
}

/// `GET` and `POST /admin/api/model-provider`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ModelProvider {
    /// The route that is tried first.
    pub active: String,
    /// The routes that there are.
    pub routes: Vec<String>,
}

/// `POST /admin/api/model-provider`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetModelProvider {
    /// The route to try first.
    pub provider: String,
}

/// One line of `GET /admin/api/model-usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ModelUsage {
    /// The route.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Charged requests.
    pub requests: u64,
    /// Input tokens as reported.
    pub input_tokens: u64,
    /// Output tokens as reported.
    pub output_tokens: u64,
    /// What wallets paid.
    pub charged_micro_usd: MicroUsd,
}

/// What a call that returns nothing else answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Done {
    /// Always true.
    pub ok: bool,
}
