//! An object of a running Worker, through the side entrance.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, RequestBuilder, Response};
use schema::tunnel;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A way in.
#[derive(Debug, Clone)]
pub struct Object {
    http: Client,
    url: String,
    token: String,
}

impl Object {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        Self { http: Client::new(), url: url.to_owned(), token: token.to_owned() }
    }

    /// Tells it something, as the Worker does: a frame there, a frame back.
    pub async fn tell<A: DeserializeOwned>(
        &self,
        command: &impl Serialize,
        body: &[u8],
    ) -> Result<(A, Vec<u8>)> {
        let mut frame = Vec::new();
        tunnel::push(&mut frame, command, body)?;
        let reply = self.send(self.http.put(format!("{}/", self.url)).body(frame)).await?;
        let reply = reply.bytes().await?;
        let (answer, body, _) = tunnel::pop(&reply)?.context("an answer")?;
        Ok((answer, body.to_vec()))
    }

    /// Tells it something in JSON, as the Worker tells an account's object; what came of it.
    pub async fn command(&self, command: &Value) -> Result<Value> {
        let ask = json!({ "knock": null, "command": command });
        let put = self.http.put(format!("{}/", self.url)).body(ask.to_string());
        let mut answer: Value = self.send(put).await?.json().await?;
        Ok(answer["outcome"].take())
    }

    /// Tells it something in JSON, which is what an account's object speaks.
    pub async fn ask<A: DeserializeOwned>(&self, command: &impl Serialize) -> Result<A> {
        let request = self.http.put(format!("{}/", self.url)).body(serde_json::to_vec(command)?);
        Ok(self.send(request).await?.json().await?)
    }

    /// Asks it for something that it streams.
    pub async fn look(&self, path: &str) -> Result<Response> {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let reply = request.bearer_auth(&self.token).send().await?;
        let status = reply.status();
        ensure!(status.is_success(), "{status}: {}", reply.text().await?);
        Ok(reply)
    }
}
