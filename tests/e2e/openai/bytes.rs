//! `POST /v1/responses`: bytes go through untouched both ways, and what is the caller's alone does
//! not.

use serde_json::json;
use tests::rehearsal::{Raw, Record};
use tests::routes::routes;
use tests::world::{PROVIDER_KEY, World};

use crate::desk::{Desk, Reply, ask};

/// Odd in every way that JSON allows: spaces, orders, escapes, numbers, unknown and repeated names.
const ODD: &str = concat!(
    "\t{ \"zz\" : [1.0, 2e3, -0.0, 12345678901234567890123],\r\n \"model\":\"gpt-5.5\" ,",
    "\"input\":\"h\\u00e9llo \\/ \u{1f980}\", \"unknown\": {\"b\":1,\"a\":null,\"b\":2},",
    "\"stream\": true , \"metadata\":{} }\n\n"
);

/// A stream with comments, odd spaces and line ends, unknown events and fields.
const STREAM: &str = concat!(
    ": a comment\r\n\r\n",
    "event: response.created\n",
    "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n",
    "event:  odd.event \nid: 7\ndata:{ \"type\" : \"odd.event\", \"n\": 1.0 }\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\u{1f980}\"}\n\n",
    "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"new\":[],",
    "\"usage\":{\"input_tokens\":1,\"output_tokens\":1,\"odd\":0.5}}}\n\n",
    "data: [DONE]\n\n"
);

async fn odd(desk: &Desk, answer: &str, kind: &str) -> Reply {
    let headers = [("content-type".to_owned(), kind.to_owned())].into();
    let chunks = vec![answer.to_owned()];
    desk.world.upstream().next_raw(Raw { headers, chunks, ..Raw::default() });
    let request = desk.post("/v1/responses").header("content-type", "application/json");
    desk.send(request.body(ODD)).await
}

#[tokio::test]
async fn a_request_reaches_the_provider_byte_for_byte() {
    let desk = Desk::open().await;
    odd(&desk, STREAM, "text/event-stream").await;
    assert_eq!(&*desk.world.upstream().bodies()[0], ODD.as_bytes());
}

#[tokio::test]
async fn a_stream_reaches_the_caller_byte_for_byte() {
    let desk = Desk::open().await;
    let reply = odd(&desk, STREAM, "text/event-stream; odd=1").await;
    assert_eq!((reply.status, reply.text()), (200, STREAM));
    assert_eq!(reply.header("content-type"), "text/event-stream; odd=1");
    let charges = desk.account.charges(1).await;
    assert_eq!((charges[0].input_tokens, charges[0].output_tokens), (1, 1));
}

#[tokio::test]
async fn an_object_reaches_the_caller_byte_for_byte() {
    let desk = Desk::open().await;
    let object = "{\"id\" :\"r\",\r\n \"odd\":[1.0,2e3],\"usage\":{\"output_tokens\":2,\
                  \"input_tokens\":3,\"odd\":null}, \"text\":\"\u{1f980}\\u0041\"}\n";
    let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
    let chunks = vec![object.to_owned()];
    desk.world.upstream().next_raw(Raw { headers, chunks, ..Raw::default() });
    let reply = desk.respond(&ask("hello")).await;
    assert_eq!((reply.status, reply.text()), (200, object));
    let charges = desk.account.charges(1).await;
    assert_eq!((charges[0].input_tokens, charges[0].output_tokens), (3, 2));
}

#[tokio::test]
async fn a_query_on_the_path_changes_nothing() {
    let desk = Desk::open().await;
    for path in ["/v1/responses?api-version=v1", "/v1/responses?", "/v1/responses?a=%2F&a=b#x"] {
        assert_eq!(desk.send(desk.post(path).json(&ask("hello"))).await.status, 200, "{path}");
    }
    let models = desk.send(desk.get("/v1/models?client_version=0.130.0")).await;
    assert_eq!(models.status, 200);
    assert_eq!(desk.account.charges(3).await.len(), 3);
}

async fn forwarded(desk: &Desk) -> Record {
    let request = desk.post("/v1/responses").json(&ask("hello"));
    let request = request.header("session_id", "s-1").header("x-codex-turn-state", "opaque");
    let request = request.header("cookie", "theirs=1").header("cf-connecting-ip", "203.0.113.9");
    let request = request.header("x-forwarded-for", "203.0.113.9").header("forwarded", "for=x");
    let request = request.header("user-agent", "theirs/1").header("idempotency-key", "theirs");
    assert_eq!(desk.send(request.header("originator", "theirs")).await.status, 200);
    desk.world.upstream().responses().remove(0)
}

#[tokio::test]
async fn headers_of_the_turn_go_on_and_those_of_the_caller_stay() {
    let desk = Desk::open().await;
    let record = forwarded(&desk).await;
    let header = |name: &str| record.headers.get(name).map(String::as_str);
    assert_eq!(header("authorization"), Some(format!("Bearer {PROVIDER_KEY}").as_str()));
    for (name, value) in [
        ("session_id", "s-1"),
        ("x-codex-turn-state", "opaque"),
        ("user-agent", "theirs/1"),
        ("originator", "theirs"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(header(name), Some(value), "{record:?}");
    }
    for name in ["cookie", "cf-connecting-ip", "x-forwarded-for", "forwarded", "idempotency-key"] {
        assert_eq!(header(name), None, "{record:?}");
    }
    assert!(!format!("{record:?}").contains(&desk.account.key));
}

#[tokio::test]
async fn of_the_providers_headers_only_those_of_the_turn_reach_the_caller() {
    let desk = Desk::open().await;
    let prompt = "rehearse: text 1; header x-codex-turn-state opaque; header set-cookie a=b; \
                  header openai-organization theirs; header x-gantry-refused 1";
    let reply = desk.respond(&ask(prompt)).await;
    assert_eq!((reply.status, reply.header("x-codex-turn-state")), (200, "opaque"));
    for name in ["set-cookie", "openai-organization", "x-gantry-refused", "server"] {
        assert_eq!(reply.header(name), "", "{reply:?}");
    }
}

#[tokio::test]
async fn a_model_may_have_another_name_at_the_provider_and_nothing_else_changes() {
    let provider = tests::rehearsal::Rehearsal::start();
    let mut route = routes("first", &format!("{}/v1", provider.url)).expect("a route");
    route = route.replace(r#""gpt-5.5":"gpt-5.5""#, r#""gpt-5.5":"vendor/\"five\"""#);
    let desk = Desk::of(World::plan().var("ROUTES", route), "25.00").await;
    odd_to(&desk).await;
    let renamed = ODD.replace(r#""model":"gpt-5.5""#, r#""model":"vendor/\"five\"""#);
    assert_eq!(std::str::from_utf8(&provider.bodies()[0]), Ok(renamed.as_str()));
    assert_eq!(desk.account.charges(1).await[0].model, "gpt-5.5");
}

async fn odd_to(desk: &Desk) {
    let request = desk.post("/v1/responses").header("content-type", "application/json");
    assert_eq!(desk.send(request.body(ODD)).await.status, 200);
}

#[tokio::test]
async fn the_models_are_one_document_for_every_client() {
    let desk = Desk::open().await;
    let models = desk.send(desk.get("/v1/models")).await.json();
    assert_eq!(models["object"], "list");
    for (data, model) in [(0, "gpt-5.5"), (1, "gpt-6.1-sol")] {
        assert_eq!(models["data"][data]["id"], json!(model));
        assert_eq!(models["models"][data]["slug"], json!(model));
    }
}
