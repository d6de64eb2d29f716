//! `POST /v1/responses` with a body that is not what it should be: refused before anything is sent
//! or held.

use reqwest::Body;
use serde_json::{Value, json};
use tests::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::desk::{Desk, Reply, ask};

/// What is taken at most.
const BODY_MAX_BYTES: usize = 16 << 20;

/// One request with this body, as JSON of whatever quality.
async fn send(desk: &Desk, body: impl Into<Body>) -> Reply {
    let request = desk.post("/v1/responses").header("content-type", "application/json");
    desk.send(request.body(body)).await
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let desk = Desk::open().await;
    for body in ["", "{", "{\"model\":\"gpt-5.5\",}", "hello", "{\"model\":\"\u{1}\"}"] {
        send(&desk, body).await.refuses(400, "invalid_request", "not a JSON request");
    }
    desk.check_untouched().await;
}

#[tokio::test]
async fn json_that_asks_for_nothing_is_refused() {
    let desk = Desk::open().await;
    for body in ["null", "7", "\"hello\"", r#"{"model":5}"#, r#"{"stream":"yes"}"#] {
        send(&desk, body).await.refuses(400, "invalid_request", "not a JSON request");
    }
    for body in ["{}", "[]", r#"{"model":""}"#, r#"{"model":null,"input":"hi"}"#] {
        let reply = send(&desk, body).await;
        reply.refuses(422, "validation_error", "name a model");
        assert_eq!(reply.json()["error"]["param"], "model");
    }
    desk.check_untouched().await;
}

#[tokio::test]
async fn json_without_bottom_is_refused_and_the_isolate_lives() {
    let desk = Desk::open().await;
    let deep = format!("{{\"model\":\"gpt-5.5\",\"x\":{}", "[".repeat(1 << 20));
    send(&desk, deep).await.refuses(400, "invalid_request", "not a JSON request");
    assert_eq!(desk.respond(&ask("hello")).await.status, 200);
}

/// Writes a request by hand, because a client that is still writing may miss the answer.
async fn by_hand(desk: &Desk, length: &str, body: impl AsRef<[u8]>) -> String {
    let url = desk.world.url();
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: gantry\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\n{length}\r\n\r\n",
        desk.account.key
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("\"payload_too_large\"") {
        assert_ne!(socket.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_body_that_will_be_too_large_is_refused_unread() {
    let desk = Desk::open().await;
    let length = format!("content-length: {}", BODY_MAX_BYTES + 1);
    let answer = by_hand(&desk, &length, "").await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("at most 16 MiB"), "{answer}");
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_body_that_does_not_say_its_size_is_refused_as_soon_as_it_is_too_large() {
    let desk = Desk::open().await;
    let mut body = format!("{:x}\r\n", BODY_MAX_BYTES + 1).into_bytes();
    body.resize(body.len() + BODY_MAX_BYTES + 1, b' ');
    let answer = by_hand(&desk, "transfer-encoding: chunked", body).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("at most 16 MiB"), "{answer}");
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_body_of_the_size_that_is_taken_passes() {
    let desk = Desk::open().await;
    let mut body = ask("hello").to_string().into_bytes();
    body.resize(BODY_MAX_BYTES, b' ');
    assert_eq!(send(&desk, body).await.status, 200);
}

#[tokio::test]
async fn a_body_in_pieces_is_taken_as_one_that_says_its_size() {
    let desk = Desk::open().await;
    let body = ask("hello").to_string();
    let (head, tail) = body.split_at(9);
    let chunks = [head, tail].map(|chunk| Ok::<_, std::io::Error>(chunk.to_owned()));
    let reply = send(&desk, Body::wrap_stream(futures::stream::iter(chunks))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(&*desk.world.upstream().bodies()[0], body.as_bytes());
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let desk = Desk::open().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = desk.post("/v1/responses").header("content-type", kind);
        let reply = desk.send(request.body(ask("hello").to_string())).await;
        reply.refuses(415, "unsupported_media_type", "content-type: application/json");
    }
    let unnamed = desk.post("/v1/responses").body(ask("hello").to_string());
    let reply = desk.send(unnamed).await;
    reply.refuses(415, "unsupported_media_type", "content-type: application/json");
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_the_name_of_its_encoding() {
    let desk = Desk::open().await;
    for encoding in ["zstd", "gzip", "br"] {
        let request = desk.post("/v1/responses").header("content-encoding", encoding);
        let reply = desk.send(request.json(&ask("hello"))).await;
        reply.refuses(415, "unsupported_media_type", &format!("`{encoding}`"));
    }
    desk.check_untouched().await;
    let plain = desk.post("/v1/responses").header("content-encoding", "identity");
    assert_eq!(desk.send(plain.json(&ask("hello"))).await.status, 200);
}

#[tokio::test]
async fn work_in_the_background_is_refused_because_nobody_would_meter_it() {
    let desk = Desk::open().await;
    let body = |background: Value| json!({ "model": "gpt-5.5", "background": background });
    let reply = desk.respond(&body(json!(true))).await;
    reply.refuses(400, "invalid_request", "Leave it out");
    desk.check_untouched().await;
    assert_eq!(desk.respond(&body(json!(false))).await.status, 200);
}

#[tokio::test]
async fn a_model_that_is_not_served_is_not_found() {
    let desk = Desk::open().await;
    let reply = desk.respond(&json!({ "model": "gpt-0", "input": "hello" })).await;
    reply.refuses(404, "model_not_found", "`GET /v1/models` lists those that are");
    desk.check_untouched().await;
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_before_anything_is_sent() {
    let desk = Desk::of(World::plan().var("SETTINGS_TTL_MS", "0"), "25.00").await;
    desk.world.sql("DELETE FROM prices WHERE model = 'gpt-5.5'", vec![]).await;
    let reply = desk.respond(&ask("hello")).await;
    reply.refuses(400, "model_not_priced", "has no price yet");
    desk.check_untouched().await;
    let models = desk.send(desk.get("/v1/models")).await.json();
    assert!(!models.to_string().contains("gpt-5.5"), "{models}");
}

#[tokio::test]
async fn an_empty_wallet_is_refused_with_where_to_fill_it() {
    let plan = World::plan().var("TOP_UP_URL", "https://pay.test/top-up");
    let desk = Desk::of(plan, "0.00").await;
    for stream in [false, true] {
        let body = json!({ "model": "gpt-5.5", "input": "hello", "stream": stream });
        let reply = desk.respond(&body).await;
        reply.refuses(402, "insufficient_credit", "Your wallet is empty: it holds $0.00");
        assert!(reply.text().contains("Top up at https://pay.test/top-up"), "{reply:?}");
    }
    desk.check_untouched().await;
}

#[tokio::test]
async fn an_empty_wallet_is_refused_with_what_to_do_where_nobody_said_where() {
    let desk = Desk::of(World::plan(), "0.00").await;
    let reply = desk.respond(&ask("hello")).await;
    reply.refuses(402, "insufficient_credit", "Ask the operator for credit");
    desk.check_untouched().await;
}
