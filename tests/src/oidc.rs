//! Stand-ins for Google: a certified OpenID provider with login pages, and one whose tokens can be
//! bent. Each is a process of its own on a free port.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::leash::{Leash, free_port};
use crate::{packages, paths};

/// Who the deployment is to each of them.
pub const CLIENT_ID: &str = "app";
pub const CLIENT_SECRET: &str = "a-secret-of-more-than-thirty-two-characters";

/// A certified provider.
#[derive(Debug)]
pub struct Provider(Process);

/// A provider whose tokens can be bent.
#[derive(Debug)]
pub struct Bent(Process);

#[derive(Debug)]
struct Process {
    url: String,
    http: Client,
    _leash: Leash,
    // Last, so that nothing writes there any more when it is removed.
    _folder: TempDir,
}

impl Provider {
    pub async fn start() -> Self {
        Self(Process::start("tests/oidc/provider.mjs").await.expect("a provider"))
    }

    /// Its issuer.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Lets it serve a deployment, with people by their `sub`.
    pub async fn serve(&self, deployment: &str, people: Value) {
        let redirect_uri = format!("{deployment}/api/v1/auth/google/callback");
        let body = json!({ "redirect_uri": redirect_uri, "people": people });
        self.0.tell("/_serve", &body).await.expect("it serves");
    }
}

impl Bent {
    pub async fn start() -> Self {
        Self(Process::start("tests/oidc/bent.mjs").await.expect("a provider"))
    }

    /// Its issuer.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Bends what it says from now on; see `tests/oidc/bent.mjs`.
    pub async fn bend(&self, how: Value) {
        self.0.tell("/_bend", &how).await.expect("it bends");
    }

    /// How often a path was asked for.
    pub async fn asked(&self, path: &str) -> u64 {
        let asked = self.0.http.get(format!("{}/_asked", self.0.url)).send().await;
        let asked: Value = asked.expect("an answer").json().await.expect("counts");
        asked[path].as_u64().unwrap_or_default()
    }
}

impl Process {
    async fn start(script: &str) -> Result<Self> {
        spawn_blocking(packages::ensure).await??;
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        let mut node = Command::new(packages::node());
        node.arg(paths::at(script)).arg(port.to_string());
        let leash = Leash::start(&mut node, &folder.path().join("log"), port).await?;
        let (url, http) = (format!("http://127.0.0.1:{port}"), Client::new());
        Ok(Self { url, http, _leash: leash, _folder: folder })
    }

    async fn tell(&self, path: &str, body: &Value) -> Result<()> {
        let told = self.http.post(format!("{}{path}", self.url)).json(body).send().await;
        let status = told.context("the stand-in does not answer")?.status();
        ensure!(status.is_success(), "{path}: {status}");
        Ok(())
    }
}
