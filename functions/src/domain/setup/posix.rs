//! The commands of a POSIX shell.

use schema::agent::ShellBlocks;

use super::{Settings, quote};

pub struct Commands<'a> {
    settings: &'a Settings<'a>,
    /// The key in its variable, ahead of a command.
    key: String,
}

impl<'a> Commands<'a> {
    pub fn new(settings: &'a Settings<'a>, key: &str) -> Self {
        let key = format!("{}={}", settings.cli.env_key, quote::posix(key));
        Self { settings, key }
    }

    /// The settings' own folder, to stand within double quotes.
    pub fn home(&self) -> String {
        format!("$HOME/{}", self.settings.cli.folder())
    }

    /// The settings as arguments.
    pub fn arguments(&self) -> Vec<String> {
        let assignments = self.settings.assignments(quote::toml);
        assignments.iter().map(|it| format!("-c {}", quote::posix(it))).collect()
    }

    pub fn start(&self) -> String {
        format!("{} codex --search {}", self.key, self.chosen())
    }

    pub fn resume(&self) -> String {
        format!("{} codex resume --last --search {}", self.key, self.chosen())
    }

    pub fn smoke_test(&self) -> String {
        let prompt = quote::posix(&self.settings.cli.prompt());
        let (key, chosen) = (&self.key, self.chosen());
        format!("{key} codex --search exec --skip-git-repo-check {chosen} {prompt}")
    }

    /// The same command with the settings' own folder, which the CLI wants to be there.
    pub fn apart(&self, command: &str) -> String {
        let home = self.home();
        format!("mkdir -p \"{home}\" && CODEX_HOME=\"{home}\" {command}")
    }

    /// One block that writes the settings, and commands that are short because of it. No line of
    /// the file is the word that ends it: each names a setting or a table.
    pub fn blocks(&self) -> ShellBlocks {
        let (home, file) = (self.home(), self.settings.file());
        let run = format!("CODEX_HOME=\"{home}\" {} codex", self.key);
        let prompt = quote::posix(&self.settings.cli.prompt());
        ShellBlocks {
            install: self.settings.cli.install(),
            setup: format!("mkdir -p \"{home}\"\ncat > \"{home}/config.toml\" <<'EOF'\n{file}EOF"),
            start: format!("{run} --search"),
            resume: format!("{run} resume --last --search"),
            smoke_test: format!("{run} --search exec --skip-git-repo-check {prompt}"),
        }
    }

    fn chosen(&self) -> String {
        format!("-m {} {}", self.settings.cli.model, self.arguments().join(" "))
    }
}
