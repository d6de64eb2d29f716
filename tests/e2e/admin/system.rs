//! The operator's pages of machines, codex, books and what was done: `/admin/runners`,
//! `/admin/codex`, `/admin/payments` and `/admin/audit`.

use serde_json::json;
use tests::browser;
use tests::packages::Codex;

use crate::app_server::seat::Seat;
use crate::desk::Desk;

#[tokio::test]
async fn an_operator_leads_machines_and_codex_in_a_browser_and_looks_as_a_customer() {
    let seat = Seat::with(Codex::Newest).await;
    let prompt = "rehearse: shell touch answered; say done";
    let begun = seat.post("/api/turns", json!({ "prompt": prompt })).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    seat.question().await;
    for sql in [
        "INSERT INTO stripe_events (id, type, heard_at, body, outcome, tries, due_at) VALUES
         ('evt_1', 'charge.updated', 1790000000000, '{}', NULL, 2, 1790000100000),
         ('evt_2', '<i>odd</i>', 1790000000001, NULL, 'ignored', 0, NULL)",
        "INSERT INTO payments (id, account, state, problem, created_at) VALUES
         ('pay_00000000000000000000000000000007', 'acct_00000000000000000000000000000007', 'paid',
          'the amount is <b>not</b> what was wished', 7)",
        "INSERT INTO reconciliation_differences
           (reason, account, subject, expected, found, detail, found_at, seen_at)
         VALUES ('usage_differs', 'acct_00000000000000000000000000000007', '495000 gpt-5.5 a',
           6500, 6000, 'Read the rows of the hour.', 1790000000000, 1790000000000)",
    ] {
        seat.world.sql(sql, vec![]).await;
    }
    let about = json!({
        "token": seat.world.admin_token(), "user": seat.account.id,
        "username": seat.account.username,
    });
    let found = browser::run(&seat.world, "system.mjs", about).await;
    let command = found["command"].as_str().expect("a command");
    let begins = format!("runner-agent register --url {} --token grt_", seat.world.url());
    assert!(command.starts_with(&begins), "{command}");
    assert!(found["said"].as_str().is_some_and(|said| said.contains("data")), "{found:#}");
    assert_eq!(found["waiting"], 1);
    let noted = found["noted"].as_array().expect("rows");
    assert_eq!(noted.len(), 1, "{found:#}");
    assert!(noted[0].as_str().is_some_and(|row| row.contains("operator/ada")), "{noted:?}");
    let said = found["looked"]["said"].as_str().expect("a banner");
    assert!(said.contains("operator/ada") && said.contains(&seat.account.id), "{said}");
    assert_eq!(found["looked"]["after"], "/sign-in");
}

#[tokio::test]
async fn a_page_about_what_is_not_there_says_so_and_stays_of_use() {
    let desk = Desk::open().await;
    let page = async |path: &str| {
        let reply = desk.send(desk.admin("GET", path)).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.text().to_owned()
    };
    let nobody = page("/admin/codex?account=nobody").await;
    assert!(nobody.contains("There is no account `nobody`"), "{nobody}");
    assert!(page("/admin/codex").await.contains("never started"));
    let hostile = page("/admin/audit?actor=%3Cscript%3E&text=%22%3E").await;
    assert!(hostile.contains("Nothing like that was done"), "{hostile}");
    assert!(!hostile.contains("<script>") && hostile.contains("&#60;script&#62;"), "{hostile}");
    for wrong in ["/admin/audit?after=x", "/admin/payments?after=5", "/admin/runners?after=x"] {
        assert_eq!(desk.send(desk.admin("GET", wrong)).await.status, 422, "{wrong}");
    }
}
