//! A Python with the packages that proofs need, in a folder of its own; nothing global.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::lock::Lock;
use crate::{command, paths, steps};

const REQUIREMENTS: &str = "tests/clients/requirements.txt";
const VENV: &str = "target/python";
const STAMP: &str = "target/python/.installed";

/// The program, made on first use. Instant when everything is there.
pub fn python() -> Result<PathBuf> {
    let program = paths::at(VENV).join("bin/python");
    let wanted = fs::read(paths::at(REQUIREMENTS)).context(REQUIREMENTS)?;
    let installed = || fs::read(paths::at(STAMP)).is_ok_and(|stamp| stamp == wanted);
    if installed() {
        return Ok(program);
    }
    let _lock = Lock::take(&paths::at("target/python.lock"))?;
    if installed() {
        return Ok(program);
    }
    steps::say("installing Python packages (official clients, a validator of OpenAPI)");
    let mut venv = Command::new("python3");
    command::run(venv.args(["-m", "venv", "--clear"]).arg(paths::at(VENV)))
        .context("the proofs with Python programs need python3 with its venv module")?;
    let mut pip = Command::new(&program);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    command::run(pip.arg(paths::at(REQUIREMENTS)))?;
    fs::write(paths::at(STAMP), wanted)?;
    Ok(program)
}
