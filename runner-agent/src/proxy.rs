//! The proxy that the environment names: `HTTPS_PROXY`, except for what `NO_PROXY` lists. Only
//! plain `http://` proxies are honoured, by `CONNECT`; the edge's TLS runs through them untouched.

use std::env;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer to `CONNECT` is no longer than this.
const ANSWER_MAX_BYTES: usize = 16 * 1024;

/// A proxy on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `user:password`, where the URL carries it.
    credential: Option<String>,
}

/// The proxy for a host, from the environment.
pub fn for_host(host: &str) -> Result<Option<Proxy>> {
    let variable = |name: &str| {
        let value = env::var(name).or_else(|_| env::var(name.to_ascii_lowercase()));
        value.ok().filter(|value| !value.is_empty())
    };
    let excepted = variable("NO_PROXY").unwrap_or_default();
    choose(host, variable("HTTPS_PROXY").as_deref(), &excepted)
}

fn choose(host: &str, proxy: Option<&str>, excepted: &str) -> Result<Option<Proxy>> {
    let Some(url) = proxy.filter(|_| !is_excepted(host, excepted)) else { return Ok(None) };
    parse(url).map(Some)
}

/// `NO_PROXY` lists names and their subdomains, or `*`.
fn is_excepted(host: &str, excepted: &str) -> bool {
    let mut entries = excepted.split(',').map(|entry| entry.trim().trim_start_matches('.'));
    entries.any(|entry| {
        let below = host.strip_suffix(entry).is_some_and(|front| front.ends_with('.'));
        !entry.is_empty() && (entry == "*" || entry == host || below)
    })
}

fn parse(url: &str) -> Result<Proxy> {
    let spelled = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    // What stands there may hold a password, so it is not repeated.
    let uri: Uri = spelled.parse().context("HTTPS_PROXY is no URL")?;
    if uri.scheme_str() != Some("http") {
        bail!("HTTPS_PROXY has to begin with http://: other kinds of proxies are not honoured");
    }
    let authority = uri.authority().context("HTTPS_PROXY names no host")?;
    let credential = authority.as_str().rsplit_once('@').map(|(user, _)| user.to_owned());
    Ok(Proxy {
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(80),
        credential,
    })
}

/// Asks the proxy for a way to the host.
pub async fn connect(
    mut stream: TcpStream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<TcpStream> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(credential) = &proxy.credential {
        let credential = STANDARD.encode(credential);
        request.push_str(&format!("Proxy-Authorization: Basic {credential}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // The edge says nothing before it is spoken to, so nothing of it can follow the empty line.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > ANSWER_MAX_BYTES || stream.read_buf(&mut answer).await? == 0 {
            bail!("the proxy {}:{} gave no answer", proxy.host, proxy.port);
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let line = line.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(stream),
        _ => bail!("the proxy {}:{} refused: {line}", proxy.host, proxy.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_taken_except_for_listed_hosts() {
        let proxy = Some("http://user:pw@proxy.example:3128");
        let chosen = choose("edge.example", proxy, "").unwrap().unwrap();
        assert_eq!((chosen.host.as_str(), chosen.port), ("proxy.example", 3128));
        assert_eq!(chosen.credential.as_deref(), Some("user:pw"));
        for excepted in ["*", "edge.example", ".example", "other, example"] {
            assert_eq!(choose("edge.example", proxy, excepted).unwrap(), None, "{excepted}");
        }
        assert!(choose("edge.example", proxy, "xample").unwrap().is_some());
        assert_eq!(choose("edge.example", None, "").unwrap(), None);
    }

    #[test]
    fn other_kinds_of_proxies_are_refused_without_repeating_their_password() {
        let error = choose("edge.example", Some("socks5://user:pw@proxy"), "").unwrap_err();
        assert!(error.to_string().contains("http://") && !error.to_string().contains("pw"));
    }
}
