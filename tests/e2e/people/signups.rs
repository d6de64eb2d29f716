//! `/admin/api/signup-settings`, `/admin/api/pending-signups`,
//! `/admin/api/pending-signups/{application_id}/approve`,
//! `/admin/api/pending-signups/{application_id}/reject` and `/admin/api/registrations`.

use serde_json::{Value, json};

use super::{EMAIL, Guest, PASSWORD, REGISTER, desk, login, post, wish};
use crate::desk::{Desk, Reply};

const SETTINGS: &str = "/admin/api/signup-settings";

async fn require_approval(desk: &Desk) {
    let wish = json!({ "approval_required": true });
    let reply = desk.send(desk.admin("POST", SETTINGS).json(&wish)).await;
    assert_eq!((reply.status, reply.json()), (200, wish), "{reply:?}");
    assert_eq!(desk.send(desk.admin("GET", SETTINGS)).await.json()["approval_required"], true);
}

async fn listed(desk: &Desk, path: &str) -> Vec<Value> {
    Reply::to(desk.admin("GET", path)).await.json()["data"].as_array().expect("a list").clone()
}

async fn judge(desk: &Desk, guest: &Guest, word: &str) -> Reply {
    let path = format!("/admin/api/pending-signups/{}/{word}", guest.id);
    Reply::to(desk.admin("POST", &path)).await
}

async fn pending(desk: &Desk, email: &str) -> Guest {
    let reply = post(desk, REGISTER, &wish(email)).await;
    assert_eq!((reply.status, &reply.json()["pending"]), (201, &json!(true)), "{reply:?}");
    assert_eq!(reply.header("set-cookie"), "");
    Guest::of(&reply)
}

async fn read_me(desk: &Desk, bearer: &str) -> Reply {
    Reply::to(desk.request("GET", "/api/v1/me").bearer_auth(bearer)).await
}

#[tokio::test]
async fn a_pending_account_spends_nothing_until_it_is_approved_and_then_its_key_works() {
    let desk = desk().await;
    require_approval(&desk).await;
    let guest = pending(&desk, EMAIL).await;
    for bearer in [&guest.key, &guest.username] {
        read_me(&desk, bearer).await.refuses(403, "permission_denied", "waits for approval");
    }
    let signed_in = login(&desk, EMAIL, PASSWORD).await.json();
    assert_eq!(
        (&signed_in["pending"], &signed_in["apiKey"]["token"]),
        (&json!(true), &json!(guest.key))
    );
    let waiting = listed(&desk, "/admin/api/pending-signups").await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (&waiting[0]["application_id"], &waiting[0]["email"]),
        (&json!(guest.id), &json!(EMAIL))
    );
    let approved = judge(&desk, &guest, "approve").await;
    assert_eq!((approved.status, &approved.json()["standing"]), (200, &json!("approved")));
    assert_eq!(guest.me(&desk).await["id"], guest.id.as_str());
    assert!(listed(&desk, "/admin/api/pending-signups").await.is_empty());
    assert_eq!(login(&desk, EMAIL, PASSWORD).await.json()["pending"], false);
}

#[tokio::test]
async fn the_first_word_about_a_sign_up_stands() {
    let desk = desk().await;
    require_approval(&desk).await;
    let (ann, bob) = (pending(&desk, EMAIL).await, pending(&desk, "bob@example.com").await);
    assert_eq!(judge(&desk, &ann, "reject").await.json()["standing"], "rejected");
    judge(&desk, &ann, "approve").await.refuses(409, "conflict", "rejected already");
    // Said again, it is the same word.
    assert_eq!(judge(&desk, &ann, "reject").await.status, 200);
    assert_eq!(judge(&desk, &bob, "approve").await.status, 200);
    judge(&desk, &bob, "reject").await.refuses(409, "conflict", "approved already");
    read_me(&desk, &ann.key).await.refuses(403, "permission_denied", "not approved");
    login(&desk, EMAIL, PASSWORD).await.refuses(403, "permission_denied", "not approved");
    assert_eq!(read_me(&desk, &bob.key).await.status, 200);
    let acts = desk.world.sql("SELECT act FROM audit WHERE act LIKE 'signup.%'", vec![]).await;
    assert_eq!(acts.len(), 3);
}

#[tokio::test]
async fn only_who_signed_up_is_judged_and_only_by_an_operator() {
    let desk = desk().await;
    let account = &desk.account;
    let path = format!("/admin/api/pending-signups/{}/approve", account.id);
    let reply = desk.send(desk.admin("POST", &path)).await;
    reply.refuses(404, "resource_not_found", "no application");
    let customers = desk.send(desk.post(&path)).await;
    customers.refuses(403, "permission_denied", "lacks the scope `admin`");
}

#[tokio::test]
async fn sign_ups_are_listed_newest_first_page_by_page() {
    let desk = desk().await;
    let mut expected = Vec::new();
    for n in 0..3 {
        expected.push(Guest::arrive(&desk, &format!("ann{n}@example.com")).await.id);
    }
    expected.reverse();
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/admin/api/registrations?limit=2{after}");
        let page = Reply::to(desk.admin("GET", &path)).await.json();
        let rows = page["data"].as_array().expect("a list");
        found.extend(rows.iter().map(|row| row["application_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        after = format!("&starting_after={cursor}");
    }
    assert_eq!(found, expected);
    assert!(listed(&desk, "/admin/api/pending-signups").await.is_empty());
}
