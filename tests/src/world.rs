//! A whole system for one test: the built Worker, its storage and a scripted model on free ports.
//!
//! Everything ends when the world is dropped. Worlds share nothing, so tests run side by side.

use std::fs;

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::d1::{Database, Rows};
use crate::mail::MailServer;
use crate::object::Object;
use crate::rehearsal::Rehearsal;
use crate::routes::routes;
use crate::stripe::Stripe;
use crate::workerd::{Setup, Workerd};
use crate::{build, paths, secret};

/// The lines of the runtime's log that a failing test shows.
const LOG_TAIL_LINES: usize = 40;

/// The route of a world and its provider's key: the first stays ours, the second a secret.
pub const ROUTE: &str = "a-label-of-ours";
pub const PROVIDER_KEY: &str = "the-key-that-the-provider-knows";

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/";

static BUILT: OnceCell<()> = OnceCell::const_new();

/// A running system.
pub struct World {
    worker: Option<Workerd>,
    upstream: Rehearsal,
    database: Database,
    admin_token: String,
    // Last, so that nothing writes there any more when it is removed.
    folder: TempDir,
}

/// How a world differs from the usual one.
#[derive(Debug, Default)]
pub struct Plan {
    vars: Vec<(String, String)>,
    secrets: Vec<(String, String)>,
    trusted: Vec<String>,
    mail: Option<Value>,
}

impl World {
    /// The usual world.
    pub async fn start() -> Self {
        Self::plan().start().await
    }

    /// A world with other vars or secrets: `World::plan().var("CLOCK_SKEW_MS", "1000").start()`.
    pub fn plan() -> Plan {
        Plan::default()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.worker().url()
    }

    /// The address of a path: `world.at("/health")`.
    pub fn at(&self, path: &str) -> String {
        self.url() + path
    }

    /// The scripted model.
    pub fn upstream(&self) -> &Rehearsal {
        &self.upstream
    }

    /// A bearer of the operator.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The database, for questions that no API answers.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Runs one statement on the database.
    pub async fn sql(&self, sql: &str, values: Vec<Value>) -> Rows {
        self.database.query(sql, values).await.expect("the statement runs")
    }

    /// An object of the Worker, for what no API asks of it: `world.object("RUNNER", id)`.
    pub fn object(&self, binding: &str, name: &str) -> Object {
        let (door, token) = (self.worker().door(), self.worker().door_token());
        Object::new(&format!("{door}/object/{binding}/{name}"), token)
    }

    /// Rings the Worker's timer as the platform does every minute.
    pub async fn ring(&self) {
        self.database.ring("* * * * *").await.expect("the timer rings");
    }

    /// The id of the runtime's process.
    pub fn pid(&self) -> u32 {
        self.worker().pid()
    }

    /// What the runtime and the Worker wrote so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.worker().log()).unwrap_or_default()
    }

    /// What the objects have stored, a file each, as bytes.
    pub fn stored(&self) -> Vec<Vec<u8>> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(fs::read(path).expect("a file"));
                }
            }
        }
        files
    }

    /// Ends the runtime as a power failure would.
    pub fn kill9(&mut self) {
        self.worker_mut().kill9().expect("the process ends");
    }

    /// Fills the disk: the runtime writes nothing any more beyond so many bytes of a file.
    pub fn fill_disk(&mut self, bytes: u64) {
        self.worker_mut().limit_files(Some(bytes)).expect("prlimit of util-linux");
    }

    /// Makes room again.
    pub fn free_disk(&mut self) {
        self.worker_mut().limit_files(None).expect("prlimit of util-linux");
    }

    /// Sets a var from the next start on.
    pub fn set_var(&mut self, name: &str, value: impl Into<String>) {
        self.worker_mut().set_var(name, value.into());
    }

    /// Sets a secret from the next start on.
    pub fn set_secret(&mut self, name: &str, value: impl Into<String>) {
        self.worker_mut().set_secret(name, value.into());
    }

    /// Starts the runtime again, killed or not: same storage, same address.
    pub async fn restart(&mut self) {
        let mut worker = self.worker.take().expect("a world has a worker");
        let worker = spawn_blocking(move || worker.restart().map(|()| worker));
        let worker = worker.await.expect("no panic").expect("workerd starts again");
        self.database = Database::new(worker.door(), worker.door_token());
        self.worker = Some(worker);
    }

    /// `POST /admin/api/smtp/settings`
    pub async fn set_mail(&self, settings: &Value) -> Result<Value> {
        let request = reqwest::Client::new().post(self.at("/admin/api/smtp/settings"));
        let reply = request.bearer_auth(&self.admin_token).json(settings).send().await?;
        let status = reply.status();
        anyhow::ensure!(status.is_success(), "{status}: {}", reply.text().await?);
        Ok(reply.json().await?)
    }

    fn worker(&self) -> &Workerd {
        self.worker.as_ref().expect("a world has a worker")
    }

    fn worker_mut(&mut self) -> &mut Workerd {
        self.worker.as_mut().expect("a world has a worker")
    }
}

