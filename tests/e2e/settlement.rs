//! What a call is charged for, however its answer ends: nothing for nothing, and never more than
//! there is.

use schema::agent::UsageTransaction;
use tests::account::Account;
use tests::client::{Ask, Caller, Reply};
use tests::rehearsal::{End, Raw};
use tests::world::World;

use crate::books;

/// A world, an account with ten dollars, and its caller.
async fn desk() -> (World, Account, Caller) {
    let world = World::start().await;
    let account = world.account("10.00").await;
    let caller = world.caller(&account.key);
    (world, account, caller)
}

async fn stream(caller: &Caller, directives: &str) -> Reply {
    caller.ask(&Ask::stream(&format!("rehearse: {directives}"))).await.expect("an answer")
}

async fn whole(caller: &Caller, directives: &str) -> Reply {
    caller.ask(&Ask::whole(&format!("rehearse: {directives}"))).await.expect("an answer")
}

/// The one charge that there is.
async fn charge(world: &World, account: &Account) -> UsageTransaction {
    books::paid(world, account, 1).await;
    account.charges(1).await.remove(0)
}

#[tokio::test]
async fn a_stream_without_usable_usage_is_charged_for_what_went_by() {
    for odd in ["missing", "null", "strings", "negative"] {
        let (world, account, caller) = desk().await;
        assert_eq!(stream(&caller, &format!("text 7; usage {odd}")).await.status, 200);
        let charge = charge(&world, &account).await;
        assert_eq!((charge.basis.as_str(), charge.output_tokens), ("counted", 7), "{odd}");
        let input = charge.input_tokens;
        assert!((1..100).contains(&input), "{charge:?}");
        assert_eq!(charge.charged_micro_usd.micros(), input as i64 * 5 + 7 * 30, "{odd}");
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_without_usable_usage_is_charged_what_was_held() {
    for odd in ["missing", "null", "strings", "negative"] {
        let (world, account, caller) = desk().await;
        assert_eq!(whole(&caller, &format!("text 7; usage {odd}")).await.status, 200);
        let books = books::paid(&world, &account, 1).await;
        let hold = books.rows.iter().find(|row| row.kind == "hold").expect("a hold");
        assert_eq!(books.spent(), hold.held_micro_usd.micros(), "{odd}");
        assert_eq!(account.charges(1).await[0].basis, "held");
    }
}

#[tokio::test]
async fn partial_usage_is_usage() {
    for odd in ["none-total", "no-details", "total=1"] {
        let (world, account, caller) = desk().await;
        assert_eq!(stream(&caller, &format!("text 7; usage {odd}")).await.status, 200);
        let charge = charge(&world, &account).await;
        assert_eq!((charge.basis.as_str(), charge.output_tokens), ("reported", 7), "{odd}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_breaks_off_for_the_client_and_is_charged_for_what_went_by() {
    let (world, account, caller) = desk().await;
    // Four events come before the first word.
    let mut stream = caller.open(&Ask::stream("rehearse: text 9; cut 8")).await.expect("a stream");
    let mut last = None;
    let broken = loop {
        match stream.frame().await {
            Ok(Some(frame)) => last = Some(frame),
            ended => break ended,
        }
    };
    assert!(broken.is_err(), "{broken:?}");
    assert!(last.expect("a frame").contains("response.output_text.delta"));
    let charge = charge(&world, &account).await;
    assert_eq!((charge.basis.as_str(), charge.output_tokens), ("counted", 4));
}

#[tokio::test]
async fn what_produced_nothing_costs_nothing() {
    let (world, account, caller) = desk().await;
    for directives in ["text 9; cut 3", "text 9; cut 0", "cut-before", "garbage", "fail 500"] {
        // The client learns of it in one way or another; other tests say how.
        let _ = caller.ask(&Ask::stream(&format!("rehearse: {directives}"))).await;
        let _ = caller.ask(&Ask::whole(&format!("rehearse: {directives}"))).await;
    }
    let books = books::closed(&world, &account).await;
    assert_eq!((books.paid.len(), books.free, books.balance), (0, 10, 10_000_000));
}

#[tokio::test]
async fn a_failed_response_passes_as_it_is_and_costs_what_the_provider_says() {
    let (world, account, caller) = desk().await;
    let reply = stream(&caller, "text 4; failed server_error out of tape").await;
    assert_eq!(reply.failure(), ("server_error".to_owned(), "out of tape".to_owned()));
    let books = books::closed(&world, &account).await;
    assert_eq!((books.paid.len(), books.free), (0, 1));
    let reply = stream(&caller, "text 4; failed server_error late; usage input=100 output=4").await;
    assert_eq!(reply.failure().1, "late");
    assert_eq!(charge(&world, &account).await.charged_micro_usd.micros(), 100 * 5 + 4 * 30);
}

#[tokio::test]
async fn an_incomplete_response_costs_what_was_produced() {
    let (world, account, caller) = desk().await;
    let ask = Ask::stream("rehearse: text 50").with("max_output_tokens", 20);
    let reply = caller.ask(&ask).await.expect("an answer");
    assert_eq!(reply.response()["status"], "incomplete", "{reply:?}");
    let charge = charge(&world, &account).await;
    assert_eq!((charge.basis.as_str(), charge.output_tokens), ("reported", 20));
}

#[tokio::test]
async fn the_same_response_is_charged_once_however_often_it_comes() {
    let (world, account, caller) = desk().await;
    assert!(stream(&caller, "text 3; id resp_twice").await.is_whole());
    assert!(stream(&caller, "text 3; id resp_twice").await.is_whole());
    assert!(whole(&caller, "text 5; id resp_twice").await.is_whole());
    let both = [stream(&caller, "text 3; id resp_pair"), stream(&caller, "text 3; id resp_pair")];
    assert!(futures::future::join_all(both).await.iter().all(Reply::is_whole));
    let books = books::paid(&world, &account, 2).await;
    assert_eq!(books.free, 3);
}

#[tokio::test]
async fn usage_beyond_all_measure_empties_the_wallet_and_no_more() {
    let world = World::start().await;
    for ask in [Ask::stream, Ask::whole] {
        let account = world.account("0.05").await;
        let caller = world.caller(&account.key);
        let huge = ask("rehearse: text 3; usage huge");
        assert!(caller.ask(&huge).await.expect("an answer").is_whole());
        let books = books::paid(&world, &account, 1).await;
        assert_eq!((books.balance, books.held, books.spent()), (0, 0, 50_000));
        let reply = caller.ask(&Ask::whole("Say hi")).await.expect("an answer");
        assert_eq!(reply.status, 402, "{reply:?}");
        // And the account can still be read, and used once there is money again.
        assert_eq!(account.charges(1).await[0].charged_micro_usd.micros(), 50_000);
        world.operator().credit(&account.id, "1.00", "again").await.expect("a credit");
        assert!(caller.ask(&huge).await.expect("an answer").is_whole());
        assert_eq!(books::paid(&world, &account, 2).await.balance, 0);
        assert_eq!(account.charges(2).await[1].charged_micro_usd.micros(), 1_000_000);
    }
}

#[tokio::test]
async fn a_hold_grows_with_its_stream() {
    let (world, account, caller) = desk().await;
    let ask = Ask::stream("rehearse: burst; text 4000; wait more 3500");
    let mut stream = caller.open(&ask).await.expect("a stream");
    stream.frame().await.expect("no fault").expect("a frame");
    let before = books::held(&world, &account).await.held;
    let grown = books::until(&world, &account, |books| books.held > before).await;
    // At any time it covers what has been produced.
    assert!(grown.held > 3_500 * 30, "{}", grown.held);
    assert!(grown.rows.iter().any(|row| row.kind == "extend"));
    world.upstream().release("more");
    assert!(stream.rest().await.expect("the rest").is_whole());
    let records = world.upstream().wait_until_idle().await;
    assert_eq!(books::paid(&world, &account, 1).await.spent(), books::produced(&records));
}

#[tokio::test]
async fn a_stream_that_the_wallet_cannot_pay_is_stopped_with_the_reason() {
    let world = World::start().await;
    let account = world.account("0.10").await;
    let caller = world.caller(&account.key);
    // 3,333 words cost ten cents; the rest would come later.
    let reply = stream(&caller, "burst; text 9000; wait shut 5000").await;
    let (code, message) = reply.failure();
    assert_eq!(code, "invalid_prompt", "{reply:?}");
    assert!(message.starts_with("Your wallet is empty"), "{message}");
    let records = world.upstream().wait_until_idle().await;
    assert_eq!(records[0].end, End::HungUp);
    let books = books::paid(&world, &account, 1).await;
    assert_eq!((books.balance, books.spent()), (0, 100_000));
}

#[tokio::test]
async fn an_upstream_that_falls_silent_is_left_and_charged_for_what_came() {
    let world = World::plan().var("UPSTREAM_IDLE_MS", "700").start().await;
    let account = world.account("10.00").await;
    let caller = world.caller(&account.key);
    let reply = stream(&caller, "text 9; wait never 8").await;
    let (code, message) = reply.failure();
    assert_eq!(code, "invalid_prompt", "{reply:?}");
    assert!(message.contains("fell silent"), "{message}");
    assert_eq!(world.upstream().wait_until_idle().await[0].end, End::HungUp);
    let charge = charge(&world, &account).await;
    assert_eq!((charge.basis.as_str(), charge.output_tokens), ("counted", 4));
}

#[tokio::test]
async fn an_upstream_that_does_not_begin_in_time_is_left_and_costs_nothing() {
    let world = World::plan().var("UPSTREAM_TIMEOUT_MS", "300").start().await;
    let account = world.account("10.00").await;
    for ask in [Ask::stream("rehearse: hang"), Ask::whole("rehearse: hang")] {
        let reply = world.caller(&account.key).ask(&ask).await.expect("an answer");
        assert_eq!((reply.status, reply.failure().0.as_str()), (504, "timeout"), "{reply:?}");
    }
    // Left for good: what nobody waits for must not be generated at our cost.
    let ends = world.upstream().wait_until_idle().await;
    assert!(ends.len() == 2 && ends.iter().all(|record| record.end == End::HungUp), "{ends:?}");
    let books = books::closed(&world, &account).await;
    assert_eq!((books.paid.len(), books.free), (0, 2));
}

#[tokio::test]
async fn a_page_in_the_place_of_a_stream_is_a_failure_and_costs_nothing() {
    let (world, account, caller) = desk().await;
    let chunks = vec!["data: not json\n\n".to_owned(), "data: {\"type\":17}\n\n".to_owned()];
    let headers = [("content-type".to_owned(), "text/event-stream".to_owned())].into();
    world.upstream().next_raw(Raw { chunks, headers, ..Raw::default() });
    let reply = caller.ask(&Ask::stream("Say hi")).await.expect("an answer");
    assert_eq!((reply.status, reply.is_whole()), (200, false));
    let books = books::closed(&world, &account).await;
    assert_eq!((books.paid.len(), books.free), (0, 1));
}
