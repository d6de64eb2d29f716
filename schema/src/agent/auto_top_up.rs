//! What a wallet does by itself when it runs low.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/wallet/auto-topup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetAutoTopUp {
    /// Whether the wallet fills itself up.
    pub enabled: bool,
    /// With a balance below this many dollars it does; needed where it is enabled.
    #[serde(default)]
    pub threshold_usd: Option<String>,
    /// Up to at least this many dollars, in whole units; needed where it is enabled.
    #[serde(default)]
    pub target_usd: Option<String>,
    /// What may be charged in a calendar month (UTC); needed where it is enabled.
    #[serde(default)]
    pub monthly_cap_usd: Option<String>,
    /// Balances below which a message is sent, once for each fall: five at most, an empty list for
    /// none. What was chosen before stays if it is left out.
    #[serde(default)]
    pub low_balance_usd: Option<Vec<String>>,
}

/// `GET` and `POST /api/v1/wallet/auto-topup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AutoTopUp {
    /// Whether the customer wants it.
    pub enabled: bool,
    /// Where it stands.
    pub state: AutoTopUpState,
    /// Below this many dollars the wallet fills itself up.
    pub threshold_usd: Option<String>,
    /// Up to at least this many dollars.
    pub target_usd: Option<String>,
    /// What may be charged in a calendar month (UTC).
    pub monthly_cap_usd: Option<String>,
    /// What this month's cap has been used for: what was charged, and what may yet be.
    pub spent_this_month_usd: String,
    /// What one unit costs. Credit is bought in whole units.
    pub unit_price_usd: String,
    /// What one unit adds to the wallet.
    pub unit_credit_usd: String,
    /// Whether there is a card that may be charged.
    pub has_card: bool,
    /// Where a card is left, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_url: Option<String>,
    /// Where the customer approves the payment that their bank asks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve_url: Option<String>,
    /// Why the last attempt failed, until one succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// When it goes on by itself, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<String>,
    /// Balances below which a message is sent.
    pub low_balance_usd: Vec<String>,
}

/// Where a wallet's auto top-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AutoTopUpState {
    /// The customer does not want it.
    Off,
    /// It is wanted, and there is no card to charge.
    NeedsCard,
    /// It watches.
    Idle,
    /// A payment is on its way.
    Charging,
    /// The bank wants the customer's approval.
    NeedsAction,
    /// A payment failed; the next attempt comes by itself.
    Waiting,
    /// The month's cap is reached.
    Capped,
    /// Three payments in a row failed, or an operator stopped it.
    Paused,
}
