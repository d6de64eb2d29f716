//! `GET /admin/api/runners/{runner_id}/file`: files of workspaces, pulled piece by piece.

use reqwest::{Client, Response};
use schema::Code;
use schema::tunnel::{CHUNK_BYTES, CHUNKS_IN_FLIGHT, FromRunner, Refusal, ToRunner};
use tests::runner_peer::{Peer, op};

use super::stage::{ALICE, Stage};

fn request(stage: &Stage, path: &str) -> tokio::task::JoinHandle<Response> {
    let base = "/admin/api/runners/{runner_id}/file".replace("{runner_id}", &runner(stage));
    let url = stage.world.at(&format!("{base}?account={ALICE}&path={path}"));
    let request = Client::new().get(url).bearer_auth(stage.world.admin_token());
    tokio::spawn(async move { request.send().await.expect("an answer") })
}

fn runner(stage: &Stage) -> String {
    stage.machine.id.to_string()
}

/// What byte stands where.
fn byte(offset: u64) -> u8 {
    (offset % 251) as u8
}

/// Announces a file that was asked for.
async fn announce(peer: &mut Peer, size: u64) {
    let (frame, _) = peer.next().await;
    assert!(matches!(&frame, ToRunner::Read { path, .. } if path == "a/file.bin"), "{frame:?}");
    peer.send(&FromRunner::Answer { op: op(&frame), size, refused: None }, b"").await;
}

/// Sends pieces as they are asked for, until the last.
async fn serve(peer: &mut Peer, size: u64) {
    loop {
        let (frame, _) = peer.next().await;
        let ToRunner::Pull { op, offset, .. } = frame else { panic!("{frame:?}") };
        let end = (offset + CHUNK_BYTES as u64).min(size);
        let piece: Vec<u8> = (offset..end).map(byte).collect();
        peer.send(&FromRunner::Chunk { op, offset, last: end == size }, &piece).await;
        if end == size {
            return;
        }
    }
}

#[tokio::test]
async fn a_file_of_64_mib_arrives_whole_and_its_length_is_known_before() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    for size in [64 << 20, 1, 0] {
        let asked = request(&stage, "a/file.bin");
        announce(&mut peer, size).await;
        let reader = tokio::spawn(async move {
            let mut response = asked.await.expect("an answer");
            assert_eq!(response.status(), 200);
            assert_eq!(response.content_length(), Some(size));
            let mut read = 0;
            while let Some(block) = response.chunk().await.expect("a whole body") {
                let expected = block.iter().zip(read..).all(|(it, offset)| *it == byte(offset));
                assert!(expected, "another byte after {read}");
                read += block.len() as u64;
            }
            assert_eq!(read, size);
        });
        if size > 0 {
            serve(&mut peer, size).await;
        }
        reader.await.expect("no panic");
    }
}

#[tokio::test]
async fn who_reads_slowly_holds_up_the_pieces_and_who_leaves_ends_them() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let size = 64 << 20;
    let asked = request(&stage, "a/file.bin");
    announce(&mut peer, size).await;
    let response = asked.await.expect("an answer");
    let mut pulls = Vec::new();
    for _ in 0..CHUNKS_IN_FLIGHT {
        let (frame, _) = peer.next().await;
        let ToRunner::Pull { op, offset, .. } = frame else { panic!("{frame:?}") };
        pulls.push((op, offset));
    }
    drop(response);
    let mut dropped = false;
    while !dropped {
        for (op, offset) in std::mem::take(&mut pulls) {
            let chunk = FromRunner::Chunk { op, offset, last: false };
            peer.send(&chunk, &vec![0; CHUNK_BYTES]).await;
        }
        match peer.next().await.0 {
            ToRunner::Pull { op, offset, .. } => pulls.push((op, offset)),
            ToRunner::Drop { .. } => dropped = true,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_goes_on_after_a_cut() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let size = 8 * CHUNK_BYTES as u64 + 5;
    let asked = request(&stage, "a/file.bin");
    announce(&mut peer, size).await;
    let (frame, _) = peer.next().await;
    let ToRunner::Pull { op, offset: 0, .. } = frame else { panic!("{frame:?}") };
    let piece: Vec<u8> = (0..CHUNK_BYTES as u64).map(byte).collect();
    peer.send(&FromRunner::Chunk { op, offset: 0, last: false }, &piece).await;
    let mut response = asked.await.expect("an answer");
    let first = response.chunk().await.expect("a body").expect("a block");
    drop(peer);
    let (mut peer, _) = stage.connect().await;
    announce(&mut peer, size).await;
    serve(&mut peer, size).await;
    let mut read = first.to_vec();
    while let Some(block) = response.chunk().await.expect("a whole body") {
        read.extend_from_slice(&block);
    }
    assert!(read == (0..size).map(byte).collect::<Vec<u8>>());
}

#[tokio::test]
async fn a_file_that_changes_meanwhile_is_not_taken_for_whole() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked = request(&stage, "a/file.bin");
    announce(&mut peer, 1_000).await;
    let (frame, _) = peer.next().await;
    let chunk = FromRunner::Chunk { op: op(&frame), offset: 0, last: true };
    peer.send(&chunk, &[0; 500]).await;
    assert!(asked.await.expect("an answer").bytes().await.is_err());
}

#[tokio::test]
async fn a_file_that_has_another_size_after_a_cut_is_another_file() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked = request(&stage, "a/file.bin");
    announce(&mut peer, 1_000).await;
    let response = asked.await.expect("an answer");
    drop(peer);
    let (mut peer, _) = stage.connect().await;
    announce(&mut peer, 2_000).await;
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_refused_in_the_runners_words() {
    let mut stage = Stage::open().await;
    let (mut peer, _) = stage.connect().await;
    let asked = request(&stage, "a/file.bin");
    let (frame, _) = peer.next().await;
    let message = "There is no file `a/file.bin`.".to_owned();
    let refused = Some(Refusal { code: Code::ResourceNotFound, message: message.clone() });
    peer.send(&FromRunner::Answer { op: op(&frame), size: 0, refused }, b"").await;
    let response = asked.await.expect("an answer");
    assert_eq!(response.status(), 404);
    let body: serde_json::Value = response.json().await.expect("JSON");
    assert_eq!(body["detail"], message);
}
