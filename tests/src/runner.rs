//! A machine that hosts codex: the true agent, enrolled in a world, with its own storage.
//!
//! What it starts outlives it by design, so whoever drops a machine ends its hosts too, by their
//! ids.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::island::Island;
use crate::leash::Leash;
use crate::packages::{self, Codex};
use crate::world::World;
use crate::{command, paths, steps};

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
/// Hosts that nobody could end, because whoever started them was killed, end by themselves after
/// these two.
const IDLE_STOP_S: u64 = 120;
const LINGER_S: u64 = 20;

/// The profile that the agent is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quickly built: for tests and for `cargo dev`.
    Quick,
    /// As it ships: for figures.
    Release,
}

/// How a machine differs from the usual one.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The codex binary or launcher that it hosts.
    pub codex: PathBuf,
    /// Where it dials, if not straight to the world.
    pub url: Option<String>,
    /// Processes that it hosts at most.
    pub capacity: u32,
    /// See [`Profile`].
    pub profile: Profile,
    /// More lines of its configuration file.
    pub config: String,
    /// More of its environment.
    pub environment: Vec<(String, OsString)>,
}

/// An enrolled machine. Dropping it ends the agent and everything that it started.
#[derive(Debug)]
pub struct Machine {
    /// The runner's id.
    pub id: String,
    program: PathBuf,
    /// How often it was started from another file.
    updates: u32,
    island: Option<u32>,
    environment: Vec<(String, OsString)>,
    agent: Option<Leash>,
    admin: Admin,
    folder: PathBuf,
    /// Removes the folder in the end, where it is not kept.
    temporary: Option<TempDir>,
}

/// Who enrols machines.
#[derive(Debug, Clone)]
pub struct Admin {
    http: Client,
    url: String,
    token: String,
}

static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
static BUILT_RELEASE: OnceCell<PathBuf> = OnceCell::const_new();

/// Builds the agent if it is not built; where it is.
pub async fn build(profile: Profile) -> Result<PathBuf> {
    let cell = if profile == Profile::Release { &BUILT_RELEASE } else { &BUILT };
    cell.get_or_try_init(|| async { spawn_blocking(move || compile(profile)).await? })
        .await
        .cloned()
}

fn compile(profile: Profile) -> Result<PathBuf> {
    let (flags, folder): (&[&str], _) = match profile {
        Profile::Quick => (&[], "debug"),
        Profile::Release => (&["--release"], "release"),
    };
    let program = paths::at("target").join(folder).join("runner-agent");
    if !program.is_file() {
        steps::say("building the runner's agent");
    }
    let mut cargo = command::cargo();
    cargo.args(["build", "--quiet", "--package", "runner-agent"]).args(flags);
    command::run(cargo.env_remove("CARGO_TARGET_DIR").current_dir(paths::root()))?;
    ensure!(program.is_file(), "{} was not built", program.display());
    Ok(program)
}

impl Plan {
    /// The usual machine, with this version of codex.
    pub fn with(codex: Codex) -> Self {
        Self::hosting(packages::codex(codex))
    }

    /// A machine with any program for an app-server.
    pub fn hosting(codex: PathBuf) -> Self {
        Self {
            codex,
            url: None,
            capacity: 8,
            profile: Profile::Quick,
            config: String::new(),
            environment: Vec::new(),
        }
    }

    /// It dials there.
    pub fn dialling(mut self, url: String) -> Self {
        self.url = Some(url);
        self
    }

    /// More lines of its configuration file.
    pub fn configured(mut self, lines: &str) -> Self {
        self.config += lines;
        self
    }

    /// More of its environment.
    pub fn knowing(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }
}

impl World {
    /// A machine of this world, online, with this version of codex.
    pub async fn machine(&self, codex: Codex) -> Machine {
        self.machine_of(Plan::with(codex)).await
    }

    /// A machine as planned, online.
    pub async fn machine_of(&self, plan: Plan) -> Machine {
        let mut machine = self.enrol(plan).await.expect("the machine enrols");
        machine.start().expect("the agent starts");
        machine.online().await;
        machine
    }

    /// A machine on an island, online.
    pub async fn machine_on(&self, island: &Island, plan: Plan) -> Machine {
        let plan = plan.dialling(island.url());
        let mut machine = self.enrol(plan).await.expect("the machine enrols");
        machine.island = Some(island.pid());
        machine.start().expect("the agent starts");
        machine.online().await;
        machine
    }

    /// A machine as planned, enrolled and not started.
    pub async fn enrol(&self, plan: Plan) -> Result<Machine> {
        // Not under the system's temporary folder, which codex refuses for some of its files.
        let parent = paths::at("target/worlds");
        fs::create_dir_all(&parent)?;
        let folder = TempDir::new_in(parent)?;
        let admin = Admin::new(&self.url(), self.admin_token());
        let mut machine = Machine::kept(admin, plan, folder.path().to_owned()).await?;
        machine.temporary = Some(folder);
        Ok(machine)
    }
}

impl Machine {
    /// A machine whose storage is kept in a folder: enrolled if it is not, and not started.
    pub async fn kept(admin: Admin, plan: Plan, folder: PathBuf) -> Result<Self> {
        let program = build(plan.profile).await?;
        packages::ensure()?;
        fs::create_dir_all(&folder)?;
        let dialled = plan.url.clone().unwrap_or_else(|| admin.url.clone());
        let config = format!(
            "url = {dialled:?}\ncodex = {:?}\n{}\n\
             [limits]\nidle_stop_s = {IDLE_STOP_S}\nlinger_s = {LINGER_S}\n",
            plan.codex, plan.config
        );
        fs::write(folder.join("config.toml"), config)?;
        let enrolled = folder.join("enrolled");
        let id = match fs::read_to_string(&enrolled) {
            Ok(id) => id,
            Err(_) => {
                let id = admin.enrol(&program, &plan, &folder.join("state")).await?;
                fs::write(enrolled, &id)?;
                id
            }
        };
        let (island, agent, temporary, updates) = (None, None, None, 0);
        let environment = plan.environment;
        Ok(Self { id, program, updates, island, environment, agent, admin, folder, temporary })
    }

