//! The home page `/` and what machines ask for before it: `/robots.txt`, `/sitemap.xml`,
//! `/manifest.webmanifest`, `/favicon.ico`, `/.well-known/security.txt`; and pages that are not
//! there.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::browser;
use tests::stripe::Stripe;
use tests::world::World;

use crate::desk::Reply;

async fn read(world: &World, path: &str) -> Reply {
    Reply::to(Client::new().get(world.at(path)).header("accept", "text/html")).await
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect(before);
    rest.split_once(after).expect(after).0
}

#[tokio::test]
async fn the_home_page_has_the_brand_the_prices_and_the_offers_of_the_deployment() {
    let stripe = Stripe::start().await;
    let packs = json!([
        { "id": "a", "name": "A <pack>", "price_cents": 1250, "credit_cents": 20000 },
        {
            "id": "b", "name": "hidden", "price_cents": 77700, "credit_cents": 88800,
            "audience": "exit",
        },
    ]);
    let plan = World::plan().with_stripe(&stripe).var("PACKS", packs.to_string());
    let brand = "A & B's </script>";
    let world = plan.var("BRAND", brand).var("PUBLIC_URL", "https://x.test").start().await;
    let home = read(&world, "/").await;
    let text = home.text();
    assert_eq!((home.status, home.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(text.contains("$12.50") && text.contains("$200") && text.contains("$199"), "{text}");
    assert!(!text.contains("$777") && !text.contains("hidden"), "what is for some is not shown");
    assert!(text.contains("<link rel=\"canonical\" href=\"https://x.test/\">"), "{text}");
    assert!(text.contains("gpt-5.5") && text.contains("npm install -g @openai/codex"), "{text}");
    let data = between(text, "<script type=\"application/ld+json\">", "</script>");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["@graph"][0]["name"], brand);
    assert_eq!(data["@graph"][0]["offers"][0]["price"], "12.50");
    let head = Client::new().request(Method::HEAD, world.at("/"));
    let head = Reply::to(head).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    let known = Client::new().get(world.at("/")).header("if-none-match", home.header("etag"));
    assert_eq!(Reply::to(known).await.status, 304);
}

#[tokio::test]
async fn machines_find_the_map_and_the_rules_and_nothing_that_is_private() {
    let world = World::plan().var("PUBLIC_URL", "https://x.test").start().await;
    let robots = read(&world, "/robots.txt").await;
    assert!(robots.text().contains("Sitemap: https://x.test/sitemap.xml"), "{robots:?}");
    assert!(robots.text().contains("Disallow: /admin\n"), "{robots:?}");
    let map = read(&world, "/sitemap.xml").await;
    assert_eq!(map.header("content-type"), "application/xml; charset=utf-8");
    let mut places = 0;
    for place in map.text().split("<loc>").skip(1) {
        let place = place.split("</loc>").next().expect("an end");
        let path = place.strip_prefix("https://x.test").expect("ours");
        assert_eq!(read(&world, path).await.status, 200, "{path}");
        places += 1;
    }
    assert!(places > 100, "{places}");
    let manifest = read(&world, "/manifest.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    for icon in manifest.json()["icons"].as_array().expect("icons") {
        let file = read(&world, icon["src"].as_str().expect("a path")).await;
        assert_eq!((file.status, Some(file.header("content-type"))), (200, icon["type"].as_str()));
    }
    for (path, start) in
        [("/favicon.ico", &[0_u8, 0, 1, 0][..]), ("/assets/social.png", b"\x89PNG")]
    {
        let file = read(&world, path).await;
        assert!(file.status == 200 && file.bytes.starts_with(start), "{path}: {}", file.status);
    }
}

#[tokio::test]
async fn whom_to_tell_of_a_weakness_is_said_where_somebody_is_named() {
    const PLACE: &str = "/.well-known/security.txt";
    let mut world = World::start().await;
    assert_eq!(read(&world, PLACE).await.status, 404);
    world.set_var("SECURITY_CONTACT", "mailto:ada@example.com".to_owned());
    world.restart().await;
    let told = read(&world, PLACE).await;
    assert!(told.text().starts_with("Contact: mailto:ada@example.com\nExpires: "), "{told:?}");
    world.set_var("SECURITY_CONTACT", "ada".to_owned());
    world.restart().await;
    assert_eq!(read(&world, "/").await.status, 503);
    assert!(world.log().contains("SECURITY_CONTACT does not begin with"), "{}", world.log());
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_people_and_json_for_programs() {
    let world = World::plan().var("BRAND", "Brandy").start().await;
    for path in ["/nothing", "/docs/nothing", "/api/v1/nothing", "/sign-up/nothing", "/v1/x"] {
        let page = read(&world, path).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
        assert!(page.text().contains("There is no such page"), "{page:?}");
        assert!(page.text().contains("Brandy"), "{page:?}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(page.header("cache-control"), "no-store");
    }
    let program = Reply::to(Client::new().get(world.at("/nothing"))).await;
    assert_eq!((program.status, program.header("content-type")), (404, "application/json"));
    let posted = Client::new().post(world.at("/docs")).header("accept", "text/html");
    assert_eq!(Reply::to(posted).await.status, 405);
}

#[tokio::test]
async fn in_a_browser_every_link_of_every_public_page_leads_somewhere() {
    let stripe = Stripe::start().await;
    let world = World::plan().with_stripe(&stripe).start().await;
    let found = browser::run(&world, "home.mjs", json!({})).await;
    assert_eq!(found["dead"], json!([]), "{found:#}");
    assert!(found["pages"].as_u64().is_some_and(|pages| pages > 120), "{found}");
    assert_eq!(found["copied"], true, "{found}");
    assert_eq!(found["painted"], true, "it is all there without JavaScript");
}
