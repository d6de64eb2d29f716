//! A customer's seat at a true machine: a world, an account in it, and codex of one version that
//! works for it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use schema::MicroUsd;
use serde_json::{Value, json};
use tests::account::Account;
use tests::packages::Codex;
use tests::runner::Machine;
use tests::world::World;
use tokio::time::{Instant, sleep, timeout};

use crate::bill;
use crate::desk::Reply;

pub const VERSIONS: [Codex; 2] = [Codex::Pinned, Codex::Newest];

const CREDIT_USD: &str = "120.00";
const CREDIT: MicroUsd = MicroUsd::from_cents(12_000);
/// How long codex may take for anything that it is asked here.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

pub struct Seat {
    // Before the world that it is a part of.
    pub machine: Machine,
    pub account: Account,
    pub world: World,
    http: Client,
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the log; none for what is not in it.
    pub id: Option<u64>,
    pub name: String,
    pub data: Value,
}

/// Events as they come.
pub struct Events {
    response: Response,
    unread: Vec<u8>,
}

impl Seat {
    pub async fn with(version: Codex) -> Self {
        let world = World::start().await;
        let machine = world.machine(version).await;
        let account = world.account(CREDIT_USD).await;
        Self::at(world, machine, account)
    }

    pub fn at(world: World, machine: Machine, account: Account) -> Self {
        Self { machine, account, world, http: Client::new() }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http.request(method, self.world.at(path)).timeout(PATIENCE)
    }

    /// A `POST` of the account.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.request("POST", path).bearer_auth(&self.account.key).json(&body)).await
    }

    /// A `DELETE` of the account.
    pub async fn delete(&self, path: &str) -> Reply {
        Reply::to(self.request("DELETE", path).bearer_auth(&self.account.key)).await
    }

    /// A `GET` of the account.
    pub async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request("GET", path).bearer_auth(&self.account.key)).await
    }

    /// What the operator does on the account's behalf.
    pub async fn operate(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let request = self.operators(method, path);
        Reply::to(body.iter().fold(request, |request, body| request.json(body))).await
    }

    /// The same, to be sent.
    pub fn operators(&self, method: &str, path: &str) -> RequestBuilder {
        let between = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{between}account={}", self.account.username);
        self.request(method, &path).bearer_auth(self.world.admin_token())
    }

    /// A turn, by its events.
    pub async fn turn(&self, body: Value) -> Events {
        let request = self.request("POST", "/api/turns").bearer_auth(&self.account.key);
        Events::of(request.header("accept", "text/event-stream").json(&body)).await
    }

    /// The events of the log after one of them.
    pub async fn log(&self, after: u64) -> Events {
        let request = self.operators("GET", "/api/codex/events");
        Events::of(request.header("last-event-id", after.to_string())).await
    }

    /// The one question that is open, once it is.
    pub async fn question(&self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listed = self.operate("GET", "/api/server-requests", None).await;
            assert_eq!(listed.status, 200, "{}", listed.text());
            let open = listed.json()["data"].as_array().cloned().expect("a list");
            if let [question] = &open[..] {
                return question.clone();
            }
            assert!(open.is_empty() && Instant::now() < deadline, "{open:#?}");
            sleep(POLL).await;
        }
    }

    /// Answers a question.
    pub async fn resolve(&self, question: &Value, body: Value) -> Reply {
        let id = question["id"].as_str().expect("an id");
        let path = format!("/api/server-requests/{id}/resolve");
        self.operate("POST", &path, Some(body)).await
    }

    /// A call of codex's own.
    pub async fn rpc(&self, method: &str, params: Value) -> Reply {
        let body = json!({ "method": method, "params": params });
        self.operate("POST", "/api/codex/rpc", Some(body)).await
    }

    /// Compares the wallet with what the scripted model sent.
    pub async fn check_bill(&self) {
        bill::check(&self.world, &self.account, CREDIT).await;
    }
}

impl Events {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, kind) = (response.status().as_u16(), response.headers().get("content-type"));
        let streams = kind.is_some_and(|kind| kind == "text/event-stream");
        if !streams {
            panic!("{status}: {}", response.text().await.expect("a body"));
        }
        Self { response, unread: Vec::new() }
    }

    /// The next event; none at the end. Comments and orders to the client are passed over.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                match parse(std::str::from_utf8(&frame).expect("UTF-8")) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await.expect("in time");
            let Some(piece) = piece.expect("a whole stream") else {
                assert!(self.unread.is_empty(), "a stream ends between events");
                return None;
            };
            self.unread.extend_from_slice(&piece);
        }
    }

    /// The next event of that method.
    pub async fn until(&mut self, method: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("no {method} came"));
            if event.method() == method {
                return event;
            }
        }
    }

    /// All up to the next event of that method or name, with it.
    pub async fn gather(&mut self, method: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("no {method}: {events:#?}"));
            let is_it = event.method() == method || event.name == method;
            events.push(event);
            if is_it {
                return events;
            }
        }
    }

    /// The end of the next command.
    pub async fn command(&mut self) -> Value {
        loop {
            let event = self.next().await.expect("a command that ends");
            if let Some(command) = event.completed("commandExecution") {
                return command.clone();
            }
        }
    }

    /// All that follow, to the end.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

impl Event {
    /// The method of the notification or request.
    pub fn method(&self) -> &str {
        self.data["method"].as_str().unwrap_or_default()
    }

    /// The item that it is about, if it is the end of one of that kind.
    pub fn completed(&self, kind: &str) -> Option<&Value> {
        let item = &self.data["params"]["item"];
        (self.method() == "item/completed" && item["type"] == kind).then_some(item)
    }
}

fn parse(frame: &str) -> Option<Event> {
    let field = |name: &str| {
        let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned());
        frame.lines().find_map(value)
    };
    let data = serde_json::from_str(&field("data")?).expect("JSON");
    let id = field("id").map(|id| id.parse().expect("a number"));
    Some(Event { id, name: field("event").unwrap_or_default(), data })
}

/// The events of the log are in order and none is missing or twice, as far as one thread sees them.
#[track_caller]
pub fn check_order(events: &[Event]) {
    let ids: Vec<u64> = events.iter().filter_map(|event| event.id).collect();
    assert!(!ids.is_empty() && ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}
