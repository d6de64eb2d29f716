//! The scripted model itself, over TCP: what the other proofs stand on.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::codex::Cli;
use tests::packages::Codex;
use tests::rehearsal::{End, Raw, Record, Rehearsal, Usage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn ask(rehearsal: &Rehearsal, prompt: &str, stream: bool) -> RequestBuilder {
    let body = json!({ "model": "m", "input": prompt, "stream": stream });
    Client::new().post(format!("{}/v1/responses", rehearsal.url)).bearer_auth("key").json(&body)
}

async fn stream(rehearsal: &Rehearsal, prompt: &str) -> Vec<Value> {
    let reply = ask(rehearsal, prompt, true).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    events(&reply.text().await.unwrap())
}

fn events(body: &str) -> Vec<Value> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// Sends a request by hand, for tests that watch or close the connection.
async fn open(rehearsal: &Rehearsal, prompt: &str) -> TcpStream {
    let address = rehearsal.url.trim_start_matches("http://");
    let body = json!({ "model": "m", "input": prompt, "stream": true }).to_string();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: rehearsal\r\nauthorization: Bearer key\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).await.unwrap();
    socket
}

/// Reads until so many events have come.
async fn read_events(socket: &mut TcpStream, count: usize) -> String {
    let mut read = Vec::new();
    while String::from_utf8_lossy(&read).matches("\n\n").count() < count {
        assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0, "closed too early");
    }
    String::from_utf8(read).unwrap()
}

async fn only(rehearsal: &Rehearsal) -> Record {
    let mut records = rehearsal.wait_until_idle().await;
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[tokio::test]
async fn a_stream_reports_the_usage_that_the_log_holds() {
    let rehearsal = Rehearsal::start();
    let events = stream(&rehearsal, "rehearse: text 5").await;
    let last = &events.last().unwrap()["response"];
    let usage = Usage { input: 4, output: 5, ..Usage::default() };
    assert_eq!(Usage::from_wire(&last["usage"]), Some(usage));
    let record = only(&rehearsal).await;
    assert_eq!(record.usage(), Some(usage));
    assert_eq!(record.response_id.as_deref(), last["id"].as_str());
    assert_eq!((record.events, record.output_tokens, record.end), (13, 5, End::Sent));
    assert_eq!(record.headers["authorization"], "Bearer key");
    assert_eq!((record.script.as_str(), &record.body["model"]), ("text 5", &json!("m")));
}

#[tokio::test]
async fn without_a_stream_the_answer_is_one_object() {
    let rehearsal = Rehearsal::start();
    let reply = ask(&rehearsal, "rehearse: say all of it", false).send().await.unwrap();
    let answer: Value = reply.json().await.unwrap();
    assert_eq!(answer["output"][0]["content"][0]["text"], "all of it");
    assert_eq!(answer["usage"]["output_tokens"], 3);
    assert_eq!(only(&rehearsal).await.events, 1);
}

#[tokio::test]
async fn each_event_is_written_by_itself_unless_they_come_in_a_burst() {
    let rehearsal = Rehearsal::start();
    for (prompt, chunks) in [("rehearse: text 4", 12), ("rehearse: burst 4", 1)] {
        let mut reply = ask(&rehearsal, prompt, true).send().await.unwrap();
        let mut text = String::new();
        let mut written = 0;
        while let Some(chunk) = reply.chunk().await.unwrap() {
            text += std::str::from_utf8(&chunk).unwrap();
            written += 1;
        }
        assert_eq!(events(&text).len(), 12);
        assert_eq!(written, chunks, "{prompt}");
    }
}

#[tokio::test]
async fn a_cut_stream_ends_after_the_event_that_was_named() {
    let rehearsal = Rehearsal::start();
    let mut socket = open(&rehearsal, "rehearse: text 9; cut 5").await;
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    assert_eq!(events(&text).len(), 5);
    assert!(!text.ends_with("0\r\n\r\n"));
    let record = only(&rehearsal).await;
    assert_eq!((record.end, record.events, record.output_tokens), (End::Cut, 5, 1));
    assert_eq!(record.usage, None);
}

#[tokio::test]
async fn a_connection_can_be_dropped_before_and_in_the_middle_of_an_object() {
    let rehearsal = Rehearsal::start();
    assert!(ask(&rehearsal, "rehearse: cut-before", true).send().await.is_err());
    let reply = ask(&rehearsal, "rehearse: cut 1", false).send().await.unwrap();
    assert!(reply.text().await.is_err());
    let ends: Vec<End> = rehearsal.responses().iter().map(|record| record.end).collect();
    assert_eq!(ends, [End::Cut, End::Cut]);
}

#[tokio::test]
async fn a_gate_holds_the_stream_until_it_is_released() {
    let rehearsal = Rehearsal::start();
    let mut socket = open(&rehearsal, "rehearse: text 2; wait door").await;
    assert_eq!(events(&read_events(&mut socket, 1).await).len(), 1);
    let mut other = open(&rehearsal, "rehearse: text 9").await;
    read_events(&mut other, 17).await;
    assert_eq!(rehearsal.responses()[0].events, 1, "something passed a closed gate");
    rehearsal.release("door");
    read_events(&mut socket, 9).await;
    let records = rehearsal.wait_until_idle().await;
    assert_eq!((records[0].end, records[0].events), (End::Sent, 10));
}

#[tokio::test]
async fn a_hang_up_is_recorded_with_what_was_produced() {
    let rehearsal = Rehearsal::start();
    let mut socket = open(&rehearsal, "rehearse: text 9; wait for-ever 6").await;
    read_events(&mut socket, 6).await;
    drop(socket);
    let record = only(&rehearsal).await;
    assert_eq!((record.end, record.events, record.output_tokens), (End::HungUp, 6, 2));
    let socket = open(&rehearsal, "rehearse: hang").await;
    rehearsal.wait_for(2).await;
    drop(socket);
    rehearsal.wait_until(|counts| counts.hung_up == 2).await;
}

#[tokio::test]
async fn a_refusal_looks_like_the_real_one() {
    let rehearsal = Rehearsal::start();
    let prompt = "rehearse: fail 429 retry-after=3 slow down";
    let reply = ask(&rehearsal, prompt, true).send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), reply.headers()["retry-after"].as_bytes()),
        (429, &b"3"[..])
    );
    let body: Value = reply.json().await.unwrap();
    assert_eq!(body["error"]["message"], "slow down");
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    let reply = ask(&rehearsal, "rehearse: dance", true).send().await.unwrap();
    assert_eq!(reply.status(), 400);
}

