//! What threads say reaches the projects that follow them: each event once and in order, whatever
//! is cut off or restarted on the way.

use functions::domain::hub::command::{Act, Answer};
use functions::domain::project::command::{self as project, Opened, Profile};
use schema::rpc::RequestId;
use schema::tunnel::{FromRunner, Process, ToRunner};
use schema::{AskId, ProjectId};
use serde_json::json;
use tests::runner_peer::{answer, event, now, op, question, running, says};
use tests::world::World;

use super::stage::{ALICE, Frame, Stage, Viewer, asking, id, resolve};

/// A project that follows these threads.
pub async fn project(stage: &Stage, threads: &[&str]) -> ProjectId {
    let project = id();
    make(stage, project).await;
    for thread in threads {
        follow(stage, project, thread).await;
    }
    project
}

async fn make(stage: &Stage, project: ProjectId) {
    let object = stage.world.object("PROJECT", &project.to_string());
    let profile = Profile {
        id: project,
        account: ALICE,
        owner: String::new(),
        name: "a project".to_owned(),
        template: json!("empty"),
        created_at: now(),
    };
    let opened =
        Opened { thread: "T".to_owned(), runner: stage.machine.id, said: serde_json::Map::new() };
    for command in [project::Command::Create(profile), project::Command::Opened(opened)] {
        let (done, _) = object.tell(&command, b"").await.expect("an answer");
        assert!(matches!(done, project::Answer::Done), "{done:?}");
    }
}

async fn follow(stage: &Stage, project: ProjectId, thread: &str) {
    let thread = thread.to_owned();
    let (done, _) = stage.act(Act::Follow { account: ALICE, project, thread }, b"").await;
    assert!(matches!(done, Answer::Done), "{done:?}");
}

async fn feed(stage: &Stage, project: ProjectId) {
    let (done, _) = stage.act(Act::Feed { account: ALICE, project }, b"").await;
    assert!(matches!(done, Answer::Done), "{done:?}");
}

/// A project's log from its beginning, and what comes.
pub async fn watch(stage: &Stage, project: ProjectId) -> Viewer {
    let object = stage.world.object("PROJECT", &project.to_string());
    Viewer::of(object.look("/events?after=0").await.expect("a stream"))
}

/// The numbers that the process gave its events, as far as this one.
async fn numbers(stage: &Stage, project: ProjectId, last: u64) -> Vec<u64> {
    let mut viewer = watch(stage, project).await;
    let mut found = Vec::new();
    while found.last() != Some(&last) {
        let frame = viewer.next().await.expect("a frame");
        found.extend(frame.data["params"]["n"].as_u64());
    }
    found
}

/// An event of a thread, as a frame.
fn frame(seq: u64, thread: &str) -> (FromRunner, Vec<u8>) {
    (event(ALICE, seq), says("item/started", &json!({ "threadId": thread, "n": seq })))
}

