//! A real browser: what it keeps, what it tells others, and what other sites can do with it.

use serde_json::json;
use tests::browser;

use super::Stage;

#[tokio::test]
async fn a_real_browser_is_signed_in_by_a_link_and_by_no_other_site_out() {
    let stage = Stage::open().await;
    let tokens = json!({ "first": stage.token("/wallet"), "second": stage.token("/account") });
    let told = browser::run(&stage.world, "signin.mjs", tokens).await;
    assert_eq!(told["landed"], "/wallet");
    assert_eq!((&told["leaks"], &told["strangers"]), (&json!([]), &json!([])), "{told:#}");
    let cookie = &told["cookies"][0];
    assert_eq!(told["cookies"].as_array().map(Vec::len), Some(1), "{told:#}");
    assert_eq!(
        (&cookie["name"], &cookie["httpOnly"], &cookie["secure"], &cookie["sameSite"]),
        (&json!("__Host-session"), &json!(true), &json!(true), &json!("Lax"))
    );
    assert_eq!((&told["visible"], &told["me"]), (&json!(""), &json!(200)));
    for site in told["elsewhere"].as_array().expect("other sites") {
        assert_eq!((&site["read"], &site["me"]), (&json!("not readable"), &json!(200)), "{site:#}");
        let answered = site["answered"].as_array().expect("answers");
        assert!(answered.len() >= 2, "{site:#}");
        assert!(answered.iter().all(|it| *it == 403 || *it == 415), "{site:#}");
    }
    assert_eq!((&told["logout"], &told["after"]), (&json!(200), &json!(401)));
    assert_eq!(told["withoutScripts"], "/account");
}
