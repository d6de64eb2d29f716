//! Running a program to its end, with its words kept for the case that it fails.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

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
