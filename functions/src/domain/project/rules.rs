//! What rules decide before a person is asked.

use schema::{
    Result, Timestamp,
    agent::{PolicyRule, PolicyThen},
};
use serde_json::{Value, json, value::to_raw_value};

use super::{
    Project,
    approval::{self, Approval, Decision},
    out::{Out, Output},
};
use crate::domain::policy::{self, Asked};

/// How an approval was decided that no person was asked about.
const CHANNEL: &str = "policy";

impl Project {
    /// The rules that were kept.
    pub fn restore_policy(&mut self, policy: policy::Kept) {
        self.policy = policy;
    }

    pub const fn policy(&self) -> &policy::Kept {
        &self.policy
    }

    /// Other rules, for who has seen these. What is open already waits for a person.
    pub fn set_policy(
        &mut self,
        rules: Vec<PolicyRule>,
        if_match: Option<&str>,
    ) -> Result<Vec<Output>> {
        self.policy = self.policy.replaced(rules, if_match)?;
        let mut out = Out::default();
        out.batch.policy = Some(self.policy.clone());
        Ok(self.finish(out))
    }

    /// A question that was just asked, decided if a rule does. By the rule's name it is known who
    /// decided.
    pub(super) fn by_rule(&mut self, asked: Approval, now: Timestamp, out: &mut Out) -> Approval {
        let Some((rule, note, reply)) = self.ruled(&asked) else { return asked };
        let Some(open) = self.open.get_mut(&asked.ask) else { return asked };
        let (channel, reply) = (CHANNEL.to_owned(), to_raw_value(&reply).ok());
        if open.decide(Decision { at: now, by: rule, channel, note, reply }, now).is_err() {
            return asked;
        }
        out.outputs.push(Output::Deliver(asked.ask));
        open.clone()
    }

    /// The rule that decides, why, and the answer in codex's words; nothing where a person does.
    fn ruled(&self, asked: &Approval) -> Option<(String, String, Value)> {
        if self.policy.policy.rules().is_empty() {
            return None;
        }
        let params: Value = serde_json::from_str(asked.params.get()).ok()?;
        let changes = asked.changes.as_deref();
        let changes = changes.and_then(|it| serde_json::from_str::<Value>(it.get()).ok());
        let item = changes.map(|changes| json!({ "changes": changes }));
        let question = Asked::read(&asked.method, &params, item.as_ref(), &self.told_root());
        let decision = policy::decide(&self.policy.policy, &question);
        let reply = match decision.then {
            PolicyThen::Approve => approval::grant(&asked.method),
            PolicyThen::Reject => Some(approval::refusal(&asked.method)),
            PolicyThen::Ask => None,
        };
        Some((decision.rule?, decision.reason.unwrap_or_default(), reply?))
    }

