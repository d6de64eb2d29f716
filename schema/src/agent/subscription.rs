//! `/api/v1/wallet/subscription`: how a customer stands with the Unlimited plan.

use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::SubscriptionStatus;

/// `GET` and `POST /api/v1/wallet/subscription`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The plan, as a checkout names it: `unlimited`.
    pub plan: String,
    /// What a month of it costs now, in dollars.
    pub price_usd: String,
    /// As Stripe has it; `none` for who never subscribed.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "SubscriptionStatus"))]
    pub status: String,
    /// Whether the plan pays for calls now.
    pub active: bool,
    /// When the running period ends, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_ends_at: Option<String>,
    /// Whether the subscription ends with it.
    pub cancel_at_period_end: bool,
    /// While the plan is active: until when, by what is known now, ISO 8601. A renewal moves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_until: Option<String>,
    /// Whether the wallet pays what the plan does not.
    pub fallback: bool,
    /// Fair use. A call needs room in every window.
    pub windows: Vec<FairUseWindow>,
}

/// A window of fair use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FairUseWindow {
    /// How long what was used counts.
    pub minutes: i64,
    /// How much of it is used, with two decimals: `12.34`.
    pub used_percent: String,
    /// When the oldest usage leaves it, ISO 8601.
    pub resets_at: String,
}

/// What to change of a subscription; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ChangeSubscription {
    /// Whether the wallet shall pay what the plan does not.
    pub fallback: Option<bool>,
    /// The checkout that the customer comes back from: what came of it is looked at now.
    pub session_id: Option<String>,
    /// Whether the subscription shall end with the period that is paid for.
    pub cancel_at_period_end: Option<bool>,
}
