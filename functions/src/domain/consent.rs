//! What a person's answer to a question of codex is in codex's words. Each kind of question has its
//! own, and takes anything else for a refusal without a word.

use schema::{Code, Error, Result, app_server::Resolve, tunnel::Grade};
use serde_json::{Value, json};

/// A person's decision, whatever the question calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    AcceptForSession,
    Decline,
    Cancel,
}

/// The `result` that answers a question of this method with these parameters.
pub fn answer(grade: Grade, method: &str, params: &Value, given: Resolve) -> Result<Value> {
    if let Some(result) = given.result {
        if given.decision.is_some() || given.answers.is_some() || given.permissions.is_some() {
            return Err(Error::field("result", "the whole answer, with nothing beside it"));
        }
        harmless(grade, result.get("decision"))?;
        return Ok(result);
    }
    match method {
        "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => {
            approval(grade, given)
        }
        "execCommandApproval" | "applyPatchApproval" => legacy(given),
        "item/permissions/requestApproval" => permissions(params, given),
        "item/tool/requestUserInput" => answers(given),
        "mcpServer/elicitation/request" => elicitation(given),
        _ => {
            let message = format!("`{method}` is answered with codex's own `result`");
            Err(Error::field("result", message))
        }
    }
}

fn approval(grade: Grade, given: Resolve) -> Result<Value> {
    only(&given, &["decision"])?;
    if let Some(decision @ Value::Object(_)) = given.decision {
        harmless(grade, Some(&decision))?;
        return Ok(json!({ "decision": decision }));
    }
    let word = match decision(&given)? {
        Decision::Accept => "accept",
        Decision::AcceptForSession => "acceptForSession",
        Decision::Decline => "decline",
        Decision::Cancel => "cancel",
    };
    Ok(json!({ "decision": word }))
}

fn legacy(given: Resolve) -> Result<Value> {
    only(&given, &["decision"])?;
    let word = match decision(&given)? {
        Decision::Accept => "approved",
        Decision::AcceptForSession => "approved_for_session",
        Decision::Decline => "denied",
        Decision::Cancel => "abort",
    };
    Ok(json!({ "decision": word }))
}

/// What is granted is what was asked for, or the part of it that is named.
fn permissions(params: &Value, given: Resolve) -> Result<Value> {
    only(&given, &["decision", "permissions", "scope"])?;
    let scope = match given.scope.as_deref() {
        None | Some("turn") => "turn",
        Some("session") => "session",
        Some(_) => return Err(Error::field("scope", "turn or session")),
    };
    if let Some(permissions) = given.permissions {
        return Ok(json!({ "permissions": permissions, "scope": scope }));
    }
    let asked = params.get("permissions").cloned().unwrap_or_else(|| json!({}));
    Ok(match decision(&given)? {
        Decision::Accept => json!({ "permissions": asked, "scope": scope }),
        Decision::AcceptForSession => json!({ "permissions": asked, "scope": "session" }),
        Decision::Decline | Decision::Cancel => json!({ "permissions": {}, "scope": "turn" }),
    })
}

fn answers(given: Resolve) -> Result<Value> {
    only(&given, &["decision", "answers"])?;
    if let Some(answers) = given.answers {
        return Ok(json!({ "answers": answers }));
    }
    match given.decision.is_some().then(|| decision(&given)).transpose()? {
        Some(Decision::Decline | Decision::Cancel) => Ok(json!({ "answers": {} })),
        Some(Decision::Accept | Decision::AcceptForSession) | None => {
            let form = "one for each question: {\"<its id>\": {\"answers\": [\"…\"]}}";
            Err(Error::field("answers", form))
        }
    }
}

fn elicitation(given: Resolve) -> Result<Value> {
    only(&given, &["decision", "content"])?;
    Ok(match decision(&given)? {
        Decision::Accept | Decision::AcceptForSession => {
            json!({ "action": "accept", "content": given.content })
        }
        Decision::Decline => json!({ "action": "decline", "content": null }),
        Decision::Cancel => json!({ "action": "cancel", "content": null }),
    })
}

/// The decision; none at all grants.
fn decision(given: &Resolve) -> Result<Decision> {
    match given.decision.as_ref().map(Value::as_str) {
        None | Some(Some("accept")) => Ok(Decision::Accept),
        Some(Some("acceptForSession")) => Ok(Decision::AcceptForSession),
        Some(Some("decline")) => Ok(Decision::Decline),
        Some(Some("cancel")) => Ok(Decision::Cancel),
        Some(_) => {
            Err(Error::field("decision", "`accept`, `acceptForSession`, `decline` or `cancel`"))
        }
    }
}

