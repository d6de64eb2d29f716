//! `/admin/api/users/g2g` and `/admin/api/orders`: orders of a marketplace.

use serde::{Deserialize, Serialize};

#[cfg(not(target_arch = "wasm32"))]
use crate::words::{Dollars, Name};
use crate::{
    AccountId, KeyId,
    agent::{PublicCodex, ShellBlocks},
};

/// `POST /admin/api/users/g2g`: an account with credit, a key and all that its buyer is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// As the marketplace numbers it. The same number sent again is the same order.
    #[serde(alias = "orderNumber")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 64)))]
    pub order_number: String,
    /// What its wallet is given, in dollars, as text: `"25.00"`.
    #[serde(alias = "creditUsd")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Dollars"))]
    pub credit_usd: String,
    /// The readable part of the username, `buyer` unless told.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<Name>"))]
    pub name: Option<String>,
    /// A remark for the operator.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 1000)))]
    pub note: Option<String>,
}

/// An order without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Order {
    /// As the marketplace numbers it.
    pub order_number: String,
    /// The account that it made.
    pub user_id: AccountId,
    /// The account's name.
    pub username: String,
    /// The key that it made.
    pub key_id: KeyId,
    /// What its wallet was given, in dollars.
    pub credit_usd: String,
    /// The operator's remark.
    pub note: String,
    /// When it was placed, ISO 8601.
    pub created_at: String,
    /// When it was ready to be delivered, ISO 8601; until then, send it again.
    pub completed_at: Option<String>,
}

/// An order with all that its buyer is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct OrderDelivery {
    /// The order.
    pub order: Order,
    /// Whether it had been done before, so that nothing happened now.
    pub replayed: bool,
    /// Where the buyer signs in.
    pub dashboard_url: String,
    /// With this, and the username.
    pub password: String,
    /// The key.
    pub api_key: String,
    /// Blocks for Linux, macOS and WSL.
    pub posix: ShellBlocks,
    /// Blocks for PowerShell.
    pub powershell: ShellBlocks,
    /// All of it as a text to paste, with the blocks for Linux, macOS and WSL.
    pub posix_text: String,
    /// All of it as a text to paste, with the blocks for PowerShell.
    pub powershell_text: String,
    /// Every other command, with the key.
    pub cli: PublicCodex,
}
