//! The way to the edge: name, proxy, TCP, TLS, and HTTP/1.1 over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use schema::agent::Failure;
use socket2::TcpKeepalive;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::proxy::{self, Proxy};

/// From nothing to a TLS session. A dial that takes longer is begun anew.
pub const DIAL: Duration = Duration::from_secs(3);
/// The answer to a request, and then its body.
const ANSWER: Duration = Duration::from_secs(10);
/// A name is looked up for so long before the last known addresses are taken.
const LOOKUP: Duration = Duration::from_millis(500);
/// The next address is tried beside the first after this time, and the first one again: what was
/// sent into a dead link is not waited for.
const STAGGER: Duration = Duration::from_millis(400);
/// What may lie unsent in the kernel: a question stands behind no more than this and one message.
const UNSENT_BYTES: u32 = 128 * 1024;
/// A connection on which nothing arrives is asked whether it lives: after this…
const SILENCE: Duration = Duration::from_secs(5);
/// … then this often…
const KNOCKS_EVERY: Duration = Duration::from_secs(3);
/// … and given up when so many were not answered, or what was sent stays unacknowledged for as
/// long. Codex would wait five minutes for the next event of a stream that leads nowhere.
const KNOCKS: u32 = 3;
/// How a failure begins that is not the network's.
pub const TLS_FAILED: &str = "TLS failed";
/// An answer is a few words.
const BODY_MAX_BYTES: usize = 64 * 1024;

/// A stream of bytes to the edge, encrypted or not.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
/// See [`Io`].
pub type Stream = Box<dyn Io>;

/// Where the edge is, and how to get there.
pub struct Edge {
    /// As it was given, without a slash at the end.
    pub url: String,
    /// The host, as certificates name it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The proxy on the way, if one is set for it.
    pub proxy: Option<Proxy>,
    tls: Option<TlsConnector>,
    known: Mutex<Vec<SocketAddr>>,
}

impl Edge {
    /// Reads the URL, the proxy variables and the roots to trust.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let uri: Uri = url.parse().with_context(|| format!("`{url}` is no URL"))?;
        let host = uri.host().with_context(|| format!("`{url}` names no host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("`{url}` has to begin with https:// (or http:// on this machine)"),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            bail!("`{url}` has to be the edge's root, without a path");
        }
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let proxy = if encrypted { proxy::for_host(&host)? } else { None };
        let tls = if encrypted { Some(connector(ca_file)?) } else { None };
        Ok(Self { url, host, port, proxy, tls, known: Mutex::default() })
    }

    /// Whether the way is encrypted.
    pub fn encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens a stream, within [`DIAL`].
    pub async fn dial(&self) -> Result<Stream> {
        let dialled = timeout(DIAL, self.dial_unhurried()).await;
        dialled.with_context(|| format!("no connection within {} s", DIAL.as_secs()))?
    }

    async fn dial_unhurried(&self) -> Result<Stream> {
        let stream = match &self.proxy {
            Some(proxy) => {
                let addresses = lookup(&proxy.host, proxy.port).await?;
                let stream = connect(&addresses).await?;
                proxy::connect(stream, proxy, &self.host, self.port).await?
            }
            None => connect(&self.addresses().await?).await?,
        };
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(self.host.clone())?;
        let stream = tls.connect(name, stream).await.context(TLS_FAILED)?;
        Ok(Box::new(stream))
    }

    /// The edge's addresses; those of last time where the resolver is slow, as it is just after a
    /// link came back.
    async fn addresses(&self) -> Result<Vec<SocketAddr>> {
        let known = self.known().clone();
        let found = match known.is_empty() {
            true => lookup(&self.host, self.port).await,
            false => timeout(LOOKUP, lookup(&self.host, self.port)).await.unwrap_or(Ok(known)),
        };
        let found = match found {
            Err(error) if self.known().is_empty() => return Err(error),
            Err(_) => self.known().clone(),
            Ok(found) => found,
        };
        self.known().clone_from(&found);
        Ok(found)
    }

    /// The addresses of last time. A list is whole whatever became of whoever wrote it.
    fn known(&self) -> MutexGuard<'_, Vec<SocketAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and returns the answer with its body.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: Bytes,
    ) -> Result<Response<Bytes>> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", self.authority());
        request = request.header("content-type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Full::new(body))?;
        let (head, body) = send(self.dial().await?, request).await?.into_parts();
        Ok(Response::from_parts(head, whole(body).await?))
    }

    /// What the `Host` header says.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.encrypted(), self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// Sends a request as the only one of its stream; the body, or the upgrade, is the caller's.
