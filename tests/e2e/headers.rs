//! What every page tells a browser to be careful about, for whomever it is, also where it refuses.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::json;
use tests::world::World;

use crate::screens;

/// What the address of a page may need, of nobody.
pub const NOBODY: [(&str, &str); 7] = [
    ("{template}", "topped_up"),
    ("{order_number}", "nobody"),
    ("{key_id}", "key_01a1f6b5000070008000000000000000"),
    ("{call}", "get_api_v1_me"),
    ("{user_id}", "acct_01a1f6b5000070008000000000000000"),
    ("{project_id}", "prj_01a1f6b5000070008000000000000000"),
    ("{runner_id}", "rnr_01a1f6b5000070008000000000000000"),
];

/// What the policy of a page says, beside where its pictures are from.
const PAGE: [&str; 8] = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "manifest-src 'self'",
];
/// What that of a mail says, which is shown as it is sent, with the sheet that it brings.
const LETTER: [&str; 6] = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    "sandbox",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
];

#[tokio::test]
async fn every_page_is_guarded_for_everybody_who_asks_for_it() {
    let world = World::start().await;
    let customer = sign_up(&world).await;
    let visitors = [String::new(), customer, screens::operator(&world).await];
    let mut pages = screens::pages(&NOBODY);
    assert!(pages.len() > 5 && pages.iter().all(|it| !it.contains('{')), "{pages:?}");
    pages.extend(["/sign-up/nothing", "/admin/nothing", "/sign-in?token=%ff"].map(str::to_owned));
    let (mut shown, mut odd) = (0, Vec::new());
    for cookie in &visitors {
        for page in &pages {
            let reply = get(&world, page, cookie).await;
            let kind = header(&reply, "content-type").to_owned();
            if reply.status().is_redirection() {
                assert!(header(&reply, "location").starts_with('/'), "{page}: {reply:?}");
                continue;
            }
            assert!(kind.starts_with("text/html"), "{page}: {reply:?}");
            shown += 1;
            let is_letter = page.starts_with("/admin/mail/") && reply.status().is_success();
            let parts = if is_letter { &LETTER[..] } else { &PAGE };
            odd.extend(
                missing(&reply, parts).map(|what| format!("{page} ({}): {what}", reply.status())),
            );
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
    println!("{shown} views of {} pages", pages.len());
}

/// What a browser is not told, or told too loosely.
fn missing(reply: &Response, parts: &[&str]) -> impl Iterator<Item = String> {
    let policy = header(reply, "content-security-policy");
    let mut odd = Vec::new();
    for part in parts {
        if !policy.split(';').any(|it| it.trim() == *part) {
            odd.push(format!("no `{part}` in `{policy}`"));
        }
    }
    let known = |it: &str| parts.contains(&it.trim()) || it.trim() == "img-src 'self'";
    if !policy.split(';').all(known) {
        odd.push(format!("too loose: `{policy}`"));
    }
    for (name, wanted) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
    ] {
        if header(reply, name) != wanted {
            odd.push(format!("{name}: {}", header(reply, name)));
        }
    }
    // What is the same for everybody may be kept by a browser that asks whether it still is so.
    match (header(reply, "cache-control"), header(reply, "etag")) {
        ("no-store", "") => {}
        ("private, no-cache", etag) if !etag.is_empty() => {}
        kept => odd.push(format!("kept: {kept:?}")),
    }
    let permissions = header(reply, "permissions-policy");
    if !["camera=()", "microphone=()", "geolocation=()"].iter().all(|it| permissions.contains(it)) {
        odd.push(format!("permissions-policy: {permissions}"));
    }
    odd.into_iter()
}

/// A customer's cookie, with all that keeps it from scripts and strangers.
pub async fn sign_up(world: &World) -> String {
    let body = json!({
        "email": "ada@example.com", "password": "no analytical engine", "country": "DE",
        "phone": "+493012345678", "name": "Ada",
    });
    let request = Client::new().post(world.at("/api/v1/customer/register")).json(&body);
    let reply = request.header("origin", world.url()).send().await.expect("an answer");
    screens::cookie(&reply)
}

async fn get(world: &World, path: &str, cookie: &str) -> Response {
    let client = Client::builder().redirect(Policy::none()).build().expect("a client");
    let request = client.get(world.at(path)).header("accept", "text/html");
    request.header("cookie", cookie).send().await.expect("an answer")
}

fn header<'a>(reply: &'a Response, name: &str) -> &'a str {
    reply.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
}
