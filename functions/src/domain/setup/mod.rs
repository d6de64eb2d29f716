//! How the stock Codex CLI is pointed here: its settings, and commands that a person pastes, for
//! POSIX shells and for PowerShell.

mod posix;
mod powershell;
pub mod quote;
mod remote;

pub use remote::{Remote, remote};

use schema::agent::{CliSettings, CliVersion, PublicCodex, ShellBlocks};

use super::release::PACKAGE;

/// What the CLI is told, as the deployment has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cli {
    /// How people know the service.
    pub brand: String,
    /// How the CLI's settings call it.
    pub provider_id: String,
    /// The environment variable that holds the key.
    pub env_key: String,
    pub model: String,
    pub effort: String,
    /// What newer versions of the CLI propose instead of the model when they start, which a person
    /// would have to decline; may be empty.
    pub declined_model: String,
    /// The version that is proved to work.
    pub version: String,
    /// The label under which the package is installed.
    pub install_tag: String,
}

/// Names that the CLI has given to providers of its own.
const RESERVED_PROVIDERS: [&str; 5] = ["openai", "ollama", "lmstudio", "oss", "amazon-bedrock"];
/// How long a brand or a name may be.
const NAME_MAX_CHARS: usize = 100;

impl Cli {
    /// What of it no command could say, each with the name of its variable.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let is_id = self.provider_id.starts_with(|c: char| c.is_ascii_lowercase())
            && self.provider_id.chars().all(id);
        if !is_id || RESERVED_PROVIDERS.contains(&self.provider_id.as_str()) {
            faults.push(
                "PROVIDER_ID is not a lower-case letter and then letters, digits, `-` or `_`, or \
                 it is a name that codex has taken"
                    .to_owned(),
            );
        }
        let var = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let starts = |c: char| c.is_ascii_uppercase() || c == '_';
        if !self.env_key.starts_with(starts) || !self.env_key.chars().all(var) {
            faults.push("ENV_KEY is not capitals, digits and `_`".to_owned());
        }
        let word = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        for (name, value) in [
            ("DEFAULT_MODEL", &self.model),
            ("DEFAULT_EFFORT", &self.effort),
            ("CLI_VERSION", &self.version),
            ("CLI_INSTALL_TAG", &self.install_tag),
        ] {
            if !value.starts_with(|c: char| c.is_ascii_alphanumeric()) || !value.chars().all(word) {
                faults.push(format!("{name} is not letters, digits, `.`, `-`, `_` or `/`"));
            }
        }
        if !self.declined_model.chars().all(word) {
            faults.push("DECLINED_MODEL is not letters, digits, `.`, `-`, `_` or `/`".to_owned());
        }
        let brand = self.brand.trim();
        let sayable = !brand.is_empty()
            && brand.chars().count() <= NAME_MAX_CHARS
            && !brand.chars().any(|c| c.is_control() || c == '"')
            && !brand.contains("''")
            && !brand.ends_with('\'');
        if !sayable || brand != self.brand {
            faults.push(
                "BRAND is empty, too long, or has spaces around it, control characters, double \
                 quotes, two single quotes in a row or one at its end"
                    .to_owned(),
            );
        }
        faults
    }

    /// What stands in a command where the key is not known.
    pub fn placeholder(&self) -> String {
        format!("<{}_API_KEY>", self.provider_id.to_uppercase().replace('-', "_"))
    }

    /// The name of the folder that keeps its settings apart from others of the CLI.
    fn folder(&self) -> String {
        format!(".{}-codex", self.provider_id)
    }

    fn install(&self) -> String {
        format!("npm install -g {PACKAGE}@{}", self.install_tag)
    }

    fn prompt(&self) -> String {
        format!("Say hello from {}.", self.brand)
    }

    /// The model's name for people: `gpt-5.5` is GPT-5.5, `gpt-6-sol` is GPT-6-Sol.
    fn label(&self) -> String {
        let part = |part: &str| match part {
            "gpt" => "GPT".to_owned(),
            other => {
                let (first, rest) = other.split_at(other.chars().next().map_or(0, char::len_utf8));
                first.to_uppercase() + rest
            }
        };
        self.model.split('-').map(part).collect::<Vec<_>>().join("-")
    }

    /// Its version and that of the newest release stand side by side.
    pub fn versions(&self, newest: Option<schema::app_server::Release>) -> CliVersion {
        CliVersion {
            package: PACKAGE.to_owned(),
            official_cli_version: self.version.clone(),
            official_install_tag: self.install_tag.clone(),
            official_install_command: self.install(),
            newest,
        }
    }
}

/// The CLI's settings for an origin.
struct Settings<'a> {
    cli: &'a Cli,
    origin: &'a str,
}

/// What a setting is set to.
enum Value<'a> {
    Text(&'a str),
    Flag(bool),
    /// A model that is proposed in place of another was declined.
    Declined(&'a str, &'a str),
}

impl<'a> Settings<'a> {
    fn base_url(&self) -> String {
        format!("{}/v1", self.origin)
    }

