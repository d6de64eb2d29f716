//! A host over the true `codex app-server`, the oldest and the newest, with the scripted model
//! behind the key proxy.

#[path = "../../runner-agent/tests/host/client.rs"]
mod client;
mod dialects;
mod secrets;
mod turns;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use runner_agent::host::Spec;
use runner_agent::host::spec::{Jail, Limits};
use runner_agent::local::FromHost;
use schema::tunnel::{Provider, Seq, ToRunner};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::packages::{self, Codex};
use tests::paths;
use tests::rehearsal::Rehearsal;
use tests::runner::{self, Profile};
use tokio::process::{Child, Command};

use client::{ACCOUNT, Client, new_op};

/// The key that only the host and the edge may ever see.
const KEY: &str = "cdx_sk_nobody_inside_may_ever_read_this";
/// Stands in the agent's state for the private key of the machine.
const MACHINE_KEY: &str = "ed25519_seed_nobody_inside_may_ever_read_this";

/// A host with an agent attached, and a model behind it that lets in only the key.
struct Hosted {
    model: Rehearsal,
    /// The agent, which is its own host.
    program: PathBuf,
    spec: Spec,
    client: Client,
    /// The thread that turns run in.
    thread: String,
    host: Option<Child>,
    _folders: [TempDir; 2],
}

impl Hosted {
    async fn start(version: Codex) -> Hosted {
        packages::ensure().unwrap();
        fs::create_dir_all(paths::at("target/worlds")).unwrap();
        let folder = TempDir::new_in(paths::at("target/worlds")).unwrap();
        // A socket's path is limited, wherever this repository lies.
        let short = TempDir::new().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        fs::write(state.join("credential.json"), MACHINE_KEY).unwrap();
        let model = Rehearsal::with_key(KEY);
        let spec = Spec {
            process: ACCOUNT,
            edge: model.url.clone(),
            ca_file: None,
            account: state.join("accounts/one"),
            private: state.join("hosts/one"),
            socket: short.path().join("host.sock"),
            cache: paths::at("target/codex-facts"),
            codex: packages::codex(version),
            jail: Jail::Bubblewrap,
            provider: Provider::Edge,
            template: None,
            limits: Limits { backoff_ms: 1, ..Limits::default() },
            model: Some("gpt-5.5".to_owned()),
        };
        let program = runner::build(Profile::Quick).await.unwrap();
        let host = spawn(&program, &spec);
        let client = attach(&spec, Seq(0)).await;
        let (thread, folders) = (String::new(), [folder, short]);
        let mut hosted =
            Hosted { model, program, spec, client, thread, host: Some(host), _folders: folders };
        let op = new_op();
        let start = ToRunner::Start { op, process: ACCOUNT, key: Some(KEY.to_owned()) };
        hosted.client.frame(&start, b"").await;
        hosted.client.answer(op).await.unwrap();
        hosted
    }

    /// With a thread that asks nobody.
    async fn with_thread(version: Codex) -> Hosted {
        let mut hosted = Hosted::start(version).await;
        hosted
            .open_thread(json!({ "approvalPolicy": "never", "sandbox": "workspace-write" }))
            .await;
        hosted
    }

    async fn open_thread(&mut self, params: Value) -> Value {
        let answer = self.call("thread/start", params).await;
        let thread = answer["result"]["thread"]["id"].as_str();
        self.thread = thread.unwrap_or_else(|| panic!("no thread: {answer}")).to_owned();
        answer["result"].clone()
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.client.call(method, params).await.unwrap()
    }

    /// Starts a turn, and returns its id.
    async fn begin(&mut self, prompt: &str) -> String {
        self.begin_with(prompt, json!({})).await
    }

    async fn begin_with(&mut self, prompt: &str, mut params: Value) -> String {
        params["threadId"] = json!(self.thread);
        params["input"] = json!([{ "type": "text", "text": prompt }]);
        let answer = self.call("turn/start", params).await;
        let turn = answer["result"]["turn"]["id"].as_str();
        turn.unwrap_or_else(|| panic!("no turn: {answer}")).to_owned()
    }

    /// Runs a turn to its end, and returns that.
    async fn turn(&mut self, prompt: &str) -> Value {
        self.begin(prompt).await;
        self.client.event("turn/completed").await["params"]["turn"].clone()
    }

    /// What a command printed, as it is told before its turn's end. The oldest version misses what
    /// a command prints before codex listens to it, so it prints nothing at first. Codex listens to
    /// both outputs apart and joins them as they come; with one there is one order.
    async fn printed(&mut self, command: &str) -> String {
        let prompt = format!("rehearse: shell sleep 0.5\\; exec 2>&1\\; {command}; say done");
        let turn = self.turn(&prompt).await;
        assert_eq!(turn["status"], "completed", "{turn}");
        let item = self.ended().expect("the command ended in its turn");
        item["item"]["aggregatedOutput"].as_str().unwrap_or_default().to_owned()
    }

    /// How a command ended, if that has come already.
    fn ended(&mut self) -> Option<Value> {
        let ended = |event: &Value| {
            event["method"] == "item/completed"
                && event["params"]["item"]["type"] == "commandExecution"
        };
        let place = self.client.events.iter().position(ended)?;
        Some(self.client.events.remove(place)["params"].clone())
    }

    /// The host dies on the spot, and another one takes over.
    async fn restart(&mut self) {
        self.host.take().unwrap().kill().await.unwrap();
        while self.client.step().await {}
        self.host = Some(spawn(&self.program, &self.spec));
        self.client = attach(&self.spec, self.client.last).await;
    }
}

fn spawn(program: &Path, spec: &Spec) -> Child {
    let path = spec.write().unwrap();
    let log = fs::File::options().append(true).create(true).open(spec.log()).unwrap();
    let mut host = Command::new(program);
    host.args(["host", "--spec"]).arg(path).kill_on_drop(true);
    host.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

async fn attach(spec: &Spec, after: Seq) -> Client {
    let listening = async {
        loop {
            if let Some(stream) = runner_agent::host::find(spec).await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let stream = tokio::time::timeout(client::PATIENCE, listening).await.unwrap();
    let client = Client::attach(stream, after).await;
    assert!(matches!(client.hello, FromHost::Attached { .. }), "{:?}", client.hello);
    client
}

/// Both versions that are promised to work.
const VERSIONS: [Codex; 2] = [Codex::Pinned, Codex::Newest];
