//! A stranger reads `openapi.json` and tries to catch the Worker at breaking its promise: every
//! operation, with what the document allows and with what it forbids, as operator and as customer.
//! What is deliberate is told apart in `tests/clients/schemathesis.toml`, with its reason.

use std::process::Stdio;
use std::time::Duration;

use schema::RunnerId;
use schema::admin::CreateUser;
use serde_json::json;
use tests::inbox::Inbox;
use tests::packages::Codex;
use tests::paths;
use tests::python::python;
use tests::runner::Machine;
use tests::runner_peer;
use tests::stripe::Stripe;
use tests::world::World;
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than it should ever take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A whole system.
struct Stage {
    world: World,
    /// Hosts a real codex. It stays, whatever is tried: who drains or revokes it gets the other.
    machine: Machine,
    /// A runner that is away, to be drained and revoked.
    spare: RunnerId,
}

impl Stage {
    async fn open() -> Self {
        let (stripe, inbox) = (Stripe::start().await, Inbox::open().await.expect("an inbox"));
        let world = World::plan().with_stripe(&stripe).with_mail_settings(inbox.settings());
        let world = world.start().await;
        let machine = world.machine(Codex::Newest).await;
        let spare = runner_peer::Machine::enrolled(&world, json!({})).await.id;
        Self { world, machine, spare }
    }
}

/// Has the document tried out with a credential; what is wrong fails the test with a command that
/// repeats it.
async fn try_out(stage: &Stage, bearer: &str) {
    let Stage { world, machine, spare } = stage;
    let seen = machine.seen().await.expect("a runner");
    let mut command = Command::new(python().expect("a Python"));
    command.env("PYTHONPATH", paths::at("tests/clients")).env("PYTHONDONTWRITEBYTECODE", "1");
    // What it remembers of a run goes with the run.
    let folder = tempfile::tempdir().expect("a folder");
    command.current_dir(folder.path());
    command.args(["-m", "schemathesis.cli", "--config-file"]);
    command.arg(paths::at("tests/clients/schemathesis.toml")).arg("run");
    command.arg(paths::at("schema/openapi.json")).args(["--url", &world.url()]);
    command.args(["--header", &format!("Authorization: Bearer {bearer}")]);
    command.env("KEPT_RUNNER", seen["id"].as_str().expect("an id"));
    command.env("SPARE_RUNNER", spare.to_string());
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, running).await.expect("it ends").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    let log = world.log();
    let panics: Vec<_> = log.lines().filter(|line| line.contains("panicked")).collect();
    assert!(panics.is_empty(), "{panics:#?}");
    println!("{said}");
}

#[tokio::test]
async fn what_an_operator_is_promised_is_kept() {
    let stage = Stage::open().await;
    let token = stage.world.admin_token().to_owned();
    try_out(&stage, &token).await;
}

#[tokio::test]
async fn what_a_customer_is_promised_is_kept() {
    let stage = Stage::open().await;
    let (plan, credit_usd) = (Some("enterprise".to_owned()), Some("100.00".to_owned()));
    let wish = CreateUser { plan, credit_usd, ..CreateUser::default() };
    let account = stage.world.open_account(&wish).await;
    try_out(&stage, &account.key).await;
}
