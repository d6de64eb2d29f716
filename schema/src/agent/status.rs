//! The agent: how it stands, what it may be allowed, what it knows.

use serde::Serialize;
use serde_json::Value;

use crate::{AccountId, RunnerId, app_server::Defaults, tunnel::Process};

/// `GET /api/v1/agent/status`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// Whose.
    pub account: AccountId,
    /// `running`, `sleeping` (it begins at the first call), `failed`, or `new` where it never ran.
    pub state: &'static str,
    /// Whether it answers calls now.
    pub running: bool,
    /// The version that the process itself reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codex_version: Option<String>,
    /// The version that is proved to work here.
    pub target_version: String,
    /// The machine it is on; absent before its first use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner: Option<RunnerId>,
    /// The process as its runner told it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// What new threads are made with.
    pub defaults: Defaults,
    /// Where permission presets are told.
    pub permissions: &'static str,
    /// Where skills are told.
    pub skills: &'static str,
}

/// `GET /api/v1/permissions`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Permissions {
    /// From the strictest to the widest.
    pub data: Vec<PermissionPreset>,
    /// The preset that new threads have.
    pub default: &'static str,
}

/// What codex may be allowed. Send one of its forms with `open` or `turns`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PermissionPreset {
    /// Its name in codex.
    pub id: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What it means.
    pub description: &'static str,
    /// The value of `permissions`.
    pub permissions: &'static str,
    /// The value of `permissionProfile`.
    pub permission_profile: Value,
    /// The value of `sandbox`.
    pub sandbox: &'static str,
    /// The value of `sandboxPolicy`.
    pub sandbox_policy: Value,
    /// The approval policy that goes with it.
    pub approval_policy: &'static str,
}

/// `GET /api/v1/skills`.
#[derive(Debug, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Skills {
    /// As codex tells them: `name`, `description`, `path`, `scope`, `enabled`.
    pub data: Vec<Value>,
}