    /// The project's directory as codex names it. Where it was told another, nothing is known to
    /// be inside.
    fn told_root(&self) -> String {
        let told = self.kept.said.get("cwd").and_then(Value::as_str).unwrap_or_default();
        let root = self.kept.profile.as_ref().map(super::command::Profile::root);
        let is_root = root.is_some_and(|root| told.ends_with(&format!("/{root}")));
        if is_root { told.to_owned() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use schema::{AccountId, AskId, ProjectId, RunnerId, agent::ApprovalState, tunnel::Seq};
    use serde_json::Map;

    use super::*;
    use crate::domain::project::{
        command::{Opened, Profile, root},
        feed::{Append, Event},
    };

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const ID: ProjectId = ProjectId::from_bits(1);
    const ACCOUNT: AccountId = AccountId::from_bits(3);
    const RUNNER: RunnerId = RunnerId::from_bits(7);
    const ASK: AskId = AskId::from_bits(9);

    /// A project whose codex works in that directory.
    fn project(cwd: &str) -> Project {
        let mut project = Project::default();
        let (owner, name) = (String::new(), "p".to_owned());
        let template = json!("empty");
        let profile = Profile { id: ID, account: ACCOUNT, owner, name, template, created_at: NOW };
        project.create(profile).unwrap();
        let said: Map<_, _> = [("cwd".to_owned(), json!(cwd))].into_iter().collect();
        project.opened(Opened { thread: "T".to_owned(), runner: RUNNER, said }, NOW);
        let rules = json!([
            { "name": "no network", "when": { "commandPrefix": ["curl"] }, "then": "reject",
              "reason": "ask for a file instead" },
            { "name": "tests", "when": { "commandPrefix": ["cargo", "test"] }, "then": "approve" },
            { "name": "sources", "when": { "pathGlob": "src/**" }, "then": "approve" },
        ]);
        let rules = serde_json::from_value(rules).unwrap();
        assert!(!project.set_policy(rules, None).unwrap().is_empty());
        project
    }

    fn event(seq: u64, method: &str, ask: Option<AskId>, params: &Value) -> Event {
        Event {
            seq: Seq(seq),
            at: NOW,
            method: method.to_owned(),
            turn: Some("U".to_owned()),
            thread: Some("T".to_owned()),
            ask,
            request: ask.map(|_| "0".to_owned()),
            params: to_raw_value(params).unwrap(),
            resolves: None,
            answer: None,
        }
    }

    /// What becomes of a question, who decided it, and what codex is told.
    fn hear(project: &mut Project, events: Vec<Event>) -> (ApprovalState, String, Option<Value>) {
        let through = events.last().map_or(Seq(0), |event| event.seq);
        let (standing, lost, after) = (None, false, Seq(0));
        let append =
            Append { account: ACCOUNT, runner: RUNNER, after, through, events, standing, lost };
        let (_, outputs) = project.append(append, &|_| None, NOW);
        let told = outputs.iter().any(|it| matches!(it, Output::Deliver(its) if *its == ASK));
        let approval = project.open(ASK).unwrap();
        let decision = approval.decision.as_ref();
        let reply = decision.and_then(|it| it.reply.as_ref());
        let reply = reply.map(|it| serde_json::from_str(it.get()).unwrap());
        assert_eq!((told, approval.undelivered), (reply.is_some(), reply.is_some()));
        assert!(decision.is_none_or(|it| it.channel == CHANNEL));
        (approval.state, decision.map(|it| it.by.clone()).unwrap_or_default(), reply)
    }

    #[track_caller]
    fn check(cwd: &str, command: &str, state: ApprovalState, by: &str, word: Option<&str>) {
        let params = json!({ "itemId": "i", "command": command, "cwd": cwd });
        let asked = event(1, "item/commandExecution/requestApproval", Some(ASK), &params);
        let found = hear(&mut project(cwd), vec![asked]);
        let reply = word.map(|word| json!({ "result": { "decision": word } }));
        assert_eq!(found, (state, by.to_owned(), reply), "{command} in {cwd}");
    }

    #[test]
    fn a_rule_decides_a_question_and_is_named_and_everything_else_waits() {
        let cwd = format!("/w/{}", root(ID));
        let (approved, rejected) = (ApprovalState::Approved, ApprovalState::Rejected);
        check(&cwd, "bash -lc 'cargo test -q'", approved, "tests", Some("accept"));
        check(&cwd, "bash -lc 'ls && curl x'", rejected, "no network", Some("decline"));
        check(&cwd, "cargo build", ApprovalState::Pending, "", None);
        check(&cwd, "cargo test; rm x", ApprovalState::Pending, "", None);
        // Codex works somewhere else than we thought.
        check("/w/projects/other", "cargo test", ApprovalState::Pending, "", None);
        check("/w", "cargo test", ApprovalState::Pending, "", None);
    }

    #[test]
    fn changes_of_files_are_decided_by_what_their_item_says() {
        let cwd = format!("/w/{}", root(ID));
        let check = |path: &str, state, by: &str| {
            let changes = json!([{ "path": path, "kind": { "type": "add" }, "diff": "x" }]);
            let item = json!({ "item": { "id": "i", "changes": changes } });
            let params = json!({ "itemId": "i", "grantRoot": null });
            let asked = event(2, "item/fileChange/requestApproval", Some(ASK), &params);
            let events = vec![event(1, "item/started", None, &item), asked];
            let (found, who, _) = hear(&mut project(&cwd), events);
            assert_eq!((found, who.as_str()), (state, by), "{path}");
        };
        check(&format!("{cwd}/src/a.rs"), ApprovalState::Approved, "sources");
        check(&format!("{cwd}/build.rs"), ApprovalState::Pending, "");
        check("/w/projects/src/a.rs", ApprovalState::Pending, "");
    }
}
