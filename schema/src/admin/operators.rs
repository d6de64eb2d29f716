//! Operators in browsers: signing in, and who they are.

use serde::{Deserialize, Serialize};

use crate::{AccountId, KeyId};

/// `POST /admin/auth/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoginOperator {
    /// Under which name acts are noted beside the token or key: letters, digits, `.`, `_`, `-`,
    /// `+`, `@`.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 64)))]
    pub username: Option<String>,
    /// A static admin token of the deployment, or a managed key with the scope `admin`.
    pub password: String,
}

/// Who an operator is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct OperatorMe {
    /// `token` or `key`.
    pub by: &'static str,
    /// Under what their acts are noted.
    pub actor: String,
    /// The name under which they signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The account of their key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<AccountId>,
    /// Their key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// When their session ends, where they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_ends_at: Option<String>,
}

/// What `POST /admin/api/users/{user_id}/impersonate` answers, beside a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Impersonation {
    /// The account that is looked at.
    pub user_id: AccountId,
    /// Under what the operator's acts are noted.
    pub actor: String,
    /// When it ends by itself, ISO 8601.
    pub ends_at: String,
}