    /// Starts the agent.
    pub fn start(&mut self) -> Result<()> {
        let mut run = match self.island {
            Some(pid) => Island::enter(pid, &self.program),
            None => Command::new(&self.program),
        };
        run.envs(self.environment.iter().map(|(name, value)| (name, value)));
        run.arg("run").arg("--config").arg(self.folder.join("config.toml"));
        run.arg("--state-dir").arg(self.state());
        self.agent = Some(Leash::spawn(&mut run, &self.log_file())?);
        Ok(())
    }

    /// Ends the agent as a power failure would; its hosts go on.
    pub fn kill(&mut self) {
        self.agent = None;
    }

    /// Ends the agent and its hosts, and what these host, as a power failure would.
    pub fn kill_all(&mut self) -> Result<()> {
        let hosts = self.hosts();
        self.kill();
        for host in hosts {
            let killed = Command::new("kill").args(["-9", &host.to_string()]).status()?;
            ensure!(killed.success(), "host {host} cannot be killed");
        }
        Ok(())
    }

    /// Ends the agent and starts it again from another file, as an update does.
    pub fn update(&mut self) -> Result<()> {
        self.updates += 1;
        let next = self.folder.join(format!("runner-agent-{}", self.updates));
        fs::copy(&self.program, &next)?;
        self.kill();
        self.program = next;
        self.start()
    }

    /// Puts another file in the place of the one that the agent runs from, which goes on running.
    pub fn replace(&self) -> Result<()> {
        ensure!(self.updates > 0, "what is not this machine's own is not replaced");
        let next = self.folder.join("runner-agent-next");
        fs::copy(&self.program, &next)?;
        Ok(fs::rename(next, &self.program)?)
    }

    /// The agent's process.
    pub fn pid(&self) -> Option<u32> {
        self.agent.as_ref().map(Leash::pid)
    }

    /// Where the agent keeps its state.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// What the agent wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The processes of its hosts that are alive.
    pub fn hosts(&self) -> Vec<u32> {
        let entries = fs::read_dir(self.state().join("hosts")).into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| {
            let pid = fs::read_to_string(entry.path().join("pid")).ok()?;
            pid.trim().parse().ok()
        });
        pids.filter(|pid| is_ours(*pid)).collect()
    }

    /// What the hub says of it: `GET /admin/api/runners/{runner_id}`.
    pub async fn seen(&self) -> Result<Value> {
        self.admin.get(&format!("runners/{}", self.id)).await
    }

    /// Waits until the hub calls it online.
    pub async fn online(&self) {
        self.until("online").await.expect("a machine that is there");
    }

    /// Waits until the hub calls it that.
    pub async fn until(&self, state: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen().await?;
            if seen["state"] == state {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not {state}: {seen}\nthe agent wrote:\n{}", tail(&self.log()));
            }
            sleep(POLL).await;
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the agent's log:\n{}", tail(&self.log()));
            for host in fs::read_dir(self.state().join("hosts")).into_iter().flatten().flatten() {
                let log = fs::read_to_string(host.path().join("log")).unwrap_or_default();
                eprintln!("a host's log:\n{}", tail(&log));
            }
        }
        self.kill();
        for pid in self.hosts() {
            // It is gone already, or goes now.
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

impl Admin {
    pub fn new(url: &str, token: &str) -> Self {
        Self { http: Client::new(), url: url.to_owned(), token: token.to_owned() }
    }

    /// Makes a machine a runner; its id.
    async fn enrol(&self, program: &Path, plan: &Plan, state: &Path) -> Result<String> {
        let token = self.registration().await?;
        let mut register = Command::new(program);
        register.args(["register", "--url", &self.url, "--token", &token]);
        register.args(["--capacity", &plan.capacity.to_string()]).arg("--state-dir").arg(state);
        let said = spawn_blocking(move || command::run(&mut register)).await??;
        let id = said.split_whitespace().find(|word| word.starts_with("rnr_"));
        id.map(str::to_owned).with_context(|| format!("no runner's id in: {said}"))
    }

    async fn registration(&self) -> Result<String> {
        let request = self.http.post(format!("{}/admin/api/runners/registrations", self.url));
        let reply = request.bearer_auth(&self.token).json(&json!({})).send().await?;
        let (status, body) = (reply.status(), reply.text().await?);
        ensure!(status.is_success(), "{status}: {body}");
        let made: Value = serde_json::from_str(&body)?;
        made["token"].as_str().map(str::to_owned).with_context(|| format!("no token in {body}"))
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}/admin/api/{path}", self.url));
        let reply = request.bearer_auth(&self.token).send().await?;
        let (status, body) = (reply.status(), reply.text().await?);
        if !status.is_success() {
            bail!("{status}: {body}");
        }
        Ok(serde_json::from_str(&body)?)
    }
}

/// Whether a process of that id is a host of ours, and not somebody who got the number later.
fn is_ours(pid: u32) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.split(|byte| *byte == 0).any(|word| word == b"host")
}

fn tail(log: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
