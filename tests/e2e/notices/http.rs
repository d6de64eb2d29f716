//! Mail by a provider that takes it by HTTP: each call is held against its description, and is the
//! same call however often it is made.

use serde_json::{Value, json};
use tests::messages::{Messages, TOKEN};
use tests::world::World;

use super::{low_balance, tell, topped_up, until};

const ANN: &str = "ann@theirs.test";

fn settings(provider: &Messages) -> Value {
    json!({
        "via": "http", "from_name": "Gantry \"the best\"", "from_address": "hello@gantry.test",
        "reply_to": "help@gantry.test", "http": provider.provider("/emails"),
    })
}

async fn later(world: &mut World, skew_ms: &str) {
    world.kill9();
    world.set_var("CLOCK_SKEW_MS", skew_ms);
    world.restart().await;
}

#[tokio::test]
async fn a_mail_is_posted_as_it_is_described() {
    let provider = Messages::start().await;
    let plan = World::plan().var("PUBLIC_URL", "http://gantry.test");
    let world = plan.with_mail_settings(settings(&provider)).start().await;
    let ann = world.customer(ANN, None).await;
    tell(&world, &ann, "low_balance:1", low_balance()).await;
    let record = until(&world, &ann, "sent").await;
    let taken = provider.taken(1).await;
    let [message] = taken.as_slice() else { panic!("{taken:#?}") };
    assert_eq!(message["key"], record["id"]);
    assert_eq!(message["bearer"], format!("Bearer {TOKEN}"));
    let body = &message["body"];
    assert_eq!(body["from"], "\"Gantry the best\" <hello@gantry.test>");
    assert_eq!((&body["to"], &body["reply_to"]), (&json!([ANN]), &json!("help@gantry.test")));
    assert_eq!(body["subject"], "Your balance is below $2.00");
    let text = body["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("Top up: https://gantry.test/wallet\n"), "{text}");
    let stop = body["headers"]["List-Unsubscribe"].as_str().unwrap_or_default();
    assert!(stop.starts_with("<http://gantry.test/api/v1/notices/unsubscribe?token="), "{stop}");
    assert!(provider.invalid().is_empty(), "{:#?}", provider.invalid());
}

#[tokio::test]
async fn what_the_provider_refuses_is_final_and_what_it_cannot_do_now_is_not() {
    let provider = Messages::start().await;
    let mut world = World::plan().with_mail_settings(settings(&provider)).start().await;
    let ann = world.customer(ANN, None).await;
    provider.refuse(422, "no such domain", 1).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    assert_eq!(until(&world, &ann, "failed").await["answer"], "422 no such domain");
    let ben = world.customer("ben@theirs.test", None).await;
    provider.refuse(429, "slow down", 1).await;
    tell(&world, &ben, "topped_up:1", topped_up()).await;
    provider.calls(2).await;
    later(&mut world, "120000").await;
    ben.me().await;
    assert_eq!(until(&world, &ben, "sent").await["attempts"], 2);
}

#[tokio::test]
async fn a_provider_that_takes_a_mail_and_hangs_up_is_asked_again_and_sends_it_once() {
    let provider = Messages::start().await;
    let mut world = World::plan().with_mail_settings(settings(&provider)).start().await;
    let ann = world.customer(ANN, None).await;
    provider.drop_next().await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    provider.calls(1).await;
    later(&mut world, "120000").await;
    ann.me().await;
    until(&world, &ann, "sent").await;
    let calls = provider.calls(2).await;
    assert_eq!(calls[0]["key"], calls[1]["key"], "the same call");
    assert_eq!(provider.so_far().len(), 1, "one mail");
}

#[tokio::test]
async fn what_was_tried_often_enough_fails() {
    let provider = Messages::start().await;
    let mut world = World::plan().with_mail_settings(settings(&provider)).start().await;
    let ann = world.customer(ANN, None).await;
    provider.refuse(503, "not today", 6).await;
    tell(&world, &ann, "topped_up:1", topped_up()).await;
    let mut skew_ms = 0;
    for (calls, wait_ms) in (1..).zip([66_000, 330_000, 1_650_000, 7_920_000, 23_760_000]) {
        provider.calls(calls).await;
        assert_eq!(until(&world, &ann, "waiting").await["attempts"], calls);
        skew_ms += wait_ms;
        later(&mut world, &skew_ms.to_string()).await;
        ann.me().await;
    }
    let record = until(&world, &ann, "failed").await;
    assert_eq!((&record["attempts"], &record["answer"]), (&json!(6), &json!("503 not today")));
}
