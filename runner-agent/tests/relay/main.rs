//! The agent between a hub and hosts that do as the test says. The clock stands still, and jumps to
//! the next thing that is due when nothing else is to be done.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a proof stops at the first surprise"
)]

mod host;
mod hub;

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

#[tokio::test(start_paused = true)]
async fn a_call_reaches_its_host_as_it_is_and_so_does_the_answer() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, mut alice) = world.begun(0).await;
        assert_eq!((tunnel.claims.generation, tunnel.hello.generation), (1, 1));
        assert_eq!(tunnel.claims.purpose, "connect");
        let body = br#"{"method": "thread/read",  "params": {"threadId": "t"}}"#;
        tunnel.say(&call(1, ALICE), body).await;
        let (head, passed) = alice.next().await.unwrap();
        assert_eq!((head, passed.as_ref()), (call(1, ALICE), &body[..]));
        alice.say(&answer(1), b"{}").await;
        let body = tunnel.until(|head, body| (head == answer(1)).then_some(body)).await;
        assert_eq!(body, "{}");
    })
    .await;
}

/// The kernel delays what a full socket takes, and no clock of ours knows: this one runs.
#[tokio::test]
async fn a_question_is_not_behind_something_big() {
    in_world(async |mut world| {
        let bobs = world.host(BOB, 0);
        let (_agent, mut tunnel, _host, mut alice) = world.begun(0).await;
        let _before = bobs.accept().await;
        let mut bob = bobs.accept().await;
        let written = Rc::new(Cell::new(0));
        let count = written.clone();
        let pieces = tokio::task::spawn_local(async move {
            for n in 0..256u64 {
                let offset = n * PIECE as u64;
                let chunk = FromRunner::Chunk { op: op(1), offset, last: n == 255 };
                alice.say(&chunk, &[0; PIECE]).await;
                count.set(n + 1);
            }
            alice
        });
        // The hub does not read, so in the end everything on the way is full.
        let mut seen = 0;
        while seen == 0 || seen != written.get() {
            seen = written.get();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(seen < 256, "nothing is in the way");
        let at = Timestamp::from_millis(1);
        let ask = FromRunner::Ask { process: BOB, seq: Seq(1), at, ask: AskId::from_bits(1) };
        bob.say(&ask, b"may I?").await;
        let mut before = 0;
        let mut asked = false;
        let mut last = false;
        while !(asked && last) {
            let (head, _) = tunnel.next().await.unwrap();
            before += usize::from(!asked && matches!(head, FromRunner::Chunk { .. }));
            asked |= head == ask;
            last |= matches!(head, FromRunner::Chunk { last: true, .. });
        }
        assert!(before < 16, "{before} of 256 pieces went first");
        pieces.await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_cut_every_host_is_resumed_where_the_hub_stands() {
    in_world(async |mut world| {
        let (_agent, tunnel, host, mut alice) = world.begun(1).await;
        drop(tunnel);
        let mut tunnel = world.hub.accept().await;
        assert_eq!(tunnel.claims.generation, 2);
        assert_eq!(tunnel.hello.processes, [process(ALICE, 1)]);
        tunnel.welcome(&[(ALICE, 9)]).await;
        let again = host.accept().await;
        assert_eq!(again.after, 9);
        assert!(alice.next().await.is_none(), "the older connection has ended");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_only_the_hub_knows_goes_on_counting_where_the_hub_stands() {
    in_world(async |mut world| {
        let _agent = world.agent(4);
        let mut tunnel = world.hub.accept().await;
        assert_eq!(tunnel.hello.processes, []);
        tunnel.welcome(&[(BOB, 9)]).await;
        let host = world.host(BOB, 0);
        tunnel.say(&call(1, BOB), b"{}").await;
        let mut bob = host.accept().await;
        assert_eq!(bob.after, 9);
        assert_eq!(bob.next().await.unwrap().0, call(1, BOB));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_host_did_not_answer_it_is_asked_again() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, host, mut alice) = world.begun(0).await;
        let seven = schema::tunnel::Stored { process: ALICE, through: Seq(7) };
        tunnel.say(&ToRunner::Ack(seven), b"").await;
        tunnel.say(&call(1, ALICE), b"{}").await;
        assert_eq!(alice.next().await.unwrap().0, ToRunner::Ack(seven));
        assert_eq!(alice.next().await.unwrap().0, call(1, ALICE));
        drop(alice);
        let mut alice = host.accept().await;
        assert_eq!(alice.after, 7);
        assert_eq!(alice.next().await.unwrap().0, call(1, ALICE));
        alice.say(&answer(1), b"{}").await;
        tunnel.until(|head, _| (head == answer(1)).then_some(())).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_goes_silent_is_dialled_anew() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(0).await;
        tunnel.lively = false;
        let silent = async { while tunnel.next().await.is_some() {} };
        let (next, ()) = tokio::join!(world.hub.accept(), silent);
        assert_eq!(next.claims.generation, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_work_is_under_way_signs_of_life_pass_through_the_hub() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(1).await;
        tunnel.lively = false;
        let mut beats = 0;
        let (next, ()) = tokio::join!(world.hub.accept(), async {
            while tunnel.next().await.is_some() {}
            beats += 1;
        });
        assert_eq!((next.claims.generation, beats), (2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_network_is_probed_and_a_dead_socket_left_at_once() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(0).await;
        tunnel.lively = false;
        let begun = tokio::time::Instant::now();
        world.changes.send(Change::Up).await.unwrap();
        let silent = async { while tunnel.next().await.is_some() {} };
        let (next, ()) = tokio::join!(world.hub.accept(), silent);
        assert_eq!(next.claims.generation, 2);
        assert!(begun.elapsed().as_millis() < 1_000, "on the test's own clock");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_final_is_not_dialled_again() {
    for (number, code) in [(4001, 10), (4003, 11), (4010, 12)] {
        in_world(async |mut world| {
            let (agent, mut tunnel, _host, _alice) = world.begun(0).await;
            tunnel.close(number, "because").await;
            let outcome = agent.await.unwrap();
            assert_eq!(outcome.code(), code);
            assert!(outcome.words().contains("because"), "{}", outcome.words());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_could_not_store_is_dialled_again() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, _alice) = world.begun(0).await;
        tunnel.close(4503, "no room").await;
        assert_eq!(world.hub.accept().await.claims.generation, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_void_credential_is_not_shown_twice() {
    in_world(async |mut world| {
        let agent = world.agent(4);
        world.hub.refuse("401 Unauthorized", "", &hub::words("It was revoked.")).await;
        let outcome = agent.await.unwrap();
        assert_eq!(outcome, Outcome::Revoked("It was revoked.".to_owned()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_not_the_edges_own_is_not_final() {
    in_world(async |mut world| {
        let _agent = world.agent(4);
        world.hub.refuse("403 Forbidden", "", "<html>Log in to this network first.</html>").await;
        world.hub.accept().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_corrected_by_the_edges_once() {
    in_world(async |mut world| {
        let agent = world.agent(4);
        let (header, date) = hub::DATE;
        let body = hub::words("The claims are of another time.");
        let first = world.hub.refuse("401 Unauthorized", header, &body).await;
        assert!(first.at.since(date).abs() > 60_000);
        let second = world.hub.refuse("401 Unauthorized", header, &body).await;
        assert!(second.at.since(date).abs() < 60_000 && second.generation == 2);
        assert_eq!(agent.await.unwrap().code(), 11);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_asks_for_patience_is_dialled_later() {
    in_world(async |mut world| {
        let _agent = world.agent(4);
        let begun = tokio::time::Instant::now();
        world.hub.refuse("503 Service Unavailable", "retry-after: 7\r\n", "").await;
        world.hub.accept().await;
        assert!(begun.elapsed().as_secs() >= 7, "on the test's own clock");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn more_processes_than_agreed_are_refused() {
    in_world(async |mut world| {
        let host = world.host(ALICE, 0);
        let _agent = world.agent(1);
        let _before = host.accept().await;
        let mut tunnel = world.hub.accept().await;
        tunnel.welcome(&[]).await;
        let _alice = host.accept().await;
        tunnel.say(&ToRunner::Start { op: op(1), process: BOB, key: None }, b"").await;
        let (code, message) = refusal(&mut tunnel, 1).await;
        assert_eq!(code, Code::RunnerUnavailable);
        assert!(message.contains("1 processes already"), "{message}");
        assert!(!Host::spec_of(&world.settings, BOB).path().exists());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_cannot_be_started_is_a_refusal_with_its_reason() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, host, alice) = world.begun(0).await;
        tunnel.say(&call(1, ALICE), b"{}").await;
        // The host hears nothing, and from now on takes nobody.
        drop((alice, host));
        std::fs::remove_dir_all(Host::spec_of(&world.settings, ALICE).private).unwrap();
        std::fs::write(Host::spec_of(&world.settings, ALICE).private, "in the way").unwrap();
        let (code, message) = refusal(&mut tunnel, 1).await;
        assert_eq!(code, Code::RunnerUnavailable);
        assert!(message.contains("cannot be hosted"), "{message}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_draining_runner_begins_nothing_and_finishes_what_runs() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, mut alice) = world.begun(1).await;
        tunnel.say(&ToRunner::Drain { op: op(1), on: true }, b"").await;
        tunnel.say(&call(2, ALICE), br#"{"method":"turn/start","params":{}}"#).await;
        assert_eq!(refusal(&mut tunnel, 2).await.0, Code::RunnerUnavailable);
        tunnel.say(&ToRunner::Start { op: op(3), process: BOB, key: None }, b"").await;
        assert_eq!(refusal(&mut tunnel, 3).await.0, Code::RunnerUnavailable);
        tunnel.say(&call(4, ALICE), br#"{"method":"turn/interrupt","params":{}}"#).await;
        assert_eq!(alice.next().await.unwrap().0, call(4, ALICE));
        tunnel.say(&ToRunner::Drain { op: op(5), on: false }, b"").await;
        tunnel.say(&call(6, ALICE), br#"{"method":"turn/start","params":{}}"#).await;
        assert_eq!(alice.next().await.unwrap().0, call(6, ALICE));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_waits_for_turns_and_then_stops_the_processes() {
    in_world(async |mut world| {
        let (agent, tunnel, host, _alice) = world.begun(1).await;
        world.signals.send(Signal::Terminate).await.unwrap();
        // The hub learns it from a new hello.
        let mut next = world.hub.accept().await;
        assert!(next.hello.draining);
        drop(tunnel);
        next.welcome(&[(ALICE, 5)]).await;
        let mut alice = host.accept().await;
        alice.say(&FromRunner::Process(process(ALICE, 0)), b"").await;
        let (head, _) = alice.next().await.unwrap();
        let ToRunner::Stop { op: stop, .. } = head else { panic!("{head:?}") };
        alice.say(&FromRunner::Answer { op: stop, size: 0, refused: None }, b"").await;
        let bye = |head, _| match head {
            FromRunner::Answer { .. } => panic!("the hub did not ask for this"),
            FromRunner::Bye { reason } => Some(reason),
            _ => None,
        };
        assert!(next.until(bye).await.contains("Drained"));
        assert_eq!(agent.await.unwrap(), Outcome::Drained);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_before_draining_is_not_refused_when_it_comes_again() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, host, mut alice) = world.begun(1).await;
        let body = br#"{"method":"turn/start","params":{}}"#;
        tunnel.say(&call(1, ALICE), body).await;
        assert_eq!(alice.next().await.unwrap().0, call(1, ALICE));
        world.signals.send(Signal::Terminate).await.unwrap();
        let mut next = world.hub.accept().await;
        next.welcome(&[(ALICE, 5)]).await;
        next.say(&call(1, ALICE), body).await;
        next.say(&call(2, ALICE), body).await;
        let mut alice = host.accept().await;
        assert_eq!(alice.next().await.unwrap().0, call(1, ALICE));
        assert_eq!(refusal(&mut next, 2).await.0, Code::RunnerUnavailable);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_second_signal_does_not_wait_for_turns() {
    in_world(async |mut world| {
        let (agent, tunnel, host, _alice) = world.begun(1).await;
        world.signals.send(Signal::Terminate).await.unwrap();
        let mut next = world.hub.accept().await;
        drop(tunnel);
        next.welcome(&[(ALICE, 5)]).await;
        let mut alice = host.accept().await;
        world.signals.send(Signal::Terminate).await.unwrap();
        let (head, _) = alice.next().await.unwrap();
        assert!(matches!(head, ToRunner::Stop { .. }), "{head:?}");
        assert_eq!(agent.await.unwrap().code(), 13);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_forced_end_stops_what_runs_without_asking_twice() {
    in_world(async |mut world| {
        let (agent, _tunnel, _host, mut alice) = world.begun(1).await;
        world.signals.send(Signal::Force).await.unwrap();
        let (head, _) = alice.next().await.unwrap();
        assert!(matches!(head, ToRunner::Stop { .. }), "{head:?}");
        assert_eq!(agent.await.unwrap(), Outcome::Forced);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_detached_agent_leaves_its_hosts_alone() {
    in_world(async |mut world| {
        let (agent, mut tunnel, _host, mut alice) = world.begun(1).await;
        world.signals.send(Signal::Detach).await.unwrap();
        assert_eq!(agent.await.unwrap(), Outcome::Detached);
        assert!(alice.next().await.is_none(), "nobody told it to stop");
        while let Some((head, _)) = tunnel.next().await {
            assert!(!matches!(head, FromRunner::Bye { .. }));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_ephemeral_runner_leaves_when_its_first_process_has_ended() {
    in_world(async |mut world| {
        let host = world.host(ALICE, 0);
        let registered = Registered {
            runner_id: RunnerId::from_bits(7),
            name: "mayfly".to_owned(),
            labels: Default::default(),
            capacity: 1,
        };
        let mut credential = Candidate::new().unwrap().accepted(&world.hub.url(), &registered);
        credential.ephemeral = true;
        let agent = world.agent_as(credential);
        let _before = host.accept().await;
        let mut tunnel = world.hub.accept().await;
        tunnel.welcome(&[]).await;
        let mut alice = host.accept().await;
        let mut ended = process(ALICE, 0);
        ended.state = ProcessState::Stopped;
        alice.say(&FromRunner::Process(ended), b"").await;
        assert_eq!(agent.await.unwrap(), Outcome::Left);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_from_this_machine_reaches_the_hub_and_the_monitors() {
    in_world(async |mut world| {
        let (_agent, _tunnel, _host, _alice) = world.begun(1).await;
        let path = world.settings.control().unwrap();
        let _served = local_status::serve_control(path.clone(), world.controls.clone()).unwrap();
        let ask = async |method, at| local_status::ask(&path, method, at).await;
        assert_eq!(ask(Method::GET, "/readyz").await.unwrap(), "connected\n");
        let said = ask(Method::POST, "/drain").await.unwrap();
        assert!(said.contains("1 turns go on"), "{said}");
        let mut next = world.hub.accept().await;
        assert!(next.hello.draining);
        next.welcome(&[]).await;
        let unready = ask(Method::GET, "/readyz").await.unwrap_err();
        assert!(unready.to_string().contains("draining"), "{unready}");
        assert_eq!(ask(Method::GET, "/healthz").await.unwrap(), "ok\n");
        let metrics = ask(Method::GET, "/metrics").await.unwrap();
        assert!(metrics.contains("\ngantry_runner_draining 1\n"), "{metrics}");
        assert!(ask(Method::POST, "/drain/off").await.unwrap().contains("taken again"));
        assert!(!world.hub.accept().await.hello.draining);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_agent_tells_how_it_is() {
    in_world(async |mut world| {
        let (_agent, mut tunnel, _host, mut alice) = world.begun(0).await;
        tunnel.say(&call(1, ALICE), b"{}").await;
        alice.next().await.unwrap();
        let (send, status) = oneshot::channel();
        world.controls.send(Control::Status(send)).await.unwrap();
        let status = status.await.unwrap();
        assert!(status.ready());
        assert_eq!((status.generation, status.load, status.open_operations), (1, 1, 1));
        assert_eq!(status.processes, [process(ALICE, 0)]);
    })
    .await;
}
