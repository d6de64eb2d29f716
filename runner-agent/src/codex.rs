//! Facts of a codex binary, asked of the binary itself: where it really is, which version, which
//! methods, and in which form it wants what versions disagree about.
//!
//! A version that nobody here has seen is no error. What it does not tell stays empty, and what
//! depends on it is guessed from its number.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::host::spec::{private_dir, write_private};

/// A binary that does not say its version within this time is no codex.
const PATIENCE: Duration = Duration::from_secs(20);
/// Raised when facts of an older form, or gathered otherwise, must not be used any more.
const FACTS_VERSION: u32 = 1;

/// Where the parts of a codex lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binary {
    /// The native program.
    pub program: PathBuf,
    /// What has to be visible for it to run: its directory of helpers, or only itself.
    pub package: PathBuf,
}

/// The form in which a version wants the name of a permission profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// `{"type": "profile", "id": ":workspace"}`
    Object,
    /// `":workspace"`
    Text,
}

/// What a binary told about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Where it is.
    pub binary: Binary,
    /// `0.169.0`; empty if it did not say.
    pub version: String,
    /// Every request that it takes, in order; empty if it did not say.
    pub methods: Vec<String>,
    /// A digest of all its types, in hexadecimal; empty if it did not say.
    pub schema: String,
    /// How it wants permission profiles.
    pub profile: Profile,
    /// Whether it knows the approval policy `on-failure`.
    pub on_failure: bool,
}

/// Facts as they are kept, with what they were gathered from.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    facts_version: u32,
    bytes: u64,
    modified_ms: u128,
    facts: Facts,
}

impl Facts {
    /// `(0, 169)` of `0.169.0`.
    pub fn major_minor(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.split('.').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
            _ => None,
        }
    }
}

/// Finds the native program behind a path: the program itself, the launcher script of its npm
/// package, a link to either, or a bare name to look for in `PATH`.
pub fn resolve(codex: &Path) -> Result<Binary> {
    let found = locate(codex).with_context(|| format!("{} is not there", codex.display()))?;
    let program = match native_of(&found) {
        Some(native) => native,
        None if is_script(&found) => {
            bail!("{} is a script without a codex package around it", found.display())
        }
        None => found,
    };
    let package = program.parent().and_then(Path::parent).filter(|folder| is_package(folder));
    let package = package.unwrap_or(&program).to_owned();
    Ok(Binary { program, package })
}

/// Asks a binary for its facts, or remembers them from the last time it was the same file.
pub async fn facts(codex: &Path, cache: &Path) -> Result<Facts> {
    let binary = resolve(codex)?;
    let about = fs::metadata(&binary.program)?;
    let modified = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    private_dir(cache)?;
    let name = Sha256::digest(binary.program.as_os_str().as_encoded_bytes());
    let file = cache.join(format!("codex-{}.json", hex(name.get(..8).unwrap_or_default())));
    let same = |it: &Remembered| {
        let file = (it.bytes, it.modified_ms) == (about.len(), modified.as_millis());
        file && it.facts_version == FACTS_VERSION && it.facts.binary == binary
    };
    let remembered = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(remembered) = remembered.filter(same) {
        return Ok(remembered.facts);
    }
    let facts = gather(binary, cache).await?;
    let remembered = Remembered {
        facts_version: FACTS_VERSION,
        bytes: about.len(),
        modified_ms: modified.as_millis(),
        facts,
    };
    write_private(&file, &serde_json::to_vec(&remembered)?, true)?;
    Ok(remembered.facts)
}

async fn gather(binary: Binary, cache: &Path) -> Result<Facts> {
    // A home of its own: codex writes into whichever it is given.
    let home = cache.join(format!("asking-{}", std::process::id()));
    private_dir(&home)?;
    let version = ask(&binary, &home, &[OsStr::new("--version")]).await;
    let told = home.join("schema");
    let arguments =
        ["app-server", "generate-json-schema", "--experimental", "--out"].map(OsStr::new);
    let schema = match version {
        Ok(_) => ask(&binary, &home, &[&arguments[..], &[told.as_os_str()]].concat()).await,
        Err(_) => Ok(String::new()),
    };
    let facts = version.map(|version| {
        if let Err(error) = schema {
            tracing::warn!(%error, "this codex does not tell its methods");
        }
        read_facts(binary, &version, &told)
    });
    fs::remove_dir_all(&home)?;
    facts
}

fn read_facts(binary: Binary, version: &str, told: &Path) -> Facts {
    let version = version.split_whitespace().last().unwrap_or_default().to_owned();
    let (methods, start) = (methods(told), read(&told.join("v2/ThreadStartParams.json")));
    let schema = digest(told).unwrap_or_default();
    let mut facts =
        Facts { binary, version, methods, schema, profile: Profile::Text, on_failure: false };
    // The forms changed somewhere between the two versions that we know.
    let old = facts.major_minor().is_some_and(|it| it < (0, 150));
    (facts.profile, facts.on_failure) = match start {
        Some(start) => {
            let text = at(&start, "/properties/permissions/type").to_string().contains("string");
            let policies = at(&start, "/definitions/AskForApproval").to_string();
            (
                if text { Profile::Text } else { Profile::Object },
                policies.contains("\"on-failure\""),
            )
        }
        None => (if old { Profile::Object } else { Profile::Text }, old),
    };
    facts
}

