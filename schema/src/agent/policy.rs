//! What is decided about an approval before a person is asked.

use serde::{Deserialize, Serialize};

use super::ApprovalKind;

/// `PUT /api/v1/projects/{project_id}/policy`: all rules, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetPolicy {
    /// The first that matches decides; where none does, a person is asked. 64 at most.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 64)))]
    pub rules: Vec<PolicyRule>,
}

/// `GET` and `PUT /api/v1/projects/{project_id}/policy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProjectPolicy {
    /// In the order in which they are tried.
    pub rules: Vec<PolicyRule>,
    /// Changes with every change, for `If-Match`; empty until there was one.
    pub etag: String,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyRule {
    /// Names it in what it decides: unlike all others of the project.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 64)))]
    pub name: String,
    /// What has to be true, all of it. Empty for everything.
    #[serde(default)]
    pub when: PolicyWhen,
    /// What happens then.
    pub then: PolicyThen,
    /// Why, for whoever reads what it decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(max = 500)))]
    pub reason: Option<String>,
}

/// What has to be true of what is asked. A rule that approves reads this narrowly: it takes nothing
/// but one plain command in the project's directory, or changes of files below it. A rule that
/// rejects or asks reads it widely: it also finds a command inside a longer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyWhen {
    /// What is asked about. Only commands and changes of files are ever approved by a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ApprovalKind>,
    /// The words that the command begins with, such as `["cargo", "test"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 16)))]
    pub command_prefix: Option<Vec<String>>,
    /// The command's words with one space between them; `*` stands for anything, `?` for one
    /// character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 256)))]
    pub command_glob: Option<String>,
    /// The changed file's path from the project's directory: `*` stands for anything within a
    /// name, `**` for any folders. A name that begins with a dot has to be named to be
    /// approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 256)))]
    pub path_glob: Option<String>,
    /// Whether the command is known to do nothing but read within the project's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_only: Option<bool>,
}

/// What a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PolicyThen {
    /// It is approved.
    Approve,
    /// It is rejected, and the turn goes on.
    Reject,
    /// A person is asked.
    Ask,
}

/// `POST /api/v1/projects/{project_id}/policy/check`: what would happen to a command, or to changes
/// of files. Nothing is run, and nothing is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckPolicy {
    /// A command as it would be typed, or as codex shows it.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 65536)))]
    pub command: Option<String>,
    /// Paths from the project's directory, in the place of a command.
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(length(min = 1, max = 256)))]
    pub paths: Option<Vec<String>>,
    /// Rules to try in the place of those that are kept.
    #[serde(default)]
    pub rules: Option<Vec<PolicyRule>>,
}

/// What would happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyVerdict {
    /// What is decided.
    pub then: PolicyThen,
    /// The rule that decides; none where no rule matches.
    pub rule: Option<String>,
    /// What the rule says why.
    pub reason: Option<String>,
    /// The command's words as they were understood; none where it is not one plain command, which
    /// no rule approves.
    pub words: Option<Vec<String>>,
}
