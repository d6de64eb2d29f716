//! A real Chromium, led by the scripts of `tests/browser`.

use std::env;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::world::World;
use crate::{packages, paths};

/// How a Chromium is called where it is on the path.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs a script on a world, with what else it shall know, and returns what it found.
pub async fn run(world: &World, script: &str, more: Value) -> Value {
    packages::ensure().expect("npm packages");
    let mut about = json!({ "url": world.url(), "shots": paths::at("target/screenshots") });
    for (name, value) in more.as_object().into_iter().flatten() {
        about[name] = value.clone();
    }
    let mut node = Command::new(packages::node());
    node.arg(paths::at("tests/browser").join(script)).arg(about.to_string());
    let output = node.env("CHROME_PATH", chromium()).kill_on_drop(true).output().await;
    let output = output.expect("node runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// `CHROME_PATH`, or what is on the path.
fn chromium() -> PathBuf {
    if let Some(path) = env::var_os("CHROME_PATH") {
        return path.into();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let found = NAMES.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    let mut found = found.filter(|program| program.is_file());
    found.next().expect("a Chromium: install the package `chromium`, or set CHROME_PATH")
}
