//! Which methods of `codex app-server` a caller may have called, of every version that is hosted.
//!
//! A raw call is as good as a shell on the runner unless it is one of a list: several methods act
//! on the machine with nobody asked. A method that this list does not know is refused, so that a
//! new version's methods are let in by decision.

use schema::{Code, Error, Result, tunnel::Grade};
use serde_json::{Map, Value};

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever the process belongs to: it stays within the account's threads and workspace, and
    /// what it makes codex do is subject to approvals.
    Customer,
    /// Whoever runs the machine: it reads what is the machine's.
    Operator,
    /// Whoever runs the machine, with a note of it: it acts on the machine, its logins or its
    /// configuration, and nobody is asked.
    Audited,
    /// Nobody, for this reason.
    Nobody(&'static str),
}

const CUSTOMER: Who = Who::Customer;
const OPERATOR: Who = Who::Operator;
const AUDITED: Who = Who::Audited;
const ANOTHER_WAY_IN: Who = Who::Nobody("it opens a way to the machine that does not lead past us");
const BESIDE_THE_METER: Who = Who::Nobody("it reaches a model beside the meter");
const SHARED: Who = Who::Nobody("the connection to a process is shared by all who watch it");

/// Every method of every version that is hosted, in order.
pub const METHODS: [(&str, Who); 186] = [
    ("account/bedrock/checkGovCloudRequirements", CUSTOMER),
    ("account/bedrock/discover", AUDITED),
    ("account/bedrock/setup", AUDITED),
    ("account/gatewayOAuth/cancel", AUDITED),
    ("account/gatewayOAuth/login", AUDITED),
    ("account/gatewayOAuth/read", OPERATOR),
    ("account/gcp/setup", AUDITED),
    ("account/login/cancel", AUDITED),
    ("account/login/start", AUDITED),
    ("account/logout", AUDITED),
    ("account/rateLimitResetCredit/consume", AUDITED),
    ("account/rateLimits/read", CUSTOMER),
    ("account/read", CUSTOMER),
    ("account/securitySetup/read", OPERATOR),
    ("account/sendAddCreditsNudgeEmail", AUDITED),
    ("account/usage/read", OPERATOR),
    ("account/workspaceMessages/read", OPERATOR),
    ("accountSession/list", OPERATOR),
    ("accountSession/switch", AUDITED),
    ("app/installed", CUSTOMER),
    ("app/list", CUSTOMER),
    ("app/read", CUSTOMER),
    ("collaborationMode/list", CUSTOMER),
    ("command/exec", AUDITED),
    ("command/exec/resize", AUDITED),
    ("command/exec/terminate", AUDITED),
    ("command/exec/write", AUDITED),
    ("config/batchWrite", AUDITED),
    ("config/mcpServer/reload", AUDITED),
    ("config/read", CUSTOMER),
    ("config/value/write", AUDITED),
    ("configRequirements/read", CUSTOMER),
    ("environment/add", AUDITED),
    ("environment/info", OPERATOR),
    ("environment/status", OPERATOR),
    ("experimentalFeature/enablement/set", AUDITED),
    ("experimentalFeature/list", CUSTOMER),
    ("externalAgentConfig/detect", OPERATOR),
    ("externalAgentConfig/import", AUDITED),
    ("externalAgentConfig/import/readHistories", OPERATOR),
    ("externalAgentConfig/import/recordHistory", AUDITED),
    ("feedback/save", AUDITED),
    ("feedback/upload", AUDITED),
    ("fs/copy", AUDITED),
    ("fs/createDirectory", AUDITED),
    ("fs/getMetadata", OPERATOR),
    ("fs/readDirectory", OPERATOR),
    ("fs/readFile", OPERATOR),
    ("fs/remove", AUDITED),
    ("fs/unwatch", OPERATOR),
    ("fs/watch", OPERATOR),
    ("fs/writeFile", AUDITED),
    ("fuzzyFileSearch", CUSTOMER),
    ("fuzzyFileSearch/sessionStart", CUSTOMER),
    ("fuzzyFileSearch/sessionStop", CUSTOMER),
    ("fuzzyFileSearch/sessionUpdate", CUSTOMER),
    ("hooks/list", CUSTOMER),
    ("initialize", CUSTOMER),
    ("marketplace/add", AUDITED),
    ("marketplace/remove", AUDITED),
    ("marketplace/upgrade", AUDITED),
    ("mcpServer/event/stream/start", AUDITED),
    ("mcpServer/event/stream/stop", AUDITED),
    ("mcpServer/oauth/login", AUDITED),
    ("mcpServer/resource/read", OPERATOR),
    ("mcpServer/tool/call", AUDITED),
    ("mcpServerStatus/list", CUSTOMER),
    ("memory/reset", CUSTOMER),
    ("memory/status", CUSTOMER),
    ("mock/experimentalMethod", OPERATOR),
    ("model/list", CUSTOMER),
    ("modelProvider/capabilities/read", CUSTOMER),
    ("modelProvider/config/write", AUDITED),
    ("modelProvider/list", CUSTOMER),
    ("permissionProfile/list", CUSTOMER),
    ("plugin/install", AUDITED),
    ("plugin/installed", CUSTOMER),
    ("plugin/list", CUSTOMER),
    ("plugin/read", CUSTOMER),
    ("plugin/reconcile", AUDITED),
    ("plugin/search", CUSTOMER),
    ("plugin/share/checkout", AUDITED),
    ("plugin/share/delete", AUDITED),
    ("plugin/share/list", OPERATOR),
    ("plugin/share/save", AUDITED),
    ("plugin/share/updateTargets", AUDITED),
    ("plugin/skill/read", CUSTOMER),
    ("plugin/uninstall", AUDITED),
    ("process/kill", AUDITED),
    ("process/resizePty", AUDITED),
    ("process/spawn", AUDITED),
    ("process/writeStdin", AUDITED),
    ("project/create", OPERATOR),
    ("project/delete", OPERATOR),
    ("project/import", OPERATOR),
    ("project/list", OPERATOR),
    ("project/move", OPERATOR),
    ("project/read", OPERATOR),
    ("project/update", OPERATOR),
    ("remoteControl/client/list", ANOTHER_WAY_IN),
    ("remoteControl/client/revoke", ANOTHER_WAY_IN),
    ("remoteControl/disable", ANOTHER_WAY_IN),
    ("remoteControl/enable", ANOTHER_WAY_IN),
    ("remoteControl/pairing/start", ANOTHER_WAY_IN),
    ("remoteControl/pairing/status", ANOTHER_WAY_IN),
    ("remoteControl/status/read", OPERATOR),
    ("review/start", CUSTOMER),
    ("rollout/compress", OPERATOR),
    ("server/diagnostics", OPERATOR),
    ("skills/config/write", AUDITED),
    ("skills/extraRoots/set", AUDITED),
    ("skills/list", CUSTOMER),
    ("thread/approveGuardianDeniedAction", CUSTOMER),
    ("thread/archive", CUSTOMER),
    ("thread/attachment/add", CUSTOMER),
    ("thread/attachment/list", CUSTOMER),
    ("thread/attachment/remove", CUSTOMER),
    ("thread/attachmentOwner/list", CUSTOMER),
    ("thread/backgroundTerminals/clean", CUSTOMER),
    ("thread/backgroundTerminals/list", CUSTOMER),
    ("thread/backgroundTerminals/terminate", CUSTOMER),
    ("thread/compact/start", CUSTOMER),
    ("thread/decrement_elicitation", CUSTOMER),
    ("thread/delete", CUSTOMER),
    ("thread/fork", CUSTOMER),
    ("thread/goal/clear", CUSTOMER),
    ("thread/goal/get", CUSTOMER),
    ("thread/goal/set", CUSTOMER),
    ("thread/guardianReview", CUSTOMER),
    ("thread/increment_elicitation", CUSTOMER),
    ("thread/inject_items", CUSTOMER),
    ("thread/items/list", CUSTOMER),
    ("thread/items/read", CUSTOMER),
    ("thread/list", CUSTOMER),
    ("thread/loaded/list", CUSTOMER),
    ("thread/memory/read", CUSTOMER),
    ("thread/memoryMode/set", CUSTOMER),
    ("thread/metadata/update", CUSTOMER),
    ("thread/name/set", CUSTOMER),
    ("thread/prediction/request", CUSTOMER),
    ("thread/prepareApprovedPlan", OPERATOR),
    ("thread/queue/add", CUSTOMER),
    ("thread/queue/delete", CUSTOMER),
    ("thread/queue/list", CUSTOMER),
    ("thread/queue/reorder", CUSTOMER),
    ("thread/queue/start", CUSTOMER),
    ("thread/queue/update", CUSTOMER),
    ("thread/read", CUSTOMER),
    ("thread/readState/update", CUSTOMER),
    ("thread/realtime/appendAudio", BESIDE_THE_METER),
    ("thread/realtime/appendSpeech", BESIDE_THE_METER),
    ("thread/realtime/appendText", BESIDE_THE_METER),
    ("thread/realtime/listVoices", CUSTOMER),
    ("thread/realtime/start", BESIDE_THE_METER),
    ("thread/realtime/stop", BESIDE_THE_METER),
    ("thread/resume", CUSTOMER),
    ("thread/revert", CUSTOMER),
    ("thread/rollback", CUSTOMER),
    ("thread/sample", CUSTOMER),
    ("thread/sample/cancel", CUSTOMER),
    ("thread/search", CUSTOMER),
    ("thread/searchOccurrences", CUSTOMER),
    ("thread/section/move", CUSTOMER),
    ("thread/settings/update", CUSTOMER),
    ("thread/shellCommand", AUDITED),
    ("thread/start", CUSTOMER),
    ("thread/timeline/list", CUSTOMER),
    ("thread/turns/items/list", CUSTOMER),
    ("thread/turns/list", CUSTOMER),
    ("thread/unarchive", CUSTOMER),
    ("thread/unsubscribe", SHARED),
    ("threadSection/create", CUSTOMER),
    ("threadSection/delete", CUSTOMER),
    ("threadSection/list", CUSTOMER),
    ("threadSection/update", CUSTOMER),
    ("turn/interrupt", CUSTOMER),
    ("turn/settings/update", CUSTOMER),
    ("turn/start", CUSTOMER),
    ("turn/steer", CUSTOMER),
    ("userVerification/cancel", OPERATOR),
    ("userVerification/delete", AUDITED),
    ("userVerification/enroll", AUDITED),
    ("userVerification/status", OPERATOR),
    ("userVerification/verify", AUDITED),
    ("windowsSandbox/readiness", OPERATOR),
    ("windowsSandbox/setupStart", AUDITED),
];

