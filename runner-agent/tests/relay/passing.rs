//! What passes between a hub and the hosts.

use super::*;

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
