//! The way from codex to its models that keeps the key out of codex: a proxy on the loopback takes
//! a token that is good for nothing else, and puts the account's key in its place.
//!
//! Bodies pass as they come, both ways, and nothing of them is read.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::way::Dialler;
use crate::edge::Edge;

/// Connections to the edge are kept this long between calls.
const KEPT: Duration = Duration::from_secs(60);
/// Connections of codex at one time; what comes beyond them waits.
const CONNECTIONS_MAX: usize = 256;

/// What belongs to one connection and not to the message (RFC 9110 section 7.6.1), and what is
/// replaced here.
const NOT_PASSED: [HeaderName; 10] = [
    header::CONNECTION,
    header::HOST,
    header::AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

type Body = BoxBody<Bytes, hyper::Error>;

/// The account's key, which may be replaced while the proxy runs.
#[derive(Clone, Default)]
pub struct Key(Arc<RwLock<Option<HeaderValue>>>);

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct KeyProxy {
    /// `http://127.0.0.1:PORT/v1`
    pub url: String,
    /// What codex has to show; good for this proxy only.
    pub token: String,
    serving: JoinHandle<()>,
}

struct Way {
    edge: String,
    token_digest: [u8; 32],
    key: Key,
    client: Client<Dialler, Incoming>,
}

impl Key {
    /// Puts a key there.
    pub fn set(&self, key: &str) -> Result<()> {
        let mut value = HeaderValue::try_from(format!("Bearer {key}"))
            .ok()
            .filter(|_| !key.is_empty())
            .context("a key has to be visible ASCII")?;
        value.set_sensitive(true);
        if let Ok(mut held) = self.0.write() {
            *held = Some(value);
        }
        Ok(())
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.0.read().is_ok_and(|key| key.is_some())
    }

    fn get(&self) -> Option<HeaderValue> {
        self.0.read().ok()?.clone()
    }
}

impl KeyProxy {
    /// Starts one in front of an edge, which is trusted as the agent trusts it.
    pub async fn start(edge: &str, ca_file: Option<&Path>, key: Key) -> Result<Self> {
        let edge = Edge::new(edge, ca_file)?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| anyhow!("no randomness: {error}"))?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(random);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let address = edge.url.clone();
        let mut client = Client::builder(TokioExecutor::new());
        let client = client.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT);
        let client = client.build(Dialler::to(edge));
        let token_digest = Sha256::digest(&token).into();
        let way = Arc::new(Way { edge: address, token_digest, key, client });
        let serving = tokio::spawn(serve(listener, way));
        Ok(Self { url, token, serving })
    }
}

impl Drop for KeyProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, way: Arc<Way>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, Arc::clone(&way)));
            }
            Err(error) => {
                // Out of file descriptors, which pass.
                tracing::warn!(%error, "the key proxy cannot take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, way: Arc<Way>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let way = Arc::clone(&way);
        async move { Ok::<_, Infallible>(pass(&way, request).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    let server = server.timer(TokioTimer::new()).header_read_timeout(KEPT);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection of codex to the key proxy broke");
    }
}

async fn pass(way: &Way, request: Request<Incoming>) -> Response<Body> {
    if !way.lets_in(request.headers()) {
        return refuse(StatusCode::UNAUTHORIZED, "this is a way to models for codex only");
    }
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if !is_model_path(path) {
        return refuse(StatusCode::NOT_FOUND, "only /v1 is reached this way");
    }
    if request.headers().contains_key(header::UPGRADE) {
        return refuse(StatusCode::UPGRADE_REQUIRED, "only HTTP is passed on this way");
    }
    let Some(key) = way.key.get() else {
        return refuse(StatusCode::UNAUTHORIZED, "the runner holds no key for this account");
    };
    let Ok(uri) = format!("{}{path}", way.edge).parse::<Uri>() else {
        return refuse(StatusCode::BAD_REQUEST, "this is no path");
    };
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    strip(&mut parts.headers);
    parts.headers.insert(header::AUTHORIZATION, key);
    match way.client.request(Request::from_parts(parts, body)).await {
        Ok(mut response) => {
            strip(response.headers_mut());
            response.map(|body| body.boxed())
        }
        Err(error) => {
            // Its address may be named in it, the key never is.
            tracing::warn!(%error, "the edge cannot be reached");
            refuse(StatusCode::BAD_GATEWAY, "the edge cannot be reached")
        }
    }
}

impl Way {
    /// Digests are compared, so that the time that takes tells nothing of the token.
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let given = given.and_then(|given| given.strip_prefix(b"Bearer ")).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(given).into();
        let differing = digest.iter().zip(self.token_digest).map(|(a, b)| a ^ b);
        differing.fold(0, |all, byte| all | byte) == 0
    }
}

/// Below `/v1`, and with nothing in it that another reader might take for a way out.
fn is_model_path(path_and_query: &str) -> bool {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let plain = !path.contains("..") && !path.contains('%') && !path.contains("//");
    plain && (path == "/v1" || path.starts_with("/v1/"))
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_PASSED.into_iter().chain(named) {
        headers.remove(name);
    }
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({ "error": { "message": message, "type": "runner_error", "code": null } });
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    /// An edge that answers one request, and tells what it was sent.
    async fn edge() -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut sent = Vec::new();
            while !sent.ends_with(b"body") {
                assert!(stream.read_buf(&mut sent).await.unwrap() > 0);
            }
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
            String::from_utf8(sent).unwrap()
        });
        (url, served)
    }

    async fn post(proxy: &KeyProxy, path: &str, token: &str) -> String {
        let address = proxy.url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             x-custom: kept\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn proxy(edge: &str) -> KeyProxy {
        let key = Key::default();
        key.set("the-key").unwrap();
        KeyProxy::start(edge, None, key).await.unwrap()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_token_is_replaced_by_the_key_and_all_else_passes() {
        let (url, served) = edge().await;
        let proxy = proxy(&url).await;
        let answer = post(&proxy, "/v1/responses?x=1", &proxy.token).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok"), "{answer}");
        let sent = served.await.unwrap();
        assert!(sent.starts_with("POST /v1/responses?x=1 HTTP/1.1\r\n"), "{sent}");
        assert!(sent.contains("authorization: Bearer the-key\r\n"), "{sent}");
        assert!(sent.contains("x-custom: kept\r\n") && !sent.contains(&proxy.token), "{sent}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn without_the_token_or_beside_v1_nothing_is_sent() {
        let proxy = proxy("http://127.0.0.1:1").await;
        for token in ["", "the-key", &proxy.token[1..]] {
            assert!(post(&proxy, "/v1/responses", token).await.starts_with("HTTP/1.1 401"));
        }
        for path in ["/", "/api/x", "/v1x", "/v1/../api/x", "/v1/%2e%2e/api", "/v1//x"] {
            let answer = post(&proxy, path, &proxy.token).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_edge_out_of_reach_is_a_bad_gateway() {
        let proxy = proxy("http://127.0.0.1:1").await;
        assert!(post(&proxy, "/v1/responses", &proxy.token).await.starts_with("HTTP/1.1 502"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn certificates_to_trust_are_read_at_the_start() {
        let trusting = |file: &'static str| {
            KeyProxy::start("https://edge.example", Some(Path::new(file)), Key::default())
        };
        let error = trusting("/nowhere/ca.pem").await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
        let error = trusting("/dev/null").await.unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_no_address_of_an_edge_is_refused() {
        for edge in ["edge.example", "ftp://edge.example", "http://"] {
            assert!(KeyProxy::start(edge, None, Key::default()).await.is_err(), "{edge}");
        }
    }
}
