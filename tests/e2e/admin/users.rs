//! `/admin/api/users`, `/admin/api/users/{user_id}` and `/admin/api/users/{user_id}/active`.

use reqwest::Client;
use schema::admin::CreateUser;
use serde_json::{Value, json};

use crate::desk::{Desk, Reply};

const USERS: &str = "/admin/api/users";

async fn create(desk: &Desk, wish: &Value) -> Reply {
    Reply::to(desk.admin("POST", USERS).json(wish)).await
}

async fn read(desk: &Desk, id: &str) -> Value {
    desk.send(desk.admin("GET", &format!("{USERS}/{id}"))).await.json()
}

#[tokio::test]
async fn an_account_is_made_with_a_first_key_that_works() {
    let desk = Desk::open().await;
    let made = create(&desk, &json!({})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let (user, key) = (&made["user"], &made["api_key"]);
    assert_eq!((&user["plan"], &user["active"]), (&json!("starter"), &json!(true)));
    assert_eq!((&key["user_id"], &key["kind"]), (&user["id"], &json!("secret")));
    let token = key["token"].as_str().expect("a token");
    assert!(token.ends_with(key["last4"].as_str().expect("text")));
    let me = desk.request("GET", "/api/v1/me").bearer_auth(token);
    let me = desk.send(me).await.json();
    assert_eq!((&me["id"], &me["limits"]["requestsPerHour"]), (&user["id"], &json!(500)));
    assert_eq!(me["wallet"]["balanceMicroUsd"], 0);
}

#[tokio::test]
async fn an_account_is_made_as_wished() {
    let desk = Desk::open().await;
    let wish = json!({
        "username": "Ann_1", "plan": "enterprise", "credit_usd": "12.345678", "note": "for Ann",
        "requests_per_hour": 7, "concurrent_requests": 2,
    });
    let made = create(&desk, &wish).await.json();
    let user = &made["user"];
    let name = user["username"].as_str().expect("a name");
    assert!(name.starts_with("Ann_1-") && name.len() == 26, "{name}");
    assert_eq!((&user["plan"], &user["note"]), (&json!("enterprise"), &json!("for Ann")));
    let me = desk.request("GET", "/api/v1/me").bearer_auth(name);
    let me = Reply::to(me).await.json();
    assert_eq!(me["wallet"]["balanceUsd"], "12.345678");
    let limits = (&me["limits"]["requestsPerHour"], &me["limits"]["concurrentRequests"]);
    assert_eq!(limits, (&json!(7), &json!(2)));
    let professional = create(&desk, &json!({ "plan": "professional" })).await.json();
    let token = professional["api_key"]["token"].as_str().expect("a token");
    let models = desk.send(desk.request("GET", "/v1/models").bearer_auth(token)).await;
    assert_eq!(models.number("x-ratelimit-limit"), 5_000);
}

#[tokio::test]
async fn what_an_account_cannot_be_is_refused_by_the_name_of_the_field() {
    let desk = Desk::open().await;
    for (wish, field) in [
        (json!({ "plan": "gold" }), "plan"),
        (json!({ "credit_usd": "ten" }), "credit_usd"),
        (json!({ "credit_usd": "1.0000001" }), "credit_usd"),
        (json!({ "credit_usd": "-1.00" }), "credit_usd"),
        (json!({ "username": "" }), "username"),
        (json!({ "username": "a b" }), "username"),
        (json!({ "username": "cdx_sk_a" }), "username"),
        (json!({ "username": "\u{fc}" }), "username"),
        (json!({ "username": "a".repeat(41) }), "username"),
        (json!({ "note": "a".repeat(1_001) }), "note"),
        (json!({ "requests_per_hour": 5 }), "requests_per_hour"),
        (json!({ "plan": "professional", "concurrent_requests": 5 }), "concurrent_requests"),
    ] {
        let reply = desk.send(desk.admin("POST", USERS).json(&wish)).await;
        reply.refuses(422, "validation_error", field);
        assert_eq!(reply.json()["errors"][0]["field"], field, "{reply:?}");
    }
    let users = desk.send(desk.admin("GET", USERS)).await.json();
    assert_eq!(users["data"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn a_body_that_is_no_wish_is_refused() {
    let desk = Desk::open().await;
    let send = |body: &'static str, kind: &'static str| {
        desk.send(desk.admin("POST", USERS).header("content-type", kind).body(body))
    };
    let json = "application/json";
    for body in
        [r#"{"plan":5}"#, r#"{"unknown":1}"#, "[]", "null", "5", r#"{"plan":"a","plan":"b"}"#]
    {
        send(body, json).await.refuses(422, "validation_error", "The body");
    }
    for body in ["{", "{}{}", "hello"] {
        send(body, json).await.refuses(400, "invalid_request", "The body is not right");
    }
    send("plan=starter", "application/x-www-form-urlencoded").await.refuses(
        415,
        "unsupported_media_type",
        "content-type: application/json",
    );
    let large = desk.admin("POST", USERS).json(&json!({ "note": "a".repeat(1 << 20) }));
    desk.send(large).await.refuses(413, "payload_too_large", "at most 1024 KiB");
}

/// All ids of a list, page by page, newest first.
async fn pages(desk: &Desk, limit: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("{USERS}?limit={limit}{after}");
        let page = desk.send(desk.admin("GET", &path)).await.json();
        let data = page["data"].as_array().expect("a list");
        pages
            .push(data.iter().map(|user| user["id"].as_str().expect("an id").to_owned()).collect());
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(page["has_more"], false);
            return pages;
        };
        assert_eq!(page["has_more"], true);
        after = format!("&starting_after={cursor}");
    }
}

#[tokio::test]
async fn accounts_are_listed_page_by_page_newest_first() {
    let desk = Desk::open().await;
    let mut made = vec![desk.account.id.clone()];
    for _ in 0..4 {
        made.insert(0, desk.world.open_account(&CreateUser::default()).await.id);
    }
    // Ids of one millisecond are in no order that anybody promised.
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort_by(|a, b| b.cmp(a));
        ids
    };
    for (limit, sizes) in [(2, vec![2, 2, 1]), (5, vec![5]), (4, vec![4, 1]), (1_000, vec![5])] {
        let pages = pages(&desk, limit).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{limit}");
        assert_eq!(pages.concat(), sorted(&made));
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let desk = Desk::open().await;
    for query in ["limit=x", "limit=-1", "limit=1.5", "starting_after=x", "starting_after="] {
        let reply = desk.send(desk.admin("GET", &format!("{USERS}?{query}"))).await;
        reply.refuses(422, "validation_error", "");
    }
}

#[tokio::test]
async fn an_account_is_read_with_its_wallet_and_what_runs() {
    let desk = Desk::open().await;
    let mut body = crate::desk::ask("rehearse: text 1; wait door");
    body["stream"] = json!(true);
    let stream = desk.post("/v1/responses").json(&body).send().await.expect("an open stream");
    let user = read(&desk, &desk.account.id).await;
    assert_eq!((&user["running"], &user["username"]), (&json!(1), &json!(desk.account.username)));
    assert_eq!(user["wallet"]["balanceUsd"], "25.000000");
    assert!(user["wallet"]["heldMicroUsd"].as_i64() > Some(0), "{user}");
    desk.world.upstream().release("door");
    drop(stream.bytes().await);
    desk.account.charges(1).await;
    assert_eq!(read(&desk, &desk.account.id).await["running"], 0);
}

#[tokio::test]
async fn a_suspended_account_is_listed_as_such_and_comes_back() {
    let desk = Desk::open().await;
    let path = format!("{USERS}/{}/active", desk.account.id);
    for active in [false, false, true] {
        let set = desk.admin("POST", &path).json(&json!({ "active": active }));
        assert_eq!(desk.send(set).await.json()["active"], active);
        assert_eq!(read(&desk, &desk.account.id).await["active"], active);
        let users = desk.send(desk.admin("GET", USERS)).await.json();
        assert_eq!(users["data"][0]["active"], active);
        let status = desk.send(desk.get("/api/v1/me")).await.status;
        assert_eq!(status, if active { 200 } else { 403 });
    }
    let reply = desk.send(desk.admin("POST", &path).json(&json!({}))).await;
    reply.refuses(422, "validation_error", "active");
}

#[tokio::test]
async fn a_deleted_account_is_closed_with_all_its_keys_and_keeps_its_ledger() {
    let desk = Desk::open().await;
    let (other, _) = desk.key(json!({})).await;
    let path = format!("{USERS}/{}", desk.account.id);
    for _ in 0..2 {
        assert_eq!(desk.send(desk.admin("DELETE", &path)).await.json(), json!({ "ok": true }));
    }
    for key in [&desk.account.key, &other] {
        let me = desk.request("GET", "/api/v1/me").bearer_auth(key);
        desk.send(me).await.refuses(401, "authentication_required", "has been revoked");
    }
    let me = desk.request("GET", "/api/v1/me").bearer_auth(&desk.account.username);
    desk.send(me).await.refuses(403, "permission_denied", "suspended");
    assert_eq!(read(&desk, &desk.account.id).await["wallet"]["balanceUsd"], "25.000000");
}

#[tokio::test]
async fn what_an_operator_does_is_noted_with_who_did_it() {
    let desk = Desk::open().await;
    let (admin, id) = desk.key(json!({ "scopes": ["admin"] })).await;
    let path = desk.world.at(&format!("{USERS}/{}", desk.account.id));
    let deleted = Client::new().delete(path).bearer_auth(&admin).send().await.expect("an answer");
    assert_eq!(deleted.status(), 200);
    let rows = desk.world.sql("SELECT actor, act, detail FROM audit ORDER BY id", vec![]).await;
    let note = |who: &str, act: &str, to: &str| json!({ "actor": who, "act": act, "detail": to });
    assert_eq!(
        rows,
        [
            note("operator", "user.created", &format!("{} with 25.000000", desk.account.id)),
            note("operator", "key.created", &id),
            note(&id, "user.deleted", &desk.account.id),
        ]
    );
}

#[tokio::test]
async fn an_account_is_found_by_what_somebody_knows_of_it() {
    let desk = Desk::open().await;
    let other = desk.world.account("1.00").await;
    let (_, key) = desk.key(json!({})).await;
    let found = async |words: &str| {
        let request = desk.admin("GET", USERS).query(&[("search", words)]);
        let told = desk.send(request).await.json();
        let rows = told["data"].as_array().expect("a list").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let mine = [desk.account.id.clone()];
    assert_eq!(found(&desk.account.id).await, mine);
    assert_eq!(found(&key).await, mine);
    assert_eq!(found(&desk.account.username).await, mine);
    assert_eq!(found(&other.username).await, [other.id]);
    assert_eq!(found("nobody-at-all").await, [""; 0]);
    assert_eq!(found(" ").await.len(), 2, "nothing is looked for");
}
