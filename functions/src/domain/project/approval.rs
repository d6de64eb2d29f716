//! Approvals: what codex asks a person, decided exactly once, by whomever, and never forgotten.

use std::fmt;

use schema::{
    AskId, Code, Error, Result, Timestamp,
    agent::{ApprovalKind, ApprovalState},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

/// A question waits so long for a person unless its project says otherwise; then it is refused.
pub const PATIENCE_MS: i64 = 24 * 3_600_000;
/// The longest note.
pub const NOTE_MAX_CHARS: usize = 2_000;

/// Something that codex wants to be allowed, or to know.
#[derive(Clone, Serialize, Deserialize)]
pub struct Approval {
    pub ask: AskId,
    /// Its event in the project's log.
    pub seq: u64,
    pub at: Timestamp,
    /// When it is refused if nobody has decided.
    pub deadline: Timestamp,
    pub method: String,
    pub kind: ApprovalKind,
    #[serde(default)]
    pub thread: Option<String>,
    #[serde(default)]
    pub turn: Option<String>,
    #[serde(default)]
    pub item: Option<String>,
    /// The process's own id of it, as it came.
    #[serde(default)]
    pub request: Option<String>,
    pub params: Box<RawValue>,
    /// What a file change would do: its item's changes.
    #[serde(default)]
    pub changes: Option<Box<RawValue>>,
    pub state: ApprovalState,
    #[serde(default)]
    pub decision: Option<Decision>,
    /// Whether an answer of ours is on its way to codex.
    #[serde(default)]
    pub undelivered: bool,
}

/// What was decided.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision {
    pub at: Timestamp,
    /// The credential or the rule that decided; empty where nobody knows.
    pub by: String,
    /// How: `api`, `policy`, `deadline`, `terminal`, `raw`.
    pub channel: String,
    #[serde(default)]
    pub note: String,
    /// `{"result"}`, as codex is told.
    #[serde(default)]
    pub reply: Option<Box<RawValue>>,
}

/// What somebody decides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    pub ask: AskId,
    pub decision: Decision,
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.ask, self.state, self.method)
    }
}

/// What a method asks for.
pub fn kind(method: &str) -> ApprovalKind {
    match method {
        "item/commandExecution/requestApproval" | "execCommandApproval" => ApprovalKind::Command,
        "item/fileChange/requestApproval" | "applyPatchApproval" => ApprovalKind::FileChange,
        "item/permissions/requestApproval" => ApprovalKind::Permissions,
        "item/tool/requestUserInput" => ApprovalKind::Question,
        "mcpServer/elicitation/request" => ApprovalKind::Elicitation,
        _ => ApprovalKind::Other,
    }
}

/// The answer that refuses a question of that method, and lets its turn go on.
pub fn refusal(method: &str) -> Value {
    match kind(method) {
        ApprovalKind::Command | ApprovalKind::FileChange if method.starts_with("item/") => {
            json!({ "result": { "decision": "decline" } })
        }
        ApprovalKind::Command | ApprovalKind::FileChange => {
            json!({ "result": { "decision": "denied" } })
        }
        ApprovalKind::Permissions => {
            json!({ "result": { "permissions": {}, "scope": "turn" } })
        }
        ApprovalKind::Question => json!({ "result": { "answers": {} } }),
        ApprovalKind::Elicitation => json!({ "result": { "action": "decline", "content": null } }),
        ApprovalKind::Other => {
            json!({ "error": { "code": -32_000, "message": "nobody answered this" } })
        }
    }
}

/// The answer that grants what a question of that method asks; nothing where that is not one word.
pub fn grant(method: &str) -> Option<Value> {
    match kind(method) {
        ApprovalKind::Command | ApprovalKind::FileChange if method.starts_with("item/") => {
            Some(json!({ "result": { "decision": "accept" } }))
        }
        ApprovalKind::Command | ApprovalKind::FileChange => {
            Some(json!({ "result": { "decision": "approved" } }))
        }
        _ => None,
    }
}

/// Whether an answer (`{"result"}` or `{"error"}`) lets happen what was asked.
pub fn grants(reply: &RawValue) -> bool {
    let reply: Value = serde_json::from_str(reply.get()).unwrap_or_default();
    let Some(result) = reply.get("result") else { return false };
    if let Some(decision) = result.get("decision") {
        let refuses = ["decline", "cancel", "denied", "abort"];
        return !decision.as_str().is_some_and(|word| refuses.contains(&word));
    }
    if let Some(action) = result.get("action") {
        return action == "accept";
    }
    let some =
        |name: &str| result.get(name).and_then(Value::as_object).is_some_and(|it| !it.is_empty());
    some("permissions") || some("answers")
}

impl Approval {
    pub fn is_pending(&self) -> bool {
        self.state == ApprovalState::Pending
    }

    /// Decides it, once: whoever comes later is told what the first decided.
    pub fn decide(&mut self, decision: Decision, now: Timestamp) -> Result<()> {
        if !self.is_pending() {
            return Err(self.closed());
        }
        if self.deadline <= now && decision.channel != "deadline" {
            return Err(expired(self.deadline));
        }
        let granted = decision.reply.as_deref().is_some_and(grants);
        self.state = match decision.channel.as_str() {
            "deadline" => ApprovalState::Expired,
            _ if granted => ApprovalState::Approved,
            _ => ApprovalState::Rejected,
        };
        self.decision = Some(decision);
        self.undelivered = true;
        Ok(())
    }

