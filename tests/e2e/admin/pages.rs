//! The operator's pages: whom they are for, and how they are in a real browser.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tests::world::World;

/// Every page of the desk.
const PAGES: [&str; 3] = ["/admin", "/admin/customers", "/admin/customers/{user_id}"];

/// A browser that shows where it is sent, and does not go there.
fn browser() -> Client {
    Client::builder().redirect(Policy::none()).build().expect("a client")
}

async fn ask(world: &World, path: &str, header: Option<(&str, String)>) -> Response {
    let mut request = browser().get(world.at(path)).header("accept", "text/html");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    request.send().await.expect("an answer")
}

fn location(reply: &Response) -> &str {
    reply.headers().get("location").map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn every_page_of_the_desk_leads_whoever_is_no_operator_to_the_sign_in_and_back() {
    let world = World::start().await;
    let account = world.account("1.00").await;
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
        assert!(policy.is_some() && text.contains("id=\"sections\""), "{page}: {text}");
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
