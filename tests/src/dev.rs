//! `cargo dev`: the whole system on this machine, with storage that survives a restart.

use std::env;
use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::d1::{Database, seed};
use crate::demo::{self, Demo};
use crate::inbox::Inbox;
use crate::leash::free_port;
use crate::packages::Codex;
use crate::rehearsal::Rehearsal;
use crate::routes::routes;
use crate::runner::{Admin, Machine, Plan};
use crate::stripe::{self, Process};
use crate::workerd::{Setup, Workerd};
use crate::{build, paths, secret, steps};

const DEFAULT_PORT: u16 = 8787;
const OPENAI_URL: &str = "https://api.openai.com/v1";
const READY: &str = "target/dev/ready.json";
const HEALTH_POLL: Duration = Duration::from_millis(200);
/// Where Stripe tells us what happened.
const WEBHOOK_PATH: &str = "/api/v1/stripe/webhook";
const TIMER: Duration = Duration::from_secs(60);

/// What the environment asks for.
#[derive(Debug)]
struct Settings {
    port: u16,
    state: PathBuf,
    /// The provider's base, `/v1` included; none means the scripted model.
    upstream: Option<String>,
    provider_key: String,
    /// Where payments are made; none means the stand-in.
    stripe: Option<String>,
    /// The stand-in's port, where it is one.
    cashier: u16,
    /// The codex binary or launcher that the runner hosts.
    codex: Option<PathBuf>,
}

/// The note that everything answers; removed when that ends.
struct Ready(PathBuf);

impl Drop for Ready {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs until it is interrupted, or until a part of it dies.
pub async fn run() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        ended = system() => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

/// Fills the storage of this system with many customers, while it does not run.
pub async fn seed(plan: seed::Plan) -> Result<()> {
    let settings = Settings::read()?;
    settings.check_port()?;
    let _state = settings.lock_state()?;
    tokio::task::spawn_blocking(build::ensure).await??;
    let setup = settings.setup("http://127.0.0.1:9/v1", &secret::random())?;
    let worker = tokio::task::spawn_blocking(|| Workerd::start(setup)).await??;
    let database = Database::new(worker.door(), worker.door_token());
    database.migrate().await?;
    let seed::Plan { customers, sums, runners, .. } = plan;
    steps::say(&format!("making {customers} customers, {sums} sums, {runners} runners"));
    plan.fill(&database).await.context("these rows are there already, or others like them")?;
    steps::say("made");
    Ok(())
}

async fn system() -> Result<()> {
    let settings = Settings::read()?;
    settings.check_port()?;
    let _state = settings.lock_state()?;
    tokio::task::spawn_blocking(build::ensure).await??;
    let rehearsal = settings.upstream.is_none().then(Rehearsal::start);
    let rehearsal_url = rehearsal.as_ref().map(|it| format!("{}/v1", it.url));
    let upstream = settings.upstream.clone().or(rehearsal_url).unwrap_or_default();
    let admin_token = secret::keep(&settings.state.join("admin-token"))?;

    steps::say("starting workerd");
    let setup = settings.setup(&upstream, &admin_token)?;
    let mut worker = tokio::task::spawn_blocking(|| Workerd::start(setup)).await??;
    let database = Database::new(worker.door(), worker.door_token());
    for name in database.migrate().await? {
        steps::say(&format!("applied migration {name}"));
    }
    let inbox = settings.mail(&worker.url(), &admin_token).await?;
    let account = settings.state.join("demo-account");
    let demo = demo::account(&worker.url(), &admin_token, &account).await?;
    let machine = settings.machine(&worker, &admin_token).await?;
    let system = System {
        worker: &worker,
        machine: &machine,
        demo: &demo,
        inbox: &inbox,
        upstream: &upstream,
        stripe: settings.stripe_url(),
    };
    let ready = system.announce(&admin_token, rehearsal.is_some())?;
    let _cashier = settings.cashier(&worker.url())?;
    let ended = watch(&mut worker, &database).await;
    drop(ready);
    ended
}

impl Settings {
    fn read() -> Result<Self> {
        let port = match variable("GANTRY_PORT") {
            Some(text) => text.parse().with_context(|| format!("GANTRY_PORT={text}"))?,
            None => DEFAULT_PORT,
        };
        let key = variable("OPENAI_API_KEY");
        let upstream = variable("GANTRY_UPSTREAM_URL");
        let state = variable("GANTRY_STATE_DIR").map(PathBuf::from);
        let state = state.unwrap_or_else(|| paths::at("target/dev/state"));
        fs::create_dir_all(&state)
            .with_context(|| format!("GANTRY_STATE_DIR={}", state.display()))?;
        Ok(Self {
            port,
            state: fs::canonicalize(state)?,
            upstream: upstream.or_else(|| key.is_some().then(|| OPENAI_URL.to_owned())),
            provider_key: key.unwrap_or_else(|| "rehearsal".to_owned()),
            stripe: variable("GANTRY_STRIPE_API_URL"),
            cashier: free_port()?,
            codex: variable("GANTRY_CODEX").map(PathBuf::from),
        })
    }