fn methods(told: &Path) -> Vec<String> {
    let requests = read(&told.join("ClientRequest.json")).unwrap_or_default();
    let kinds = at(&requests, "/oneOf").as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |kind: &Value| Some(at(kind, "/properties/method/enum/0").as_str()?.to_owned());
    kinds.iter().filter_map(name).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Of the one file that holds all types. It is written in a stable order.
fn digest(told: &Path) -> Option<String> {
    let all = fs::read(told.join("codex_app_server_protocol.schemas.json")).ok()?;
    Some(hex(&Sha256::digest(all)))
}

async fn ask(binary: &Binary, home: &Path, arguments: &[&OsStr]) -> Result<String> {
    let mut command = Command::new(&binary.program);
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home);
    command.env("CODEX_HOME", home).current_dir(home).stdin(Stdio::null()).kill_on_drop(true);
    let name = binary.program.display();
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.with_context(|| format!("{name} did not answer"))?;
    let output = output.with_context(|| format!("{name} cannot be run"))?;
    if !output.status.success() {
        bail!("{name} ended with {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn locate(codex: &Path) -> Option<PathBuf> {
    if codex.components().count() > 1 {
        return fs::canonicalize(codex).ok();
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find_map(|folder| fs::canonicalize(folder.join(codex)).ok())
}

/// As the launcher looks for it: from its own package outwards.
fn native_of(launcher: &Path) -> Option<PathBuf> {
    if !is_script(launcher) {
        return None;
    }
    let (cpu, triple) = match std::env::consts::ARCH {
        "aarch64" => ("arm64", "aarch64-unknown-linux-musl"),
        _ => ("x64", "x86_64-unknown-linux-musl"),
    };
    let package = format!("node_modules/@openai/codex-linux-{cpu}/vendor");
    let root = launcher.parent()?.parent()?;
    let vendors = root.ancestors().map(|folder| folder.join(&package));
    let vendors = std::iter::once(root.join("vendor")).chain(vendors);
    let programs = vendors.flat_map(|vendor| {
        ["bin/codex", "codex/codex"].map(|program| vendor.join(triple).join(program))
    });
    programs.filter_map(|program| fs::canonicalize(program).ok()).find(|it| it.is_file())
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"#!"
}

fn is_package(folder: &Path) -> bool {
    folder.join("codex-resources").is_dir() || folder.join("codex-package.json").is_file()
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn script(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_launcher_leads_to_the_program_of_its_own_package_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let (cpu, triple) = match std::env::consts::ARCH {
            "aarch64" => ("arm64", "aarch64-unknown-linux-musl"),
            _ => ("x64", "x86_64-unknown-linux-musl"),
        };
        let vendor = format!("node_modules/@openai/codex-linux-{cpu}/vendor/{triple}");
        let launcher = root.join("node_modules/a-name/bin/codex.js");
        script(&launcher, "#!/usr/bin/env node");
        let outer = root.join(&vendor).join("bin/codex");
        script(&outer, "native");
        assert_eq!(resolve(&launcher).unwrap().program, outer);
        let inner = root.join("node_modules/a-name").join(&vendor).join("codex/codex");
        script(&inner, "native");
        fs::create_dir(inner.parent().unwrap().parent().unwrap().join("codex-resources")).unwrap();
        let package = inner.parent().unwrap().parent().unwrap().to_owned();
        assert_eq!(resolve(&launcher).unwrap(), Binary { program: inner, package });
    }

    #[test]
    fn what_is_missing_or_leads_nowhere_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let launcher = folder.path().join("codex");
        assert!(resolve(&launcher).unwrap_err().to_string().contains("is not there"));
        script(&launcher, "#!/bin/sh");
        assert!(resolve(&launcher).unwrap_err().to_string().contains("without a codex package"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_version_that_tells_nothing_but_its_number_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let vendor = folder.path().join("vendor/x86_64-unknown-linux-musl/bin/codex");
        // A script stands for the program, for it is run directly.
        script(&vendor, "#!/bin/sh\n[ \"$1\" = --version ] && echo codex-cli 9.1.0\n");
        let binary = Binary { program: vendor.clone(), package: vendor };
        let facts = gather(binary, folder.path()).await.unwrap();
        assert_eq!((facts.version.as_str(), facts.profile), ("9.1.0", Profile::Text));
        assert_eq!((facts.methods.len(), facts.schema.as_str()), (0, ""));
    }
}
