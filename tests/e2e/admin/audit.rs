//! What operators do leaves a trace: each row that lets one in is asked, and leaves one line of who
//! did what with whom, or is named with why it leaves none.

mod rows;

use functions::api::families;
use functions::domain::access::Access;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tests::packages::Codex;
use tests::runner_peer::Machine;
use tests::world::World;

use self::rows::{Noted, SECRET, SILENT, rows};
use crate::app_server::releases::Registry;
use crate::app_server::seat::Seat;
use crate::desk::Reply;

/// The rows that let an operator in, or in and out.
fn served() -> Vec<String> {
    let families = families();
    let routes = families.iter().flat_map(|family| &family.routes);
    let rows = routes.filter(|route| {
        let lets_in = matches!(route.access, Access::Admin | Access::ApiOrAdmin(_));
        lets_in || route.path.starts_with("/admin")
    });
    rows.map(|route| format!("{} {}", route.method, route.path)).collect()
}

/// The desk of an operator who has a machine, and what is known of it.
struct Office {
    seat: Seat,
    known: Vec<(&'static str, String)>,
    cookie: String,
}

impl Office {
    async fn open(registry: &Registry) -> Self {
        registry.say(200, r#"{"name":"@openai/codex","version":"1.2.3"}"#);
        let world = World::plan().var("RELEASES_URL", &registry.url).start().await;
        let machine = world.machine(Codex::Newest).await;
        let account = world.account("50.00").await;
        let runner = machine.id.clone();
        let spare = Machine::enrolled(&world, json!({})).await.id.to_string();
        let known = vec![
            ("token", world.admin_token().to_owned()),
            ("user", account.id.clone()),
            ("runner", runner),
            ("spare", spare),
            ("order_number", "77".to_owned()),
        ];
        Self { seat: Seat::at(world, machine, account), known, cookie: String::new() }
    }

    /// A text with what is known in its places; the longest names first.
    fn filled(&self, text: &str) -> String {
        let mut names: Vec<_> = self.known.iter().rev().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }

    fn learn(&mut self, name: &'static str, value: &Value) {
        if let Some(value) = value.as_str() {
            self.known.retain(|(known, _)| *known != name);
            self.known.push((name, value.to_owned()));
        }
    }

    /// What has to be there before a row is asked.
    async fn prepare(&mut self, route: &str) {
        if route.contains("{application_id}") {
            let name = if route.ends_with("approve") { "ann" } else { "bob" };
            let body = json!({
                "email": format!("{name}@example.com"), "password": "a yak in the attic",
                "country": "DE", "phone": "+49 30 901820",
            });
            let request = Client::new().post(self.seat.world.at("/api/v1/customer/register"));
            assert_eq!(Reply::to(request.json(&body)).await.status, 201);
            let pending = self.seat.operate("GET", "/admin/api/pending-signups", None).await;
            let pending = pending.json();
            self.learn("application_id", &pending["data"][0]["application_id"]);
        }
        if route.contains("{request_id}") {
            let prompt = "rehearse: shell touch answered; say done";
            let begun = self.seat.post("/api/turns", json!({ "prompt": prompt })).await;
            assert_eq!(begun.status, 200, "{}", begun.text());
            let question = self.seat.question().await;
            self.learn("request_id", &question["id"]);
        }
    }

    async fn ask(&self, route: &str, query: &str, body: &str) -> Response {
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let path = path.replace("{user_id}", "$user").replace("{runner_id}", "$spare");
        let path = path.replace("{key_id}", "$id").replace("{thread_id}", "$threadId");
        let path = path.replace("{turn_id}", "$turnId").replace('{', "$").replace('}', "");
        let path = if path.ends_with("/file") { path.replace("$spare", "$runner") } else { path };
        let url = self.seat.world.at(&self.filled(&format!("{path}{query}")));
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = Client::new().request(method, url).header("sec-fetch-site", "same-origin");
        let request = match path.as_str() {
            "/admin/auth/login" => request,
            "/admin/logout" => request.header("cookie", &self.cookie),
            _ => request.bearer_auth(self.seat.world.admin_token()),
        };
        let request = match self.filled(body) {
            body if body.is_empty() => request,
            body => request.header("content-type", "application/json").body(body),
        };
        request.send().await.expect("an answer")
    }

    async fn notes(&self, after: i64) -> Vec<Value> {
        let sql = "SELECT id, actor, act, detail FROM audit WHERE id > ?1 ORDER BY id";
        self.seat.world.sql(sql, vec![json!(after)]).await
    }

    async fn newest(&self) -> i64 {
        let rows = self.notes(0).await;
        rows.last().and_then(|row| row["id"].as_i64()).unwrap_or_default()
    }

    async fn check(&mut self, row: &Noted) {
        self.prepare(row.route).await;
        let before = self.newest().await;
        let reply = self.ask(row.route, row.query, row.body).await;
        let (status, streams) = (reply.status(), row.route.ends_with("/events"));
        if row.route.ends_with("/auth/login") {
            let cookie = reply.headers()["set-cookie"].to_str().expect("text");
            self.cookie = cookie.split(';').next().expect("a cookie").to_owned();
        }
        let text = if streams { String::new() } else { reply.text().await.expect("a body") };
        assert_eq!(status.as_u16(), row.status, "{}: {text}", row.route);
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        for name in ["id", "threadId", "turnId"] {
            self.learn(name, &told[name]);
        }
        let notes = self.notes(before).await;
        let [note] = &notes[..] else { panic!("{} left {notes:#?}", row.route) };
        let signs = row.route.ends_with("/login") || row.route.ends_with("/logout");
        let ada = signs && row.route.starts_with("POST /admin/") && !row.route.contains("/api/");
        let actor = if ada { "operator/ada" } else { "operator" };
        assert_eq!((&note["actor"], &note["act"]), (&json!(actor), &json!(row.act)), "{note}");
        let detail = note["detail"].as_str().expect("a detail");
        for part in row.about {
            let part = self.filled(part);
            assert!(detail.contains(&part), "{}: `{part}` in `{detail}`", row.route);
        }
        assert!(!detail.contains(SECRET) && !detail.contains(self.seat.world.admin_token()));
    }
}

#[test]
fn every_row_that_lets_an_operator_in_is_noted_or_says_why_it_is_not() {
    let mut named: Vec<String> = rows().map(|row| row.route.to_owned()).collect();
    named.extend(SILENT.iter().flat_map(|(_, routes)| *routes).map(|it| (*it).to_owned()));
    let mut served = served();
    served.sort();
    named.sort();
    assert_eq!(named, served, "each row once");
    let changing = SILENT.iter().flat_map(|(_, routes)| *routes).find(|it| !it.starts_with("GET "));
    assert_eq!(changing, None, "what changes something is noted");
}

#[tokio::test]
async fn what_an_operator_changes_sends_or_is_shown_leaves_one_note_of_who_did_what_with_whom() {
    let registry = Registry::open().await;
    let mut office = Office::open(&registry).await;
    for row in rows() {
        office.check(row).await;
    }
    let before = office.newest().await;
    for route in SILENT.iter().flat_map(|(_, routes)| *routes) {
        drop(office.ask(route, "", "").await);
    }
    assert_eq!(office.notes(before).await, [] as [Value; 0], "who only looks");
}
