//! Rules against what is asked, as data; and what no rule approves, whatever it says.

use proptest::prelude::*;
use schema::{
    Code,
    agent::{ApprovalKind, PolicyThen},
};
use serde_json::{Value, json};

use super::*;

const ROOT: &str = "/w/projects/prj_1";
const COMMAND: &str = "item/commandExecution/requestApproval";
const FILES: &str = "item/fileChange/requestApproval";

fn policy(rules: Value) -> Policy {
    Policy::new(serde_json::from_value(rules).unwrap()).unwrap()
}

fn command(text: &str) -> Asked {
    Asked::Command(Command::of(text))
}

/// A question about files, as codex asks it.
fn files(paths: &[&str]) -> Asked {
    let changes: Vec<Value> =
        paths.iter().map(|path| json!({ "path": path, "kind": { "type": "add" } })).collect();
    let item = json!({ "changes": changes });
    let params = json!({ "itemId": "I", "reason": null, "grantRoot": null });
    Asked::read(FILES, &params, Some(&item), ROOT)
}

/// What each of these is decided by: the rule's name, or nothing.
#[track_caller]
fn check(policy: &Policy, asked: &[Asked], then: PolicyThen, rule: Option<&str>) {
    for asked in asked {
        let decision = decide(policy, asked);
        assert_eq!((decision.then, decision.rule.as_deref()), (then, rule), "{asked:?}");
    }
}

#[track_caller]
fn check_wrong(rule: Value, fields: &[&str]) {
    let refused = Policy::new(vec![serde_json::from_value(rule.clone()).unwrap()]);
    let refused = refused.map_err(|error| (error.code, error.details));
    let (code, details) = refused.expect_err(&rule.to_string());
    let found: Vec<&str> = details.iter().map(|detail| detail.field.as_str()).collect();
    assert_eq!((code, found.as_slice()), (Code::ValidationError, fields), "{rule}");
}

#[test]
fn the_first_rule_that_matches_decides_and_is_named() {
    let policy = policy(json!([
        { "name": "no push", "when": { "commandPrefix": ["git", "push"] }, "then": "reject",
          "reason": "a person pushes" },
        { "name": "git", "when": { "commandPrefix": ["git"] }, "then": "approve" },
        { "name": "reading", "when": { "readsOnly": true }, "then": "approve" },
        { "name": "scripts", "when": { "commandGlob": "npm run *" }, "then": "approve" },
    ]));
    let push = decide(&policy, &command("git push origin"));
    assert_eq!(push.reason.as_deref(), Some("a person pushes"));
    let pushes = [
        "git push",
        "git -C . push",
        "/usr/bin/git push",
        "bash -lc 'ls && git push'",
        "env git push",
        "(git push)",
        "git commit; git   push",
        "echo x\ngit push",
    ];
    check(&policy, &pushes.map(command), PolicyThen::Reject, Some("no push"));
    let commits = ["git commit -m 'a b'", "/bin/bash -lc 'git add .'"];
    check(&policy, &commits.map(command), PolicyThen::Approve, Some("git"));
    check(&policy, &["ls -la", "cat a"].map(command), PolicyThen::Approve, Some("reading"));
    check(&policy, &[command("npm run build")], PolicyThen::Approve, Some("scripts"));
    let others = ["npm install", "ls; rm x", "git commit && rm x", "npm run a > b", "gitx"];
    check(&policy, &others.map(command), PolicyThen::Ask, None);
}

