//! A disk that takes nothing any more, and later does again: clear answers, and nothing for free.

use std::time::Duration;

use tests::account::Account;
use tests::client::{Ask, Caller, Reply};
use tests::world::World;
use tokio::time::{Instant, sleep};

use crate::books::{self, Books};

const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Enough that an account's rows do not fit below [`READS_ONLY_BYTES`].
const CALLS_BEFORE: usize = 60;
/// Storage can be opened and read, but nothing can be added to it.
const READS_ONLY_BYTES: u64 = 40_960;
/// Storage cannot even be opened.
const NOTHING_BYTES: u64 = 0;

fn ask(n: usize) -> Ask {
    if n.is_multiple_of(2) { Ask::whole("Say hi") } else { Ask::stream("Say hi") }
}

/// Asks until an answer is as wished; says how often in vain.
async fn ask_until(caller: &Caller, wish: impl Fn(&Reply) -> bool) -> usize {
    let deadline = Instant::now() + PATIENCE;
    for n in 0.. {
        let reply = caller.ask(&ask(n)).await;
        if reply.as_ref().is_ok_and(&wish) {
            return n;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
        sleep(POLL).await;
    }
    unreachable!("the deadline comes first")
}

#[track_caller]
fn out_of_reach(reply: &Reply) {
    let (code, message) = reply.failure();
    assert_eq!((reply.status, code.as_str()), (503, "unavailable"), "{reply:?}");
    assert!(message.contains(reply.header("x-request-id")), "{reply:?}");
    assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
}

/// Nothing is answered, charged or credited while the disk is full.
async fn closed_for_now(world: &World, account: &Account, caller: &Caller) {
    ask_until(caller, |reply| reply.status == 503).await;
    let arrived = world.upstream().counts().arrived;
    for n in 0..10 {
        out_of_reach(&caller.ask(&ask(n)).await.expect("an answer"));
        let refused = world.operator().credit(&account.id, "1.00", "while it was full").await;
        assert!(refused.expect_err("no credit").to_string().starts_with("503"));
    }
    assert_eq!(world.upstream().counts().arrived, arrived);
}

/// A world with an account that has asked before.
async fn desk() -> (World, Account, Caller) {
    let world = World::start().await;
    let account = world.account("10.00").await;
    let caller = world.caller(&account.key);
    for n in 0..CALLS_BEFORE {
        assert!(caller.ask(&ask(n)).await.expect("an answer").is_whole());
    }
    (world, account, caller)
}

/// With room on the disk again the account is served, and its books are exact.
async fn heals(world: &mut World, account: &Account, caller: &Caller, before: &Books) {
    world.free_disk();
    ask_until(caller, Reply::is_whole).await;
    assert!(caller.ask(&ask(1)).await.expect("an answer").is_whole());
    let after = books::closed(world, account).await;
    assert!(after.paid.len() >= before.paid.len() + 2, "{after:?}");
    after.paid_what_was_produced(&world.upstream().wait_until_idle().await);
    assert_eq!(after.rows[..before.rows.len()], before.rows);
    assert_eq!(after.credited, 10_000_000);
    let wallet = account.me().await.wallet;
    assert_eq!(wallet.balance_micro_usd.micros(), after.balance);
    assert_eq!(wallet.held_micro_usd.micros(), 0);
}

#[tokio::test]
async fn while_nothing_can_be_written_nothing_is_answered_for_free_and_then_all_is_well() {
    let (mut world, account, caller) = desk().await;
    let before = books::paid(&world, &account, CALLS_BEFORE).await;
    world.fill_disk(READS_ONLY_BYTES);
    closed_for_now(&world, &account, &caller).await;
    heals(&mut world, &account, &caller, &before).await;
}

#[tokio::test]
async fn while_storage_cannot_be_opened_everybody_is_told_so_and_then_all_is_well() {
    let (mut world, account, caller) = desk().await;
    let running = Ask::stream("rehearse: text 3; wait door");
    let mut running = caller.open(&running).await.expect("a stream");
    running.frame().await.expect("no fault").expect("a frame");
    let before = books::held(&world, &account).await;
    world.fill_disk(NOTHING_BYTES);
    closed_for_now(&world, &account, &caller).await;
    world.upstream().release("door");
    // Cut or whole: whoever kept the money for it is gone.
    let _ = running.rest().await;
    heals(&mut world, &account, &caller, &before).await;
}
