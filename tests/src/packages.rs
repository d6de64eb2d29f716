//! The programs that builds and tests run, installed from the lockfiles: nothing global, nothing
//! twice.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::{command, lock::Lock, paths, steps, vendor};

const LOCKFILE: &str = "tests/package-lock.json";
/// npm writes it last, when everything is in its place.
const INSTALLED: &str = "tests/node_modules/.package-lock.json";

/// The version of the stock client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codex {
    /// The oldest that is promised to work.
    Pinned,
    /// The newest known to work.
    Newest,
}

/// Installs what is missing, and puts what pages load of it where they do. Instant when everything
/// is there.
pub fn ensure() -> Result<()> {
    install()?;
    vendor::ensure()
}

fn install() -> Result<()> {
    if installed()? {
        return Ok(());
    }
    let _lock = Lock::take(&paths::at("target/packages.lock"))?;
    if installed()? {
        return Ok(());
    }
    steps::say("installing npm packages (workerd, wrangler, node, codex, about 1 GB on disk)");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    command::run(npm.current_dir(paths::at("tests")))?;
    Ok(())
}

/// Whether everything is there that the lockfile names, in its version. What else is there, for
/// another branch, does no harm.
fn installed() -> Result<bool> {
    let wanted = packages(LOCKFILE)?;
    let Ok(there) = packages(INSTALLED) else { return Ok(false) };
    let missing = wanted.iter().any(|(path, package)| {
        let needed = !path.is_empty() && package["optional"] != true;
        let same = there.get(path).is_some_and(|it| it["integrity"] == package["integrity"]);
        needed && !same
    });
    Ok(!missing)
}

/// What a lockfile names, by the folder.
fn packages(lockfile: &str) -> Result<Map<String, Value>> {
    let text = fs::read(paths::at(lockfile)).context(lockfile.to_owned())?;
    let mut lockfile: Value = serde_json::from_slice(&text)?;
    Ok(serde_json::from_value(lockfile["packages"].take())?)
}

/// rustup reads rust-toolchain.toml by itself, unless its automatic installs are switched off.
pub fn toolchain() -> Result<()> {
    let sysroot = command::run(Command::new("rustc").args(["--print", "sysroot"]))?;
    let sysroot = PathBuf::from(sysroot.trim());
    let library = sysroot.join("lib/rustlib/src/rust/library/std");
    let target = sysroot.join("lib/rustlib/wasm32-unknown-unknown");
    if library.is_dir() && target.is_dir() {
        return Ok(());
    }
    steps::say("installing the wasm target and the standard library's source");
    let mut rustup = Command::new("rustup");
    command::run(rustup.args(["toolchain", "install"]).current_dir(paths::root()))
        .context("Rust has to come from rustup, which provides the wasm target")?;
    Ok(())
}

/// A file of an installed package.
pub fn file(path: &str) -> PathBuf {
    paths::at("tests/node_modules").join(path)
}

/// Node, new enough for the deploy tool.
pub fn node() -> PathBuf {
    file(".bin/node")
}

/// The runtime itself, not its launcher script: its id has to be the process we may kill.
pub fn workerd() -> Result<PathBuf> {
    platform("@cloudflare/workerd", "bin/workerd", "64")
}

/// The bundler itself, not its launcher script.
pub fn esbuild() -> Result<PathBuf> {
    platform("@esbuild/", "bin/esbuild", "x64")
}

/// A command that runs a script of an installed package.
pub fn script(path: &str) -> Command {
    let mut command = Command::new(node());
    command.arg(file(path));
    command
}

/// The stock client's launcher, which needs any Node.
pub fn codex(version: Codex) -> PathBuf {
    match version {
        Codex::Pinned => file("codex-pinned/bin/codex.js"),
        Codex::Newest => file("codex-newest/bin/codex.js"),
    }
}

fn platform(package: &str, program: &str, intel: &str) -> Result<PathBuf> {
    let system = if OS == "macos" { "darwin" } else { OS };
    let processor = if ARCH == "aarch64" { "arm64" } else { intel };
    let between = if package.ends_with('/') { "" } else { "-" };
    let path = file(&format!("{package}{between}{system}-{processor}/{program}"));
    if !path.is_file() {
        bail!("{} is missing: {package} has no build for {OS} on {ARCH}", path.display());
    }
    Ok(path)
}