impl Plan {
    /// Sets a var, also one that `wrangler.toml` sets.
    pub fn var(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.push((name.to_owned(), value.into()));
        self
    }

    /// Sets a secret.
    pub fn secret(mut self, name: &str, value: impl Into<String>) -> Self {
        self.secrets.push((name.to_owned(), value.into()));
        self
    }

    /// Lets payments be made at a stand-in.
    pub fn with_stripe(self, stripe: &Stripe) -> Self {
        self.var("STRIPE_API_URL", stripe.url())
            .secret("STRIPE_SECRET_KEY", stripe.secret_key())
            .secret("STRIPE_WEBHOOK_SECRETS", stripe.webhook_secret())
    }

    /// Trusts this mail server, and sends by it with STARTTLS.
    pub fn with_mail(self, server: &MailServer) -> Self {
        self.trusting(server).with_mail_settings(server.settings("starttls"))
    }

    /// Trusts this mail server's certificate.
    pub fn trusting(mut self, server: &MailServer) -> Self {
        self.trusted.push(server.certificate().to_owned());
        self
    }

    /// Sends as this body of `POST /admin/api/smtp/settings` says.
    pub fn with_mail_settings(self, settings: Value) -> Self {
        Self { mail: Some(settings), ..self }
    }

    /// Builds what is not built, and starts everything.
    pub async fn start(self) -> World {
        let built =
            BUILT.get_or_try_init(|| async { spawn_blocking(build::ensure).await?.map(drop) });
        built.await.expect("the Worker builds");
        self.launch().await.expect("the world starts")
    }

    async fn launch(self) -> Result<World> {
        let mail = self.mail;
        let folder = folder()?;
        let upstream = Rehearsal::start();
        let admin_token = secret::random();
        let mut vars = vec![
            ("ENVIRONMENT".to_owned(), "development".to_owned()),
            ("ROUTES".to_owned(), routes(ROUTE, &format!("{}/v1", upstream.url))?),
            // Nothing of a test leaves this machine.
            ("RELEASES_URL".to_owned(), NOBODY.to_owned()),
        ];
        vars.retain(|(name, _)| self.vars.iter().all(|(other, _)| other != name));
        vars.extend(self.vars);
        let mut secrets = vec![
            ("ADMIN_TOKENS".to_owned(), admin_token.clone()),
            ("OPENAI_API_KEY".to_owned(), PROVIDER_KEY.to_owned()),
            ("SIGNING_SECRETS".to_owned(), secret::random()),
            ("SEALING_KEYS".to_owned(), secret::sealing_key(&secret::random())),
        ];
        secrets.retain(|(name, _)| self.secrets.iter().all(|(other, _)| other != name));
        secrets.extend(self.secrets);
        let setup = Setup {
            folder: folder.path().to_owned(),
            port: 0,
            vars,
            secrets,
            trusted: self.trusted,
            door_token: secret::random(),
        };
        let worker = spawn_blocking(|| Workerd::start(setup)).await??;
        let database = Database::new(worker.door(), worker.door_token());
        database.migrate().await?;
        let world = World { worker: Some(worker), upstream, database, admin_token, folder };
        if let Some(settings) = mail {
            world.set_mail(&settings).await?;
        }
        Ok(world)
    }
}

/// On the disk of the build, so that the built Worker is linked and not copied.
fn folder() -> Result<TempDir> {
    let parent = paths::at("target/worlds");
    fs::create_dir_all(&parent)?;
    Ok(TempDir::new_in(parent)?)
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
            eprintln!("the runtime's last lines:\n{}", tail.join("\n"));
        }
    }
}
