//! An operator looks at an account as its owner does: `/admin/api/users/{user_id}/impersonate` and
//! `/admin/api/users/{user_id}/sessions/end`.

use functions::api::families;
use functions::domain::access::Access;
use functions::domain::impersonation::IMPERSONATION_MS;
use functions::http::Handler;
use serde_json::{Value, json};

use super::sign_in::{login, open, own_post, session};
use crate::desk::{Desk, Reply};

const ME: &str = "/api/v1/me";
const LOGOUT: &str = "/api/v1/auth/logout";

/// What an operator may do for a customer whose project they look at: stop a turn, answer a
/// question, ask what rules would say, and watch. None of it spends.
const LENT: [&str; 4] = [
    "/api/v1/projects/{project_id}/turns/{turn_id}/interrupt",
    "/api/v1/projects/{project_id}/approvals/{request_id}/resolve",
    "/api/v1/projects/{project_id}/policy/check",
    "/api/v1/projects/{project_id}/events/ticket",
];

fn path(desk: &Desk) -> String {
    format!("/admin/api/users/{}/impersonate", desk.account.id)
}

/// The cookie that an answer sets, as a browser sends it back.
fn kept(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    let set = reply.header("set-cookie");
    let manner = "; Max-Age=900; Path=/; Secure; HttpOnly; SameSite=Strict";
    assert!(set.starts_with("__Host-impersonation=") && set.ends_with(manner), "{set}");
    set.split(';').next().expect("a cookie").to_owned()
}

/// The cookie of an operator who looks at the desk's account, begun with a bearer.
pub async fn look(desk: &Desk) -> String {
    kept(&desk.send(desk.admin("POST", &path(desk))).await)
}

async fn me(desk: &Desk, cookie: &str) -> Reply {
    Reply::to(desk.request("GET", ME).header("cookie", cookie)).await
}

async fn acts(desk: &Desk) -> Vec<Value> {
    let sql = "SELECT actor, act FROM audit WHERE act LIKE 'impersonation.%' ORDER BY id";
    desk.world.sql(sql, vec![]).await
}

#[tokio::test]
async fn an_operator_sees_what_the_customer_sees_and_it_is_marked_and_noted() {
    let desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let wish = json!({ "username": "mara", "password": token });
    let signed_in = login(&desk, &wish).await;
    let admin = signed_in.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let begun = Reply::to(own_post(&desk, &path(&desk), &admin)).await;
    assert_eq!(begun.json()["user_id"], desk.account.id.as_str());
    let cookie = kept(&begun);
    let told = me(&desk, &cookie).await.json();
    assert_eq!(told["id"], desk.account.id.as_str());
    assert_eq!(told["impersonatedBy"], "operator/mara");
    assert!(!me(&desk, &desk.account.key).await.text().contains("impersonatedBy"));
    let page = Reply::to(desk.request("GET", "/wallet").header("cookie", &cookie)).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains("operator/mara") && page.text().contains("Stop"), "{page:?}");
    let noted = [json!({ "actor": "operator/mara", "act": "impersonation.begun" })];
    assert_eq!(acts(&desk).await, noted);
    let own = format!("{cookie}; {admin}");
    let list = desk.request("GET", "/admin/api/me").header("cookie", &own);
    assert_eq!(Reply::to(list).await.json()["actor"], "operator/mara", "and is an operator still");
}

#[tokio::test]
async fn no_key_is_shown_to_who_looks_and_none_is_made() {
    let desk = open().await;
    let cookie = look(&desk).await;
    let keys = async || {
        let path = format!("/admin/api/api-keys?user_id={}", desk.account.id);
        desk.send(desk.admin("GET", &path)).await.json()
    };
    let before = keys().await;
    for path in ["/dashboard", "/api/v1/me/cli"] {
        let shown = Reply::to(desk.request("GET", path).header("cookie", &cookie)).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        assert!(shown.text().contains("THE-KEY-IS-THE-CUSTOMERS"), "{path}: {shown:?}");
        assert!(!shown.text().contains("cdx_sk_"), "{path}: {shown:?}");
    }
    assert_eq!(keys().await, before);
    let sql = "SELECT act FROM audit WHERE act = 'key.revealed'";
    assert!(desk.world.sql(sql, vec![]).await.is_empty());
}

