//! Frames of a terminal: one JSON-RPC message each, as text. What only passes through stays as it
//! was written.

use std::fmt::Write;

use schema::{
    Code, Error, Result,
    rpc::{RequestId, present},
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

/// The app-server's code for nearly everything that it refuses, and for having too much to do.
const REFUSED: i64 = -32_600;
const OVERLOADED: i64 = -32_001;
/// Its code for what it failed at by itself.
const FAILED: i64 = -32_603;

/// The id of a request, written back as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(RequestId);

impl Id {
    /// The number that it is, if it is one of ours.
    pub fn number(&self) -> Option<u64> {
        match &self.0 {
            RequestId::Number(number) => u64::try_from(*number).ok(),
            RequestId::Text(_) => None,
        }
    }

    fn text(&self) -> String {
        match &self.0 {
            RequestId::Number(number) => number.to_string(),
            RequestId::Text(text) => Value::from(text.as_str()).to_string(),
        }
    }
}

/// What a frame says.
#[derive(Debug)]
pub struct Frame<'a> {
    pub id: Option<Id>,
    pub method: Option<String>,
    pub params: Option<&'a RawValue>,
    /// `null` is a result, too.
    pub result: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    /// Reads a frame; nothing if it is no message.
    pub fn read(text: &'a str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(default)]
            id: Option<RequestId>,
            #[serde(default)]
            method: Option<String>,
            #[serde(borrow, default)]
            params: Option<&'a RawValue>,
            #[serde(borrow, default, deserialize_with = "present")]
            result: Option<&'a RawValue>,
        }
        // A struct would be read from an array, too.
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let Message { id, method, params, result } = serde_json::from_str(text).ok()?;
        Some(Self { id: id.map(Id), method, params, result })
    }
}

/// The parameters of a request: an object, or nothing at all.
pub fn members(params: Option<&RawValue>) -> Result<Map<String, Value>> {
    let text = params.map_or("null", RawValue::get);
    let read = serde_json::from_str::<Option<Map<String, Value>>>(text);
    let read = read.map_err(|_| Error::new(Code::InvalidRequest, "`params` has to be an object"));
    Ok(read?.unwrap_or_default())
}

/// A request came to this.
pub fn result(id: &Id, result: &str) -> String {
    format!("{{\"id\":{},\"result\":{result}}}", id.text())
}

/// The process refused a request, in its words.
pub fn error(id: &Id, error: &str) -> String {
    format!("{{\"id\":{},\"error\":{error}}}", id.text())
}

/// We refused a request, in the form of the process.
pub fn refuse(id: &Id, refused: &Error) -> String {
    let code = match refused.code {
        Code::ConcurrencyLimitExceeded | Code::UpstreamOverloaded => OVERLOADED,
        Code::InternalError | Code::Unavailable | Code::UpstreamFailed => FAILED,
        _ => REFUSED,
    };
    error(id, &json!({ "code": code, "message": refused.message }).to_string())
}

/// Something happened.
pub fn notification(method: &str, params: &RawValue) -> String {
    let mut text = String::with_capacity(params.get().len() + 64);
    // Writing to a text does not fail.
    let _ = write!(text, "{{\"method\":{},\"params\":{params}}}", Value::from(method));
    text
}

/// A question, without the answers that a customer may not give.
pub fn question(id: u64, method: &str, params: &RawValue) -> String {
    let mut asked: Value = serde_json::from_str(params.get()).unwrap_or_default();
    if let Some(asked) = asked.as_object_mut() {
        // What would change codex's rules for good.
        asked.remove("proposedExecpolicyAmendment");
        asked.remove("proposedNetworkPolicyAmendments");
        if let Some(Value::Array(offered)) = asked.get_mut("availableDecisions") {
            offered.retain(Value::is_string);
        }
    }
    json!({ "id": id, "method": method, "params": asked }).to_string()
}

/// A terminal's answer as codex is told it. A decision that would also change codex's rules for
/// good is narrowed: what was asked is granted this once, and anything else is refused.
pub fn reply(result: &RawValue) -> Option<Box<RawValue>> {
    let mut result: Value = serde_json::from_str(result.get()).ok()?;
    if let Some(decision) = result.get_mut("decision")
        && let Some(changes) = decision.as_object()
    {
        let grants = changes.contains_key("acceptWithExecpolicyAmendment");
        *decision = json!(if grants { "accept" } else { "decline" });
    }
    serde_json::value::to_raw_value(&json!({ "result": result })).ok()
}

/// What the process said of itself, as if it had been asked by this client: the version that it is
/// stays, and the client's own name and version take the host's place.
pub fn introduced(result: &RawValue, params: &Map<String, Value>) -> String {
    let mut said: Value = serde_json::from_str(result.get()).unwrap_or_default();
    let client = |name: &str| params.get("clientInfo")?.get(name)?.as_str();
    if let (Some(agent), Some(name)) = (said.get_mut("userAgent"), client("name"))
        && let Some((_, rest)) = agent.as_str().and_then(|agent| agent.split_once('/'))
    {
        let rest = rest.rsplit_once(" (").map_or(rest, |(rest, _)| rest);
        let version = client("version").unwrap_or_default();
        *agent = json!(format!("{name}/{rest} ({name}; {version})"));
    }
    said.to_string()
}
