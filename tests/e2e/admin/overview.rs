//! `/admin/api/dashboard`, `/admin/api/audit`, `/admin/api/prices` and `/admin/api/webhooks`.

use std::time::Duration;

use serde_json::{Value, json};
use tests::runner_peer::{Machine, running};
use tests::world::World;
use tokio::time::{Instant, sleep};

use crate::desk::{Desk, ask};

const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

async fn read(desk: &Desk, path: &str) -> Value {
    let reply = desk.send(desk.admin("GET", path)).await;
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    reply.json()
}

/// The dashboard, once it says so.
async fn until(desk: &Desk, so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = read(desk, "/admin/api/dashboard").await;
        if so(&told) {
            return told;
        }
        assert!(Instant::now() < deadline, "{told:#}");
        sleep(POLL).await;
    }
}

#[tokio::test]
async fn the_dashboard_of_a_new_deployment_says_that_there_is_nothing_yet() {
    let desk = Desk::open().await;
    let told = read(&desk, "/admin/api/dashboard").await;
    let nothing = json!({
        "requests": 0, "input_tokens": 0, "output_tokens": 0, "charged_micro_usd": 0,
    });
    assert_eq!((&told["today"], &told["last_30_days"]), (&nothing, &nothing));
    assert_eq!(told["runners"]["up"], 0);
    assert_eq!((&told["codex"], told.get("release")), (&json!("never_started"), None));
    assert_eq!(told["running"], json!({ "calls": 0, "accounts": 0, "incomplete": false }));
    let waiting = json!({ "signups": 0, "payments": 0, "differences": 0, "webhooks": 0 });
    assert_eq!(told["waiting"], waiting);
}

#[tokio::test]
async fn the_dashboard_tells_money_machines_what_runs_and_what_waits() {
    let desk = Desk::of(World::plan().var("OUTBOX_MS", "1"), "25.00").await;
    desk.respond(&ask("rehearse: text 1; usage input=1000 output=50")).await;
    let told = until(&desk, |told| told["today"]["requests"] == 1).await;
    let sums = json!({
        "requests": 1, "input_tokens": 1_000, "output_tokens": 50, "charged_micro_usd": 6_500,
    });
    assert_eq!((&told["today"], &told["last_30_days"]), (&sums, &sums));
    let (key, url) = (desk.account.key.clone(), desk.world.at("/v1/responses"));
    let slow = tokio::spawn(async move {
        let body = ask("rehearse: hang");
        reqwest::Client::new().post(url).bearer_auth(key).json(&body).send().await
    });
    let told = until(&desk, |told| told["running"]["calls"] == 1).await;
    assert_eq!(told["running"]["accounts"], 1);
    slow.abort();

    let mut machine = Machine::enrolled(&desk.world, json!({ "capacity": 3 })).await;
    let account = desk.account.id.parse().expect("an id");
    let (peer, _) = machine.connect(&desk.world, vec![running(account)]).await;
    let told = until(&desk, |told| told["runners"]["up"] == 1).await;
    assert_eq!(told["runners"]["capacity"], 3);
    let drain = desk.admin("POST", &format!("/admin/api/runners/{}/drain", machine.id));
    assert_eq!(desk.send(drain.json(&json!({ "on": true }))).await.status, 200);
    until(&desk, |told| told["runners"]["drained"] == 1).await;
    peer.leave().await;

    let sql = "INSERT INTO stripe_events (id, type, heard_at, body) VALUES ('evt_1', 'x', 7, '{}')";
    desk.world.sql(sql, vec![]).await;
    let sql = "INSERT INTO signups (account, username, standing, created_at)
               VALUES ('acct_1', 'ann', 'pending', 7), ('acct_2', 'bob', 'approved', 7)";
    desk.world.sql(sql, vec![]).await;
    let told = read(&desk, "/admin/api/dashboard").await;
    let waiting = json!({ "signups": 1, "payments": 0, "differences": 0, "webhooks": 1 });
    assert_eq!(told["waiting"], waiting);
}

