//! The stock client, pointed at an address of ours, with settings that are not its user's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};

use crate::packages::{self, Codex};
use crate::paths;
use crate::terminal::Terminal;

/// What its documentation tells a user to write, and what keeps it to itself.
const SETTINGS: &str = r#"
model_provider = "gantry"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
analytics.enabled = false
features.daemon_auto_start = false
notice.model_migrations = { "gpt-5.5" = "gpt-6-sol" }

[model_providers.gantry]
name = "Gantry"
base_url = "{URL}/v1"
env_key = "GANTRY_API_KEY"
wire_api = "responses"
supports_websockets = false

[projects."{WORK}"]
trust_level = "trusted"
"#;

/// One installation with its settings and its working folder.
#[derive(Debug)]
pub struct Cli {
    version: Codex,
    model: Option<String>,
    key: String,
    folder: TempDir,
}

/// What one run of `codex exec` came to.
#[derive(Debug)]
pub struct Turn {
    pub succeeded: bool,
    /// The events it printed.
    pub events: Vec<Value>,
    /// What else it said.
    pub said: String,
}

impl Cli {
    /// An installation that sends `key` to `url` and asks for `gpt-5.5`.
    pub fn new(version: Codex, url: &str, key: &str) -> Result<Cli> {
        packages::ensure()?;
        let parent = paths::at("target/worlds");
        fs::create_dir_all(&parent)?;
        let folder = TempDir::new_in(parent)?;
        let (model, key) = (Some("gpt-5.5".to_owned()), key.to_owned());
        let cli = Cli { version, model, key, folder };
        fs::create_dir(cli.work())?;
        fs::create_dir(cli.home())?;
        let settings = SETTINGS.replace("{URL}", url);
        let settings = settings.replace("{WORK}", &cli.work().to_string_lossy());
        fs::write(cli.home().join("config.toml"), settings)?;
        Ok(cli)
    }

    /// Lets it ask for the model that it takes by itself.
    pub fn with_its_own_model(mut self) -> Cli {
        self.model = None;
        self
    }

    /// Lets it ask for another model.
    pub fn with_model(mut self, model: &str) -> Cli {
        self.model = Some(model.to_owned());
        self
    }

    pub fn version(&self) -> Codex {
        self.version
    }

    /// The folder it works in.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// `codex exec PROMPT`
    pub async fn exec(&self, prompt: &str) -> Result<Turn> {
        self.run(&["exec", "--json", "--skip-git-repo-check", prompt]).await
    }

    /// `codex exec resume --last PROMPT`: another turn of the last conversation.
    pub async fn resume(&self, prompt: &str) -> Result<Turn> {
        self.run(&["exec", "--json", "--skip-git-repo-check", "resume", "--last", prompt]).await
    }

    /// `codex`, on a terminal.
    pub fn terminal(&self) -> Result<Terminal> {
        let command =
            pty_process::Command::new(packages::node()).arg(packages::codex(self.version));
        let command = command.args(self.chosen_model()).arg("--no-alt-screen");
        let command = command.current_dir(self.work()).env_clear().envs(self.environment());
        Ok(Terminal::start(command)?)
    }

    /// What its app-server tells about limits during a turn: the last `account/rateLimits/updated`.
    pub async fn limits(&self, prompt: &str) -> Result<Value> {
        let mut server = self.command(&["app-server"]);
        let mut server = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (server.stdin.take(), server.stdout.take());
        let mut stdin = stdin.context("no stdin")?;
        let mut lines = BufReader::new(stdout.context("no stdout")?).lines();
        let client = json!({ "name": "codex-tui", "version": "0.0.0" });
        say(&mut stdin, 0, "initialize", json!({ "clientInfo": client })).await?;
        say(&mut stdin, 1, "thread/start", json!({})).await?;
        let mut limits = Value::Null;
        while let Some(line) = lines.next_line().await? {
            let message: Value = serde_json::from_str(&line)?;
            match message["method"].as_str() {
                Some("account/rateLimits/updated") => {
                    limits = message["params"]["rateLimits"].clone()
                }
                Some("turn/completed") => return Ok(limits),
                _ if message["id"] == 1 => {
                    let thread = &message["result"]["thread"]["id"];
                    let input = json!([{ "type": "text", "text": prompt }]);
                    let turn = json!({ "threadId": thread, "input": input });
                    say(&mut stdin, 2, "turn/start", turn).await?;
                }
                _ => {}
            }
        }
        bail!("the app-server ended before the turn did")
    }

    async fn run(&self, arguments: &[&str]) -> Result<Turn> {
        let output = self.command(arguments).output().await.context("codex does not start")?;
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let events = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        Ok(Turn {
            succeeded: output.status.success(),
            events: events.with_context(|| format!("not events: {lines}"))?,
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(packages::node());
        command.arg(packages::codex(self.version)).args(self.chosen_model()).args(arguments);
        command.current_dir(self.work()).env_clear().envs(self.environment());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    fn chosen_model(&self) -> impl Iterator<Item = &str> {
        self.model.iter().flat_map(|model| ["-m", model])
    }

    fn environment(&self) -> [(&str, String); 6] {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", text(self.folder.path())),
            ("CODEX_HOME", text(&self.home())),
            ("GANTRY_API_KEY", self.key.clone()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ]
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}

async fn say(stdin: &mut ChildStdin, id: u32, method: &str, params: Value) -> Result<()> {
    let line = json!({ "id": id, "method": method, "params": params }).to_string() + "\n";
    Ok(stdin.write_all(line.as_bytes()).await?)
}

impl Turn {
    /// The id of the conversation.
    pub fn thread(&self) -> Option<&str> {
        self.first("thread.started")?["thread_id"].as_str()
    }

    /// The model's last words.
    pub fn answer(&self) -> Option<&str> {
        self.items("agent_message").last()?["text"].as_str()
    }

    /// Finished items of a kind: `agent_message`, `command_execution`, `file_change`.
    pub fn items<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let done = self.events.iter().filter(|event| event["type"] == "item.completed");
        done.map(|event| &event["item"]).filter(move |item| item["type"] == kind)
    }

    /// What the client counted.
    pub fn usage(&self) -> Option<&Value> {
        Some(&self.first("turn.completed")?["usage"])
    }

    /// Whether it tried again after a failure.
    pub fn tried_again(&self) -> bool {
        self.events.iter().any(|event| event.to_string().contains("Reconnecting"))
    }

    /// Why the turn failed, as the user reads it.
    pub fn failure(&self) -> Option<&str> {
        self.first("turn.failed")?["error"]["message"].as_str()
    }

    fn first(&self, kind: &str) -> Option<&Value> {
        self.events.iter().find(|event| event["type"] == kind)
    }
}
