//! One dialect for every version: callers may write what any version takes, and it is put into the
//! form that the hosted version wants. Pure, and the only place that knows the versions apart.

use schema::tunnel::Grade;
use schema::workspace;
use serde_json::{Map, Value, json};

use crate::codex::{Facts, Profile};

/// Members of a request's `params`.
pub type Params = Map<String, Value>;

/// The policy that a thread runs under, as its last answers and overrides have left it.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Value>,
    /// A tagged object, as `turn/start` takes it and every answer has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Value>,
    /// The name of a permission profile, which takes the place of the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// What the hosted version wants, and what it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    profile: Profile,
    on_failure: bool,
    /// A second `turn/start` is answered with the id of a turn that never comes to be.
    pub invents_turns: bool,
    /// An interrupt of what does not run is never answered.
    pub hangs_on_idle_interrupt: bool,
}

/// How a method writes a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sandbox {
    /// `"sandbox": "workspace-write"`
    Mode,
    /// `"sandboxPolicy": {"type": "workspaceWrite"}`
    Policy,
}

/// What a caller calls a sandbox, what `thread/start` calls it, and what `turn/start` calls it.
const SANDBOXES: [(&str, &str, &str); 3] = [
    ("readonly", "read-only", "readOnly"),
    ("workspacewrite", "workspace-write", "workspaceWrite"),
    ("dangerfullaccess", "danger-full-access", "dangerFullAccess"),
];

impl Dialect {
    /// That of a binary.
    pub fn of(facts: &Facts) -> Self {
        // Seen with 0.130 and no longer with 0.169; between them nobody looked. An unknown version
        // is taken for a new one.
        let old = facts.major_minor().is_some_and(|version| version < (0, 150));
        Self {
            profile: facts.profile,
            on_failure: facts.on_failure,
            invents_turns: old,
            hangs_on_idle_interrupt: old,
        }
    }

    /// Puts the params of a request into the form that this version wants. What cannot be
    /// understood stays, so that the version itself says what is wrong with it.
    pub fn heal(self, method: &str, params: &mut Params) {
        let Some(sandbox) = sandbox_of(method) else { return };
        self.heal_approval(params);
        self.heal_profile(params);
        heal_sandbox(sandbox, params);
    }

    /// The request that loads a thread again, under the policy it had.
    pub fn resume(self, thread: &str, policy: &Policy) -> Params {
        let mut params = Params::new();
        params.insert("threadId".to_owned(), json!(thread));
        params.insert("excludeTurns".to_owned(), json!(true));
        self.recall("thread/resume", &mut params, policy);
        params
    }

    /// Adds the policy that a thread had, where the caller names none: some versions forget it when
    /// they load a thread.
    pub fn recall(self, method: &str, params: &mut Params, policy: &Policy) {
        let Some(sandbox) = sandbox_of(method) else { return };
        let named = |name: &str| params.get(name).is_some_and(|value| !value.is_null());
        let sandboxed = ["sandbox", "sandboxPolicy", "permissions"].into_iter().any(named);
        if !named("approvalPolicy")
            && let Some(approval) = &policy.approval
        {
            params.insert("approvalPolicy".to_owned(), approval.clone());
        }
        if sandboxed {
            return;
        }
        if let Some(profile) = &policy.profile {
            params.insert("permissions".to_owned(), json!(profile));
            self.heal_profile(params);
        } else if let Some(policy) = &policy.sandbox {
            params.insert("sandboxPolicy".to_owned(), policy.clone());
            heal_sandbox(sandbox, params);
        }
    }

    fn heal_approval(self, params: &mut Params) {
        let Some(Value::String(policy)) = params.get_mut("approvalPolicy") else { return };
        let healed = match plain(policy).as_str() {
            "untrusted" | "unlesstrusted" => "untrusted",
            "onrequest" => "on-request",
            "onfailure" if self.on_failure => "on-failure",
            "onfailure" => "on-request",
            "never" => "never",
            _ => return,
        };
        healed.clone_into(policy);
    }