    /// Codex no longer asks. What was decided stays; what was not is called off, or was decided
    /// elsewhere, if that is told.
    pub fn resolved(&mut self, elsewhere: Option<Decision>, lapsed: bool) -> bool {
        let was = (self.state, self.undelivered);
        self.undelivered = false;
        if self.is_pending() {
            let reply = elsewhere.as_ref().and_then(|it| it.reply.as_deref());
            self.state = match reply {
                _ if lapsed => ApprovalState::Lapsed,
                None => ApprovalState::Cancelled,
                Some(reply) if grants(reply) => ApprovalState::Approved,
                Some(_) => ApprovalState::Rejected,
            };
            self.decision = elsewhere;
        }
        was != (self.state, self.undelivered)
    }

    /// Why it cannot be decided any more.
    pub fn closed(&self) -> Error {
        let message = match (self.state, &self.decision) {
            (ApprovalState::Pending, _) => "This approval is open.".to_owned(),
            (ApprovalState::Expired, _) => return expired(self.deadline),
            (ApprovalState::Cancelled, _) => {
                "Codex no longer asks this: its turn went on or was interrupted.".to_owned()
            }
            (ApprovalState::Lapsed, _) => "The process that asked this has ended.".to_owned(),
            (state, Some(Decision { at, by, channel, .. })) => {
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                let state = state.as_str();
                format!("This has been {state} already, at {at}{by} ({channel}).")
            }
            (state, None) => format!("This has been {} already.", state.as_str()),
        };
        Error::new(Code::Conflict, message)
    }
}

fn expired(deadline: Timestamp) -> Error {
    let message = format!("Nobody decided this by {deadline}, so it was refused.");
    Error::new(Code::ApprovalExpired, message)
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        to_raw_value(value).unwrap()
    }

    fn approval() -> Approval {
        Approval {
            ask: AskId::from_bits(1),
            seq: 1,
            at: Timestamp::from_millis(0),
            deadline: Timestamp::from_millis(1_000),
            method: "item/commandExecution/requestApproval".to_owned(),
            kind: ApprovalKind::Command,
            thread: None,
            turn: None,
            item: None,
            request: None,
            params: raw(&json!({})),
            changes: None,
            state: ApprovalState::Pending,
            decision: None,
            undelivered: false,
        }
    }

    fn decision(word: &str, channel: &str) -> Decision {
        Decision {
            at: Timestamp::from_millis(1),
            by: "key_1".to_owned(),
            channel: channel.to_owned(),
            note: String::new(),
            reply: Some(raw(&json!({ "result": { "decision": word } }))),
        }
    }

    #[test]
    fn the_first_decision_stands_and_the_second_is_told_of_it() {
        let (mut it, now) = (approval(), Timestamp::from_millis(5));
        it.decide(decision("accept", "api"), now).unwrap();
        assert_eq!((it.state, it.undelivered), (ApprovalState::Approved, true));
        let error = it.decide(decision("decline", "api"), now).unwrap_err();
        assert_eq!(error.code, Code::Conflict);
        assert!(error.message.contains("approved already"), "{}", error.message);
        // It has arrived.
        assert!(it.resolved(None, false));
        assert_eq!((it.state, it.undelivered), (ApprovalState::Approved, false));
    }

    #[test]
    fn nobody_decides_after_the_deadline_but_the_deadline() {
        let (mut it, late) = (approval(), Timestamp::from_millis(1_000));
        let refused = it.decide(decision("accept", "api"), late).unwrap_err();
        assert_eq!(refused.code, Code::ApprovalExpired);
        it.decide(decision("decline", "deadline"), late).unwrap();
        assert_eq!(it.state, ApprovalState::Expired);
        let refused = it.decide(decision("accept", "api"), late).unwrap_err();
        assert_eq!(refused.code, Code::ApprovalExpired);
    }

    #[test]
    fn what_codex_takes_back_is_cancelled_and_what_dies_with_it_lapses() {
        let states = [
            (None, false, ApprovalState::Cancelled),
            (None, true, ApprovalState::Lapsed),
            (Some("accept"), false, ApprovalState::Approved),
            (Some("decline"), false, ApprovalState::Rejected),
        ];
        for (elsewhere, lapsed, state) in states {
            let mut it = approval();
            it.resolved(elsewhere.map(|word| decision(word, "raw")), lapsed);
            assert_eq!(it.state, state, "{elsewhere:?} {lapsed}");
        }
    }

    #[test]
    fn an_answer_grants_or_refuses_whatever_its_form() {
        let check = |reply: Value, granted| assert_eq!(grants(&raw(&reply)), granted, "{reply}");
        check(json!({ "result": { "decision": "acceptForSession" } }), true);
        check(json!({ "result": { "decision": { "acceptWithExecpolicyAmendment": {} } } }), true);
        check(json!({ "result": { "permissions": { "network": {} }, "scope": "turn" } }), true);
        check(json!({ "result": { "answers": { "q": {} } } }), true);
        check(json!({ "result": { "action": "accept" } }), true);
        let methods = [
            "item/commandExecution/requestApproval",
            "item/fileChange/requestApproval",
            "execCommandApproval",
            "item/permissions/requestApproval",
            "item/tool/requestUserInput",
            "mcpServer/elicitation/request",
            "currentTime/read",
        ];
        for method in methods {
            check(refusal(method), false);
        }
        assert!(grant("item/fileChange/requestApproval").is_some_and(|it| grants(&raw(&it))));
        assert!(grant("item/tool/requestUserInput").is_none());
    }
}
