//! What a subscriber is told of their plan, each once.

use super::*;

/// The events of a template, oldest first, without the moment at their end.
async fn told(desk: &Desk, template: &str) -> Vec<String> {
    let page = desk.send(desk.get("/api/v1/notices?limit=100")).await.json();
    let rows = page["data"].as_array().expect("a list").iter();
    let rows = rows.filter(|row| row["template"] == template && row["channel"] == "mail");
    let event = |row: &Value| {
        let event = row["event"].as_str().expect("text");
        event.rsplit_once(':').expect("a moment").0.to_owned()
    };
    let mut events: Vec<_> = rows.map(event).collect();
    events.reverse();
    events
}

#[tokio::test]
async fn a_window_is_told_of_at_four_fifths_and_when_it_is_full_once_for_each_filling() {
    let mut desk = subscriber("0.08", "1.00").await;
    calls(&desk, 0, 7).await;
    assert!(told(&desk, "fair_use").await.is_empty());
    calls(&desk, 7, 1).await;
    assert_eq!(told(&desk, "fair_use").await, ["fair_use:300:80"]);
    calls(&desk, 8, 2).await;
    let both = ["fair_use:300:80", "fair_use:300:100"];
    assert_eq!(told(&desk, "fair_use").await, both);
    desk.world.kill9();
    desk.world.restart().await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
    assert_eq!(told(&desk, "fair_use").await, both);
    later(&mut desk, 5 * HOUR_MS + 1_000).await;
    calls(&desk, 10, 10).await;
    assert_eq!(told(&desk, "fair_use").await, [both, both].concat());
}