    /// Fails before a long build rather than after it.
    fn check_port(&self) -> Result<()> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map(drop).with_context(|| {
            format!("port {} is taken; free it, or choose another with GANTRY_PORT", self.port)
        })
    }

    fn lock_state(&self) -> Result<File> {
        let file = File::create(self.state.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!(
                "another `cargo dev` uses {}; stop it, or set GANTRY_STATE_DIR and GANTRY_PORT",
                self.state.display()
            ),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// An inbox that takes every mail of this system, unless its operator has set another way.
    async fn mail(&self, url: &str, admin_token: &str) -> Result<Inbox> {
        let inbox = Inbox::open().await?;
        let (client, at) = (Client::new(), format!("{url}/admin/api/smtp/settings"));
        let set = client.get(&at).bearer_auth(admin_token).send().await?.error_for_status()?;
        let set: Value = set.json().await?;
        let ours = set["http"]["url"].as_str().is_none_or(|it| it.starts_with("http://127.0.0.1:"));
        if set["via"] == "off" || (set["via"] == "http" && ours) {
            let request = client.post(&at).bearer_auth(admin_token).json(&inbox.settings());
            request.send().await?.error_for_status()?;
        }
        Ok(inbox)
    }

    /// The one machine of this system, with the newest codex or the one that is wished.
    async fn machine(&self, worker: &Workerd, admin_token: &str) -> Result<Machine> {
        steps::say("starting a runner");
        let plan = match &self.codex {
            Some(codex) => Plan::hosting(codex.clone()),
            None => Plan::with(Codex::Newest),
        };
        let admin = Admin::new(&worker.url(), admin_token);
        let mut machine = Machine::kept(admin, plan, self.state.join("runner")).await?;
        machine.start()?;
        machine.until("online").await?;
        Ok(machine)
    }

    /// Where payments are made.
    fn stripe_url(&self) -> String {
        let cashier = || format!("http://127.0.0.1:{}", self.cashier);
        self.stripe.clone().unwrap_or_else(cashier)
    }

    /// What payments are made with: the environment's, or the stand-in's own.
    fn stripe_secrets(&self) -> Result<Vec<(String, String)>> {
        let names = ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"];
        if self.stripe.is_some() {
            let given = names.into_iter().filter_map(|name| Some((name, variable(name)?)));
            return Ok(given.map(|(name, value)| (name.to_owned(), value)).collect());
        }
        Ok(names.map(str::to_owned).into_iter().zip(self.cashier_secrets()?).collect())
    }

    /// What the stand-in knows us by, and what it signs with.
    fn cashier_secrets(&self) -> Result<[String; 2]> {
        let kept = secret::keep(&self.state.join("stripe-secret"))?;
        Ok([format!("sk_test_{kept}"), format!("whsec_{kept}")])
    }

    /// Starts the stand-in for Stripe, unless there is another. It begins once everything answers:
    /// who pays first comes seconds later.
    fn cashier(&self, url: &str) -> Result<Option<Process>> {
        if self.stripe.is_some() {
            return Ok(None);
        }
        let process = Process::begin(self.cashier)?;
        let [key, secret] = self.cashier_secrets()?;
        let (at, to) = (process.url().to_owned(), format!("{url}{WEBHOOK_PATH}"));
        tokio::spawn(async move { stripe::listen_soon(&at, &key, &secret, &to).await });
        Ok(Some(process))
    }

    fn setup(&self, upstream: &str, admin_token: &str) -> Result<Setup> {
        let name = if upstream == OPENAI_URL { "openai" } else { "rehearsal" };
        let mut vars = vec![
            ("ENVIRONMENT".to_owned(), "development".to_owned()),
            ("ROUTES".to_owned(), routes(name, upstream)?),
            ("PUBLIC_URL".to_owned(), format!("http://127.0.0.1:{}", self.port)),
        ];
        vars.push(("STRIPE_API_URL".to_owned(), self.stripe_url()));
        let mut secrets = vec![
            ("ADMIN_TOKENS".to_owned(), admin_token.to_owned()),
            ("OPENAI_API_KEY".to_owned(), self.provider_key.clone()),
            ("SIGNING_SECRETS".to_owned(), secret::keep(&self.state.join("signing-secret"))?),
            (
                "SEALING_KEYS".to_owned(),
                secret::sealing_key(&secret::keep(&self.state.join("sealing-key"))?),
            ),
        ];
        secrets.extend(self.stripe_secrets()?);
        let folder = self.state.join("runtime");
        fs::create_dir_all(&folder)?;
        let (port, door_token) = (self.port, secret::random());
        Ok(Setup { folder, port, vars, secrets, door_token, ..Setup::default() })
    }
}

/// What runs, for those who ask where it is.
struct System<'a> {
    worker: &'a Workerd,
    machine: &'a Machine,
    demo: &'a Demo,
    inbox: &'a Inbox,
    upstream: &'a str,
    stripe: String,
}

impl System<'_> {
    /// Says where everything is, to a person and to scripts.
    fn announce(&self, admin_token: &str, scripted: bool) -> Result<Ready> {
        let Self { worker, machine, demo, inbox, upstream, stripe } = self;
        let url = worker.url();
        let home = paths::at("target/dev/codex-home");
        fs::create_dir_all(&home)?;
        let command = demo::codex_command(Codex::Newest, &home, &url, &demo.key);
        let turn = demo::turn_command(&url, &demo.key, scripted);
        let note = json!({
            "url": url,
            "key": demo.key,
            "username": demo.username,
            "admin_token": admin_token,
            "codex_command": command,
            "turn_command": turn,
            "runner_id": machine.id,
            "upstream_url": upstream,
            "inbox_url": inbox.url,
            "stripe_url": stripe,
            "pids": {
                "dev": std::process::id(), "workerd": worker.pid(), "runner": machine.pid(),
            },
        });
        let ready = variable("GANTRY_READY_FILE").map_or_else(|| paths::at(READY), PathBuf::from);
        secret::write(&ready, &serde_json::to_string_pretty(&note)?)?;
        steps::say("everything answers");
        let model = if scripted { "scripted, no network and no cost" } else { upstream };
        println!(
            "\n  Gantry   {url}\n  Key      {}\n  Model    {model}\n  Runner   {}\n  \
             Inbox    {}\n  Log      {}\n\n  Ask it something:\n\n{command}\n\n  \
             Let codex work on the runner, and watch:\n\n{turn}\n\n  \
             Ctrl-C ends everything.\n",
            demo.key,
            machine.id,
            inbox.url,
            short(&worker.log()).display(),
        );
        Ok(Ready(ready))
    }
}

/// Returns when the runtime dies. Meanwhile rings the timer as the platform does.
async fn watch(worker: &mut Workerd, database: &Database) -> Result<()> {
    let mut poll = interval(HEALTH_POLL);
    let mut timer = interval(TIMER);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    timer.tick().await;
    loop {
        tokio::select! {
            _ = poll.tick() => if let Some(status) = worker.ended()? {
                bail!("workerd ended ({status}); its log is {}", worker.log().display());
            },
            _ = timer.tick() => if let Err(error) = database.ring("* * * * *").await {
                steps::say(&format!("the timer failed: {error:#}"));
            },
        }
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Relative to where the user stands, if it lies below.
fn short(path: &Path) -> &Path {
    env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}
