//! `/runner/v1`: how a machine is enrolled and dials in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{RunnerId, Timestamp};

/// What a machine sends with a registration token to become a runner.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The one-time token that an operator made.
    pub token: String,
    /// The machine's own Ed25519 public key (RFC 8032), base64url without padding. The private key
    /// never leaves the machine.
    pub public_key: String,
    /// A digest that tells this machine from others; a credential that shows up on another machine
    /// is refused.
    pub machine: String,
    /// What people call it; the operator's choice wins where the token names one.
    #[serde(default)]
    pub name: String,
    /// What it can be chosen by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Processes that it hosts at most.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// Whether it is forgotten when it leaves.
    #[serde(default)]
    pub ephemeral: bool,
    /// The tunnel's version that it speaks.
    pub version: u32,
    /// The agent's own version.
    pub agent: String,
}

/// A machine has become a runner.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Registered {
    /// Its name for good.
    pub runner_id: RunnerId,
    /// What people call it.
    pub name: String,
    /// What it can be chosen by.
    pub labels: BTreeMap<String, String>,
    /// Processes that it hosts at most.
    pub capacity: u32,
}

/// What a runner signs with its private key to connect, or to take its leave; sent as
/// `Authorization: Gantry-Runner <claims>.<signature>`, both base64url without padding, the
/// signature over the claims' encoded text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signs.
    pub runner: RunnerId,
    /// Counts the runner's connections. A hub takes each number once, and none below the last, so
    /// what was overheard cannot be used again.
    pub generation: u64,
    /// When it was signed; good for five minutes around the edge's clock.
    pub at: Timestamp,
    /// The machine's digest.
    pub machine: String,
    /// What it is for: `connect` or `unregister`.
    pub purpose: String,
}

/// The scheme of the `Authorization` header.
pub const SCHEME: &str = "Gantry-Runner";
/// How far a runner's clock may be off.
pub const SKEW_MS: i64 = 300_000;
/// How long a registration token is good at most.
pub const TOKEN_MAX_MINUTES: u32 = 60;
