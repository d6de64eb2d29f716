//! What `codex app-server` means by its words, and how it is told what a caller wants: how its
//! failures read, what a thread is made with, and what a turn begins with.

use schema::{Code, Error, Result, app_server::Manner, rpc::Failure};
use serde_json::{Map, Value, json};

/// What managed threads are made with unless their caller says otherwise (seed 000).
pub const MODEL: &str = "gpt-5.5";
/// See [`MODEL`].
pub const EFFORT: &str = "medium";
/// See [`MODEL`].
pub const APPROVAL_POLICY: &str = "untrusted";
/// See [`MODEL`].
pub const SANDBOX: &str = "workspace-write";
/// See [`MODEL`]: the live web, and not what was kept of it.
pub const WEB_SEARCH: &str = "live";

/// An app-server that has too much to do says so by this code.
const OVERLOADED: i64 = -32_001;
/// It failed by itself, and not by what it was asked.
const INTERNAL: i64 = -32_603;
/// Seconds to wait then.
const OVERLOADED_RETRY_S: u32 = 2;

/// A failure of the app-server in our words. It has one code for nearly everything, so its message
/// has to be read; the message itself is the caller's to see.
pub fn error(failure: &Failure) -> Error {
    let said = failure.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let code = match failure.code {
        OVERLOADED => Code::UpstreamOverloaded,
        INTERNAL => Code::UpstreamFailed,
        _ if says(&["not found", "no rollout", "no such", "not loaded"]) => Code::ResourceNotFound,
        _ if says(&["no active turn", "expected active turn", "already ", "not materialized"]) => {
            Code::Conflict
        }
        _ if says(&["overloaded"]) => Code::UpstreamOverloaded,
        -32_602 | -32_600 => Code::ValidationError,
        _ => Code::UpstreamFailed,
    };
    let error = Error::new(code, format!("codex: {}", short(&failure.message)));
    if code == Code::UpstreamOverloaded { error.retry_after(OVERLOADED_RETRY_S) } else { error }
}

/// An unknown method's message lists all others: 4 KB that help nobody.
fn short(message: &str) -> &str {
    const MESSAGE_MAX_BYTES: usize = 500;
    let end = message.char_indices().map(|(at, _)| at).find(|at| *at >= MESSAGE_MAX_BYTES);
    end.and_then(|end| message.get(..end)).unwrap_or(message)
}

/// The parameters of `thread/start`: what the caller wants, and the defaults.
pub fn start(cwd: Option<&str>, manner: &Manner) -> Result<Map<String, Value>> {
    let mut params = manner.rest.clone();
    put(&mut params, "cwd", cwd.map(Value::from));
    params.insert("model".into(), json!(manner.model.as_deref().unwrap_or(MODEL)));
    let policy = manner.approval_policy.clone().unwrap_or_else(|| json!(APPROVAL_POLICY));
    params.insert("approvalPolicy".into(), policy);
    match bounds(manner)? {
        Bounds::Profile(profile) => put(&mut params, "permissions", Some(profile)),
        Bounds::Sandbox(sandbox) => put(&mut params, "sandbox", Some(sandbox)),
        Bounds::AsItIs => put(&mut params, "sandbox", Some(json!(SANDBOX))),
    }
    // A thread has no effort of its own to be made with; its configuration has.
    let config = params.entry("config").or_insert_with(|| json!({}));
    if config.is_null() {
        *config = json!({});
    }
    let Some(config) = config.as_object_mut() else {
        return Err(Error::field("config", "an object of settings"));
    };
    let effort = config.entry("model_reasoning_effort").or_insert_with(|| json!(EFFORT));
    if let Some(wanted) = &manner.effort {
        *effort = json!(wanted);
    }
    config.entry("web_search").or_insert_with(|| json!(WEB_SEARCH));
    Ok(params)
}

/// The parameters of `thread/resume`: only what the caller wants; the rest is as it was.
pub fn resume(thread: &str, cwd: Option<&str>, manner: &Manner) -> Result<Map<String, Value>> {
    let mut params = manner.rest.clone();
    params.insert("threadId".into(), json!(thread));
    put(&mut params, "cwd", cwd.map(Value::from));
    put(&mut params, "model", manner.model.clone().map(Value::from));
    put(&mut params, "approvalPolicy", manner.approval_policy.clone());
    match bounds(manner)? {
        Bounds::Profile(profile) => put(&mut params, "permissions", Some(profile)),
        Bounds::Sandbox(sandbox) => put(&mut params, "sandbox", Some(sandbox)),
        Bounds::AsItIs => {}
    }
    Ok(params)
}

/// The parameters of `turn/start`: only what the caller wants; it stays for the turns that follow.
pub fn turn(
    thread: &str,
    input: Vec<Value>,
    cwd: Option<&str>,
    manner: &Manner,
) -> Result<Map<String, Value>> {
    let mut params = manner.rest.clone();
    params.insert("threadId".into(), json!(thread));
    params.insert("input".into(), Value::Array(input));
    put(&mut params, "cwd", cwd.map(Value::from));
    put(&mut params, "model", manner.model.clone().map(Value::from));
    put(&mut params, "effort", manner.effort.clone().map(Value::from));
    put(&mut params, "approvalPolicy", manner.approval_policy.clone());
    match bounds(manner)? {
        Bounds::Profile(profile) => put(&mut params, "permissions", Some(profile)),
        Bounds::Sandbox(sandbox) => put(&mut params, "sandboxPolicy", Some(sandbox)),
        Bounds::AsItIs => {}
    }
    Ok(params)
}