#[test]
fn what_is_no_ordinary_command_is_not_approved() {
    let policy = policy(json!([
        { "name": "all", "when": { "commandGlob": "*" }, "then": "approve" },
        { "name": "make", "when": { "commandPrefix": ["make"] }, "then": "approve" },
    ]));
    let asked = |more: Value| {
        let mut params = json!({ "command": "/bin/bash -lc 'make all'", "cwd": ROOT });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Asked::read(COMMAND, &params, None, ROOT)
    };
    let ordinary = [json!({}), json!({ "kind": "command" }), json!({ "cwd": format!("{ROOT}/a") })];
    check(&policy, &ordinary.map(asked), PolicyThen::Approve, Some("all"));
    let others = [
        json!({ "cwd": "/w" }),
        json!({ "cwd": "/w/projects/prj_10" }),
        json!({ "cwd": null }),
        json!({ "cwd": format!("{ROOT}/../prj_2") }),
        json!({ "cwd": "." }),
        json!({ "networkApprovalContext": { "host": "x" } }),
        json!({ "additionalPermissions": { "network": null } }),
        json!({ "kind": "network" }),
        json!({ "command": null }),
        json!({ "command": 7 }),
    ];
    check(&policy, &others.map(asked), PolicyThen::Ask, None);
    // What runs something else has to be named, not only described.
    let runners = ["sudo make", "env make", "bash x.sh", "xargs rm", "find . -delete"];
    check(&policy, &runners.map(command), PolicyThen::Ask, None);
}

#[test]
fn changes_of_files_are_approved_below_the_directory_and_nowhere_else() {
    let policy = policy(json!([
        { "name": "secrets", "when": { "pathGlob": "**/.env*" }, "then": "ask" },
        { "name": "sources", "when": { "pathGlob": "src/**" }, "then": "approve" },
    ]));
    let approved = [files(&["/w/projects/prj_1/src/a.rs"]), files(&["src/a.rs", "src/b/c.rs"])];
    check(&policy, &approved, PolicyThen::Approve, Some("sources"));
    let asked = [
        files(&["/w/projects/prj_2/src/a.rs"]),
        files(&["/src/a.rs"]),
        files(&["src/../../src/a"]),
        files(&["src/a.rs", "README.md"]),
        files(&["src/../a.rs"]),
        files(&["SRC/a.rs"]),
        files(&["src/.git/hooks/x"]),
        files(&[]),
        files(&["/w/projects/prj_1/../x/src/a"]),
        files(&["/w/projects/prj_10/src/a"]),
        files(&["src/a.rs", "/etc/passwd"]),
    ];
    check(&policy, &asked, PolicyThen::Ask, None);
    let secrets = [files(&["src/.env"]), files(&["src/a.rs", ".ENV.local"])];
    check(&policy, &secrets, PolicyThen::Ask, Some("secrets"));
    let moved = json!({ "changes": [{
        "path": "src/a", "kind": { "type": "update", "move_path": "/etc/x" } }] });
    let grants = json!({ "grantRoot": "/" });
    let one = json!({ "changes": [{ "path": "src/a", "kind": { "type": "add" } }] });
    let nameless = json!({ "changes": [{ "path": "src/a" }, { "kind": { "type": "add" } }] });
    let others = [
        Asked::read(FILES, &json!({}), Some(&moved), ROOT),
        Asked::read(FILES, &grants, Some(&one), ROOT),
        Asked::read(FILES, &json!({}), Some(&nameless), ROOT),
        Asked::read(FILES, &json!({}), None, ROOT),
        Asked::read(FILES, &json!({}), Some(&one), ""),
    ];
    check(&policy, &others, PolicyThen::Ask, None);
}

#[test]
fn what_no_rule_can_look_into_may_be_rejected_and_never_approved() {
    let policy = policy(json!([
        { "name": "no more rights", "when": { "kind": "permissions" }, "then": "reject" },
        { "name": "all", "when": { "commandGlob": "*" }, "then": "approve" },
        { "name": "all files", "when": { "pathGlob": "**" }, "then": "approve" },
    ]));
    let read = |method| Asked::read(method, &json!({ "command": "ls" }), None, ROOT);
    let rights = [read("item/permissions/requestApproval")];
    check(&policy, &rights, PolicyThen::Reject, Some("no more rights"));
    let others = [
        "item/tool/requestUserInput",
        "mcpServer/elicitation/request",
        "item/tool/call",
        "execCommandApproval",
        "applyPatchApproval",
        "something/new",
    ];
    check(&policy, &others.map(read), PolicyThen::Ask, None);
}