#[tokio::test]
async fn who_looks_changes_nothing_that_is_the_customers() {
    let desk = open().await;
    let cookie = look(&desk).await;
    let families = families();
    let routes = families.iter().flat_map(|family| &family.routes);
    // What is not for a session at all is not for theirs.
    let changing = routes.filter(|route| {
        let for_sessions = matches!(route.handler, Handler::Act(_));
        route.method != "GET" && matches!(route.access, Access::Api(_)) && for_sessions
    });
    let (lent, own): (Vec<_>, Vec<_>) = changing.partition(|route| route.lent);
    assert_eq!(lent.iter().map(|route| route.path).collect::<Vec<_>>(), LENT);
    assert!(own.len() > 20, "{}", own.len());
    for route in own {
        let path = route.path.replace("{project_id}", "prj_00000000000000000000000000000005");
        let request = desk.request(route.method, &path).header("cookie", &cookie);
        let request = request.header("sec-fetch-site", "same-origin").json(&json!({}));
        let reply = Reply::to(request).await;
        reply.refuses(403, "permission_denied", "look at this account as an operator");
    }
    let own = desk.post("/api/v1/share-credit/claim").json(&json!({}));
    assert_eq!(desk.send(own).await.status, 200, "its owner may");
}

#[tokio::test]
async fn it_ends_when_they_stop_and_the_customers_own_sessions_go_on() {
    let desk = open().await;
    let (cookie, other) = (look(&desk).await, look(&desk).await);
    let everywhere = json!({ "everywhere": true });
    let out = Reply::to(own_post(&desk, LOGOUT, &cookie).json(&everywhere)).await;
    assert!(out.header("set-cookie").starts_with("__Host-impersonation=; Max-Age=0"), "{out:?}");
    me(&desk, &cookie).await.refuses(401, "authentication_required", "Sign in again");
    assert_eq!(me(&desk, &other).await.status, 200, "another goes on");
    let noted = acts(&desk).await;
    assert_eq!(noted[2], json!({ "actor": "operator", "act": "impersonation.ended" }));
    let again = Reply::to(own_post(&desk, LOGOUT, &cookie).json(&json!({}))).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(acts(&desk).await.len(), 3);
}

#[tokio::test]
async fn it_ends_with_its_minutes_with_the_operators_session_and_with_their_right() {
    let mut desk = open().await;
    let token = desk.world.admin_token().to_owned();
    let (key, id) = desk.key(json!({ "scopes": ["admin"] })).await;
    let mut begin = Vec::new();
    for password in [&token, &key] {
        let admin = session(&desk, password).await;
        let cookie = kept(&Reply::to(own_post(&desk, &path(&desk), &admin)).await);
        assert_eq!(me(&desk, &cookie).await.status, 200);
        begin.push((admin, cookie));
    }
    let [(admin, by_token), (_, by_key)] = &begin[..] else { panic!("two") };
    let out = own_post(&desk, "/admin/logout", admin).json(&json!({}));
    assert_eq!(Reply::to(out).await.status, 200);
    assert_eq!(me(&desk, by_token).await.status, 401);
    let revoke = desk.admin("POST", &format!("/admin/api/api-keys/{id}/revoke"));
    assert_eq!(desk.send(revoke).await.status, 200);
    assert_eq!(me(&desk, by_key).await.status, 401);
    let cookie = look(&desk).await;
    desk.world.set_secret("ADMIN_TOKENS", "another-token-altogether");
    desk.world.restart().await;
    assert_eq!(me(&desk, &cookie).await.status, 401);
    desk.world.set_secret("ADMIN_TOKENS", &token);
    desk.world.set_var("CLOCK_SKEW_MS", (IMPERSONATION_MS - 60_000).to_string());
    desk.world.restart().await;
    assert_eq!(me(&desk, &cookie).await.status, 200);
    desk.world.set_var("CLOCK_SKEW_MS", (IMPERSONATION_MS + 60_000).to_string());
    desk.world.restart().await;
    assert_eq!(me(&desk, &cookie).await.status, 401);
}

#[tokio::test]
async fn an_operator_ends_every_session_of_an_account() {
    let desk = open().await;
    let cookie = look(&desk).await;
    let end = format!("/admin/api/users/{}/sessions/end", desk.account.id);
    assert_eq!(desk.send(desk.admin("POST", &end)).await.json(), json!({ "ok": true }));
    me(&desk, &cookie).await.refuses(401, "authentication_required", "Sign in again");
    let sql = "SELECT detail FROM audit WHERE act = 'user.signed_out'";
    assert_eq!(desk.world.sql(sql, vec![]).await, [json!({ "detail": desk.account.id })]);
}

#[tokio::test]
async fn a_suspended_account_is_not_looked_at_as_its_owner_does() {
    let desk = open().await;
    let suspend = desk.admin("POST", &format!("/admin/api/users/{}/active", desk.account.id));
    let suspend = suspend.json(&json!({ "active": false }));
    assert_eq!(desk.send(suspend).await.status, 200);
    let refused = desk.send(desk.admin("POST", &path(&desk))).await;
    refused.refuses(403, "permission_denied", "suspended");
    assert!(acts(&desk).await.is_empty());
}