pub async fn send(stream: Stream, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
    let stream = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection.with_upgrades());
    let answer = timeout(ANSWER, sender.send_request(request)).await;
    Ok(answer.context("connected, but no answer within 10 s")??)
}

/// A body, up to a bound.
pub async fn whole(body: Incoming) -> Result<Bytes> {
    let body = timeout(ANSWER, Limited::new(body, BODY_MAX_BYTES).collect()).await;
    let body = body.context("the answer was not complete within 10 s")?;
    Ok(body.map_err(|error| anyhow::anyhow!("the answer was cut: {error}"))?.to_bytes())
}

/// What the edge's refusal says, in its own words; the status where it says nothing.
pub fn words(status: http::StatusCode, body: &[u8]) -> String {
    said(body).map_or_else(|| format!("The edge answered {status}."), |said| said.detail)
}

/// The edge's refusal; none if somebody else on the way said no.
pub fn said(body: &[u8]) -> Option<Failure> {
    serde_json::from_slice(body).ok()
}

/// Looks a name up.
pub async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> =
        found.with_context(|| format!("the name {host} was not found"))?.collect();
    match found.is_empty() {
        true => bail!("the name {host} has no address"),
        false => Ok(found),
    }
}

/// The first of the addresses that answers. Each is tried again while the others are.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream> {
    let rounds = usize::try_from(DIAL.as_millis() / STAGGER.as_millis()).unwrap_or(1);
    let mut next = addresses.iter().cycle().take(rounds.max(addresses.len()));
    let mut tries = FuturesUnordered::new();
    let mut last = None;
    loop {
        let begun = next.next().map(|address| tries.push(TcpStream::connect(*address)));
        match timeout(STAGGER, tries.next()).await {
            Ok(Some(Ok(stream))) => return tuned(stream),
            Ok(Some(Err(error))) => {
                last = Some(error);
                // What fails at once fails again at once: only time helps, and the caller has it.
                if tries.is_empty() && addresses.len() <= 1 {
                    break;
                }
            }
            Ok(None) if begun.is_none() => break,
            Ok(None) | Err(_) => {}
        }
    }
    let error = last.map_or_else(|| anyhow::anyhow!("no address answered"), Into::into);
    Err(error.context(format!("no TCP connection to {addresses:?}")))
}

/// Small writes go at once, little waits in the kernel, and silence is not taken for life.
fn tuned(stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
    let knocks = TcpKeepalive::new().with_time(SILENCE).with_interval(KNOCKS_EVERY);
    socket.set_tcp_keepalive(&knocks.with_retries(KNOCKS))?;
    socket.set_tcp_user_timeout(Some(SILENCE + KNOCKS_EVERY * KNOCKS))?;
    Ok(stream)
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector> {
    Ok(TlsConnector::from(Arc::new(trust(ca_file)?)))
}

/// Trusts the roots that the program carries, those of the machine (`SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name others), and those of the configuration.
pub fn trust(ca_file: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let (added, _) = roots.add_parsable_certificates(certificates(path)?);
        if added == 0 {
            bail!("{} holds no certificate", path.display());
        }
    }
    Ok(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    let unreadable = || format!("{} cannot be read", PathBuf::from(path).display());
    let certificates = CertificateDer::pem_file_iter(path).with_context(unreadable)?;
    certificates.collect::<Result<_, _>>().with_context(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Edge::new(url, None).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_edge_is_a_root_url() {
        assert!(refusal("edge.example").contains("https://"));
        assert!(refusal("ftp://edge.example").contains("https://"));
        assert!(refusal("https://edge.example/v1").contains("without a path"));
        let edge = Edge::new("http://127.0.0.1:8787/", None).unwrap();
        assert_eq!((edge.port, edge.authority().as_str()), (8787, "127.0.0.1:8787"));
        let edge = Edge::new("http://[::1]", None).unwrap();
        assert_eq!((edge.host.as_str(), edge.authority().as_str()), ("::1", "[::1]"));
    }

    #[test]
    fn the_edges_own_words_are_passed_on() {
        let status = http::StatusCode::UNAUTHORIZED;
        let body = br#"{"code":"authentication_required","detail":"The token was used."}"#;
        assert_eq!(words(status, body), "The token was used.");
        assert_eq!(words(status, b"<html>"), "The edge answered 401 Unauthorized.");
    }
}
