//! `/runner/v1`: how a machine is enrolled and dials in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{RunnerId, Timestamp, tunnel::Process};

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

/// `POST /admin/api/runners/registrations`: a one-time token with which a machine becomes a runner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CreateRegistration {
    /// What people will call it; the machine's own name unless told.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 100)))]
    pub name: String,
    /// What it can be chosen by; the machine's own labels are added.
    pub labels: BTreeMap<String, String>,
    /// Processes that it hosts at most; the machine's own choice unless told.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 1000)))]
    pub capacity: Option<u32>,
    /// Whether it is forgotten when it leaves.
    pub ephemeral: bool,
    /// For how many minutes the token is good: 60 unless told, and at most.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 60)))]
    pub minutes: Option<u32>,
}

/// A registration token. It is shown here and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct CreatedRegistration {
    /// For `runner-agent register --token`.
    pub token: String,
    /// Until when it is good, ISO 8601.
    pub expires_at: String,
}

/// A runner as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Runner {
    /// Its name for good.
    pub id: RunnerId,
    /// What people call it.
    pub name: String,
    /// What it can be chosen by.
    pub labels: BTreeMap<String, String>,
    /// Processes that it hosts at most.
    pub capacity: u32,
    /// Whether it is forgotten when it leaves.
    pub ephemeral: bool,
    /// When it was registered, ISO 8601.
    pub created_at: String,
    /// `never` (connected), `online`, `suspect` (no sign of life for 8 s), `offline` (for 15 s),
    /// `revoked` or `unknown` (its object did not answer).
    pub state: String,
    /// Why, for a person.
    pub reason: String,
    /// Whether new work is kept away from it.
    pub draining: bool,
    /// The versions that run there.
    pub versions: Versions,
    /// Counts its connections.
    pub generation: u64,
    /// Since when it is connected, ISO 8601.
    pub connected_at: Option<String>,
    /// Its last sign of life, ISO 8601.
    pub seen_at: Option<String>,
    /// Milliseconds from the last operation's sending to its answer.
    pub round_trip_ms: Option<i64>,
    /// Processes that run, or are about to.
    pub load: u32,
    /// Operations that wait for their answer.
    pub running: u32,
    /// Questions that wait for somebody.
    pub questions: u32,
    /// Streams of events that somebody reads.
    pub viewers: u32,
    /// Since when its hub is in memory, ISO 8601: it sleeps while nothing happens.
    pub awake_since: Option<String>,
    /// Everything that it hosts.
    pub processes: Vec<Process>,
}

/// The versions that a runner reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Versions {
    /// The agent's own.
    pub agent: String,
    /// Of the codex binary that new processes will run.
    pub codex: String,
    /// Of the tunnel.
    pub tunnel: u32,
    /// The machine: `linux x86_64`.
    pub platform: String,
}

/// `POST /admin/api/runners/{runner_id}/drain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetDraining {
    /// Whether new work is kept away.
    pub on: bool,
}
