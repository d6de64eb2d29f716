//! A customer's desk: requests of one account, whole answers, and the manners that every answer
//! has.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tests::account::Account;
use tests::world::{PROVIDER_KEY, Plan, ROUTE, World};
use tokio::time::{Instant, sleep};

/// How long a line of the log may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// What no log may show, because customers wrote it.
pub const PROMPT: &str = "a-prompt-that-stays-between-us";

/// A world and an account in it, with money and no limits to speak of.
pub struct Desk {
    pub world: World,
    pub account: Account,
    http: Client,
}

impl Desk {
    pub async fn open() -> Self {
        Self::of(World::plan(), "25.00").await
    }

    pub async fn of(plan: Plan, credit_usd: &str) -> Self {
        let world = plan.start().await;
        let account = world.account(credit_usd).await;
        Self { world, account, http: Client::new() }
    }

    /// A request of nobody yet.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.http.request(method, self.world.at(path))
    }

    /// A request with the account's key.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request("GET", path).bearer_auth(&self.account.key)
    }

    /// A request with the account's key.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request("POST", path).bearer_auth(&self.account.key)
    }

    /// A request of the operator.
    pub fn admin(&self, method: &str, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(self.world.admin_token())
    }

    /// Asks for a response with the account's key.
    pub async fn respond(&self, body: &Value) -> Reply {
        self.send(self.post("/v1/responses").json(body)).await
    }

    /// A key of the account as wished: `{"scopes": ["models"]}`. Its token and its id.
    pub async fn key(&self, mut wish: Value) -> (String, String) {
        wish["user_id"] = json!(self.account.id);
        let made = self.send(self.admin("POST", "/admin/api/api-keys").json(&wish)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let text = |name: &str| made.json()[name].as_str().expect("text").to_owned();
        (text("token"), text("id"))
    }

    /// Sends a request, and looks whether its answer has manners.
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let reply = Reply::to(request).await;
        self.check_manners(&reply).await;
        reply
    }

    /// Every answer says where the caller stands, and under which id the log has it; none says what
    /// is ours.
    pub async fn check_manners(&self, reply: &Reply) {
        let rate = |name: &str| reply.number(&format!("x-ratelimit-{name}"));
        let (limit, used) = (rate("limit"), rate("used"));
        assert_eq!(rate("remaining"), (limit - used).max(0), "{reply:?}");
        assert!(rate("reset") > 1_700_000_000, "{reply:?}");
        assert_eq!(reply.header("cache-control"), "no-store", "{reply:?}");
        if matches!(reply.status, 429 | 503) {
            assert!(reply.number("retry-after") > 0, "{reply:?}");
        }
        self.check_log(reply.header("x-request-id")).await;
        let told = format!("{:?} {}", reply.headers, reply.text());
        let upstream = self.world.upstream().url.trim_start_matches("http://").to_owned();
        for secret in [PROVIDER_KEY, ROUTE, self.world.admin_token(), &upstream] {
            assert!(!told.contains(secret), "`{secret}` in {told}");
        }
    }

    /// The log has one line for the request, and shows no credential and no prompt.
    async fn check_log(&self, request_id: &str) {
        line_of(&self.world, request_id).await;
        let log = self.world.log();
        let account = &self.account;
        let credentials = [PROVIDER_KEY, self.world.admin_token(), &account.key, &account.username];
        for secret in credentials.into_iter().chain([PROMPT]) {
            assert!(!log.contains(secret), "`{secret}` in the log:\n{log}");
        }
    }

    /// Nothing was sent to the provider, nothing charged, nothing is held.
    pub async fn check_untouched(&self) {
        assert!(self.world.upstream().requests().is_empty());
        assert!(self.account.charges(0).await.is_empty());
    }
}

/// The one line that the log has for a request, once it is written.
pub async fn line_of(world: &World, request_id: &str) -> String {
    assert!(request_id.starts_with("req_"), "`{request_id}` is no request's id");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = world.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(request_id)).collect();
        assert!(lines.len() < 2, "one line for each request: {lines:#?}");
        if let Some(line) = lines.first() {
            return (*line).to_owned();
        }
        assert!(Instant::now() < deadline, "the log has no line of {request_id}:\n{log}");
        sleep(POLL).await;
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub async fn to(request: RequestBuilder) -> Self {
        let reply = request.send().await.expect("an answer");
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let bytes = reply.bytes().await.expect("a whole body").to_vec();
        Self { status, headers, bytes }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("UTF-8")
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    #[track_caller]
    pub fn number(&self, name: &str) -> i64 {
        let value = self.header(name);
        value.parse().unwrap_or_else(|_| panic!("`{name}: {value}` in {self:?}"))
    }

    /// The answer is this refusal, in the grammar of its family, and its message has these words.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str, words: &str) {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        let body = self.json();
        let openai = body.get("error").is_some();
        let (said, message) = if openai {
            (&body["error"]["code"], &body["error"]["message"])
        } else {
            (&body["code"], &body["detail"])
        };
        assert_eq!((self.status, said.as_str()), (status, Some(code)), "{}", self.text());
        assert!(message.as_str().is_some_and(|text| text.contains(words)), "{}", self.text());
        assert_eq!(self.header("www-authenticate") == "Bearer", status == 401, "{self:?}");
    }
}

/// A body that asks for a response.
pub fn ask(prompt: &str) -> Value {
    json!({ "model": "gpt-5.5", "input": prompt })
}