/// Settings that a customer may give a thread. Others can name programs that codex runs unasked.
const CUSTOMER_CONFIG: [&str; 6] = [
    "hide_agent_reasoning",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_verbosity",
    "tools.web_search",
    "web_search",
];

/// How the names of methods end that tell how something stands.
const LOOKS: [&str; 18] = [
    "checkGovCloudRequirements",
    "detect",
    "diagnostics",
    "get",
    "getMetadata",
    "info",
    "initialize",
    "installed",
    "list",
    "listVoices",
    "read",
    "readDirectory",
    "readHistories",
    "readiness",
    "search",
    "status",
    "unwatch",
    "watch",
];

/// What tells more than that: what was said and done in a conversation.
const WHOLE: [&str; 6] = [
    "thread/items/list",
    "thread/items/read",
    "thread/read",
    "thread/timeline/list",
    "thread/turns/items/list",
    "thread/turns/list",
];

/// Whether a method changes nothing and shows nothing of a conversation or of a file's content.
fn only_looks(method: &str) -> bool {
    let end = method.rsplit('/').next().unwrap_or(method);
    LOOKS.contains(&end) && !WHOLE.contains(&method)
}

/// Whether a call is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    Never,
    /// Where the account is another's: it changes or shows what is theirs.
    OfOthers,
    Always,
}