    fn heal_profile(self, params: &mut Params) {
        let Some(given) = params.get_mut("permissions") else { return };
        let Some(name) = profile_name(given).map(|name| self.built_in(name).to_owned()) else {
            return;
        };
        match self.profile {
            Profile::Text => *given = json!(name),
            // An object may hold more than the name.
            Profile::Object if given.is_object() => {
                if let Some(id) = given.get_mut("id") {
                    *id = json!(name);
                }
            }
            Profile::Object => *given = json!({ "type": "profile", "id": name }),
        }
    }

    /// The widest profile has another name in the version that takes objects.
    fn built_in(self, name: &str) -> &str {
        match (self.profile, name) {
            (Profile::Object, FULL_ACCESS) => NO_SANDBOX,
            (Profile::Text, NO_SANDBOX) => FULL_ACCESS,
            _ => name,
        }
    }
}

/// The profile without bounds, as 0.169 calls it, and as 0.130 does.
const FULL_ACCESS: &str = ":danger-full-access";
/// See [`FULL_ACCESS`].
const NO_SANDBOX: &str = ":danger-no-sandbox";

/// The name of a permission profile in either form.
pub fn profile_name(given: &Value) -> Option<&str> {
    given.as_str().or_else(|| given.get("id")?.as_str())
}

/// Whether the params of a method have to be looked at before they are passed on.
pub fn concerns(method: &str) -> bool {
    sandbox_of(method).is_some() || needs_thread(method) || method == "turn/interrupt"
}

/// Whether a method takes a `cwd`.
pub fn has_cwd(method: &str) -> bool {
    sandbox_of(method).is_some()
}

/// Whether a method that is called without a `cwd` would run wherever the process runs.
pub fn wants_cwd(method: &str) -> bool {
    matches!(method, "thread/start" | "command/exec")
}

/// Whether a method works only on a thread that is loaded.
pub fn needs_thread(method: &str) -> bool {
    matches!(
        method,
        "turn/start"
            | "turn/steer"
            | "review/start"
            | "thread/compact/start"
            | "thread/shellCommand"
    )
}

/// Whether doing it twice does no harm.
pub fn only_reads(method: &str) -> bool {
    let ours = [workspace::PREPARE, workspace::TREE, workspace::STAT, workspace::WATCH];
    let lists = method.ends_with("/list") || method.ends_with("/read");
    lists || method == "initialize" || ours.contains(&method)
}

/// Whether a customer may have it name a directory for itself.
pub fn is_bound(grade: Grade, method: &str) -> bool {
    grade == Grade::Customer && has_cwd(method)
}

fn sandbox_of(method: &str) -> Option<Sandbox> {
    match method {
        "thread/start" | "thread/resume" | "thread/fork" => Some(Sandbox::Mode),
        "turn/start" | "command/exec" => Some(Sandbox::Policy),
        _ => None,
    }
}

fn heal_sandbox(wanted: Sandbox, params: &mut Params) {
    let (right, wrong) = match wanted {
        Sandbox::Mode => ("sandbox", "sandboxPolicy"),
        Sandbox::Policy => ("sandboxPolicy", "sandbox"),
    };
    let misplaced = params.remove(wrong);
    if params.get(right).is_none_or(Value::is_null)
        && let Some(misplaced) = misplaced
    {
        params.insert(right.to_owned(), misplaced);
    }
    let Some(given) = params.get_mut(right) else { return };
    let tag = given.as_str().or_else(|| given.get("type")?.as_str());
    let Some(tag) = tag.map(plain) else { return };
    let Some((_, mode, kind)) = SANDBOXES.iter().find(|(plain, ..)| *plain == tag) else { return };
    match (wanted, &mut *given) {
        (Sandbox::Mode, _) => *given = json!(mode),
        (Sandbox::Policy, Value::Object(policy)) => {
            policy.insert("type".to_owned(), json!(kind));
        }
        (Sandbox::Policy, _) => *given = json!({ "type": kind }),
    }
}

