//! What an old client is told of models: it gives up where it reads of an effort that it does not
//! know.

use serde_json::{Value, value::RawValue};

/// Efforts that every client knows.
const KNOWN: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];
/// What stands for one that it does not know.
const USUAL: &str = "medium";
/// 0.130 knows no others and 0.169 takes any text; between them nobody looked.
const FIRST_NEW: (u32, u32) = (0, 150);

/// Whether a client is a codex with a closed list of efforts.
pub fn is_old(name: Option<&str>, version: Option<&str>) -> bool {
    let is_codex = name.is_some_and(|name| name.starts_with("codex"));
    let mut parts = version.unwrap_or_default().split('.').map(str::parse::<u32>);
    let version = (parts.next(), parts.next());
    let (Some(Ok(major)), Some(Ok(minor))) = version else { return false };
    is_codex && (major, minor) < FIRST_NEW
}

/// The answer to `model/list` with efforts that an old client knows; nothing if it is no such
/// answer.
pub fn known(result: &RawValue) -> Option<String> {
    let mut list: Value = serde_json::from_str(result.get()).ok()?;
    for model in list.get_mut("data")?.as_array_mut()? {
        if let Some(Value::Array(efforts)) = model.get_mut("supportedReasoningEfforts") {
            efforts.retain(|it| it.get("reasoningEffort").is_some_and(is_known));
        }
        if let Some(default) = model.get_mut("defaultReasoningEffort")
            && !is_known(default)
        {
            *default = USUAL.into();
        }
    }
    Some(list.to_string())
}

fn is_known(effort: &Value) -> bool {
    effort.as_str().is_some_and(|effort| KNOWN.contains(&effort))
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn only_an_old_codex_is_old() {
        assert!(is_old(Some("codex-tui"), Some("0.130.0")));
        assert!(!is_old(Some("codex-tui"), Some("0.169.0")));
        assert!(!is_old(Some("codex-tui"), Some("1.0.0")));
        assert!(!is_old(Some("codex-tui"), None));
        assert!(!is_old(Some("my-client"), Some("0.1.0")));
    }

    #[test]
    fn an_old_client_reads_of_no_effort_that_it_does_not_know() {
        let effort = |name: &str| json!({ "reasoningEffort": name, "description": "" });
        let list = json!({
            "data": [{
                "id": "m", "defaultReasoningEffort": "max",
                "supportedReasoningEfforts": [effort("low"), effort("max"), effort("ultra")],
            }],
            "nextCursor": null,
        });
        let told = known(&to_raw_value(&list).unwrap()).unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["data"][0]["supportedReasoningEfforts"], json!([effort("low")]));
        assert_eq!(told["data"][0]["defaultReasoningEffort"], "medium");
        assert_eq!(told["nextCursor"], json!(null));
    }
}