/// Whether a caller of that grade may have a method called, and whether that is noted.
pub fn permit(grade: Grade, method: &str) -> Result<Noted> {
    let found = METHODS.binary_search_by_key(&method, |(name, _)| name).ok();
    let who = found.and_then(|at| METHODS.get(at)).map(|(_, who)| *who);
    match (who, grade) {
        (Some(Who::Customer), Grade::Customer) => Ok(Noted::Never),
        (Some(Who::Customer | Who::Operator), Grade::Operator) if only_looks(method) => {
            Ok(Noted::Never)
        }
        (Some(Who::Customer | Who::Operator), Grade::Operator) => Ok(Noted::OfOthers),
        (Some(Who::Audited), Grade::Operator) => Ok(Noted::Always),
        (Some(Who::Operator | Who::Audited), Grade::Customer) => {
            Err(denied(format!("`{method}` is for operators: it concerns the machine.")))
        }
        (Some(Who::Nobody(reason)), _) => {
            Err(denied(format!("`{method}` is not served here: {reason}.")))
        }
        (None, _) => Err(denied(format!(
            "`{method}` is not on the list of methods that are passed on. \
             If a newer version of codex has it, it has to be looked at first."
        ))),
    }
}

/// Whether a caller of that grade may send these parameters with a method they may have called.
pub fn permit_params(grade: Grade, params: &Map<String, Value>) -> Result<()> {
    let Some(Value::Object(config)) = params.get("config") else { return Ok(()) };
    let foreign = config.keys().find(|name| !CUSTOMER_CONFIG.contains(&name.as_str()));
    match (grade, foreign) {
        (Grade::Customer, Some(name)) => {
            Err(denied(format!("The setting `config.{name}` is the operator's to make.")))
        }
        (Grade::Customer | Grade::Operator, _) => Ok(()),
    }
}

