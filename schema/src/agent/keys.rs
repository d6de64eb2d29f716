//! Keys of an account, as their owner makes and revokes them.

use serde::{Deserialize, Serialize};

use super::PublicCodex;
use crate::KeyId;
#[cfg(not(target_arch = "wasm32"))]
use crate::words::{KeyKind, ScopeName};

/// `POST /api/v1/keys`. Nobody makes a key that may do more than what they came with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApiKey {
    /// What a person calls it.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 100)))]
    pub name: String,
    /// `secret` (unless told) or `publishable`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Option<KeyKind>"))]
    pub kind: Option<String>,
    /// What it may do: `responses`, `models`, `account`, `agent`. All, unless told; a publishable
    /// one never `agent`.
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

/// `POST /api/v1/keys/{key_id}/restrict` and the operator's. What is left out stays as it is; a key
/// never gets back what was taken from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RestrictApiKey {
    /// What it may still do: some of what it may do now.
    #[serde(default)]
    #[cfg_attr(
        not(target_arch = "wasm32"),
        schemars(with = "Option<Vec<ScopeName>>", length(min = 1))
    )]
    pub scopes: Option<Vec<String>>,
    /// Addresses it may still come from, in CIDR notation: within those that it has. None can be
    /// named only for a key that has none.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 100)))]
    pub cidrs: Option<Vec<String>>,
}

/// A key without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The key.
    pub id: KeyId,
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
    /// Addresses it may come from; any, if empty.
    pub cidrs: Vec<String>,
    /// When it was made, ISO 8601.
    pub created_at: String,
    /// When it was revoked, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// A key with its token, which is shown here and never again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MadeApiKey {
    /// The bearer.
    pub token: String,
    /// The commands that point the stock Codex CLI here with it; absent where it may not call
    /// models, and where the deployment does not know its own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli: Option<Box<PublicCodex>>,
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
}

/// `GET /api/v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ApiKeys {
    /// Oldest first, those that were revoked too.
    pub data: Vec<ApiKey>,
}
