//! What a project hears of its spending, in its own log, and what it may cost in all.

use serde_json::{Value, json};
use tests::client::Ask;

use super::{THREAD, tell};
use crate::app_server::seat::Events;
use crate::desk::Desk;

/// A project that may cost so much.
async fn project(desk: &Desk, limit: Value) -> String {
    let wish = json!({ "name": "p", "template": "empty", "maxCostMicroUsd": limit });
    let made = desk.send(desk.post("/api/v1/projects").json(&wish)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("an id").to_owned()
}

async fn set(desk: &Desk, project: &str, turn: &str, limit: i64) {
    let turn = json!({ "id": turn, "limit": limit });
    let cap = json!({ "thread": THREAD, "turn": turn, "limit": null });
    tell(&desk.world, &desk.account, json!({ "set": { "project": project, "cap": cap } })).await;
}

/// The project's log from its beginning.
async fn log(desk: &Desk, project: &str) -> Events {
    Events::of(desk.get(&format!("/api/v1/projects/{project}/events?after=0"))).await
}

#[tokio::test]
async fn the_meter_of_a_project_is_in_its_log_soon_after_each_charge() {
    let desk = Desk::open().await;
    let project = project(&desk, json!(null)).await;
    let caller = desk.world.caller(&desk.account.key);
    set(&desk, &project, "first", 50_000).await;
    let mut log = log(&desk, &project).await;
    let usages = [("input=100 output=40", 1_700, false), ("huge", 50_000, false)];
    for (usage, cost, exhausted) in usages {
        let ask = Ask::stream(&format!("rehearse: text 3; usage {usage}")).in_thread(THREAD);
        assert!(caller.ask(&ask).await.expect("an answer").is_whole());
        let meter = log.until("gantry/meter").await.data["params"].take();
        assert_eq!(
            (&meter["turnCostMicroUsd"], &meter["exhausted"]),
            (&json!(cost), &json!(exhausted))
        );
        assert_eq!(
            (&meter["threadId"], &meter["maxTurnCostMicroUsd"]),
            (&json!(THREAD), &json!(50_000))
        );
    }
    // And when a call is refused, which costs nothing.
    let reply = caller.ask(&Ask::stream("Say hi").in_thread(THREAD)).await.expect("an answer");
    assert_eq!(reply.status, 402);
    let meter = log.until("gantry/meter").await.data["params"].take();
    assert_eq!(
        (&meter["exhausted"], &meter["projectCostMicroUsd"]),
        (&json!(true), &json!(50_000))
    );
}

#[tokio::test]
async fn a_growing_stream_is_metered_while_it_runs() {
    let desk = Desk::open().await;
    let project = project(&desk, json!(null)).await;
    let caller = desk.world.caller(&desk.account.key);
    set(&desk, &project, "first", 5_000_000).await;
    let mut log = log(&desk, &project).await;
    let ask = Ask::stream("rehearse: burst; text 4000; wait more 3500").in_thread(THREAD);
    let stream = caller.open(&ask).await.expect("a stream");
    let meter = log.until("gantry/meter").await.data["params"].take();
    assert!(meter["runningMicroUsd"].as_i64().expect("a number") >= 3_000 * 30, "{meter}");
    assert_eq!(meter["turnCostMicroUsd"], 0);
    desk.world.upstream().release("more");
    stream.rest().await.expect("the rest");
    let meter = log.until("gantry/meter").await.data["params"].take();
    assert_eq!((&meter["runningMicroUsd"], &meter["heldMicroUsd"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_limit_is_more_than_nothing() {
    let desk = Desk::open().await;
    for limit in [0, -1] {
        let wish = json!({ "name": "p", "maxCostMicroUsd": limit });
        let refused = desk.send(desk.post("/api/v1/projects").json(&wish)).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains("maxCostMicroUsd"), "{}", refused.text());
    }
}