#[tokio::test]
async fn a_fault_can_come_only_once() {
    let rehearsal = Rehearsal::start();
    let status = || async {
        ask(&rehearsal, "rehearse: once; fail 500", true).send().await.unwrap().status().as_u16()
    };
    assert_eq!((status().await, status().await), (500, 200));
}

#[tokio::test]
async fn a_test_can_put_the_next_answer_in_the_model_s_mouth() {
    let rehearsal = Rehearsal::start();
    rehearsal.next("say queued");
    let chunks = vec!["data: {}\n\n".to_owned(), "data: [DONE]\n\n".to_owned()];
    rehearsal.next_raw(Raw { status: 202, chunks, ..Raw::default() });
    let answer = ask(&rehearsal, "hello", false).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("queued"));
    let raw = ask(&rehearsal, "hello", true).send().await.unwrap();
    assert_eq!(raw.status(), 202);
    assert_eq!(raw.text().await.unwrap(), "data: {}\n\ndata: [DONE]\n\n");
    assert!(rehearsal.responses().iter().all(|record| record.end == End::Sent));
}

#[tokio::test]
async fn another_process_leads_it_by_http() {
    let rehearsal = Rehearsal::start();
    let at = |path: &str| format!("{}/control/{path}", rehearsal.url);
    let client = Client::new();
    let next = json!({ "script": "text 1; wait door" });
    client.post(at("next")).json(&next).send().await.unwrap().error_for_status().unwrap();
    let gate = json!({ "gate": "door" });
    client.post(at("release")).json(&gate).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(stream(&rehearsal, "hello").await.len(), 9);
    let log: Value = client.get(at("requests")).send().await.unwrap().json().await.unwrap();
    assert_eq!(log["requests"][0]["script"], "text 1; wait door");
    assert_eq!((&log["counts"]["sent"], &log["counts"]["max_running"]), (&json!(1), &json!(1)));
    client.post(at("reset")).send().await.unwrap().error_for_status().unwrap();
    assert!(rehearsal.requests().is_empty());
}

#[tokio::test]
async fn only_the_right_key_is_let_in() {
    let rehearsal = Rehearsal::with_key("secret");
    assert_eq!(ask(&rehearsal, "hello", true).send().await.unwrap().status(), 401);
    let models = Client::new().get(format!("{}/v1/models", rehearsal.url));
    let reply = models.bearer_auth("secret").send().await.unwrap();
    let models: Value = reply.json().await.unwrap();
    assert_eq!(models["data"][1]["id"], models["models"][1]["slug"]);
}

#[tokio::test]
async fn those_at_work_at_one_time_are_counted() {
    let rehearsal = Rehearsal::start();
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(open(&rehearsal, "rehearse: text 1; wait door").await);
    }
    rehearsal.wait_for(3).await;
    assert_eq!((rehearsal.counts().running, rehearsal.max_running()), (3, 3));
    rehearsal.release("door");
    rehearsal.wait_until_idle().await;
    assert_eq!((rehearsal.counts().sent, rehearsal.max_running()), (3, 3));
}

/// Both versions with a classic model, and the newest with its own, which offers its tools as code.
fn real_clients(rehearsal: &Rehearsal) -> [Cli; 3] {
    let client = |version| Cli::new(version, &rehearsal.url, "key").unwrap();
    let own = client(Codex::Newest).with_its_own_model();
    [client(Codex::Pinned), client(Codex::Newest), own]
}

#[tokio::test]
async fn real_clients_hear_it_speak() {
    let rehearsal = Rehearsal::start();
    for client in real_clients(&rehearsal) {
        let turn = client.exec("rehearse: reasoning 3; say forty two").await.unwrap();
        assert_eq!(turn.answer(), Some("forty two"), "{turn:?}");
        let usage = rehearsal.responses().last().and_then(Record::usage).unwrap();
        assert_eq!(turn.usage().unwrap()["input_tokens"], usage.input);
        assert_eq!(turn.usage().unwrap()["output_tokens"], 5);
    }
}

#[tokio::test]
async fn real_clients_run_its_commands_and_apply_its_patches() {
    let rehearsal = Rehearsal::start();
    for client in real_clients(&rehearsal) {
        let prompt = "rehearse: shell echo $((6 * 7)); patch note.txt";
        let turn = client.exec(prompt).await.unwrap();
        let command = turn.items("command_execution").next().unwrap();
        assert!(command["aggregated_output"].as_str().unwrap().ends_with("42\n"), "{turn:?}");
        assert!(turn.answer().unwrap().starts_with("This answer is scripted. The call put out:"));
        assert!(client.work().join("note.txt").is_file());
    }
    assert_eq!(rehearsal.responses().len(), 9);
}