#[test]
fn a_rule_without_a_condition_decides_about_everything_but_never_approves() {
    let policy = policy(json!([{ "name": "nothing", "then": "reject" }]));
    let asked = [command("ls;rm"), files(&["/etc/passwd"]), Asked::Other(ApprovalKind::Other)];
    check(&policy, &asked, PolicyThen::Reject, Some("nothing"));
    check_wrong(json!({ "name": "all", "then": "approve" }), &["rules[0].when"]);
}

#[test]
fn what_is_wrong_with_a_rule_is_said_field_by_field() {
    let rule = |when: Value| json!({ "name": "x", "when": when, "then": "approve" });
    check_wrong(rule(json!({ "commandPrefix": [] })), &["rules[0].when.commandPrefix"]);
    check_wrong(rule(json!({ "commandPrefix": ["a", ""] })), &["rules[0].when.commandPrefix"]);
    check_wrong(rule(json!({ "commandGlob": "" })), &["rules[0].when.commandGlob"]);
    check_wrong(rule(json!({ "pathGlob": "a/../b" })), &["rules[0].when.pathGlob"]);
    check_wrong(rule(json!({ "pathGlob": "/etc/*" })), &["rules[0].when.pathGlob"]);
    check_wrong(rule(json!({ "pathGlob": "a", "commandGlob": "b" })), &["rules[0].when"]);
    check_wrong(rule(json!({ "kind": "permissions" })), &["rules[0].when"]);
    let other = json!({ "kind": "file_change", "commandGlob": "b" });
    check_wrong(rule(other), &["rules[0].when.kind"]);
    let never = json!({ "commandGlob": "b", "readsOnly": false });
    check_wrong(rule(never), &["rules[0].when.readsOnly"]);
    let both = json!({ "name": "", "when": { "commandGlob": "" }, "then": "ask", "reason": "" });
    let fields = ["rules[0].name", "rules[0].reason", "rules[0].when.commandGlob"];
    check_wrong(both, &fields);
    let rule = json!({ "name": "x", "then": "ask" });
    let refused = Policy::new(serde_json::from_value(json!([rule, rule])).unwrap());
    assert_eq!(refused.unwrap_err().details[0].field, "rules[1].name");
    let rules = (0..65).map(|n| json!({ "name": n.to_string(), "then": "ask" })).collect();
    let refused = Policy::new(serde_json::from_value(Value::Array(rules)).unwrap());
    assert_eq!(refused.unwrap_err().details[0].field, "rules");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_around_an_approved_command_is_approved_with_it(
        before in r"[a-z ;&|`$(){}<>!\\\n]{0,6}", after in r"[a-z ;&|`$(){}<>!*?~#\\\n]{1,8}",
        wrapped in any::<bool>(),
    ) {
        let policy = policy(json!([
            { "name": "all", "when": { "commandGlob": "*" }, "then": "approve" },
        ]));
        let text = format!("{before}ls -l{after}");
        let text = if wrapped { format!("/bin/bash -lc '{text}'") } else { text };
        let decision = decide(&policy, &command(&text));
        // A backslash takes a sign's meaning away.
        if text.contains(|sign| ";&|`$(<>{\n*?~#!".contains(sign)) && !text.contains('\\') {
            prop_assert_eq!(decision.then, PolicyThen::Ask, "{}", text);
        }
    }

    #[test]
    fn no_path_that_leaves_the_directory_is_approved(path in r"[a-c./]{1,16}") {
        let policy = policy(json!([
            { "name": "all", "when": { "pathGlob": "**" }, "then": "approve" },
        ]));
        let decision = decide(&policy, &files(&[&path]));
        let (mut depth, mut left) = (if path.starts_with('/') { -3 } else { 0 }, false);
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
            depth += if name == ".." { -1 } else { 1 };
            left |= depth < 0;
        }
        if left {
            // It may come back in, but not by names of so few letters.
            prop_assert_eq!(decision.then, PolicyThen::Ask, "{}", path);
        }
    }
}
