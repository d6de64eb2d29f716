//! A customer's machine: the stock CLI on its path, a home of its own, and a shell to paste into.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;
use tests::packages::{self, Codex};
use tests::paths;
use tests::terminal::{ENTER, Terminal};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a command may take that asks for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a terminal shows when codex is ready.
const READY: &str = " medium · ";

pub struct Machine {
    folder: TempDir,
}

impl Machine {
    pub fn new(version: Codex) -> Self {
        packages::ensure().expect("packages");
        let parent = paths::at("target/worlds");
        fs::create_dir_all(&parent).expect("a folder");
        let machine = Self { folder: TempDir::new_in(parent).expect("a folder") };
        for folder in ["bin", "home", "work"] {
            fs::create_dir(machine.at(folder)).expect("a folder");
        }
        let launcher = packages::codex(version);
        let (node, launcher) = (packages::node(), launcher.display());
        let script = format!("#!/bin/sh\nexec '{}' '{launcher}' \"$@\"\n", node.display());
        let program = machine.at("bin/codex");
        fs::write(&program, script).expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        machine
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Pastes a command into a shell, and waits for its end.
    pub async fn run(&self, command: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.at("work")).kill_on_drop(true);
        shell.env_clear().envs(self.environment()).stdin(std::process::Stdio::null());
        let output = timeout(PATIENCE, shell.output()).await;
        output.expect("the command ends in time").expect("a shell")
    }

    /// Pastes a command that asks for one answer; what it printed of it.
    pub async fn answer(&self, command: &str) -> String {
        let output = self.run(command).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{said}");
        assert!(!said.contains("is ignored"), "a setting that the CLI does not know: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Pastes a command that starts codex, and waits until it is ready for words: nothing is asked
    /// before.
    pub async fn open(&self, command: &str) -> Terminal {
        self.open_until(command, READY).await
    }

    /// The same where codex shows something else when it is ready.
    pub async fn open_until(&self, command: &str, ready: &str) -> Terminal {
        let shell = pty_process::Command::new("sh").args(["-c", command]);
        let shell = shell.current_dir(self.at("work")).env_clear().envs(self.environment());
        let mut terminal = Terminal::start(shell).expect("a terminal");
        terminal.wait_for(ready).await;
        terminal
    }

    /// Notes in the settings of a folder that the person trusts where they work, as codex does when
    /// they say so.
    pub fn trust(&self, folder: &str) {
        let folder = self.at("home").join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true);
        let mut file = file.open(folder.join("config.toml")).expect("a file");
        let work = self.at("work");
        let trusted = format!("\n[projects.{work:?}]\ntrust_level = \"trusted\"\n");
        file.write_all(trusted.as_bytes()).expect("a file");
    }

    fn environment(&self) -> [(&'static str, String); 4] {
        let text = |path: &str| self.at(path).to_string_lossy().into_owned();
        [
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", text("bin"))),
            ("HOME", text("home")),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ]
    }
}

/// Says something, and waits for the answer.
pub async fn ask(terminal: &mut Terminal, words: &str) {
    terminal.paste(&format!("rehearse: say {words}")).await;
    terminal.press(ENTER);
    terminal.wait_for(&format!("• {words}")).await;
}

/// Leaves codex, and waits for its end.
pub async fn leave(mut terminal: Terminal) {
    terminal.paste("/quit").await;
    terminal.press(ENTER);
    assert!(terminal.end().await.expect("an end").success());
}
