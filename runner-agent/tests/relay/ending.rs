//! How an agent takes no more work, and ends.

use super::*;

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
