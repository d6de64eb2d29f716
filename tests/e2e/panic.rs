//! A request that panics while others run: it ends alone, and what it held comes back.

use tests::account::Account;
use tests::client::{Ask, Caller, Frames, Reply};
use tests::world::World;

use crate::books;

const STREAMS: usize = 50;

/// A world where a request may ask for a fault.
async fn world() -> World {
    World::plan().var("FAULTS", "allowed").start().await
}

/// Streams that stand still in the middle, until their door is opened.
async fn standing_streams(caller: &Caller) -> Vec<Frames> {
    let ask = Ask::stream("rehearse: text 20; wait door 9");
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = caller.open(&ask).await.expect("a stream");
        for _ in 0..9 {
            stream.frame().await.expect("no fault").expect("a frame");
        }
        streams.push(stream);
    }
    streams
}

/// Asks with a fault while streams run; they end whole and are settled all the same.
async fn fault_among_streams(world: &World, account: &Account, ask: &Ask, fault: &str) -> Reply {
    let caller = world.caller(&account.key);
    let streams = standing_streams(&caller).await;
    let faulty = ask.clone().header("x-gantry-fault", fault);
    let failed = caller.ask(&faulty).await.expect("an answer");
    // Whoever comes next, while they run, finds nothing amiss.
    assert!(caller.ask(ask).await.expect("an answer").is_whole());
    world.upstream().release("door");
    for stream in streams {
        let reply = stream.rest().await.expect("no fault");
        assert!(reply.is_whole(), "{reply:?}");
    }
    let books = books::paid(world, account, STREAMS + 1).await;
    let records = world.upstream().wait_until_idle().await;
    assert_eq!(records.len(), STREAMS + 1);
    assert_eq!(books.spent(), books::produced(&records));
    assert_eq!(account.me().await.limits.running, 0);
    failed
}

#[track_caller]
fn failed_alone(world: &World, reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    let id = reply.header("x-request-id");
    assert!(id.starts_with("req_") && reply.failure().1.contains(id), "{reply:?}");
    let log = world.log();
    let line = log.lines().find(|line| line.contains(id)).expect("a line of the log");
    assert!(line.contains(&format!("\"status\":{status}")), "{line}");
}

#[tokio::test]
async fn a_request_that_panics_fails_alone_while_fifty_streams_end_whole_and_settled() {
    let world = world().await;
    let account = world.account("10.00").await;
    let ask = Ask::stream("Say hi");
    let failed = fault_among_streams(&world, &account, &ask, "panic").await;
    failed_alone(&world, &failed, 500);
}

#[tokio::test]
async fn a_panic_in_the_accounts_object_fails_one_request_and_frees_its_money() {
    let world = world().await;
    let account = world.account("10.00").await;
    for (round, ask) in [Ask::stream("Say hi"), Ask::whole("Say hi")].iter().enumerate() {
        let faulty = ask.clone().header("x-gantry-fault", "panic-object");
        let reply = world.caller(&account.key).ask(&faulty).await.expect("an answer");
        failed_alone(&world, &reply, 500);
        assert_eq!(books::closed(&world, &account).await.free, round + 1);
    }
    let ask = Ask::stream("Say hi");
    let failed = fault_among_streams(&world, &account, &ask, "panic-object").await;
    failed_alone(&world, &failed, 500);
    assert_eq!(books::closed(&world, &account).await.free, 3);
}

#[tokio::test]
async fn nobody_can_ask_for_a_fault_where_it_is_not_allowed() {
    let world = World::start().await;
    let account = world.account("10.00").await;
    for fault in ["panic", "panic-object"] {
        let ask = Ask::whole("Say hi").header("x-gantry-fault", fault);
        let reply = world.caller(&account.key).ask(&ask).await.expect("an answer");
        assert!(reply.is_whole(), "{reply:?}");
    }
}
