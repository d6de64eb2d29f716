//! `/admin/api/billing/fup-settings`: the Unlimited plan and its fair use.

use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::{Dollars, SubscriptionStatus};
use crate::{AccountId, MicroUsd};

/// `GET /admin/api/billing/fup-settings`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct FairUseQuery {
    /// Also how this account stands.
    pub user_id: Option<AccountId>,
}

/// `POST /admin/api/billing/fup-settings`. Without an account these are everybody's, and what is
/// left out stays; with one they are its own, and what is left out is everybody's again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SetFairUse {
    /// The account.
    pub user_id: Option<AccountId>,
    /// What may be used in any five hours, in dollars at list price.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub five_hours_usd: Option<String>,
    /// What may be used in any three days, in dollars at list price.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub three_days_usd: Option<String>,
    /// What a month costs from the next checkout on, in whole cents; of everybody's only.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Dollars>"))]
    pub price_usd: Option<String>,
}

/// The plan and its fair use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct FairUse {
    /// What a month costs, in dollars.
    pub price_usd: String,
    /// What may be used in any five hours, at list price.
    pub five_hours_micro_usd: MicroUsd,
    /// What may be used in any three days, at list price.
    pub three_days_micro_usd: MicroUsd,
    /// The account that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountFairUse>,
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct AccountFairUse {
    /// The account.
    pub user_id: AccountId,
    /// Its subscription at Stripe.
    pub subscription: Option<String>,
    /// As Stripe has it; `none` for who never subscribed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "SubscriptionStatus"))]
    pub status: String,
    /// Whether the plan pays for its calls now.
    pub active: bool,
    /// Its own limit for five hours, if it has one.
    pub own_five_hours_micro_usd: Option<MicroUsd>,
    /// Its own limit for three days, if it has one.
    pub own_three_days_micro_usd: Option<MicroUsd>,
    /// What running calls have reserved.
    pub reserved_micro_usd: MicroUsd,
    /// What was used.
    pub windows: Vec<WindowUse>,
}

/// A window of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct WindowUse {
    /// How long what was used counts.
    pub minutes: i64,
    /// What was used, at list price.
    pub used_micro_usd: MicroUsd,
    /// What may be used.
    pub limit_micro_usd: MicroUsd,
    /// When the oldest usage leaves it, ISO 8601.
    pub resets_at: String,
}
