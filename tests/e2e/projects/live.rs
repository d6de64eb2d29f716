//! `/projects` and `/projects/{project_id}`: a person works with codex in a browser, and answers it
//! there while the true app-server waits.

use std::fs;

use serde_json::json;
use tests::browser;
use tests::packages::Codex;
use tests::world::World;

use crate::app_server::seat::Seat;
use crate::signin;

#[tokio::test]
async fn an_approval_is_answered_in_the_live_view_while_codex_waits() {
    let world = World::plan().secret("SIGNING_SECRETS", signin::SECRET).start().await;
    let machine = world.machine(Codex::Newest).await;
    let account = world.account("120.00").await;
    let link = signin::link(&account, "/projects");
    let seat = Seat::at(world, machine, account);
    let found = browser::run(&seat.world, "live.mjs", json!({ "link": link })).await;

    let project = found["project"].as_str().expect("a project");
    assert!(found["diff"].as_str().is_some_and(|line| line.starts_with('+')), "{found}");
    assert!(found["conflict"].as_str().is_some_and(|it| it.contains("meanwhile")), "{found}");
    let pass = found["pass"].as_str().expect("a command");
    assert!(pass.contains("codex") && pass.contains("--remote"), "{found}");
    let asked = seat.get(&format!("/api/v1/projects/{project}/approvals?all=true")).await.json();
    let decided = &asked["data"][0];
    assert_eq!((&decided["state"], &decided["kind"]), (&json!("approved"), &json!("file_change")));
    assert_eq!(
        (&decided["decision"]["channel"], &decided["decision"]["by"]),
        (&json!("api"), &json!("session"))
    );
    let work = seat.machine.state().join("accounts").join(&seat.account.id).join("work/projects");
    let file = fs::read_to_string(work.join(project).join("made-here.txt")).expect("the file");
    assert_eq!(file, "theirs\n", "whoever was first is not overwritten");
    println!("5,000 items took {} ms", found["long"]["ms"]);
    assert_eq!(found["long"]["kept"], 5_000, "{found}");
    assert!(found["long"]["shown"].as_u64().is_some_and(|shown| shown <= 300), "{found}");
    seat.check_bill().await;
}
