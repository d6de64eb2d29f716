//! What Lighthouse says of the pages that people come to first.

use serde_json::{Value, json};
use tests::browser;
use tests::world::World;

use crate::{headers, screens};

/// Where people come to, and whether they are signed in there.
const PAGES: [(&str, bool); 5] =
    [("/", false), ("/docs", false), ("/sign-in", false), ("/dashboard", true), ("/wallet", true)];
/// What does not depend on how busy a machine is.
const STEADY: [&str; 3] = ["accessibility", "best-practices", "seo"];
const SCORE_MIN: u64 = 95;
/// A page without scripts says at least so much.
const WORDS_MIN: u64 = 8;

#[tokio::test]
async fn pages_that_people_come_to_first_do_well_and_can_be_read_without_scripts() {
    let world = World::start().await;
    let cookie = headers::sign_up(&world).await;
    let there = screens::pages(&headers::NOBODY);
    let pages = PAGES.iter().filter(|(path, _)| there.iter().any(|page| page == path));
    let pages = pages.map(|(path, inside)| {
        json!({ "path": path, "cookie": if *inside { cookie.as_str() } else { "" } })
    });
    let pages: Vec<Value> = pages.collect();
    let told = browser::run(&world, "lighthouse.mjs", json!({ "pages": pages })).await;
    let told = told.as_array().expect("a list");
    assert_eq!(told.len(), pages.len());
    for page in told {
        // Performance is a measure of a machine that does much else at the same time.
        println!("{} {} {} bytes", page["path"], page["scores"], page["weight"]);
        assert_eq!(page["landed"], page["path"], "{page:#}");
        for category in STEADY {
            assert!(page["scores"][category].as_u64() >= Some(SCORE_MIN), "{category}: {page:#}");
        }
        assert_eq!(page["shift"].as_f64(), Some(0.0), "{page:#}");
        assert!(page["words"].as_u64() >= Some(WORDS_MIN), "{page:#}");
    }
}