/// A decision that is an object changes codex's rules for all threads and for good: that is the
/// operator's.
fn harmless(grade: Grade, decision: Option<&Value>) -> Result<()> {
    let word = |word: &str| word.contains("amendment");
    let changes = match decision {
        Some(Value::String(text)) => word(text),
        Some(other) => !other.is_null(),
        None => false,
    };
    match grade {
        Grade::Customer if changes => {
            let message = "A decision that changes codex's rules is the operator's. \
                           Send `accept` or `acceptForSession`.";
            Err(Error::new(Code::PermissionDenied, message))
        }
        Grade::Customer | Grade::Operator => Ok(()),
    }
}

/// A field that this question does not take is an answer to another.
fn only(given: &Resolve, taken: &[&str]) -> Result<()> {
    let sent = [
        ("decision", given.decision.is_some()),
        ("permissions", given.permissions.is_some()),
        ("scope", given.scope.is_some()),
        ("answers", given.answers.is_some()),
        ("content", given.content.is_some()),
    ];
    match sent.iter().find(|(name, sent)| *sent && !taken.contains(name)) {
        Some((name, _)) => Err(Error::field(name, "not a part of the answer to this question")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "item/commandExecution/requestApproval";
    const PERMISSIONS: &str = "item/permissions/requestApproval";

    fn said(grade: Grade, method: &str, body: Value) -> Result<Value> {
        let params = json!({ "permissions": { "network": { "enabled": true } } });
        answer(grade, method, &params, serde_json::from_value(body).unwrap())
    }

    #[track_caller]
    fn check(method: &str, body: Value, result: Value) {
        assert_eq!(said(Grade::Customer, method, body), Ok(result), "{method}");
    }

    #[track_caller]
    fn check_refused(method: &str, body: Value, code: Code) {
        let refused = said(Grade::Customer, method, body).map_err(|error| error.code);
        assert_eq!(refused, Err(code), "{method}");
    }

    #[test]
    fn an_empty_object_grants_what_was_asked() {
        check(COMMAND, json!({}), json!({ "decision": "accept" }));
        check("item/fileChange/requestApproval", json!({}), json!({ "decision": "accept" }));
        check("execCommandApproval", json!({}), json!({ "decision": "approved" }));
        let asked = json!({ "network": { "enabled": true } });
        check(PERMISSIONS, json!({}), json!({ "permissions": asked, "scope": "turn" }));
        let accepted = json!({ "action": "accept", "content": null });
        check("mcpServer/elicitation/request", json!({}), accepted);
    }

    #[test]
    fn a_decision_reads_the_same_for_every_question() {
        for word in ["accept", "acceptForSession", "decline", "cancel"] {
            check(COMMAND, json!({ "decision": word }), json!({ "decision": word }));
        }
        check(
            "applyPatchApproval",
            json!({ "decision": "cancel" }),
            json!({ "decision": "abort" }),
        );
        let nothing = json!({ "permissions": {}, "scope": "turn" });
        check(PERMISSIONS, json!({ "decision": "decline" }), nothing);
    }

    #[test]
    fn a_part_of_what_was_asked_may_be_granted() {
        let part = json!({ "permissions": { "network": null }, "scope": "session" });
        check(PERMISSIONS, part.clone(), part);
        check_refused(PERMISSIONS, json!({ "scope": "ever" }), Code::ValidationError);
    }

    #[test]
    fn questions_of_codex_want_answers() {
        let method = "item/tool/requestUserInput";
        let answers = json!({ "answers": { "colour": { "answers": ["red"] } } });
        check(method, answers.clone(), answers);
        check_refused(method, json!({}), Code::ValidationError);
        check(method, json!({ "decision": "decline" }), json!({ "answers": {} }));
    }

    #[test]
    fn what_is_no_answer_to_the_question_is_refused() {
        check_refused(COMMAND, json!({ "decision": "yes" }), Code::ValidationError);
        check_refused(COMMAND, json!({ "answers": {} }), Code::ValidationError);
        check_refused("item/tool/call", json!({}), Code::ValidationError);
        let result = json!({ "success": true, "contentItems": [] });
        check("item/tool/call", json!({ "result": result }), result);
    }

    #[test]
    fn only_an_operator_changes_the_rules_of_codex() {
        let amended =
            json!({ "acceptWithExecpolicyAmendment": { "execpolicy_amendment": ["ls"] } });
        let body = json!({ "decision": amended });
        check_refused(COMMAND, body.clone(), Code::PermissionDenied);
        check_refused(COMMAND, json!({ "result": body }), Code::PermissionDenied);
        let word = json!({ "result": { "decision": "approved_mcp_policy_amendment" } });
        check_refused("execCommandApproval", word, Code::PermissionDenied);
        assert_eq!(said(Grade::Operator, COMMAND, body.clone()), Ok(body));
    }
}