/// Without case, hyphens and underscores.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Dialect = Dialect {
        profile: Profile::Object,
        on_failure: true,
        invents_turns: true,
        hangs_on_idle_interrupt: true,
    };
    const NEW: Dialect = Dialect {
        profile: Profile::Text,
        on_failure: false,
        invents_turns: false,
        hangs_on_idle_interrupt: false,
    };

    #[track_caller]
    fn check(dialect: Dialect, method: &str, mut given: Value, healed: Value) {
        let params = given.as_object_mut().unwrap();
        dialect.heal(method, params);
        assert_eq!(given, healed);
    }

    #[test]
    fn a_permission_profile_is_written_as_the_version_wants_it() {
        let (text, object) =
            (json!(":workspace"), json!({ "type": "profile", "id": ":workspace" }));
        for given in [&text, &object] {
            let params = json!({ "permissions": given });
            check(OLD, "thread/start", params.clone(), json!({ "permissions": object }));
            check(NEW, "turn/start", params, json!({ "permissions": text }));
        }
    }

    #[test]
    fn the_widest_profile_is_called_as_the_version_calls_it() {
        for name in [":danger-full-access", ":danger-no-sandbox"] {
            for given in [json!(name), json!({ "type": "profile", "id": name })] {
                let params = json!({ "permissions": given });
                let old = json!({ "type": "profile", "id": ":danger-no-sandbox" });
                check(OLD, "thread/start", params.clone(), json!({ "permissions": old }));
                let new = json!({ "permissions": ":danger-full-access" });
                check(NEW, "thread/start", params, new);
            }
        }
    }

    #[test]
    fn a_sandbox_is_written_as_the_method_wants_it() {
        let mode = json!({ "sandbox": "workspace-write" });
        let policy = json!({ "sandboxPolicy": { "type": "workspaceWrite" } });
        for name in ["workspace-write", "workspaceWrite", "workspace_write"] {
            for given in [json!(name), json!({ "type": name })] {
                for place in ["sandbox", "sandboxPolicy"] {
                    check(NEW, "thread/start", json!({ place: given }), mode.clone());
                    check(NEW, "turn/start", json!({ place: given }), policy.clone());
                }
            }
        }
    }

    #[test]
    fn details_of_a_sandbox_stay() {
        let policy = json!({ "type": "workspaceWrite", "networkAccess": true });
        let given = json!({ "sandbox": { "type": "workspace-write", "networkAccess": true } });
        check(NEW, "turn/start", given, json!({ "sandboxPolicy": policy }));
    }

    #[test]
    fn approval_policies_have_other_names_elsewhere() {
        let named = |name: &str| json!({ "approvalPolicy": name });
        check(NEW, "turn/start", named("unlessTrusted"), named("untrusted"));
        check(OLD, "thread/start", named("onRequest"), named("on-request"));
        check(OLD, "turn/start", named("onFailure"), named("on-failure"));
        check(NEW, "turn/start", named("on-failure"), named("on-request"));
    }

    #[test]
    fn what_nobody_understands_is_left_to_the_version() {
        let given = json!({ "sandbox": "moon", "approvalPolicy": "maybe", "permissions": 7 });
        check(NEW, "thread/start", given.clone(), given.clone());
        check(
            OLD,
            "model/list",
            json!({ "sandbox": "readOnly" }),
            json!({ "sandbox": "readOnly" }),
        );
    }

    #[test]
    fn a_thread_is_loaded_under_the_policy_it_had() {
        let policy = Policy {
            approval: Some(json!("never")),
            sandbox: Some(json!({ "type": "readOnly" })),
            profile: None,
        };
        let wanted = json!({
            "threadId": "T", "excludeTurns": true,
            "approvalPolicy": "never", "sandbox": "read-only",
        });
        assert_eq!(Value::Object(OLD.resume("T", &policy)), wanted);
        let profile = Policy { profile: Some(":workspace".to_owned()), ..policy };
        let mut params = json!({ "approvalPolicy": "untrusted" });
        OLD.recall("turn/start", params.as_object_mut().unwrap(), &profile);
        let permissions = json!({ "type": "profile", "id": ":workspace" });
        let wanted = json!({ "approvalPolicy": "untrusted", "permissions": permissions });
        assert_eq!(params, wanted);
    }

    #[test]
    fn a_caller_who_names_a_sandbox_gets_it() {
        let policy = Policy { sandbox: Some(json!({ "type": "readOnly" })), ..Policy::default() };
        let mut params = json!({ "permissions": ":workspace" });
        NEW.recall("turn/start", params.as_object_mut().unwrap(), &policy);
        assert_eq!(params, json!({ "permissions": ":workspace" }));
    }
}
