//! Operations: sent, sent again, answered, given up; each comes to something exactly once.

use functions::domain::hub::command::{Act, Answer, NewKey};
use schema::tunnel::{CHUNK_BYTES, FromRunner, Grade, Provider, Refusal, ToRunner};
use schema::{Code, KeyId};
use tests::runner_peer::{Peer, answer, hello, op, running};

use super::stage::{ALICE, Pending, Stage, echo, id, refusal};

const BODY: &[u8] = br#"{"method":"thread/start","params":{"n":1.50}}"#;
const WAIT_MS: u32 = 60_000;

async fn body(pending: Pending) -> Vec<u8> {
    match pending.await.expect("no panic").expect("an answer") {
        (Answer::Answered, body) => body,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_goes_through_as_it_is_and_so_does_its_answer() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let call = stage.call(BODY, WAIT_MS);
    let (frame, asked) = peer.next().await;
    let expected =
        ToRunner::Call { op: op(&frame), process: ALICE, grade: Grade::Operator, wait_ms: WAIT_MS };
    assert_eq!((&frame, asked.as_slice()), (&expected, BODY));
    let answered = br#"{"error":{"code":-32600,"message":"no such thread"}}"#;
    peer.send(&answer(op(&frame), answered), answered).await;
    assert_eq!(body(call).await, answered);
    assert!(stage.describe().await.round_trip_ms.is_some());
}

#[tokio::test]
async fn a_call_survives_a_cut_and_is_sent_again_under_its_own_id() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let call = stage.call(BODY, WAIT_MS);
    let (first, _) = peer.next().await;
    drop(peer);
    let (mut peer, _) = stage.connect().await;
    let (again, asked) = peer.next().await;
    assert_eq!((&again, asked.as_slice()), (&first, BODY));
    // A runner that has answered before answers the same again; only one of them counts.
    for _ in 0..2 {
        peer.send(&answer(op(&again), b"{\"result\":1}"), b"{\"result\":1}").await;
    }
    assert_eq!(body(call).await, b"{\"result\":1}");
    let next = stage.call(BODY, WAIT_MS);
    echo(&mut peer).await;
    assert_eq!(body(next).await, BODY);
}

#[tokio::test]
async fn a_call_while_the_runner_is_away_for_a_moment_waits_for_it() {
    let mut stage = Stage::open().await;
    let (peer, _) = stage.connect().await;
    peer.leave().await;
    let call = stage.call(BODY, WAIT_MS);
    let (mut peer, _) = stage.connect().await;
    echo(&mut peer).await;
    assert_eq!(body(call).await, BODY);
}

#[tokio::test]
async fn nobody_waits_for_a_runner_that_never_came_or_stays_away() {
    let mut stage = Stage::open().await;
    let start = || Act::Start { op: id(), account: ALICE, key: None };
    let never = refusal(stage.begin(start(), b"")).await;
    assert_eq!(never.code, Code::RunnerUnavailable, "{never:?}");
    let (peer, _) = stage.connect().await;
    let waits = stage.call(BODY, WAIT_MS);
    peer.leave().await;
    let away = refusal(waits).await;
    assert_eq!(away.code, Code::RunnerUnavailable, "{away:?}");
    assert!(away.message.contains("connection was lost"), "{away:?}");
    let gone = refusal(stage.call(BODY, WAIT_MS)).await;
    assert_eq!(gone.code, Code::RunnerUnavailable, "{gone:?}");
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_its_time_ends_and_its_answer_is_not_heard() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let late = stage.call(BODY, 1);
    let (frame, _) = peer.next().await;
    assert_eq!(refusal(late).await.code, Code::Timeout);
    peer.send(&answer(op(&frame), BODY), BODY).await;
    let next = stage.call(BODY, WAIT_MS);
    echo(&mut peer).await;
    assert_eq!(body(next).await, BODY);
}

