//! `/projects/{project_id}` as it comes, before any script runs: what happened, what waits, and how
//! it is answered without one.

use reqwest::Client;
use serde_json::json;
use tests::packages::Codex;
use tests::world::World;

use super::bench::Bench;
use crate::app_server::seat::Seat;
use crate::signin;

#[tokio::test]
async fn who_has_no_scripts_reads_what_happened_and_what_waits() {
    let world = World::plan().secret("SIGNING_SECRETS", signin::SECRET).start().await;
    let machine = world.machine(Codex::Newest).await;
    let account = world.account("120.00").await;
    let bench = Bench::at(Seat::at(world, machine, account));
    let project = bench.create(json!({ "name": "A <b>site</b>" })).await;
    let empty = page(&bench, &project).await;
    assert!(has(&empty, "<h1>A &#60;b&#62;site&#60;/b&#62;</h1>"), "{empty}");
    assert!(empty.contains("not on a machine yet") && !empty.contains("data-empty hidden"));

    bench.post(&project, "open", json!({})).await;
    let mut events = bench.events(&project, "").await;
    let prompt = "Begin & <i>say</i>\nrehearse: say done it; shell echo shown; patch site/a.html";
    bench.post(&project, "turns", json!({ "prompt": prompt })).await;
    let ran = events.until("item/commandExecution/requestApproval").await;
    let ran = ran.data["approvalId"].as_str().expect("an id").to_owned();
    let verdict = json!({ "decision": "accept", "note": "as <u>agreed</u>" });
    bench.post(&project, &format!("approvals/{ran}/resolve"), verdict).await;
    let waits = events.until("item/fileChange/requestApproval").await;
    let (asked, waits) = (waits.id, waits.data["approvalId"].as_str().expect("an id").to_owned());
    let later = json!({ "prompt": "rehearse: say & later", "whenBusy": "queue" });
    bench.post(&project, "turns", later).await;

    let told = page(&bench, &project).await;
    for part in [
        "Begin &#38; &#60;i&#62;say&#60;/i&#62;",
        "<h3>Codex</h3><pre class=\"words\" data-grow>\ndone it</pre>",
        "echo shown",
        "<span class=\"badge good\">exit 0</span>",
        "data-grow>\nshown\n</pre>",
        "by a person with key_",
        "<br>as &#60;u&#62;agreed&#60;/u&#62;",
        "<code>site/a.html</code>",
        "Codex wants to change files",
        "Answer with scripts switched on, or by the API",
        &format!("/api/v1/projects/{project}/approvals/{waits}/resolve"),
        "1 to answer",
        "machine online",
        "rehearse: say &#38; later",
    ] {
        assert!(has(&told, part), "{part} is not in {told}");
    }
    assert!(!told.contains("/work/projects/"), "where it lies on the machine: {told}");

    // The line of the log from which the page's script goes on is the one at which this was so.
    let (_, rest) = told.split_once("data-last=\"").expect("a line");
    let (last, rest) = rest.split_once('"').expect("a line");
    let (last, now) = (last.parse().ok(), bench.get(&project, "state").await);
    assert!(last >= asked && last <= now["lastEventId"].as_u64(), "{last:?}, {asked:?}: {now}");
    assert!(rest.starts_with(" data-runs=\""), "{told}");
    let path = format!("approvals/{waits}/resolve");
    bench.post(&project, &path, json!({ "decision": "decline" })).await;
    events.until("turn/completed").await;
    events.until("turn/completed").await;
    let ended = page(&bench, &project).await;
    assert!(has(&ended, "Rejected") && has(&ended, "later</pre>"), "{ended}");
    assert!(!has(&ended, "data-runs") && !has(&ended, "Answer with scripts"), "{ended}");
    bench.check_bill().await;
}

fn has(page: &str, part: &str) -> bool {
    page.contains(part)
}

/// The page as its owner's browser gets it.
async fn page(bench: &Bench, project: &str) -> String {
    let cookie = signin::session(&bench.seat.account);
    let request = Client::new().get(bench.seat.world.at(&format!("/projects/{project}")));
    let reply = request.header("cookie", cookie).send().await.expect("an answer");
    assert_eq!(reply.status(), 200);
    reply.text().await.expect("a page")
}