/// Whether a method begins a turn.
pub fn begins_turn(method: &str) -> bool {
    matches!(method, "turn/start" | "review/start" | "thread/compact/start")
}

/// Whether a method has models work at a moment of codex's own choosing or outside of turns, or
/// changes which model does: where codex pays by itself, nobody could hold money for it.
pub fn runs_unseen(method: &str) -> bool {
    const UNSEEN: [&str; 8] = [
        "thread/goal/set",
        "thread/guardianReview",
        "thread/prediction/request",
        "thread/queue/add",
        "thread/queue/start",
        "thread/sample",
        "thread/settings/update",
        "turn/settings/update",
    ];
    UNSEEN.contains(&method)
}

/// Whether a notification of that method is passed on: codex knows one.
pub fn permit_notification(method: &str) -> Result<()> {
    if method == "initialized" {
        return Ok(());
    }
    let message = "`codex app-server` takes one notification: `initialized`. \
                   For a method with an answer, use `POST /api/codex/rpc`.";
    Err(Error::field("method", message))
}

fn denied(message: String) -> Error {
    Error::new(Code::PermissionDenied, message)
}

#[cfg(test)]
mod tests {
    use schema::workspace;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(method: &str, customer: Option<Noted>, operator: Option<Noted>) {
        assert_eq!(permit(Grade::Customer, method).ok(), customer, "{method}");
        assert_eq!(permit(Grade::Operator, method).ok(), operator, "{method}");
    }

    #[test]
    fn the_list_is_in_order_and_names_nothing_twice() {
        assert!(METHODS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn customers_work_in_their_threads_and_operators_in_those_of_others_with_a_note() {
        let (never, of_others, always) =
            (Some(Noted::Never), Some(Noted::OfOthers), Some(Noted::Always));
        check("thread/start", never, of_others);
        check("turn/start", never, of_others);
        check("thread/read", never, of_others);
        check("thread/list", never, never);
        check("model/list", never, never);
        check("fs/readDirectory", None, never);
        check("fs/readFile", None, of_others);
        check("fs/writeFile", None, always);
        check("thread/shellCommand", None, always);
        check("thread/realtime/start", None, None);
    }

    #[test]
    fn what_hosts_do_themselves_nobody_can_name() {
        for method in [
            workspace::PREPARE,
            workspace::TREE,
            workspace::STAT,
            workspace::WRITE,
            workspace::REMOVE,
            workspace::WATCH,
        ] {
            check(method, None, None);
            assert!(permit_notification(method).is_err());
        }
        assert!(METHODS.iter().all(|(name, _)| !name.starts_with(workspace::PREFIX)));
    }

    #[test]
    fn what_nobody_has_looked_at_is_refused() {
        check("thread/teleport", None, None);
        check("", None, None);
        let error = permit(Grade::Operator, "thread/teleport").unwrap_err();
        assert_eq!(error.code, Code::PermissionDenied);
    }

    #[test]
    fn a_customer_chooses_how_codex_thinks_and_not_what_it_runs() {
        let with = |config| json!({ "config": config }).as_object().cloned().unwrap_or_default();
        let servers = with(json!({ "mcp_servers": { "x": { "command": "sh" } } }));
        assert!(permit_params(Grade::Customer, &servers).is_err());
        assert!(permit_params(Grade::Operator, &servers).is_ok());
        let effort = with(json!({ "model_reasoning_effort": "high" }));
        assert!(permit_params(Grade::Customer, &effort).is_ok());
        assert!(permit_params(Grade::Customer, &Map::new()).is_ok());
    }
}
