//! The agent between a hub and hosts that do as the test says. The clock stands still, and jumps to
//! the next thing that is due when nothing else is to be done.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a proof stops at the first surprise"
)]

mod connection;
mod ending;
mod host;
mod hub;
mod passing;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::Method;
use runner_agent::agent::status::Control;
use runner_agent::agent::{Agent, Inputs, Outcome, Signal};
use runner_agent::config::{Options, Place, Settings};
use runner_agent::credential::{Candidate, Credential};
use runner_agent::link::Change;
use runner_agent::local_status;
use schema::runner::Registered;
use schema::tunnel::{FromRunner, Grade, ProcessState, Seq, ToRunner};
use schema::{AccountId, AskId, Code, OpId, RunnerId, Timestamp};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet};

use self::host::{Attached, Host, process};
use self::hub::{Hub, Tunnel};

const ALICE: AccountId = AccountId::from_bits(1);
const BOB: AccountId = AccountId::from_bits(2);
const PIECE: usize = 256 * 1024;

struct World {
    hub: Hub,
    settings: Settings,
    _state: TempDir,
    signals: mpsc::Sender<Signal>,
    controls: mpsc::Sender<Control>,
    changes: mpsc::Sender<Change>,
    inputs: Option<Inputs>,
}

impl World {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let place = Place { state_dir: Some(state.path().to_owned()), config: None };
        let codex = Some("/there/is/none".into());
        let settings = Settings::decide(&place, Options { codex, ..Options::default() }).unwrap();
        let (signals, from_signals) = mpsc::channel(4);
        let (controls, from_controls) = mpsc::channel(4);
        let (changes, from_changes) = mpsc::channel(4);
        let inputs =
            Inputs { signals: from_signals, controls: from_controls, changes: from_changes };
        let inputs = Some(inputs);
        Self {
            hub: Hub::start().await,
            settings,
            _state: state,
            signals,
            controls,
            changes,
            inputs,
        }
    }

    fn host(&self, account: AccountId, turns: u32) -> Host {
        Host::start(&self.settings, account, turns)
    }

    /// Starts the agent.
    fn agent(&mut self, capacity: u32) -> JoinHandle<Outcome> {
        let registered = Registered {
            runner_id: RunnerId::from_bits(7),
            name: "mill".to_owned(),
            labels: Default::default(),
            capacity,
        };
        let credential = Candidate::new().unwrap().accepted(&self.hub.url(), &registered);
        self.agent_as(credential)
    }

    fn agent_as(&mut self, credential: Credential) -> JoinHandle<Outcome> {
        let agent = Agent::new(self.settings.clone(), credential).unwrap();
        tokio::task::spawn_local(agent.run(self.inputs.take().unwrap()))
    }

    /// The agent with Alice's host, both attached; the connection before the welcome is over.
    async fn begun(&mut self, turns: u32) -> (JoinHandle<Outcome>, Tunnel, Host, Attached) {
        let host = self.host(ALICE, turns);
        let agent = self.agent(4);
        let before = host.accept().await;
        assert_eq!(before.after, 0);
        let mut tunnel = self.hub.accept().await;
        tunnel.welcome(&[(ALICE, 5)]).await;
        let attached = host.accept().await;
        assert_eq!(attached.after, 5);
        (agent, tunnel, host, attached)
    }
}

fn op(n: u128) -> OpId {
    OpId::from_bits(n)
}

fn call(n: u128, process: AccountId) -> ToRunner {
    ToRunner::Call { op: op(n), process, grade: Grade::Customer, wait_ms: 1_000 }
}

fn answer(n: u128) -> FromRunner {
    FromRunner::Answer { op: op(n), size: 2, refused: None }
}

async fn refusal(tunnel: &mut Tunnel, n: u128) -> (Code, String) {
    tunnel
        .until(|head, _| match head {
            FromRunner::Answer { op: answered, refused: Some(refused), .. }
                if answered == op(n) =>
            {
                Some((refused.code, refused.message))
            }
            _ => None,
        })
        .await
}

async fn in_world<T>(test: impl AsyncFnOnce(World) -> T) -> T {
    LocalSet::new().run_until(async { test(World::new().await).await }).await
}