    /// Settings that stand before any table. Without `web_search` the CLI searches a cache only,
    /// and `--search` does not reach `exec`.
    fn general(&self) -> Vec<(&'static str, Value<'a>)> {
        let cli = self.cli;
        let mut general = vec![
            ("model_provider", Value::Text(&cli.provider_id)),
            ("model_reasoning_effort", Value::Text(&cli.effort)),
            ("web_search", Value::Text("live")),
        ];
        if !cli.declined_model.is_empty() {
            let declined = Value::Declined(&cli.model, &cli.declined_model);
            general.push(("notice.model_migrations", declined));
        }
        general
    }

    /// Settings of the provider's table.
    fn provider<'b>(&'b self, base_url: &'b str) -> [(&'static str, Value<'b>); 5] {
        [
            ("name", Value::Text(&self.cli.brand)),
            ("base_url", Value::Text(base_url)),
            ("env_key", Value::Text(&self.cli.env_key)),
            ("wire_api", Value::Text("responses")),
            ("supports_websockets", Value::Flag(false)),
        ]
    }

    /// Every setting as `name=value`, as the CLI's `-c` takes it; `text` writes a text.
    fn assignments(&self, text: fn(&str) -> String) -> Vec<String> {
        let written = |value: &Value<'_>| match value {
            Value::Text(value) => text(value),
            Value::Flag(flag) => flag.to_string(),
            Value::Declined(from, to) => format!("{{{}={}}}", text(from), text(to)),
        };
        let general = self.general();
        let general = general.iter().map(|(name, value)| format!("{name}={}", written(value)));
        let (base_url, id) = (self.base_url(), &self.cli.provider_id);
        let provider = self.provider(&base_url);
        let provider = provider
            .iter()
            .map(|(name, value)| format!("model_providers.{id}.{name}={}", written(value)));
        general.chain(provider).collect()
    }

    /// Every setting as a file.
    fn file(&self) -> String {
        let line = |(name, value): &(&'static str, Value<'_>)| match value {
            Value::Text(value) => format!("{name} = {}\n", quote::toml(value)),
            Value::Flag(flag) => format!("{name} = {flag}\n"),
            Value::Declined(from, to) => {
                format!("{name} = {{ {} = {} }}\n", quote::toml(from), quote::toml(to))
            }
        };
        let model = format!("model = {}\n", quote::toml(&self.cli.model));
        let general: String = self.general().iter().map(line).collect();
        let base_url = self.base_url();
        let provider: String = self.provider(&base_url).iter().map(line).collect();
        format!("{model}{general}\n[model_providers.{}]\n{provider}", self.cli.provider_id)
    }
}

/// Everything that a person or a program needs to point the CLI here with this key.
pub fn public_codex(cli: &Cli, origin: &str, key: &str) -> PublicCodex {
    let settings = Settings { cli, origin };
    let base_url = settings.base_url();
    let posix = posix::Commands::new(&settings, key);
    let windows = powershell::Commands::new(&settings, key);
    PublicCodex {
        provider_id: cli.provider_id.clone(),
        provider_name: cli.brand.clone(),
        official_cli_version: cli.version.clone(),
        official_install_tag: cli.install_tag.clone(),
        official_install_command: cli.install(),
        env_key: cli.env_key.clone(),
        wire_api: "responses".to_owned(),
        model: cli.model.clone(),
        reasoning_effort: cli.effort.clone(),
        models_url: format!("{base_url}/models"),
        responses_url: format!("{base_url}/responses"),
        base_url,
        codex_home: posix.home(),
        config_args: posix.arguments(),
        start_command: posix.start(),
        exec_smoke_test_command: posix.smoke_test(),
        logged_in_override_command: posix.apart(&posix.start()),
        logged_in_override_exec_smoke_test_command: posix.apart(&posix.smoke_test()),
        resume_last_command: posix.apart(&posix.resume()),
        windows_dependency_install_command: powershell::DEPENDENCIES.to_owned(),
        windows_verify_dependencies_command: powershell::VERIFY.to_owned(),
        windows_codex_install_command: windows.install(),
        windows_full_install_command: windows.full_install(),
        windows_setup_command: windows.setup(),
        windows_start_command: windows.start(),
        windows_resume_last_command: windows.resume(),
        windows_exec_smoke_test_command: windows.smoke_test(),
        config_toml: settings.file(),
        client_model_label: cli.label(),
        display_model: cli.label(),
        model_display_name: cli.label(),
    }
}

/// The settings alone, as a customer reads them of their account.
pub fn summary(cli: &Cli, origin: &str) -> CliSettings {
    let all = public_codex(cli, origin, &cli.placeholder());
    CliSettings {
        provider_id: all.provider_id,
        provider_name: all.provider_name,
        official_cli_version: all.official_cli_version,
        base_url: all.base_url,
        env_key: all.env_key,
        wire_api: all.wire_api,
        model: all.model,
        reasoning_effort: all.reasoning_effort,
        codex_home: all.codex_home,
    }
}

/// Blocks that write the settings once, and short commands afterwards: for POSIX shells, and for
/// PowerShell.
pub fn blocks(cli: &Cli, origin: &str, key: &str) -> (ShellBlocks, ShellBlocks) {
    let settings = Settings { cli, origin };
    let posix = posix::Commands::new(&settings, key);
    let windows = powershell::Commands::new(&settings, key);
    (posix.blocks(), windows.blocks())
}

#[cfg(test)]
mod tests;
