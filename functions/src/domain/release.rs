//! What a package registry says of codex's newest release, as a list of all releases or as the
//! newest alone.

use schema::{Timestamp, app_server::Release};
use serde::Deserialize;
use std::collections::HashMap;

/// The package that is looked up.
pub const PACKAGE: &str = "@openai/codex";
/// The label of what is stable.
const STABLE: &str = "latest";

/// What a registry answers: the members of both forms.
#[derive(Deserialize)]
struct Document {
    name: String,
    /// Of a list: which version has which label.
    #[serde(default, rename = "dist-tags")]
    labels: HashMap<String, String>,
    /// Of a list: when each version was published.
    #[serde(default, rename = "time")]
    times: HashMap<String, String>,
    /// Of one release.
    version: Option<String>,
}

/// The stable release that a registry's answer names, or why it names none.
pub fn read(text: &str, now: Timestamp) -> Result<Release, String> {
    let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if document.name != PACKAGE {
        return Err(format!("it is of the package `{}`", document.name));
    }
    let version = document.version.as_ref().or_else(|| document.labels.get(STABLE));
    let version = version.ok_or("it names no stable version")?;
    if !is_stable(version) {
        return Err(format!("`{version}` is not a stable version"));
    }
    Ok(Release {
        package: document.name,
        published_at: document.times.get(version).cloned(),
        version: version.clone(),
        synced_at: now.to_string(),
    })
}

/// Three numbers, and nothing that says "before".
fn is_stable(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    #[test]
    fn a_list_names_the_release_that_is_stable_and_when_it_was_published() {
        let list = r#"{
            "_id": "@openai/codex", "name": "@openai/codex",
            "dist-tags": { "latest": "0.130.0", "alpha": "0.131.0-alpha.2" },
            "versions": { "0.130.0": { "name": "@openai/codex", "version": "0.130.0" } },
            "time": { "created": "2025-04-16T16:44:25.000Z", "0.130.0": "2026-05-08T20:04:10.000Z" }
        }"#;
        let release = read(list, NOW).unwrap();
        assert_eq!((release.package.as_str(), release.version.as_str()), (PACKAGE, "0.130.0"));
        assert_eq!(release.published_at.as_deref(), Some("2026-05-08T20:04:10.000Z"));
        assert_eq!(release.synced_at, NOW.to_string());
    }

    #[test]
    fn a_release_alone_does_not_say_when_it_was_published() {
        let one = r#"{ "name": "@openai/codex", "version": "0.130.0", "bin": { "codex": "x" } }"#;
        assert_eq!(read(one, NOW).unwrap().published_at, None);
    }

    #[test]
    fn what_names_no_stable_release_of_codex_is_refused() {
        for text in [
            "<html>",
            "{}",
            r#"{ "name": "@openai/codex" }"#,
            r#"{ "name": "another", "version": "1.0.0" }"#,
            r#"{ "name": "@openai/codex", "version": "0.131.0-alpha.2" }"#,
            r#"{ "name": "@openai/codex", "dist-tags": { "latest": "" } }"#,
        ] {
            assert!(read(text, NOW).is_err(), "{text}");
        }
    }
}
