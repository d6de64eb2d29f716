//! Looks for what keeps a runner from its work, and says what to do about each thing.

use std::fmt::Write;

use anyhow::Result;

use crate::cli::exit;
use crate::config::Settings;
use crate::credential::Credential;
use crate::edge::Edge;
use crate::register::say;

mod machine;
mod network;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    grade: Grade,
    /// What was looked at.
    subject: &'static str,
    /// What was found.
    found: String,
    /// What to do; nothing for what is as it should be.
    advice: String,
}

impl Finding {
    fn ok(subject: &'static str, found: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, subject, found: found.into(), advice: String::new() }
    }

    fn warn(subject: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Warn, subject, found: found.into(), advice: advice.to_owned() }
    }

    fn fail(subject: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Fail, subject, found: found.into(), advice: advice.to_owned() }
    }
}

/// Examines this machine and the way to the edge; returns the exit code.
pub async fn examine(settings: &Settings) -> Result<u8> {
    let credential = Credential::read(&settings.state);
    let url = match (&settings.url, &credential) {
        (Some(url), _) => Some(url.clone()),
        (None, Ok(credential)) => Some(credential.url.clone()),
        (None, Err(_)) => None,
    };
    let mut findings = vec![machine::credential(&settings.state, &credential)];
    match url.map(|url| Edge::new(&url, settings.ca_file.as_deref())) {
        Some(Ok(edge)) => findings.extend(network::examine(&edge).await),
        Some(Err(error)) => {
            let advice = "Correct the URL, the proxy variable or the certificate file.";
            findings.push(Finding::fail("edge", format!("{error:#}"), advice));
        }
        None => {
            let advice = "Register this machine, or name an edge with --url.";
            findings.push(Finding::warn("edge", "no edge is known, so none was tried", advice));
        }
    }
    findings.extend(machine::examine(settings).await);
    say(&report(&findings))?;
    let worst = findings.iter().map(|finding| finding.grade).max();
    Ok(if worst == Some(Grade::Fail) { exit::FAILED } else { 0 })
}

fn report(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let grade = match finding.grade {
            Grade::Ok => "ok  ",
            Grade::Warn => "warn",
            Grade::Fail => "FAIL",
        };
        let _ = writeln!(text, "{grade}  {:<12}{}", finding.subject, finding.found);
        if !finding.advice.is_empty() {
            let _ = writeln!(text, "      {:<12}→ {}", "", finding.advice);
        }
    }
    let count = |grade| findings.iter().filter(|finding| finding.grade == grade).count();
    let (failures, warnings) = (count(Grade::Fail), count(Grade::Warn));
    let _ = writeln!(text, "failures: {failures}, warnings: {warnings}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let findings = [Finding::ok("dns", "found"), Finding::fail("tls", "expired", "Renew it.")];
        let text = report(&findings);
        assert!(text.contains("ok    dns         found\n"), "{text}");
        assert!(text.contains("FAIL  tls         expired\n"), "{text}");
        assert!(text.contains("→ Renew it.\nfailures: 1, warnings: 0\n"), "{text}");
    }
}
