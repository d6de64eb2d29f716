//! What the first customer has a true machine work on: files, and a turn in which codex says what
//! it was told to say, makes files that a person allows, and asks for what rules refuse.

use serde_json::json;
use tests::packages::Codex;

use super::fields::{CONTENT, Gardener, MADE, NOTE, PATH, PROMPT, REASON, RULE, visible};
use crate::app_server::seat::Events;

/// So much of a text is in a rule's name, before the end by which it is known.
const RULE_MAX: usize = 56;

pub async fn done(gardener: &mut Gardener<'_>, hostile: &[&str]) {
    gardener.garden.machine = Some(gardener.world.machine(Codex::Newest).await);
    let (first, key) = (&gardener.garden.customers[0], gardener.garden.customers[0].key.clone());
    let project = format!("/api/v1/projects/{}", first.project);
    gardener.send("POST", &format!("{project}/open"), &key, json!({})).await;
    let (mut acts, mut asked, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for (index, text) in hostile.iter().enumerate() {
        // What parts a path is no part of a name.
        let name = text.replace('/', "-");
        let (path, made) = (gardener.text(PATH, index, &name), gardener.text(MADE, index, &name));
        let content = gardener.text(CONTENT, index, text);
        let file = json!({ "path": path, "content": content });
        gardener.send("PUT", &format!("{project}/files/content"), &key, file).await;
        let prompt = gardener.text(PROMPT, index, text);
        let [said, made] = [&prompt, &made].map(|text| text.replace(';', "\\;"));
        acts.push(format!("say {said}; patch {made}; shell echo r{index}"));
        asked.push(prompt);
        // A rule's name is short.
        let name: String = visible(text).chars().take(RULE_MAX).collect();
        let name = gardener.text(RULE, index, &name);
        let reason = gardener.text(REASON, index, text);
        let when = json!({ "commandGlob": format!("echo r{index}") });
        rules.push(json!({ "name": name, "reason": reason, "then": "reject", "when": when }));
    }
    let policy = json!({ "rules": rules });
    gardener.send("PUT", &format!("{project}/policy"), &key, policy).await;
    let prompt = format!("{}\nrehearse: {}", asked.join("\n"), acts.join("; "));
    let events = gardener.world.at(&format!("{project}/events?after=0"));
    let mut turn = Events::of(gardener.http.get(events).bearer_auth(&key)).await;
    gardener.send("POST", &format!("{project}/turns"), &key, json!({ "prompt": prompt })).await;
    for (index, text) in hostile.iter().enumerate() {
        let asked = turn.until("item/fileChange/requestApproval").await;
        let id = asked.data["approvalId"].as_str().expect("an id");
        let verdict = json!({ "decision": "accept", "note": gardener.text(NOTE, index, text) });
        gardener.send("POST", &format!("{project}/approvals/{id}/resolve"), &key, verdict).await;
    }
    turn.until("turn/completed").await;
}
