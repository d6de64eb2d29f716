//! The operator's pages: whom they are for, and how they are in a real browser.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tests::browser;
use tests::routes::routes;
use tests::world::World;

use crate::desk::Desk;

/// Every page of the desk.
const PAGES: [&str; 15] = [
    "/admin",
    "/admin/customers",
    "/admin/customers/{user_id}",
    "/admin/keys",
    "/admin/sign-ups",
    "/admin/orders",
    "/admin/billing",
    "/admin/books",
    "/admin/models",
    "/admin/mail",
    "/admin/mail/signed_up",
    "/admin/payments",
    "/admin/codex",
    "/admin/runners",
    "/admin/audit",
];

/// Those that are there while nobody is a customer.
const EMPTY: [&str; 14] = [
    "/admin/payments",
    "/admin/codex",
    "/admin/runners",
    "/admin/audit",
    "/admin",
    "/admin/customers",
    "/admin/keys",
    "/admin/sign-ups",
    "/admin/sign-ups?show=all",
    "/admin/orders",
    "/admin/billing",
    "/admin/books",
    "/admin/models",
    "/admin/mail",
];

/// A browser that shows where it is sent, and does not go there.
fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().expect("a client")
}

async fn ask(world: &World, path: &str, header: Option<(&str, String)>) -> Response {
    let mut request = client().get(world.at(path)).header("accept", "text/html");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    request.send().await.expect("an answer")
}

/// The cookie of a customer who is signed in.
async fn customers_session(world: &World) -> String {
    let person = json!({
        "name": "Eve", "email": "eve@example.com", "country": "DE",
        "phone": "+493012345678", "password": "no analytical engine",
    });
    let login = json!({
        "username": "eve@example.com", "password": "no analytical engine", "session": "cookie",
    });
    let mut cookie = String::new();
    for (path, body) in [("/api/v1/customer/register", person), ("/api/v1/auth/login", login)] {
        let request = client().post(world.at(path)).header("origin", world.url());
        let reply = request.header("sec-fetch-site", "same-origin").json(&body).send().await;
        let reply = reply.expect("an answer");
        assert!(reply.status().is_success(), "{path}: {reply:?}");
        let set = reply.headers().get("set-cookie").map(|it| it.to_str().expect("text").to_owned());
        cookie = set.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
    }
    assert!(cookie.starts_with("__Host-session="), "{cookie}");
    cookie
}

