//! Signing in elsewhere, and out.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/auth/logout`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SignOut {
    /// Whether every session of the account ends, in all browsers.
    pub everywhere: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedOut {
    /// `true`: also where nobody was signed in.
    pub signed_out: bool,
}
