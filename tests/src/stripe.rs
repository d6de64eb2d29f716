//! The stand-in for Stripe: one process for all tests of a binary, and in it an account of its own
//! for each of them. Its front refuses what Stripe's own description refuses, and no test ends well
//! in which it refused something.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::{packages, paths, secret};

/// How often, and how long after one another, a stand-in is looked for that is about to start.
const LISTEN_TRIES: u32 = 300;
const LISTEN_POLL: Duration = Duration::from_millis(200);

static SHARED: OnceCell<Process> = OnceCell::const_new();

/// What came of trying to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Delivered {
    pub event: String,
    pub r#type: String,
    /// One of each try; 0 where no answer came.
    pub statuses: Vec<u16>,
}

impl Delivered {
    /// Whether the last try was taken.
    pub fn taken(&self) -> bool {
        self.statuses.last().is_some_and(|status| (200..300).contains(status))
    }
}

/// How badly events are delivered; each is tried again until it is taken.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Badly {
    /// How often each one comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// A fixed disorder of each seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// All at once.
    pub together: bool,
    /// The first answer is not waited for.
    pub hang_up: bool,
}

/// A call that was made.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    pub method: String,
    /// With its query.
    pub path: String,
    /// The idempotency key.
    pub key: Option<String>,
    pub status: u16,
    #[serde(default)]
    pub body: Value,
}

/// One account at the stand-in.
#[derive(Debug)]
pub struct Stripe {
    url: String,
    secret_key: String,
    webhook_secret: String,
    client: Client,
}

/// The process; it ends when its input does, so with us, however we end.
#[derive(Debug)]
pub struct Process {
    url: String,
    child: Child,
}