fn location(reply: &Response) -> &str {
    reply.headers().get("location").map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn every_page_of_the_desk_leads_whoever_is_no_operator_to_the_sign_in_and_back() {
    let world = World::start().await;
    let account = world.account("1.00").await;
    let customers = customers_session(&world).await;
    for page in PAGES {
        let page = page.replace("{user_id}", &account.id);
        let named = page.replace('/', "%2F").replace('_', "%5F").replace('-', "%2D");
        let bearer = |token: &str| Some(("authorization", format!("Bearer {token}")));
        let callers = [
            None,
            bearer(&account.key),
            bearer(&account.username),
            bearer("nonsense"),
            Some(("cookie", "__Host-admin=nonsense".to_owned())),
            Some(("cookie", customers.clone())),
        ];
        for caller in callers {
            let reply = ask(&world, &page, caller.clone()).await;
            assert_eq!(reply.status(), 303, "{page} {caller:?}");
            assert_eq!(location(&reply), format!("/admin/sign-in?next={named}"), "{caller:?}");
        }
        let reply = ask(&world, &page, bearer(world.admin_token())).await;
        assert_eq!(reply.status(), 200, "{page}");
        let policy = reply.headers().get("content-security-policy").cloned();
        let text = reply.text().await.expect("a page");
        let is_letter = page.starts_with("/admin/mail/");
        assert!(policy.is_some(), "{page}");
        assert!(is_letter || text.contains("id=\"sections\""), "{page}: {text}");
        assert!(!text.contains(&account.key), "{page} shows a key");
    }
}

#[tokio::test]
async fn the_sign_in_leads_back_to_pages_of_the_desk_and_nowhere_else() {
    let world = World::start().await;
    let next = async |named: &str| {
        let text = ask(&world, &format!("/admin/sign-in?next={named}"), None).await.text().await;
        let text = text.expect("a page");
        let (_, rest) = text.split_once("data-next=\"").expect("a form");
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    assert_eq!(next("%2Fadmin%2Fkeys%3Fafter%3Dkey_1").await, "/admin/keys?after=key_1");
    for elsewhere in ["https%3A%2F%2Fevil.test", "%2F%2Fevil.test", "%2Fwallet", ""] {
        assert_eq!(next(elsewhere).await, "/admin", "{elsewhere}");
    }
    let bearer = Some(("authorization", format!("Bearer {}", world.admin_token())));
    let reply = ask(&world, "/admin/sign-in?next=%2Fadmin", bearer).await;
    assert_eq!((reply.status().as_u16(), location(&reply)), (303, "/admin"));
}

#[tokio::test]
async fn pages_of_the_desk_fit_every_window_empty_and_full() {
    let world = World::start().await;
    let about = json!({ "token": world.admin_token(), "name": "empty", "pages": EMPTY });
    browser::run(&world, "desk.mjs", about).await;
    let desk = Desk::open().await;
    let order = json!({ "order_number": "G2G-1001", "credit_usd": "25", "note": "paid by card" });
    let placed = desk.send(desk.admin("POST", "/admin/api/users/g2g").json(&order)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let sign_up = json!({
        "name": "<b>Ada</b> Lovelace", "email": "ada@example.com", "country": "DE",
        "phone": "+493012345678", "password": "no analytical engine",
    });
    let rule = json!({ "approval_required": true });
    let set = desk.send(desk.admin("POST", "/admin/api/signup-settings").json(&rule)).await;
    assert_eq!(set.status, 200, "{set:?}");
    let signed = desk.request("POST", "/api/v1/customer/register").json(&sign_up);
    assert!(desk.send(signed).await.status < 300);
    desk.respond(&crate::desk::ask("hello")).await;
    desk.account.charges(1).await;
    let user = &desk.account.id;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let hour = now.expect("a clock after 1970").as_secs() / 3_600;
    for (back, route, charged) in [(0, "first", 1_500_000), (24, "second", 250_000)] {
        let sql = "INSERT INTO usage_hourly VALUES (?1, ?2, 'gpt-5.5', ?3, 7, 1000, 100, ?4)";
        let values = vec![json!(user), json!(hour - back), json!(route), json!(charged)];
        desk.world.sql(sql, values).await;
    }
    let tabs = ["usage", "payments", "keys", "plan", "notices"];
    let mut pages: Vec<String> = EMPTY.map(str::to_owned).to_vec();
    pages.push(format!("/admin/customers/{user}"));
    pages.extend(tabs.map(|tab| format!("/admin/customers/{user}?tab={tab}")));
    let token = desk.world.admin_token();
    let about = json!({ "token": token, "name": "full", "pages": pages, "user": user });
    let found = browser::run(&desk.world, "desk.mjs", about).await;
    assert!(found["drawn"].as_u64() > Some(0), "a chart is drawn: {found}");
    assert_eq!(found["measures"], 3, "dollars, requests and tokens look different: {found}");
    assert_eq!(found["bold"], 0, "a name is no markup: {found}");
}

#[tokio::test]
async fn a_customer_is_found_by_what_somebody_knows_of_them() {
    let desk = Desk::open().await;
    let order = json!({ "order_number": "G2G-1001", "credit_usd": "25", "name": "zoe" });
    let placed = desk.send(desk.admin("POST", "/admin/api/users/g2g").json(&order)).await;
    let zoe = placed.json()["order"].clone();
    let person = json!({
        "name": "Ada", "email": "ada@example.com", "country": "DE",
        "phone": "+493012345678", "password": "no analytical engine",
    });
    let signed = desk.request("POST", "/api/v1/customer/register").json(&person);
    let signed = desk.send(signed).await.json();
    let list = "/admin/customers?search=";
    let found = async |words: &str| {
        let reply = desk.send(desk.admin("GET", &format!("{list}{words}"))).await;
        assert_eq!(reply.status, 200, "{words}: {reply:?}");
        reply.text().matches("scope=\"row\"").count()
    };
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    for words in ["zoe", "G2G-1001", &text(&zoe["user_id"]), &text(&zoe["key_id"])] {
        assert_eq!(found(words).await, 1, "{words}");
    }
    assert_eq!(found("%20ADA%40example.com").await, 1, "{signed}");
    for words in ["%25", "oe", "ada%40", "%27%20OR%201%3D1", "acct_0"] {
        assert_eq!(found(words).await, 0, "{words}");
    }
    assert!(found("").await >= 3, "everybody");
}

#[tokio::test]
async fn an_operator_works_a_day_in_a_browser_and_everything_is_noted() {
    let routes: Vec<Value> = ["first-label", "second-label"]
        .iter()
        .flat_map(|name| {
            let one = routes(name, "http://127.0.0.1:9/v1").expect("a route");
            serde_json::from_str::<Vec<Value>>(&one).expect("a list")
        })
        .collect();
    let desk = Desk::of(World::plan().var("ROUTES", json!(routes).to_string()), "25.00").await;
    let rule = json!({ "approval_required": true });
    desk.send(desk.admin("POST", "/admin/api/signup-settings").json(&rule)).await;
    let person = json!({
        "name": "Ada", "email": "ada@example.com", "country": "DE",
        "phone": "+493012345678", "password": "no analytical engine",
    });
    desk.send(desk.request("POST", "/api/v1/customer/register").json(&person)).await;
    let why = "<img src=x onerror=alert(1)> a goodwill";
    let about = json!({
        "token": desk.world.admin_token(), "user": desk.account.id, "why": why,
        "provider": "second-label",
    });
    let found = browser::run(&desk.world, "admin.mjs", about).await;
    assert_eq!(found["adjusted"], "$37.345", "{found:#}");
    assert_eq!(found["listed"], "$37.345", "a balance is asked for when its row is seen");
    assert_eq!(found["made"], json!({ "command": true, "plan": 1 }), "limits and a command");
    assert_eq!(found["token"], desk.account.key.as_str());
    assert_eq!(
        (&found["provider"], &found["approved"]),
        (&json!("second-label"), &json!("approved"))
    );
    assert_eq!(found["delivered"]["copied"], found["delivered"]["again"]);
    assert_eq!(found["delivered"]["preview"], found["delivered"]["expected"]);
    let text = found["delivered"]["copied"].as_str().expect("a text");
    assert!(text.contains("codex"), "{text}");
    let looked = &found["looked"];
    assert_eq!((&looked["balance"], &looked["still"]), (&json!("$37.34"), &json!(0)), "{looked}");
    assert!(looked["marked"].as_str().expect("a mark").contains("operator/ada"), "{looked}");
    assert_eq!(found["left"], "/admin/sign-in", "the session is over");
    let rows = desk.world.sql("SELECT actor, act FROM audit", Vec::new()).await;
    let noted = format!("{rows:?}");
    for act in [
        "wallet.credited",
        "provider.chosen",
        "signup.approved",
        "key.revealed",
        "impersonation.begun",
    ] {
        assert!(noted.contains(act), "{act} in {noted}");
    }
    assert!(noted.contains("ada"), "who it was: {noted}");
}

#[tokio::test]
async fn a_page_whose_rows_cannot_be_read_says_so_and_shows_no_empty_list() {
    let desk = Desk::open().await;
    let nobody = "/admin/customers/acct_00000000000000000000000000000000";
    let missing = desk.send(desk.admin("GET", nobody)).await;
    assert!((400..500).contains(&missing.status), "{missing:?}");
    let broken = [
        ("signups", "/admin/sign-ups"),
        ("orders", "/admin/orders"),
        ("prices", "/admin/billing"),
        ("usage_totals", "/admin/models"),
        ("keys", "/admin/keys"),
        ("accounts", "/admin/customers"),
    ];
    for (table, page) in broken {
        desk.world.sql(&format!("ALTER TABLE {table} RENAME TO gone_{table}"), Vec::new()).await;
        let reply = desk.send(desk.admin("GET", page)).await;
        assert_eq!((reply.status, reply.header("content-type")), (503, "text/html; charset=utf-8"));
        assert!(reply.text().contains("went wrong on our side"), "{page}: {reply:?}");
    }
}
