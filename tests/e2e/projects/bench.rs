//! A bench to work at: a seat with a true machine, and the requests of a project.

use std::path::PathBuf;

use reqwest::{Client, Response};
use serde_json::Value;
use tests::packages::Codex;

use crate::app_server::seat::{Events, Seat};
use crate::desk::Reply;

pub struct Bench {
    pub seat: Seat,
    http: Client,
}

impl Bench {
    pub async fn with(version: Codex) -> Self {
        Self::at(Seat::with(version).await)
    }

    pub fn at(seat: Seat) -> Self {
        Self { seat, http: Client::new() }
    }

    /// A new project's id.
    pub async fn create(&self, body: Value) -> String {
        let made = self.seat.post("/api/v1/projects", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["projectId"].as_str().expect("an id").to_owned()
    }

    /// A `GET` below a project, which is answered.
    pub async fn get(&self, project: &str, path: &str) -> Value {
        let reply = self.seat.get(&at(project, path)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    /// A `POST` below a project, which is answered.
    pub async fn post(&self, project: &str, path: &str, body: Value) -> Value {
        let reply = self.post_for(project, path, body).await;
        assert!(matches!(reply.status, 200 | 201), "{path}: {}", reply.text());
        reply.json()
    }

    /// A `POST` below a project, whatever comes of it.
    pub async fn post_for(&self, project: &str, path: &str, body: Value) -> Reply {
        self.seat.post(&at(project, path), body).await
    }

    pub async fn delete(&self, project: &str, path: &str) -> Reply {
        let request = self.http.delete(self.seat.world.at(&at(project, path)));
        Reply::to(request.bearer_auth(&self.seat.account.key)).await
    }

    /// The events of a project, with the account's key.
    pub async fn events(&self, project: &str, query: &str) -> Events {
        self.events_of(project, query, Some(&self.seat.account.key)).await
    }

    /// The events of a project, for whoever shows this key or none.
    pub async fn events_of(&self, project: &str, query: &str, key: Option<&str>) -> Events {
        Events::of(self.streaming(project, query, key)).await
    }

    /// The answer to a request for events.
    pub async fn stream(&self, project: &str, query: &str, key: Option<&str>) -> Response {
        self.streaming(project, query, key).send().await.expect("an answer")
    }

    fn streaming(&self, project: &str, query: &str, key: Option<&str>) -> reqwest::RequestBuilder {
        let path = at(project, &format!("events?{query}"));
        let request = self.http.get(self.seat.world.at(&path));
        key.iter().fold(request, |request, key| request.bearer_auth(key))
    }

    /// The project's directory on its machine.
    pub fn root(&self, project: &str) -> PathBuf {
        let accounts = self.seat.machine.state().join("accounts");
        accounts.join(&self.seat.account.id).join("work/projects").join(project)
    }

    /// Kills the machine's programs and the Worker, and starts the Worker again.
    pub async fn kill_everything(&mut self) {
        self.seat.machine.kill_all().expect("its programs end");
        self.seat.world.kill9();
        self.seat.world.restart().await;
    }

    pub async fn start_machine(&mut self) {
        self.seat.machine.start().expect("the agent starts");
        self.seat.machine.online().await;
    }

    /// Everything that was asked of the model was charged.
    pub async fn check_bill(&self) {
        self.seat.check_bill().await;
    }
}

fn at(project: &str, path: &str) -> String {
    format!("/api/v1/projects/{project}/{path}")
}
