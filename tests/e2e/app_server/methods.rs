//! The list of methods against the binaries themselves: what a new version brings is looked at
//! before anybody can call it.

use std::fs;
use std::process::Command;

use functions::domain::methods::METHODS;
use serde_json::Value;
use tempfile::TempDir;
use tests::packages::{self, Codex};
use tests::{command, paths};

const VERSIONS: [Codex; 2] = [Codex::Pinned, Codex::Newest];

/// The methods of one kind that a version of codex knows, its experimental ones with them.
fn methods(version: Codex, kind: &str) -> Vec<String> {
    packages::ensure().expect("packages");
    // Not under the system's temporary folder, which codex refuses for some of its files.
    let parent = paths::at("target/worlds");
    fs::create_dir_all(&parent).expect("a folder");
    let folder = TempDir::new_in(parent).expect("a folder");
    let mut codex = Command::new(packages::node());
    codex.arg(packages::codex(version)).args(["app-server", "generate-json-schema"]);
    codex.arg("--experimental").arg("--out").arg(folder.path());
    codex.env("HOME", folder.path()).env("CODEX_HOME", folder.path());
    command::run(&mut codex).expect("a schema");
    let text = fs::read(folder.path().join(format!("{kind}.json"))).expect("a file");
    let schema: Value = serde_json::from_slice(&text).expect("JSON");
    let variants = schema["oneOf"].as_array().expect("variants");
    let names = variants.iter().flat_map(|variant| {
        let method = &variant["properties"]["method"];
        method["enum"].as_array().cloned().unwrap_or_else(|| vec![method["const"].clone()])
    });
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[test]
fn every_method_of_every_version_was_looked_at() {
    for version in VERSIONS {
        let methods = methods(version, "ClientRequest");
        assert!(methods.len() > 50, "{methods:?}");
        let listed = |name: &String| METHODS.iter().any(|(listed, _)| listed == name);
        let new: Vec<_> = methods.iter().filter(|name| !listed(name)).collect();
        assert!(new.is_empty(), "{version:?} has methods that nobody has looked at: {new:#?}");
    }
}

#[test]
fn the_list_has_no_method_that_no_version_knows() {
    let known: Vec<String> =
        VERSIONS.into_iter().flat_map(|version| methods(version, "ClientRequest")).collect();
    let gone: Vec<_> =
        METHODS.iter().filter(|(name, _)| !known.iter().any(|it| it == name)).collect();
    assert!(gone.is_empty(), "no version has {gone:#?}");
}

#[test]
fn codex_takes_one_notification() {
    for version in VERSIONS {
        assert_eq!(methods(version, "ClientNotification"), ["initialized"]);
    }
}
