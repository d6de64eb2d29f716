//! The way to the edge, step by step, so that the first step that fails is the one to mend.

use bytes::Bytes;
use http::Method;

use super::Finding;
use crate::agent::now;
use crate::date;
use crate::edge::{self, Edge, TLS_FAILED};

/// A clock that is off by more is worth a word; the agent corrects what it signs by itself.
const CLOCK_WARN_MS: i64 = 5_000;

/// Proxy, name, connection, the edge's health and its clock.
pub async fn examine(edge: &Edge) -> Vec<Finding> {
    let mut findings = vec![proxy(edge)];
    if edge.proxy.is_none() {
        match edge::lookup(&edge.host, edge.port).await {
            Ok(found) => {
                let found: Vec<String> = found.iter().map(|at| at.ip().to_string()).collect();
                let found = format!("{} is {}", edge.host, found.join(", "));
                findings.push(Finding::ok("dns", found));
            }
            Err(error) => {
                let advice = "Look at /etc/resolv.conf and the spelling of the edge's name.";
                findings.push(Finding::fail("dns", format!("{error:#}"), advice));
                return findings;
            }
        }
    }
    match edge.dial().await {
        Ok(_) if edge.encrypted() => {
            findings.push(Finding::ok("tls", "connected, and the certificate is trusted"));
        }
        Ok(_) if edge.host == "localhost" || edge.host.starts_with("127.") => {
            findings.push(Finding::ok("tls", "not used, which is right on one machine"));
        }
        Ok(_) => {
            let advice = "Use https://: keys of accounts go over this connection.";
            findings.push(Finding::warn("tls", "connected, but not encrypted", advice));
        }
        Err(error) => {
            let text = format!("{error:#}");
            let subject = if text.contains(TLS_FAILED) { "tls" } else { "connection" };
            findings.push(Finding::fail(subject, text, advice(&error)));
            return findings;
        }
    }
    findings.extend(health(edge).await);
    findings
}

fn proxy(edge: &Edge) -> Finding {
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match &edge.proxy {
        Some(proxy) => {
            let found = format!("HTTPS_PROXY is honoured: through {}:{}", proxy.host, proxy.port);
            Finding::ok("proxy", found)
        }
        None => {
            match ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"].iter().find(|it| set(it)) {
                Some(name) => {
                    let advice = "Set HTTPS_PROXY=http://host:port if the edge needs a proxy.";
                    Finding::warn("proxy", format!("{name} is set, and is not honoured"), advice)
                }
                None => Finding::ok("proxy", "none on the way"),
            }
        }
    }
}

fn advice(error: &anyhow::Error) -> &'static str {
    let text = format!("{error:#}").to_ascii_lowercase();
    if text.contains("notvalidyet") || text.contains("expired") || text.contains("not valid yet") {
        "The certificate's time is not now: look at this machine's clock first."
    } else if text.contains("certificate") || text.contains("issuer") {
        "Someone on the way has a certificate of their own: name it with --ca-file."
    } else if text.contains("connection refused") {
        "Nothing listens there: is the port right, and is the edge (or the proxy) up?"
    } else if text.contains("proxy") {
        "Ask whoever runs the proxy to allow CONNECT to the edge."
    } else {
        "A firewall may be in the way: outgoing TCP to the edge's port is all that is needed."
    }
}

async fn health(edge: &Edge) -> Vec<Finding> {
    let answer = match edge.ask(Method::GET, "/health", None, Bytes::new()).await {
        Ok(answer) => answer,
        Err(error) => {
            let advice = "The connection opens, but no edge answers behind it: is the URL right?";
            return vec![Finding::fail("edge", format!("{error:#}"), advice)];
        }
    };
    let mut findings = Vec::new();
    match answer.status().is_success() {
        true => findings.push(Finding::ok("edge", format!("{}/health answers", edge.url))),
        false => {
            let found = format!("{}/health answers {}", edge.url, answer.status());
            let advice = "Is this the edge's root URL? If so, the edge itself is not well.";
            findings.push(Finding::fail("edge", found, advice));
        }
    }
    let header = answer.headers().get("date").and_then(|value| value.to_str().ok());
    findings.push(clock(header.and_then(date::parse).map(|date| date.since(now()))));
    findings
}

fn clock(ahead_ms: Option<i64>) -> Finding {
    let Some(ahead) = ahead_ms else {
        let advice = "Something on the way removes the Date header; compare the clock by hand.";
        return Finding::warn("clock", "the edge did not say what time it is", advice);
    };
    let seconds = ahead.abs() / 1_000;
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    match ahead.abs() > CLOCK_WARN_MS {
        true => {
            let advice = "Turn time synchronisation on: `timedatectl set-ntp true`.";
            Finding::warn("clock", format!("{seconds} s {side} the edge's"), advice)
        }
        false => Finding::ok("clock", "agrees with the edge's"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_worth_a_word() {
        assert_eq!(clock(Some(1_900)).grade, Grade::Ok);
        let behind = clock(Some(60_000));
        assert_eq!((behind.grade, behind.found.as_str()), (Grade::Warn, "60 s behind the edge's"));
        assert_eq!(clock(Some(-60_000)).found, "60 s ahead of the edge's");
        assert_eq!(clock(None).grade, Grade::Warn);
    }
}
