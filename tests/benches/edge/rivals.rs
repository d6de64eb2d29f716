//! Other gateways, none of which counts money: installed from pinned versions on first use, and set
//! up so that they do as little as they can beside handing requests on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use tests::leash::{Leash, free_port};
use tests::{command, packages, paths, steps};

use super::targets::{Target, folder};

const SOURCES: &str = "tests/benches/rivals";
const NPM: &str = "target/bench/npm";
const VENV: &str = "target/bench/python";
const MASTER_KEY: &str = "sk-bench";

/// Portkey's gateway, on the Node that is pinned for everything else.
pub async fn portkey(upstream: u16) -> Result<Target> {
    let installed = npm()?;
    let port = free_port()?;
    let mut node = Command::new(packages::node());
    node.arg("node_modules/@portkey-ai/gateway/build/start-server.js")
        .args(["--headless", &format!("--port={port}")])
        .env("NODE_ENV", "production")
        .env("TRUSTED_CUSTOM_HOSTS", "127.0.0.1")
        .current_dir(installed);
    let process = Leash::start(&mut node, &folder("portkey")?.join("log"), port).await?;
    let mut target = Target::process("portkey", port, "nobody-asks", process);
    target.headers = format!(
        "x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:{upstream}/v1\r\n"
    );
    Ok(target)
}

/// LiteLLM's proxy: one worker, a master key, no database.
pub async fn litellm(upstream: u16) -> Result<Target> {
    let program = python()?.join("bin/litellm");
    let port = free_port()?;
    let folder = folder("litellm")?;
    let mut litellm = Command::new(program);
    litellm
        .arg("--config")
        .arg(paths::at(SOURCES).join("litellm.yaml"))
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--num_workers", "1", "--telemetry", "False"])
        .env("UPSTREAM", format!("http://127.0.0.1:{upstream}/v1"))
        .env("MASTER_KEY", MASTER_KEY)
        .env("LITELLM_MODE", "PRODUCTION")
        .env("LITELLM_LOG", "ERROR")
        // Prices come with the package; asking for newer ones would need a network.
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("DISABLE_ADMIN_UI", "True")
        .current_dir(&folder);
    let process = Leash::start(&mut litellm, &folder.join("log"), port).await?;
    Ok(Target::process("litellm", port, MASTER_KEY, process))
}

fn npm() -> Result<PathBuf> {
    let folder = paths::at(NPM);
    let lockfile = "package-lock.json";
    let wanted = fs::read(paths::at(SOURCES).join(lockfile)).context(lockfile)?;
    let stamp = folder.join(".installed");
    if fs::read(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(folder);
    }
    steps::say("installing Portkey's gateway");
    fs::create_dir_all(&folder)?;
    for name in ["package.json", lockfile] {
        fs::copy(paths::at(SOURCES).join(name), folder.join(name))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    command::run(npm.current_dir(&folder))?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}

fn python() -> Result<PathBuf> {
    let folder = paths::at(VENV);
    let requirements = paths::at(SOURCES).join("requirements.txt");
    let wanted = fs::read(&requirements).context("requirements.txt")?;
    let stamp = folder.join(".installed");
    if fs::read(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(folder);
    }
    steps::say("installing LiteLLM (about 700 MB on disk)");
    let mut venv = Command::new("python3");
    command::run(venv.args(["-m", "venv", "--clear"]).arg(&folder))
        .context("measuring LiteLLM needs python3 with its venv module")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    command::run(pip.arg(requirements))?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}