#[tokio::test]
async fn what_a_runner_refuses_is_refused_in_its_words() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let call = stage.call(BODY, WAIT_MS);
    let (frame, _) = peer.next().await;
    let refused = Refusal { code: Code::PermissionDenied, message: "outside".to_owned() };
    let answer = FromRunner::Answer { op: op(&frame), size: 0, refused: Some(refused) };
    peer.send(&answer, b"").await;
    let error = refusal(call).await;
    assert_eq!((error.code, error.message.as_str()), (Code::PermissionDenied, "outside"));
}

#[tokio::test]
async fn a_large_answer_is_pulled_piece_by_piece_and_across_a_cut() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let whole: Vec<u8> = (0..CHUNK_BYTES * 6 + 7).map(|n| b'a' + (n % 26) as u8).collect();
    let call = stage.call(BODY, WAIT_MS);
    let (frame, _) = peer.next().await;
    let op = op(&frame);
    let announce = FromRunner::Answer { op, size: whole.len() as u64, refused: None };
    peer.send(&announce, b"").await;
    for _ in 0..2 {
        piece(&mut peer, &whole).await;
    }
    drop(peer);
    let (mut peer, _) = stage.connect().await;
    assert!(matches!(peer.next().await.0, ToRunner::Call { .. }));
    peer.send(&announce, b"").await;
    while piece(&mut peer, &whole).await {}
    assert!(body(call).await == whole);
}

/// Sends the piece that is asked for next; false after the last.
async fn piece(peer: &mut Peer, whole: &[u8]) -> bool {
    let (frame, _) = peer.next().await;
    let ToRunner::Pull { op, offset, .. } = frame else { panic!("{frame:?}") };
    let start = usize::try_from(offset).expect("an offset");
    let end = (start + CHUNK_BYTES).min(whole.len());
    let last = end == whole.len();
    peer.send(&FromRunner::Chunk { op, offset, last }, &whole[start..end]).await;
    !last
}

#[tokio::test]
async fn a_process_without_a_key_is_given_one_and_the_one_before_is_named() {
    let mut stage = Stage::open().await;
    let bare = schema::tunnel::Process { provisioned: false, ..running(ALICE) };
    let (mut peer, _) = stage.connect_with(vec![bare]).await;
    let (name, grade, pays) = (id(), Grade::Customer, None);
    let call = Act::Call { op: name, account: ALICE, grade, wait_ms: 1, pays };
    assert!(matches!(stage.act(call, BODY).await.0, Answer::NeedsKey));
    let mut before: Option<KeyId> = None;
    for _ in 0..2 {
        let key = NewKey { id: id(), text: "the key".to_owned() };
        let start = Act::Start { op: id(), account: ALICE, key: Some(key.clone()) };
        let starting = stage.begin(start, b"");
        let (frame, _) = peer.next().await;
        assert!(matches!(&frame, ToRunner::Start { key: Some(it), .. } if it == "the key"));
        peer.send(&answer(op(&frame), b""), b"").await;
        let (started, _) = starting.await.expect("no panic").expect("an answer");
        assert!(matches!(started, Answer::Started { replaced } if replaced == before));
        before = Some(key.id);
    }
    let call = stage.call(BODY, WAIT_MS);
    echo(&mut peer).await;
    assert_eq!(body(call).await, BODY);
    assert!(!stage.world.log().contains("the key"));
}

#[tokio::test]
async fn a_runner_that_pays_by_itself_needs_no_key() {
    let mut stage = Stage::open().await;
    let mut peer = stage.machine.dial(&stage.world).await.expect("a socket");
    let own = schema::tunnel::Hello { provider: Provider::Own, ..hello(peer.generation, vec![]) };
    peer.send(&FromRunner::Hello(own), b"").await;
    assert!(matches!(peer.next().await.0, ToRunner::Welcome { .. }));
    let call = stage.call(BODY, WAIT_MS);
    echo(&mut peer).await;
    assert_eq!(body(call).await, BODY);
}
