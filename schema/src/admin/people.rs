//! Sign-ups, as an operator sees them, and the text of a key that was sealed.

use serde::{Deserialize, Serialize};

use super::Key;
use crate::AccountId;
#[cfg(not(target_arch = "wasm32"))]
use crate::words::StandingName;

/// Somebody who signed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Signup {
    /// The sign-up, by the account that it made.
    pub application_id: AccountId,
    /// The account's username.
    pub username: String,
    /// What the person is called.
    pub name: Option<String>,
    /// The mail address that they gave.
    pub email: Option<String>,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// `+` and digits (E.164).
    pub phone: Option<String>,
    /// `pending`, `approved` or `rejected`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "StandingName"))]
    pub standing: String,
    /// When they signed up, ISO 8601.
    pub created_at: String,
    /// When an operator decided, ISO 8601.
    pub judged_at: Option<String>,
}

/// `GET` and `POST /admin/api/signup-settings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignupSettings {
    /// Whether who signs up from now on waits for an operator.
    pub approval_required: bool,
}

/// `GET /admin/api/api-keys/{key_id}/token`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct RevealedKey {
    /// The bearer, from its sealed copy.
    pub token: String,
    /// The key.
    #[serde(flatten)]
    pub key: Key,
}
