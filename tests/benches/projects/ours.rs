//! A project watched through the edge.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tests::account::Account;
use tests::world::World;
use tokio::time::timeout;

use super::{DELTA, END, PATIENCE, prompt};
use tests::figures::Times;

pub struct Project {
    http: Client,
    url: String,
    key: String,
}

/// Somebody who watches.
pub struct Viewer {
    response: Response,
    unread: Vec<u8>,
}

impl Project {
    pub async fn open(world: &World, account: &Account) -> Result<Self> {
        let http = Client::new();
        let made = http.post(world.at("/api/v1/projects")).bearer_auth(&account.key);
        let made: Value = made.json(&json!({ "name": "bench" })).send().await?.json().await?;
        let id = made["id"].as_str().context("an id")?;
        let url = world.at(&format!("/api/v1/projects/{id}"));
        let project = Self { http, url, key: account.key.clone() };
        project.post("open", &json!({})).await?;
        Ok(project)
    }

    /// A project of its own, from its opening to the first event of its first turn.
    pub async fn open_to_first_event(world: &World, account: &Account) -> Result<Duration> {
        let begun = Instant::now();
        let project = Self::open(world, account).await?;
        let mut viewer = project.viewer().await?;
        project.post("turns", &json!({ "prompt": "rehearse: say hi" })).await?;
        viewer.until("turn/started").await?;
        let took = begun.elapsed();
        viewer.until(END).await?;
        Ok(took)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(format!("{}/{path}", self.url)).bearer_auth(&self.key);
        let response = request.json(body).send().await?;
        ensure!(response.status().is_success(), "{path}: {}", response.text().await?);
        Ok(response.json().await?)
    }

    async fn viewer(&self) -> Result<Viewer> {
        let request = self.http.get(format!("{}/events", self.url)).bearer_auth(&self.key);
        let response = request.send().await?;
        ensure!(response.status().is_success(), "{}", response.text().await?);
        let mut viewer = Viewer { response, unread: Vec::new() };
        viewer.until("event: ready").await?;
        Ok(viewer)
    }

    pub async fn watch(&self, many: usize) -> Result<Vec<Viewer>> {
        try_join_all((0..many).map(|_| self.viewer())).await
    }

    /// One turn, as each viewer sees it.
    pub async fn sample(&self, world: &World, viewers: &mut [Viewer], gate: &str) -> Result<Times> {
        let before = world.upstream().requests().len();
        self.post("turns", &json!({ "prompt": prompt(gate) })).await?;
        world.upstream().wait_for(before + 1).await;
        see(world, viewers.iter_mut().collect(), gate).await
    }
}

/// A turn in each project, all at one time.
pub async fn crowd(
    world: &World,
    projects: &[Project],
    viewers: &mut [Vec<Viewer>],
    gate: &str,
) -> Result<Times> {
    let before = world.upstream().requests().len();
    let body = json!({ "prompt": prompt(gate) });
    try_join_all(projects.iter().map(|project| project.post("turns", &body))).await?;
    world.upstream().wait_for(before + projects.len()).await;
    see(world, viewers.iter_mut().flatten().collect(), gate).await
}

/// Opens the gate; how long each viewer waited for the first delta. Ends with the turns.
async fn see(world: &World, viewers: Vec<&mut Viewer>, gate: &str) -> Result<Times> {
    let opened = Instant::now();
    world.upstream().release(gate);
    let waits = viewers.into_iter().map(async |viewer| {
        viewer.until(DELTA).await?;
        let took = opened.elapsed();
        viewer.until(END).await?;
        anyhow::Ok(took)
    });
    let mut times = Times::default();
    try_join_all(waits).await?.into_iter().for_each(|took| times.add(took));
    Ok(times)
}

impl Viewer {
    /// Reads on until that has come.
    async fn until(&mut self, what: &str) -> Result<()> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.unread, what.as_bytes()) {
                self.unread.drain(..at + what.len());
                return Ok(());
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await??;
            self.unread.extend_from_slice(&piece.context("the stream ended")?);
        }
    }
}