impl Process {
    /// Starts a process of one's own, with further arguments.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        packages::ensure()?;
        let mut command = Command::new(packages::node());
        command.arg(paths::at("tests/stripe/server.mjs")).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        // What else it writes goes nowhere, and must not fill the pipe.
        thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        #[derive(Deserialize)]
        struct Started {
            url: String,
        }
        let started: Started = serde_json::from_str(&line).context("the stand-in did not start")?;
        Ok(Self { url: started.url, child })
    }

    /// Starts a process on a port, and does not wait for it.
    pub fn begin(port: u16) -> Result<Self> {
        let mut command = Command::new(packages::node());
        command.arg(paths::at("tests/stripe/server.mjs")).args(["--port", &port.to_string()]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), child })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stripe {
    /// A new account.
    pub async fn start() -> Self {
        let start = || async { spawn_blocking(|| Process::start(&[])).await? };
        let shared = SHARED.get_or_try_init(start).await.expect("the stand-in starts");
        Self::at(shared.url())
    }

    /// A new account at a process.
    pub fn at(url: &str) -> Self {
        let secret_key = format!("sk_test_{}", secret::random());
        let webhook_secret = format!("whsec_{}", secret::random());
        Self { url: url.to_owned(), secret_key, webhook_secret, client: Client::new() }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// What its webhooks are signed with.
    pub fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// Leads the account: the verbs are those of `tests/stripe/control.mjs`.
    pub async fn lead(&self, verb: &str, how: Value) -> Value {
        let request = self.client.post(format!("{}/control/{verb}", self.url));
        let reply = request.bearer_auth(&self.secret_key).json(&how).send().await;
        let reply = reply.expect("the stand-in answers");
        let status = reply.status();
        let said: Value = reply.json().await.expect("JSON");
        assert!(status.is_success(), "{verb} {how}: {said}");
        said
    }

    /// The customer pays; tells the session. A card that is refused leaves it open.
    pub async fn pay(&self, session: &str) -> Value {
        self.lead("pay", json!({ "session": session })).await
    }

    /// The customer does something else: `async` (the money comes later), or is refused for the
    /// reason that is given.
    pub async fn pay_as(&self, session: &str, outcome: &str) -> Value {
        self.lead("pay", json!({ "session": session, "outcome": outcome })).await
    }

    /// The money of a session that took its time comes, or does not.
    pub async fn settle(&self, session: &str, paid: bool) -> Value {
        self.lead("settle", json!({ "session": session, "paid": paid })).await
    }

    /// What comes of the next charges of kept cards, in this order: `insufficient_funds`,
    /// `authentication_required`, `requires_action`, `processing`, or `paid`.
    pub async fn decline(&self, next: &[&str]) {
        self.lead("outcomes", json!({ "next": next })).await;
    }

    /// Gives money back, all of it if no cents are named.
    pub async fn refund(&self, intent: &str, cents: Option<i64>) -> Value {
        let mut how = json!({ "intent": intent });
        if let Some(cents) = cents {
            how["amount"] = cents.into();
        }
        self.lead("refund", how).await
    }

    /// The customer's bank takes the money back, until the dispute is over.
    pub async fn dispute(&self, intent: &str) -> Value {
        self.lead("dispute", json!({ "intent": intent })).await
    }

    /// A dispute goes on: `under_review`, `won`, `lost`…
    pub async fn move_dispute(&self, dispute: &str, status: &str) -> Value {
        self.lead("move_dispute", json!({ "dispute": dispute, "status": status })).await
    }

    /// An object as it stands.
    pub async fn object(&self, id: &str) -> Value {
        self.lead("object", json!({ "id": id })).await
    }

    /// All of a kind, newest first: `payment_intent`, `refund`…
    pub async fn all(&self, kind: &str) -> Vec<Value> {
        rows(self.lead("all", json!({ "kind": kind })).await)
    }

    /// All events so far, oldest first.
    pub async fn events(&self) -> Vec<Value> {
        rows(self.lead("events", json!({})).await)
    }

    /// Delivers events, one after the other, until each is taken. An event is one of
    /// [`Stripe::events`], an identifier, or the name of a file in `tests/stripe/events`.
    pub async fn deliver(&self, events: &[Value], to: &str) -> Vec<Delivered> {
        self.deliver_badly(events, to, Badly::default()).await
    }

    /// Delivers events in a worse way.
    pub async fn deliver_badly(&self, events: &[Value], to: &str, how: Badly) -> Vec<Delivered> {
        let mut told = serde_json::to_value(how).expect("JSON");
        told["events"] = events.into();
        told["to"] = to.into();
        told["secret"] = self.webhook_secret.as_str().into();
        rows(self.lead("deliver", told).await)
    }

    /// From now on every event is delivered by itself.
    pub async fn listen(&self, to: &str) {
        self.lead("listen", json!({ "to": to, "secret": self.webhook_secret })).await;
    }

    /// Waits until nothing is underway any more.
    pub async fn settled(&self) {
        self.lead("settled", json!({})).await;
    }

    /// The `Stripe-Signature` of a body, as Stripe's own client writes it.
    pub async fn sign(&self, payload: &str) -> String {
        let told = json!({ "payload": payload, "secret": self.webhook_secret });
        self.lead("sign", told).await.as_str().expect("a header").to_owned()
    }

    /// Sets the account's clock ahead, or back.
    pub async fn skew(&self, seconds: i64) {
        self.lead("clock", json!({ "skew": seconds })).await;
    }

    /// Something goes wrong with the next call to a path: `429`, `500`, `slow`, `refuse` (nobody
    /// answers) before anything is done; `cut`, `500 after` once it is done.
    pub async fn fault(&self, path: &str, kind: &str) {
        self.lead("fault", json!({ "path": path, "kind": kind })).await;
    }

    /// Every call so far, oldest first.
    pub async fn requests(&self) -> Vec<Call> {
        rows(self.lead("requests", json!({})).await)
    }

    /// Calls that were not as Stripe's description has them. Whoever has asked for them has
    /// answered for them: they do not fail the test any more.
    pub async fn refusals(&self) -> Vec<Value> {
        rows(self.lead("forgive", json!({})).await)
    }

    /// Fails if a call was not as Stripe's description has it. Every account does at its end.
    pub fn assert_clean(&self) {
        let refusals = self.unanswered().expect("the stand-in tells");
        assert_eq!(refusals, "[]", "calls that Stripe's own description refuses");
    }

    /// The refusals, without a runtime: what ends a test cannot wait on one.
    fn unanswered(&self) -> Result<String> {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        write!(
            stream,
            "POST /control/refusals HTTP/1.0\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
            self.secret_key
        )?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        let (_, body) = reply.split_once("\r\n\r\n").context("no answer")?;
        Ok(body.to_owned())
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.assert_clean();
        }
    }
}

/// Lets a stand-in that is about to start deliver every event by itself; gives up after a while.
pub async fn listen_soon(url: &str, secret_key: &str, webhook_secret: &str, to: &str) {
    let told = json!({ "to": to, "secret": webhook_secret });
    for _ in 0..LISTEN_TRIES {
        let request = Client::new().post(format!("{url}/control/listen"));
        if request.bearer_auth(secret_key).json(&told).send().await.is_ok() {
            return;
        }
        sleep(LISTEN_POLL).await;
    }
}

fn rows<T: for<'de> Deserialize<'de>>(told: Value) -> Vec<T> {
    serde_json::from_value(told).expect("rows")
}
