//! `POST /v1/responses` when the provider refuses, fails, lies or says nothing: nothing is charged,
//! nothing stays held, and whose fault it was stays between us.

use serde_json::{Value, json};
use tests::rehearsal::{Raw, Rehearsal};
use tests::routes::routes;
use tests::world::World;

use crate::desk::{Desk, PROMPT, Reply, ask};

/// Asks whole and streamed, which must come to the same.
async fn both(desk: &Desk, prompt: &str) -> [Reply; 2] {
    let mut stream = ask(prompt);
    stream["stream"] = json!(true);
    [desk.respond(&ask(prompt)).await, desk.respond(&stream).await]
}

/// The refusal of a prompt, and how often the provider was asked for each request.
async fn check(prompt: &str, tries: usize, (status, code, words): (u16, &str, &str)) {
    let desk = Desk::open().await;
    for reply in both(&desk, prompt).await {
        reply.refuses(status, code, words);
    }
    assert_eq!(desk.world.upstream().wait_until_idle().await.len(), tries * 2);
    assert!(desk.account.charges(0).await.is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_request_passes_through_untouched() {
    for status in [400, 404, 413, 422] {
        let desk = Desk::open().await;
        let prompt = format!("rehearse: fail {status} code=odd type=odd {PROMPT}");
        for reply in both(&desk, &prompt).await {
            let theirs = json!({ "error": {
                "message": PROMPT, "type": "odd", "param": null, "code": "odd",
            } });
            assert_eq!((reply.status, reply.json()), (status, theirs));
        }
        assert_eq!(desk.world.upstream().responses().len(), 2);
        assert!(desk.account.charges(0).await.is_empty());
    }
}

#[tokio::test]
async fn a_provider_that_does_not_know_us_has_failed() {
    for prompt in ["rehearse: fail 401", "rehearse: fail 403"] {
        check(prompt, 2, (502, "upstream_failed", "Nothing was charged. Try again")).await;
    }
}

#[tokio::test]
async fn a_provider_over_capacity_says_when_to_come_back() {
    let desk = Desk::open().await;
    for reply in both(&desk, "rehearse: fail 429 retry-after=7").await {
        reply.refuses(503, "upstream_overloaded", "at capacity");
        assert_eq!(reply.number("retry-after"), 7);
    }
    for reply in both(&desk, "rehearse: fail 429").await {
        assert!(reply.number("retry-after") > 0);
    }
    assert!(desk.account.charges(0).await.is_empty());
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_once_more_and_no_more() {
    for prompt in ["rehearse: fail 500", "rehearse: fail 503", "rehearse: fail 302"] {
        check(prompt, 2, (502, "upstream_failed", "The model provider failed")).await;
    }
}

#[tokio::test]
async fn a_connection_that_drops_before_any_header_is_tried_once_more() {
    check("rehearse: cut-before", 2, (502, "upstream_failed", "could not be reached")).await;
}

#[tokio::test]
async fn a_page_instead_of_an_answer_is_a_failure() {
    check("rehearse: garbage", 2, (502, "upstream_failed", "Nothing was charged")).await;
}

#[tokio::test]
async fn json_that_is_no_response_is_a_failure() {
    let desk = Desk::open().await;
    for text in ["{\"id\":", "[]", "{}", "\"hello\"", "", "{\"error\":{\"message\":\"no\"}}"] {
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        let chunks = vec![text.to_owned()];
        desk.world.upstream().next_raw(Raw { headers, chunks, ..Raw::default() });
        let reply = desk.respond(&ask("hello")).await;
        reply.refuses(502, "upstream_failed", "is not a response");
    }
    assert!(desk.account.charges(0).await.is_empty());
}

#[tokio::test]
async fn a_response_that_says_that_it_failed_costs_nothing() {
    let desk = Desk::open().await;
    let failed = "{\"id\":\"r\",\"status\":\"failed\",\"usage\":null}";
    let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
    let chunks = vec![failed.to_owned()];
    desk.world.upstream().next_raw(Raw { headers, chunks, ..Raw::default() });
    let reply = desk.respond(&ask("hello")).await;
    assert_eq!((reply.status, reply.text()), (200, failed));
    assert!(desk.account.charges(0).await.is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure() {
    let desk = Desk::open().await;
    let reply = desk.respond(&ask("rehearse: text 9; cut 1")).await;
    reply.refuses(502, "upstream_failed", "broke off");
    assert!(desk.account.charges(0).await.is_empty());
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up_in_time_and_not_asked_again() {
    let desk = Desk::of(World::plan().var("UPSTREAM_TIMEOUT_MS", "200"), "25.00").await;
    for reply in both(&desk, "rehearse: hang").await {
        reply.refuses(504, "timeout", "did not answer in time. Try again");
    }
    assert_eq!(desk.world.upstream().responses().len(), 2);
    assert!(desk.account.charges(0).await.is_empty());
}

#[tokio::test]
async fn a_fault_that_passes_is_not_noticed() {
    let desk = Desk::open().await;
    let faults = ["fail 500", "fail 429", "fail 401", "cut-before", "garbage"];
    for fault in faults {
        let body: Value = ask(&format!("rehearse: say {fault}; once; {fault}"));
        assert_eq!(desk.respond(&body).await.status, 200, "{fault}");
    }
    assert_eq!(desk.world.upstream().responses().len(), faults.len() * 2);
    assert_eq!(desk.account.charges(faults.len()).await.len(), faults.len());
}

/// A world with two providers, of which nobody shall learn.
async fn two_providers(first: &str, second: &str) -> Desk {
    let list = |name, url: &str| -> Vec<Value> {
        let url = format!("{url}/v1");
        serde_json::from_str(&routes(name, &url).expect("a route")).expect("a list")
    };
    let both = [list("first-label", first), list("second-label", second)].concat();
    let plan = World::plan().var("ROUTES", json!(both).to_string());
    Desk::of(plan.var("SETTINGS_TTL_MS", "0"), "25.00").await
}

#[tokio::test]
async fn the_next_route_takes_what_the_first_one_cannot() {
    let (first, second) = (Rehearsal::with_key("another"), Rehearsal::start());
    let desk = two_providers(&first.url, &second.url).await;
    for reply in both(&desk, "rehearse: text 2").await {
        assert_eq!(reply.status, 200);
        let told = format!("{:?}{}", reply.headers, reply.text());
        assert!(!told.contains("-label") && !told.contains(&second.url), "{told}");
    }
    assert_eq!((first.responses().len(), second.responses().len()), (2, 2));
    assert_eq!(desk.account.charges(2).await.len(), 2);
}

#[tokio::test]
async fn the_route_that_the_operator_chose_is_tried_first() {
    let (first, second) = (Rehearsal::start(), Rehearsal::start());
    let desk = two_providers(&first.url, &second.url).await;
    let choice = json!({ "provider": "second-label" });
    let chosen = desk.admin("POST", "/admin/api/model-provider").json(&choice);
    let chosen = Reply::to(chosen).await.json();
    assert_eq!(
        chosen,
        json!({ "active": "second-label", "routes": ["second-label", "first-label"] })
    );
    assert_eq!(desk.respond(&ask("rehearse: text 1")).await.status, 200);
    assert_eq!((first.responses().len(), second.responses().len()), (0, 1));
    drop(second);
    assert_eq!(desk.respond(&ask("rehearse: text 1")).await.status, 200);
    assert_eq!(first.responses().len(), 1);
}

#[tokio::test]
async fn when_every_route_fails_none_is_named() {
    let (first, second) = (Rehearsal::with_key("another"), Rehearsal::with_key("another"));
    let desk = two_providers(&first.url, &second.url).await;
    for reply in both(&desk, "hello").await {
        reply.refuses(502, "upstream_failed", "Nothing was charged. Try again");
        assert!(!reply.text().contains("label"), "{reply:?}");
    }
    assert!(desk.account.charges(0).await.is_empty());
}
