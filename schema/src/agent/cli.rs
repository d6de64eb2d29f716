//! `/api/v1/cli`: how the stock Codex CLI is pointed here.

use serde::{Deserialize, Serialize};

use crate::app_server::Release;

/// What the stock CLI has to know, and the commands that tell it: `GET /api/v1/cli/public-codex`.
///
/// Commands are for POSIX shells unless their name begins with `windows`, which are for PowerShell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PublicCodex {
    /// How the CLI's settings call this service.
    pub provider_id: String,
    /// How the CLI shows it.
    pub provider_name: String,
    /// The version of the CLI that this service is proved against.
    pub official_cli_version: String,
    /// The label under which the CLI is installed.
    pub official_install_tag: String,
    /// Installs the CLI.
    pub official_install_command: String,
    /// Where the API is, without a slash at its end.
    pub base_url: String,
    /// The environment variable that holds the key.
    pub env_key: String,
    /// The API that the CLI speaks with it.
    pub wire_api: String,
    /// The model that the commands choose.
    pub model: String,
    /// How hard it thinks.
    pub reasoning_effort: String,
    /// Where models are listed.
    pub models_url: String,
    /// Where responses are made.
    pub responses_url: String,
    /// The folder that keeps these settings apart from others of the CLI, as a POSIX shell reads
    /// it.
    pub codex_home: String,
    /// The settings as arguments, each quoted for a POSIX shell.
    pub config_args: Vec<String>,
    /// Starts the CLI with the settings as arguments.
    pub start_command: String,
    /// Asks for one answer.
    pub exec_smoke_test_command: String,
    /// Starts the CLI in a folder of its own, for who is logged in elsewhere.
    pub logged_in_override_command: String,
    /// Asks for one answer in a folder of its own.
    pub logged_in_override_exec_smoke_test_command: String,
    /// Goes on with the last conversation of that folder.
    pub resume_last_command: String,
    /// Installs Node.js and Git.
    pub windows_dependency_install_command: String,
    /// Shows that they are there.
    pub windows_verify_dependencies_command: String,
    /// Installs the version of the CLI that this service is proved against.
    pub windows_codex_install_command: String,
    /// The three before, one after another.
    pub windows_full_install_command: String,
    /// Writes the settings into a folder of their own.
    pub windows_setup_command: String,
    /// Starts the CLI.
    pub windows_start_command: String,
    /// Goes on with the last conversation.
    pub windows_resume_last_command: String,
    /// Asks for one answer.
    pub windows_exec_smoke_test_command: String,
    /// The settings as a file.
    pub config_toml: String,
    /// The model's name for people.
    pub client_model_label: String,
    /// The same.
    pub display_model: String,
    /// The same.
    pub model_display_name: String,
}

/// The settings alone: in `GET /api/v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CliSettings {
    /// How the CLI's settings call this service.
    pub provider_id: String,
    /// How the CLI shows it.
    pub provider_name: String,
    /// The version of the CLI that this service is proved against.
    pub official_cli_version: String,
    /// Where the API is, without a slash at its end.
    pub base_url: String,
    /// The environment variable that holds the key.
    pub env_key: String,
    /// The API that the CLI speaks with it.
    pub wire_api: String,
    /// The model that the commands choose.
    pub model: String,
    /// How hard it thinks.
    pub reasoning_effort: String,
    /// The folder that keeps these settings apart, as a POSIX shell reads it.
    pub codex_home: String,
}

/// Which CLI this service is proved against, and which is newest: `GET /api/v1/cli/version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CliVersion {
    /// `@openai/codex`.
    pub package: String,
    /// The version that this service is proved against.
    pub official_cli_version: String,
    /// The label under which it is installed.
    pub official_install_tag: String,
    /// Installs it.
    pub official_install_command: String,
    /// The newest stable release, once an operator has looked it up.
    pub newest: Option<Release>,
}

/// Set-up commands for one kind of shell, each a block to paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ShellBlocks {
    /// Installs the CLI.
    pub install: String,
    /// Writes its settings, once.
    pub setup: String,
    /// Starts it.
    pub start: String,
    /// Goes on with the last conversation.
    pub resume: String,
    /// Asks for one answer.
    pub smoke_test: String,
}
