//! Whoever is less than an operator: no row of `/admin` lets them in, whatever they show.

use functions::api::families;
use functions::domain::access::Access;
use functions::http::Route;
use serde_json::{Value, json};
use tests::runner_peer::Machine;

use super::impersonation::look;
use super::sign_in::{login, open};
use crate::desk::{Desk, Reply};

/// Rows that are open to all, because they are the way in and out.
const OPEN: [&str; 2] = ["/admin/auth/login", "/admin/logout"];

/// Somebody, by the header that they send.
struct Caller {
    what: &'static str,
    header: Option<(&'static str, String)>,
    status: u16,
}

async fn customers_session(desk: &Desk) -> String {
    let wish = json!({
        "username": "cleo", "name": "Cleo", "email": "cleo@example.com", "country": "CH",
        "phone": "+41446681800", "password": "a-password-that-is-long-enough",
    });
    let register = desk.request("POST", "/api/v1/customer/register").json(&wish);
    let reply = Reply::to(register).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}

async fn callers(desk: &Desk) -> Vec<Caller> {
    let bearer = |what, token: &str, status| Caller {
        what,
        header: Some(("authorization", format!("Bearer {token}"))),
        status,
    };
    let cookie = |what, cookie| Caller { what, header: Some(("cookie", cookie)), status: 401 };
    let (publishable, _) = desk.key(json!({ "kind": "publishable" })).await;
    let machine = Machine::enrolled(&desk.world, json!({})).await;
    let signed = machine.sign(&machine.claims("connect"));
    vec![
        Caller { what: "a stranger", header: None, status: 401 },
        bearer("a customer's key", &desk.account.key, 403),
        bearer("a publishable key", &publishable, 403),
        bearer("a username", &desk.account.username, 403),
        cookie("a customer's session", customers_session(desk).await),
        cookie("an operator who looks as a customer", look(desk).await),
        Caller { what: "a runner", header: Some(("authorization", signed)), status: 401 },
    ]
}

/// The path with ids that exist, as far as the world has them.
fn filled(route: &Route, desk: &Desk) -> String {
    let path = route.path.replace("{user_id}", &desk.account.id);
    let mut parts: Vec<&str> = path.split('/').collect();
    for part in &mut parts {
        if part.starts_with('{') {
            *part = &desk.account.id;
        }
    }
    parts.join("/")
}

#[tokio::test]
async fn no_row_of_an_operator_lets_anybody_lesser_in() {
    let desk = open().await;
    let callers = callers(&desk).await;
    let families = families();
    let rows: Vec<&Route> = families
        .iter()
        .flat_map(|family| &family.routes)
        .filter(|route| route.path.starts_with("/admin") && !OPEN.contains(&route.path))
        .collect();
    assert!(rows.len() > 55, "{} rows", rows.len());
    let before = acts(&desk).await;
    for (r, route) in rows.iter().enumerate() {
        assert_eq!(route.access, Access::Admin, "{}", route.path);
        for (c, caller) in callers.iter().enumerate() {
            let mut request = desk.request(route.method, &filled(route, &desk));
            if let Some((name, value)) = &caller.header {
                request = request.header(*name, value);
            }
            let request = request.header("sec-fetch-site", "same-origin");
            let request = request.header("cf-connecting-ip", format!("198.18.{r}.{c}"));
            let reply = Reply::to(request.json(&json!({}))).await;
            let said = format!("{} {} by {}: {reply:?}", route.method, route.path, caller.what);
            assert_eq!(reply.status, caller.status, "{said}");
            let code = reply.json()["code"].clone();
            let wanted =
                if caller.status == 401 { "authentication_required" } else { "permission_denied" };
            assert_eq!(code, wanted, "{said}");
        }
    }
    assert_eq!(acts(&desk).await, before, "nothing was done");
}

async fn acts(desk: &Desk) -> Vec<Value> {
    desk.world.sql("SELECT act FROM audit ORDER BY id", vec![]).await
}

#[tokio::test]
async fn who_is_less_does_not_sign_in_by_what_they_have() {
    let desk = open().await;
    for password in [desk.account.key.as_str(), &desk.account.username] {
        let reply = login(&desk, &json!({ "password": password })).await;
        assert!(matches!(reply.status, 401 | 403), "{reply:?}");
    }
}
