//! `GET /admin/api/reconciliation`: where books differ.

use serde::{Deserialize, Serialize};

use crate::{AccountId, MicroUsd};

/// What laying the books side by side has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Reconciliation {
    /// How far the newest day has been looked through; none before the first.
    pub run: Option<ReconciliationRun>,
    /// At most 500: those that are there first, then the newest first.
    pub differences: Vec<ReconciliationDifference>,
}

/// One day's books.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ReconciliationRun {
    /// The day, in UTC: `2026-11-20`.
    pub day: String,
    /// `payments`, `refunds`, `disputes`, `accounts` or `done`.
    pub phase: String,
    /// How many things have been looked at.
    pub looked: i64,
    /// ISO 8601.
    pub started_at: String,
    /// ISO 8601; none while it runs.
    pub finished_at: Option<String>,
}

/// Two books differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ReconciliationDifference {
    /// `credit_without_payment`, `payment_without_credit`, `credit_differs`, `refund_differs`,
    /// `dispute_differs` or `usage_differs`.
    pub reason: String,
    /// Whose books.
    pub account_id: AccountId,
    /// A payment at Stripe, or an hour with its model and route.
    pub subject: String,
    /// What it should be.
    pub expected_micro_usd: MicroUsd,
    /// What it is.
    pub found_micro_usd: MicroUsd,
    /// What to know for mending it.
    pub detail: String,
    /// When it was first seen, ISO 8601.
    pub found_at: String,
    /// When it was last seen, ISO 8601.
    pub seen_at: String,
    /// When it was looked for and not there any more, ISO 8601.
    pub resolved_at: Option<String>,
}
