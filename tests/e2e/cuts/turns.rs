//! Who works and who decides while the way to the machine is cut: each asks again under the same
//! name until there is an answer, as a careful client does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::account::Account;
use tests::world::World;
use tokio::time::{Instant, sleep};

use super::viewer::Seen;

const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(100);
/// No single call hangs for longer; the next try carries the same name.
const CALL: Duration = Duration::from_secs(40);

/// What a turn came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub turn: String,
    pub status: String,
    /// What its command prints.
    pub mark: String,
}

/// The account's callers, by its key and by the operator's token.
#[derive(Debug, Clone)]
pub struct Desk {
    http: Client,
    url: String,
    key: String,
    token: String,
    account: String,
    seen: Arc<Mutex<Seen>>,
}

impl Desk {
    pub fn new(world: &World, account: &Account) -> Self {
        let http = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        let (key, account) = (account.key.clone(), account.id.clone());
        let (url, token) = (world.url(), world.admin_token().to_owned());
        Self { http, url, key, token, account, seen: Arc::default() }
    }

    /// The events after one, as the operator sees them.
    pub fn events(&self, after: u64) -> RequestBuilder {
        let url = format!("{}/api/codex/events?account={}", self.url, self.account);
        let request = self.http.get(url).bearer_auth(&self.token);
        request.header("last-event-id", after.to_string())
    }

    /// One turn after the other on a thread of its own, until it is told to stop.
    pub async fn keep_working(self, number: usize, stop: Arc<AtomicBool>) -> Vec<Outcome> {
        let name = format!("thread-{number}");
        let started = self.insist("/api/threads", &name, json!({})).await;
        let thread = text(&started, &["threadId"]);
        let mut outcomes = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let mark = format!("MARK-{number}-{}", outcomes.len());
            // Twice, for the oldest version misses what is printed before it listens.
            let prompt = format!(
                "rehearse: pace 20ms; text 12; shell touch {mark} && sleep 0.2 && echo {mark} \
                 && sleep 0.5 && echo {mark}; text 8"
            );
            let body = json!({ "threadId": thread, "prompt": prompt });
            let started = self.insist("/api/turns", &mark, body).await;
            let turn = text(&started, &["turnId"]);
            let status = self.ended(&turn).await;
            outcomes.push(Outcome { turn, status, mark });
        }
        outcomes
    }

    /// Waits until whoever watches has seen a turn end, and says how.
    async fn ended(&self, turn: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.seen().end_of(turn) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "nobody saw {turn} end: {:#?}",
                self.seen().of(turn)
            );
            sleep(PAUSE).await;
        }
    }

    /// What whoever watches has seen so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic")
    }

    /// Accepts whatever is asked, until there is nothing more to come; how many there were.
    pub async fn keep_accepting(self, over: Arc<AtomicBool>) -> usize {
        let mut accepted = 0;
        loop {
            let last = over.load(Ordering::Relaxed);
            let path = format!("/api/server-requests?account={}", self.account);
            let listed = self.http.get(self.at(&path)).bearer_auth(&self.token);
            let listed = self.try_once(listed).await;
            let open = listed.as_ref().and_then(|(_, body)| body["data"].as_array().cloned());
            for question in open.unwrap_or_default() {
                let id = text(&question, &["id"]);
                let path = format!("/api/server-requests/{id}/resolve?account={}", self.account);
                let body = json!({ "decision": "accept" });
                let request = self.http.post(self.at(&path)).bearer_auth(&self.token).json(&body);
                let decided = self.try_once(request).await;
                accepted += usize::from(decided.is_some_and(|(status, _)| status.is_success()));
            }
            if last && listed.is_some() {
                return accepted;
            }
            sleep(PAUSE).await;
        }
    }

    /// Posts until there is an answer, always under the same name.
    async fn insist(&self, path: &str, name: &str, body: Value) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = self.http.post(self.at(path)).bearer_auth(&self.key).json(&body);
            let request = request.header("idempotency-key", name);
            let tried = self.try_once(request).await;
            match &tried {
                Some((status, answer)) if status.is_success() => return answer.clone(),
                Some((status, answer)) => {
                    assert!(may_be_tried_again(*status), "{path} {name}: {status} {answer}");
                }
                None => {}
            }
            assert!(Instant::now() < deadline, "{path} {name} is not answered: {tried:?}");
            sleep(PAUSE).await;
        }
    }

    /// The answer, unless the edge itself was away.
    async fn try_once(&self, request: RequestBuilder) -> Option<(StatusCode, Value)> {
        let reply = request.timeout(CALL).send().await.ok()?;
        let status = reply.status();
        let body = reply.text().await.ok()?;
        Some((status, serde_json::from_str(&body).unwrap_or(Value::String(body))))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// What a careful client does not take for the last word.
fn may_be_tried_again(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::CONFLICT || status.as_u16() == 429
}

/// A text somewhere in a value.
pub fn text(value: &Value, path: &[&str]) -> String {
    let found = path.iter().fold(value, |value, name| &value[*name]);
    found.as_str().unwrap_or_else(|| panic!("no {path:?} in {value}")).to_owned()
}
