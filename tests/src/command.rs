//! Running a program to its end, with its words kept for the case that it fails.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What the cargo that started us told us of ourselves, by the beginning of its name. To a cargo
/// that we start it would be news about every crate whose build asks for it, and so a reason to
/// build that anew.
const OURS: [&str; 6] =
    ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_", "OUT_DIR"];

/// Cargo, as somebody at a terminal would start it.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if OURS.iter().any(|ours| name.to_string_lossy().starts_with(ours)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The program's standard output, or an error that quotes what it said.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}; is it installed and on PATH?"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    bail!("{name} failed ({}):\n{said}{errors}", output.status)
}

/// Runs with the program's words going straight to the terminal.
pub fn show(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot start {name}; is it installed and on PATH?"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_cargo_that_we_start_hears_nothing_of_the_one_that_started_us() {
        let cargo = cargo();
        let heard = |name: &str| cargo.get_envs().all(|it| it != (OsStr::new(name), None));
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "cargo runs no test without it");
        assert!(!heard("CARGO_MANIFEST_DIR"));
        assert!(!heard("CARGO_PKG_NAME"));
    }
}
