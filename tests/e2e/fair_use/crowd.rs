//! Many calls at the edge of a window, and a runtime that is killed there.

use futures::future::join_all;
use schema::admin::CreateUser;
use tests::client::{Ask, Reply};

use super::*;

const CROWD: usize = 300;
/// What the window has room for.
const AFFORDED: usize = 10;

/// Refused by status, or within a stream that was open already.
#[track_caller]
fn is_refused(reply: &Reply) {
    let (code, message) = reply.failure();
    let streamed = reply.status == 200 && code == "invalid_prompt";
    assert!(streamed || (reply.status == 429 && code == "fair_use_exceeded"), "{reply:?}");
    assert!(
        message.starts_with("Your Unlimited plan's fair use of 5 hours is used up"),
        "{reply:?}"
    );
}

async fn crowded() -> Desk {
    let mut desk = Desk::of(World::plan(), "0.00").await;
    let wish = CreateUser {
        plan: Some("enterprise".to_owned()),
        requests_per_hour: Some(100_000),
        concurrent_requests: Some(1_000),
        ..CreateUser::default()
    };
    desk.account = desk.world.open_account(&wish).await;
    subscribe(&desk.world, &desk.account).await;
    limit(&desk, "0.08", "1.00").await;
    desk
}

#[tokio::test]
async fn a_crowd_at_a_window_with_room_for_ten_calls_gets_ten_answers_and_uses_no_more() {
    let desk = crowded().await;
    let caller = desk.world.caller(&desk.account.key);
    let calls = (0..CROWD).map(|n| {
        let caller = caller.clone();
        let ask = if n % 2 == 0 { Ask::stream(CALL) } else { Ask::whole(CALL) };
        tokio::spawn(async move { caller.ask(&ask).await.expect("an answer") })
    });
    let replies = join_all(calls.collect::<Vec<_>>()).await;
    let replies: Vec<_> = replies.into_iter().map(|reply| reply.expect("a task")).collect();
    let (answered, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.is_whole());
    assert_eq!(answered.len(), AFFORDED);
    refused.into_iter().for_each(is_refused);
    assert_eq!(desk.world.upstream().wait_until_idle().await.len(), AFFORDED);
    let charges = desk.account.charges(AFFORDED).await;
    assert!(charges.iter().all(|it| it.covered_micro_usd.micros() == CALL_MICROS), "{charges:?}");
    assert_eq!(used(&desk).await, [80_000; 2]);
    assert_eq!(desk.account.me().await.wallet.balance_micro_usd.micros(), 0);
}

#[tokio::test]
async fn a_killed_runtime_forgets_nothing_that_was_used_and_gives_back_what_was_reserved() {
    let mut desk = crowded().await;
    calls(&desk, 0, 3).await;
    let mut stream = {
        let ask = Ask::stream("rehearse: text 3; wait door");
        desk.world.caller(&desk.account.key).open(&ask).await.expect("a stream")
    };
    stream.event().await.expect("the first event");
    assert!(standing(&desk).await["reserved_micro_usd"].as_i64() > Some(0));
    desk.world.kill9();
    desk.world.restart().await;
    let after = standing(&desk).await;
    assert_eq!(after["reserved_micro_usd"], 0);
    assert_eq!(used(&desk).await, [3 * CALL_MICROS; 2]);
    desk.world.upstream().release("door");
    calls(&desk, 3, 7).await;
    assert_eq!(desk.respond(&ask(CALL)).await.status, 429);
}