#[tokio::test]
async fn what_was_done_is_found_by_actor_act_and_text_page_by_page() {
    let desk = Desk::open().await;
    let (key, id) = desk.key(json!({ "scopes": ["admin"] })).await;
    for amount in ["1.00", "2.00", "3.00"] {
        let path = format!("/admin/api/users/{}/wallet/credit", desk.account.id);
        let request = desk.request("POST", &path).bearer_auth(&key);
        let body = json!({ "amount_usd": amount, "note": "a gift" });
        assert_eq!(desk.send(request.json(&body)).await.status, 200);
    }
    let acts = |rows: &Value| -> Vec<String> {
        let rows = rows["data"].as_array().expect("a list").iter();
        rows.map(|row| row["act"].as_str().expect("an act").to_owned()).collect()
    };
    let all = read(&desk, "/admin/api/audit").await;
    let newest_first = ["wallet.credited", "wallet.credited", "wallet.credited", "key.created"];
    assert_eq!(acts(&all)[..4], newest_first);
    assert_eq!((&all["has_more"], all.get("next_cursor")), (&json!(false), None));
    let of_key = read(&desk, &format!("/admin/api/audit?actor={id}")).await;
    assert_eq!(acts(&of_key).len(), 3);
    let both = read(&desk, &format!("/admin/api/audit?actor={id}&act=key.created")).await;
    assert_eq!(acts(&both), [""; 0]);
    let created = read(&desk, "/admin/api/audit?act=key.created").await;
    assert_eq!(
        (acts(&created), &created["data"][0]["detail"]),
        (vec!["key.created".to_owned()], &json!(id))
    );
    let text = read(&desk, "/admin/api/audit?text=2.0000").await;
    assert_eq!(acts(&text), ["wallet.credited"]);
    let of_account = format!("/admin/api/audit?text={}&limit=2", desk.account.id);
    let first = read(&desk, &of_account).await;
    assert_eq!((acts(&first).len(), &first["has_more"]), (2, &json!(true)));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let rest = read(&desk, &format!("{of_account}&starting_after={cursor}")).await;
    assert_eq!(acts(&rest), ["wallet.credited", "user.created"]);
    let wrong = desk.send(desk.admin("GET", "/admin/api/audit?starting_after=x")).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
}

#[tokio::test]
async fn a_search_for_a_text_says_where_to_go_on_when_it_has_looked_far_enough() {
    let desk = Desk::open().await;
    let sql = "INSERT INTO audit (at, actor, act, detail) VALUES (1, 'a', 'old', 'the needle')";
    desk.world.sql(sql, vec![]).await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5100)
               INSERT INTO audit (at, actor, act, detail) SELECT i, 'b', 'hay', 'straw' FROM n";
    desk.world.sql(sql, vec![]).await;
    let first = read(&desk, "/admin/api/audit?text=needle").await;
    assert_eq!((&first["data"], &first["has_more"]), (&json!([]), &json!(true)));
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let rest = format!("/admin/api/audit?text=needle&starting_after={cursor}");
    let rest = read(&desk, &rest).await;
    assert_eq!((&rest["data"][0]["act"], &rest["has_more"]), (&json!("old"), &json!(false)));
}

#[tokio::test]
async fn every_price_that_was_in_force_is_listed_with_its_moment() {
    let desk = Desk::open().await;
    let body = json!({
        "model": "gpt-5.5", "input_usd_per_million": "7", "output_usd_per_million": "11",
    });
    let set = desk.admin("POST", "/admin/api/billing/settings").json(&body);
    assert_eq!(desk.send(set).await.status, 200);
    let told = read(&desk, "/admin/api/prices").await;
    let rows = told["data"].as_array().expect("a list");
    let shown: Vec<_> = rows.iter().map(|row| (&row["model"], &row["in_force"])).collect();
    let (mine, other) = (json!("gpt-5.5"), json!("gpt-6.1-sol"));
    assert_eq!(shown, [(&mine, &json!(true)), (&other, &json!(true)), (&mine, &json!(false))]);
    assert_eq!(rows[0]["input"], 7_000_000);
    assert!(rows[0]["created_at"].as_str() > rows[2]["created_at"].as_str(), "{told}");
    let page = read(&desk, "/admin/api/prices?limit=2").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let rest = read(&desk, &format!("/admin/api/prices?starting_after={cursor}")).await;
    assert_eq!(rest["data"], json!([rows[2]]));
}

#[tokio::test]
async fn webhooks_are_listed_newest_first_and_those_that_wait_alone() {
    let desk = Desk::open().await;
    let sql = "INSERT INTO stripe_events (id, type, heard_at, body, outcome, tries, due_at) VALUES
               ('evt_a', 'charge.updated', 5, '{\"secret\": 1}', NULL, 2, 9),
               ('evt_b', 'charge.updated', 5, NULL, 'settled', 0, NULL),
               ('evt_c', 'customer.created', 6, NULL, 'ignored', 0, NULL)";
    desk.world.sql(sql, vec![]).await;
    let ids = |told: &Value| -> Vec<String> {
        let rows = told["data"].as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    let all = read(&desk, "/admin/api/webhooks").await;
    assert_eq!(ids(&all), ["evt_c", "evt_b", "evt_a"]);
    assert!(!all.to_string().contains("secret"), "bodies have customers in them");
    let waiting = read(&desk, "/admin/api/webhooks?waiting=true").await;
    assert_eq!(ids(&waiting), ["evt_a"]);
    let (tries, outcome) = (&waiting["data"][0]["tries"], waiting["data"][0].get("outcome"));
    assert_eq!((tries, outcome), (&json!(2), None));
    let first = read(&desk, "/admin/api/webhooks?limit=2").await;
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let rest = read(&desk, &format!("/admin/api/webhooks?starting_after={cursor}")).await;
    assert_eq!(
        (ids(&first), ids(&rest)),
        (vec!["evt_c".into(), "evt_b".into()], vec!["evt_a".into()])
    );
    let wrong = desk.send(desk.admin("GET", "/admin/api/webhooks?starting_after=5")).await;
    assert_eq!(wrong.status, 422, "{wrong:?}");
}