#[tokio::test]
async fn each_project_has_the_events_of_its_threads_once_and_in_order() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let (one, other) = (project(&stage, &["A", "B"]).await, project(&stage, &["C"]).await);
    let thread = |seq: u64| ["A", "C", "nobody's", "B", "A"][usize::try_from(seq % 5).unwrap()];
    let all: Vec<_> = (1..=1_000).map(|seq| frame(seq, thread(seq))).collect();
    for frames in all.chunks(37) {
        peer.send_all(frames).await;
    }
    let of = |threads: &[&str]| -> Vec<u64> {
        (1..=1_000).filter(|seq| threads.contains(&thread(*seq))).collect()
    };
    assert_eq!(numbers(&stage, one, 1_000).await, of(&["A", "B"]));
    assert_eq!(numbers(&stage, other, 996).await, of(&["C"]));
    let first = watch(&stage, other).await.until("item/started").await;
    assert_eq!(first.data["threadId"], "C");
    assert_eq!(first.data["params"], json!({ "threadId": "C", "n": 1 }));
    // A thread belongs to one project.
    let theirs = Act::Follow { account: ALICE, project: other, thread: "A".to_owned() };
    let (refused, _) = stage.act(theirs, b"").await;
    assert!(matches!(refused, Answer::Refused(_)), "{refused:?}");
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_by_cuts_and_restarts() {
    let mut stage = Stage::open().await;
    let project = project(&stage, &["T"]).await;
    let (mut sent, last) = (0, 200);
    for round in 0.. {
        let (mut peer, welcome) = stage.connect().await;
        let ToRunner::Welcome { stored, .. } = welcome else { panic!("{welcome:?}") };
        let through = stored.first().map_or(0, |stored| stored.through.0);
        assert!(through <= sent, "the hub has {through} of {sent}");
        if through == last {
            break;
        }
        sent = last.min(sent + 23);
        for seq in through + 1..=sent {
            let (head, body) = frame(seq, "T");
            peer.send(&head, &body).await;
        }
        // Whatever is stored or on its way by now.
        if round % 3 == 0 {
            drop(peer);
            stage.world.kill9();
            stage.world.restart().await;
        } else if round % 3 == 1 {
            peer.acked().await;
        } else {
            peer.leave().await;
        }
    }
    feed(&stage, project).await;
    assert_eq!(numbers(&stage, project, last).await, (1..=last).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_project_out_of_reach_gets_everything_when_it_asks() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let project = id();
    follow(&stage, project, "T").await;
    let frames: Vec<_> = (1..=600).map(|seq| frame(seq, "T")).collect();
    for frames in frames.chunks(100) {
        peer.send_all(frames).await;
        // Neither acknowledgements nor the next events wait for it.
        peer.acked().await;
    }
    make(&stage, project).await;
    feed(&stage, project).await;
    assert_eq!(numbers(&stage, project, 600).await, (1..=600).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_was_forgotten_before_it_was_sent_is_told() {
    let mut stage = Stage::of(World::plan().var("RETAIN_EVENTS", "40")).await;
    let (mut peer, _) = stage.connect().await;
    let project = id();
    follow(&stage, project, "T").await;
    for seq in 1..=100 {
        let (head, body) = frame(seq, "T");
        peer.send(&head, &body).await;
        peer.acked().await;
    }
    make(&stage, project).await;
    feed(&stage, project).await;
    watch(&stage, project).await.until("gantry/gap").await;
    let found = numbers(&stage, project, 100).await;
    let first = found.first().copied().expect("an event");
    assert!(first > 50, "what was forgotten cannot be sent: {first}");
    assert_eq!(found, (first..=100).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_project_learns_what_was_answered_to_which_question() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let project = project(&stage, &["T"]).await;
    // A process begins its ids anew, so the same one may have been before.
    let (first, second): (AskId, AskId) = (id(), id());
    for (seq, ask, word) in [(1, first, "decline"), (3, second, "accept")] {
        peer.send(&question(ALICE, seq, ask), &asking(&RequestId::Number(0))).await;
        peer.acked().await;
        let reply = json!({ "result": { "decision": word } }).to_string();
        let answered = stage.begin(resolve(id(), ask), reply.as_bytes());
        let (head, _) = peer.next().await;
        peer.send(&answer(op(&head), b""), b"").await;
        answered.await.expect("no panic").expect("an answer");
        let params = json!({ "threadId": "T", "requestId": 0 });
        peer.send(&event(ALICE, seq + 1), &says("serverRequest/resolved", &params)).await;
        peer.acked().await;
    }
    let mut viewer = watch(&stage, project).await;
    for (ask, state) in [(first, "rejected"), (second, "approved")] {
        for state in ["pending", state] {
            let told = viewer.until("gantry/approval").await.data;
            assert_eq!(told["params"]["approvalId"], json!(ask), "{told}");
            assert_eq!(told["params"]["state"], state, "{told}");
        }
    }
}

#[tokio::test]
async fn a_project_with_a_turn_learns_that_its_runner_is_gone_and_is_back() {
    let mut stage = Stage::open().await;
    let busy = || vec![Process { turns: 1, ..running(ALICE) }];
    let (mut peer, _) = stage.connect_with(busy()).await;
    let project = project(&stage, &["T"]).await;
    let (head, body) = frame(1, "T");
    peer.send(&head, &body).await;
    stands(&mut watch(&stage, project).await, "online").await;
    // Memory of who was fed is gone, and who waits is known all the same.
    stage.world.restart().await;
    let (peer, _) = stage.connect_with(busy()).await;
    peer.leave().await;
    let mut viewer = watch(&stage, project).await;
    let gone = stands(&mut viewer, "suspect").await;
    let reason = gone.data["params"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("connection was lost"), "{reason}");
    let (_peer, _) = stage.connect_with(busy()).await;
    stands(&mut viewer, "online").await;
}

/// Waits until a project was told that its runner stands so.
async fn stands(viewer: &mut Viewer, state: &str) -> Frame {
    loop {
        let frame = viewer.until("gantry/runner").await;
        if frame.data["params"]["state"] == state {
            return frame;
        }
    }
}
