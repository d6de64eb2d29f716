//! The commands of PowerShell, as Windows brings it (5.1) and as it is today.

use schema::agent::ShellBlocks;

use super::{PACKAGE, Settings, quote};

/// Installs what the CLI stands on.
pub const DEPENDENCIES: &str = "\
# Run PowerShell as Administrator for this dependency step.
winget source update
winget install --id OpenJS.NodeJS.LTS -e --accept-package-agreements --accept-source-agreements
winget install --id Git.Git -e --accept-package-agreements --accept-source-agreements
Set-ExecutionPolicy -Scope CurrentUser RemoteSigned -Force
# Close PowerShell, open a new PowerShell window, then run the verification step.";

/// Shows that it is there.
pub const VERIFY: &str = "node --version\nnpm --version\ngit --version";

pub struct Commands<'a> {
    settings: &'a Settings<'a>,
    /// Sets the variable that holds the key.
    key: String,
}

impl<'a> Commands<'a> {
    pub fn new(settings: &'a Settings<'a>, key: &str) -> Self {
        let key = format!("$env:{} = {}", settings.cli.env_key, quote::powershell(key));
        Self { settings, key }
    }

    /// The package's name is quoted, for PowerShell takes an `@` at the beginning of an argument
    /// for a variable to spread.
    pub fn install(&self) -> String {
        let package = format!("{PACKAGE}@{}", self.settings.cli.version);
        format!("npm install -g {}\ncodex --version", quote::powershell(&package))
    }

    pub fn full_install(&self) -> String {
        let install = self.install();
        format!("{DEPENDENCIES}\n\n# After reopening PowerShell:\n{VERIFY}\n{install}")
    }

    /// Writes the settings' file. Windows PowerShell puts a byte order mark before it, which the
    /// CLI skips.
    pub fn setup(&self) -> String {
        let (home, make, file) = (self.home(), MAKE_HOME, self.settings.file());
        let file = file.trim_end();
        format!(
            "{home}\n{make}\n@'\n{file}\n'@ | Set-Content -Path (Join-Path $env:CODEX_HOME \
             'config.toml') -Encoding utf8"
        )
    }

    pub fn start(&self) -> String {
        format!("{}; codex --search {}", self.apart(), self.chosen())
    }

    pub fn resume(&self) -> String {
        format!("{}; codex resume --last --search {}", self.apart(), self.chosen())
    }

    pub fn smoke_test(&self) -> String {
        let prompt = quote::powershell(&self.settings.cli.prompt());
        let (apart, chosen) = (self.apart(), self.chosen());
        format!("{apart}; codex --search exec --skip-git-repo-check {chosen} {prompt}")
    }

    /// One block that writes the settings, and commands that are short because of it.
    pub fn blocks(&self) -> ShellBlocks {
        let prompt = quote::powershell(&self.settings.cli.prompt());
        let run = format!("{}; {}; codex", self.home(), self.key);
        ShellBlocks {
            install: self.full_install(),
            setup: self.setup(),
            start: format!("{run} --search"),
            resume: format!("{run} resume --last --search"),
            smoke_test: format!("{run} --search exec --skip-git-repo-check {prompt}"),
        }
    }

    /// Chooses the settings' own folder.
    fn home(&self) -> String {
        format!("$env:CODEX_HOME = \"$HOME\\{}\"", self.settings.cli.folder())
    }

    /// Makes that folder, which the CLI wants to be there, and sets the key.
    fn apart(&self) -> String {
        format!("{}; {MAKE_HOME}; {}", self.home(), self.key)
    }

    /// Windows PowerShell loses double quotes on the way to a program, so that none is used.
    fn chosen(&self) -> String {
        let assignments = self.settings.assignments(quote::toml_literal);
        let arguments: String =
            assignments.iter().map(|it| format!(" -c {}", quote::powershell(it))).collect();
        format!("-m {}{arguments}", self.settings.cli.model)
    }
}

const MAKE_HOME: &str = "New-Item -ItemType Directory -Force -Path $env:CODEX_HOME | Out-Null";