/// What a turn begins with: words, or codex's own input items, and never both or nothing.
pub fn input(prompt: Option<&str>, input: Option<Vec<Value>>) -> Result<Vec<Value>> {
    match (prompt, input) {
        (Some(_), Some(_)) => Err(Error::field("input", "send `prompt` or `input`, not both")),
        (Some(prompt), None) if !prompt.trim().is_empty() => {
            Ok(vec![json!({ "type": "text", "text": prompt, "text_elements": [] })])
        }
        (None, Some(items)) if !items.is_empty() => Ok(items),
        (None, Some(_)) => Err(Error::field("input", "at least one item")),
        (_, None) => Err(Error::field("prompt", "what codex shall do")),
    }
}

/// What keeps commands in bounds.
enum Bounds {
    Profile(Value),
    Sandbox(Value),
    AsItIs,
}

fn bounds(manner: &Manner) -> Result<Bounds> {
    let profile = manner.permissions.as_ref().or(manner.permission_profile.as_ref());
    let sandbox = manner.sandbox_policy.as_ref().or(manner.sandbox.as_ref());
    match (profile, sandbox) {
        (Some(_), Some(_)) => {
            Err(Error::field("permissions", "a permission profile or a sandbox, not both"))
        }
        (Some(profile), None) => Ok(Bounds::Profile(profile.clone())),
        (None, Some(sandbox)) => Ok(Bounds::Sandbox(sandbox.clone())),
        (None, None) => Ok(Bounds::AsItIs),
    }
}

fn put(params: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        params.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: i64, message: &str, expected: Code) {
        let error = error(&Failure { code, message: message.to_owned() });
        assert_eq!(error.code, expected, "{message}");
        assert!(error.message.contains(message), "{error}");
    }

    #[test]
    fn a_failure_reads_the_same_whatever_the_version_calls_it() {
        let id = "01a1f6b7-4bb2-7aa1-81fb-5f9eb5b6df31";
        check(-32600, &format!("thread not found: {id}"), Code::ResourceNotFound);
        check(-32600, &format!("thread not loaded: {id}"), Code::ResourceNotFound);
        let said = format!("no rollout found for thread id {id}");
        check(-32600, &said, Code::ResourceNotFound);
        check(-32600, "no active turn to interrupt", Code::Conflict);
        check(-32600, "no active turn to steer", Code::Conflict);
        check(-32600, &format!("expected active turn id bogus but found {id}"), Code::Conflict);
        check(-32600, "Invalid request: missing field `expectedTurnId`", Code::ValidationError);
        check(-32600, "invalid thread id: invalid character", Code::ValidationError);
        check(-32001, "Server overloaded; retry later.", Code::UpstreamOverloaded);
        check(-32603, "failed to request device code: error sending", Code::UpstreamFailed);
        check(-32000, "something else", Code::UpstreamFailed);
    }

    #[test]
    fn a_message_without_end_is_cut() {
        let message = "\u{e9}".repeat(4_000);
        let error = error(&Failure { code: -32600, message });
        assert!(error.message.len() < 600, "{}", error.message.len());
    }

    fn manner(body: Value) -> Manner {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_new_thread_is_made_with_the_defaults() {
        let made = start(None, &Manner::default()).unwrap();
        let expected = json!({
            "model": "gpt-5.5", "approvalPolicy": "untrusted", "sandbox": "workspace-write",
            "config": { "model_reasoning_effort": "medium", "web_search": "live" },
        });
        assert_eq!(Value::Object(made), expected);
    }

    #[test]
    fn every_default_gives_way_to_its_caller() {
        let wish = json!({
            "model": "m", "effort": "high", "approvalPolicy": "never",
            "permissionProfile": ":workspace", "config": { "web_search": "disabled" },
            "ephemeral": true,
        });
        let made = start(Some("site"), &manner(wish)).unwrap();
        let expected = json!({
            "cwd": "site", "model": "m", "approvalPolicy": "never", "permissions": ":workspace",
            "config": { "web_search": "disabled", "model_reasoning_effort": "high" },
            "ephemeral": true,
        });
        assert_eq!(Value::Object(made), expected);
    }

    #[test]
    fn a_thread_that_goes_on_keeps_what_nobody_names() {
        let quiet = Manner::default();
        assert_eq!(json!(resume("t", None, &quiet).unwrap()), json!({ "threadId": "t" }));
        let items = vec![json!({ "type": "text", "text": "hi" })];
        let turn = turn("t", items.clone(), None, &quiet).unwrap();
        assert_eq!(json!(turn), json!({ "threadId": "t", "input": items }));
    }

    #[test]
    fn a_sandbox_is_named_as_each_method_wants_it() {
        let full = json!({ "type": "dangerFullAccess" });
        let wish = manner(json!({ "sandboxPolicy": full }));
        assert_eq!(start(None, &wish).unwrap()["sandbox"], full);
        assert_eq!(resume("t", None, &wish).unwrap()["sandbox"], full);
        assert_eq!(turn("t", vec![], None, &wish).unwrap()["sandboxPolicy"], full);
        let both = manner(json!({ "sandbox": "read-only", "permissions": ":workspace" }));
        assert_eq!(start(None, &both).unwrap_err().code, Code::ValidationError);
    }

    #[test]
    fn a_turn_begins_with_words_or_items() {
        assert_eq!(input(Some("hi"), None).unwrap().len(), 1);
        assert_eq!(input(None, Some(vec![json!({})])).unwrap().len(), 1);
        for (prompt, items) in [(None, None), (Some(" "), None), (None, Some(vec![]))] {
            assert_eq!(input(prompt, items).unwrap_err().code, Code::ValidationError);
        }
        assert!(input(Some("hi"), Some(vec![json!({})])).is_err());
    }
}
