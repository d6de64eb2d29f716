//! JSON-RPC as `codex app-server` speaks it: newline-delimited objects without a `jsonrpc` member.
//!
//! Foreign messages pass through as the text they came in; this reads only who asks whom for what.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The id of a request: echoed with the type it came with. 0 is an id like any other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RequestId {
    /// A counter.
    Number(i64),
    /// Any text.
    Text(String),
}

/// What a request came to, as it was said.
#[derive(Debug, Deserialize)]
pub struct Response<'a> {
    /// There unless it came to nothing. `null` is a result, too.
    #[serde(borrow, default, deserialize_with = "present")]
    pub result: Option<&'a RawValue>,
    /// Why it came to nothing: a [`Failure`], as a rule with more members.
    #[serde(borrow, default)]
    pub error: Option<&'a RawValue>,
}

/// A member that is there, whatever it says: an optional one would be read as absent where it says
/// `null`.
pub fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Failure {
    /// -32600 for nearly everything that `codex app-server` refuses.
    pub code: i64,
    /// For a person.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_result_too() -> serde_json::Result<()> {
        let said: Response = serde_json::from_str(r#"{"result": null}"#)?;
        assert_eq!(said.result.map(RawValue::get), Some("null"));
        let said: Response = serde_json::from_str(r#"{"error": {"code": 1}}"#)?;
        assert!(said.result.is_none() && said.error.is_some());
        Ok(())
    }
}
