//! A runtime that is killed at any moment, again and again, and started on the same storage.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schema::Timestamp;
use schema::admin::CreateUser;
use tests::account::Account;
use tests::client::{Ask, Caller, Operator};
use tests::world::World;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::books;
use crate::dice::Dice;

const ROUNDS: usize = 8;
const CALLERS: usize = 12;
const PER_HOUR: u32 = 100_000;
/// A charge is in its row some milliseconds after the answer; a kill in between loses it.
const WRITTEN_WITHIN: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// What was acknowledged, in all rounds.
#[derive(Debug, Default)]
struct Acknowledged {
    /// Credits by name; each is one cent.
    credits: HashSet<String>,
    /// Requests that were answered, and when.
    requests: HashMap<String, Instant>,
    /// When the runtime was killed.
    kills: Vec<Instant>,
}

type Shared = Arc<Mutex<Acknowledged>>;

async fn account(world: &World) -> Account {
    let wish = CreateUser {
        plan: Some("enterprise".to_owned()),
        credit_usd: Some("100.00".to_owned()),
        requests_per_hour: Some(PER_HOUR),
        concurrent_requests: Some(1_000),
        ..CreateUser::default()
    };
    world.open_account(&wish).await
}

/// Asks until the runtime is gone.
async fn keep_asking(caller: Caller, mut dice: Dice, shared: Shared) {
    loop {
        let pace = ["burst", "pace 2ms", "slow 1ms"][dice.below(3)];
        let prompt = format!("rehearse: text {}; {pace}", dice.below(60));
        let ask = if dice.below(3) == 0 { Ask::whole(&prompt) } else { Ask::stream(&prompt) };
        let Ok(reply) = caller.ask(&ask).await else { return };
        assert_eq!(reply.status, 200, "{reply:?}");
        let id = reply.header("x-request-id").to_owned();
        shared.lock().expect("no panic").requests.insert(id, Instant::now());
    }
}

/// Credits a cent at a time until the runtime is gone.
async fn keep_crediting(operator: Operator, account: String, round: usize, shared: Shared) {
    for name in (0..).map(|n| format!("{round}-{n}")) {
        let Ok(changed) = operator.credit(&account, "0.01", &name).await else { return };
        assert!(!changed.replayed, "{name}");
        shared.lock().expect("no panic").credits.insert(name);
    }
}

/// Load until a random moment, then the end.
async fn die_under_load(world: &mut World, account: &Account, dice: &mut Dice, shared: &Shared) {
    let mut load = JoinSet::new();
    for _ in 0..CALLERS {
        load.spawn(keep_asking(world.caller(&account.key), dice.split(), shared.clone()));
    }
    let round = dice.below(1 << 40);
    load.spawn(keep_crediting(world.operator(), account.id.clone(), round, shared.clone()));
    let moment = Duration::from_millis(100 + dice.below(900) as u64);
    assert!(timeout(moment, load.join_next()).await.is_err(), "the load ended by itself");
    world.kill9();
    shared.lock().expect("no panic").kills.push(Instant::now());
    load.join_all().await;
}

/// Nothing is held, no credit is lost, nothing is charged that was not asked for, and the hour
/// remembers every call that left a row.
async fn check(world: &World, account: &Account, shared: &Shared) {
    let books = books::read(world, account).await;
    assert_eq!(books.held, 0, "a hold of the life before: {:#?}", books.rows);
    let wallet = account.me().await.wallet;
    assert_eq!(wallet.balance_micro_usd.micros(), books.balance);
    assert_eq!(wallet.held_micro_usd.micros(), 0);
    let sources = books.rows.iter().filter_map(|row| row.source.as_deref());
    let credits: HashSet<&str> = sources.filter_map(|s| s.strip_prefix("admin:key:")).collect();
    for credit in &shared.lock().expect("no panic").credits {
        assert!(credits.contains(credit.as_str()), "the credit {credit} is lost");
    }
    let calls: HashSet<_> = books.rows.iter().filter_map(|row| row.call.as_deref()).collect();
    let limits = account.me().await.limits;
    let counted = (PER_HOUR - limits.requests_remaining) as usize;
    assert!(counted > calls.len(), "{counted} requests are counted, {} left rows", calls.len());
}

#[tokio::test]
async fn a_runtime_killed_under_load_comes_back_with_exact_books() {
    let mut world = World::start().await;
    let account = account(&world).await;
    let (mut dice, shared) = (Dice::new(), Shared::default());
    for _ in 0..ROUNDS {
        die_under_load(&mut world, &account, &mut dice, &shared).await;
        world.restart().await;
        check(&world, &account, &shared).await;
        // And it serves on.
        let reply = world.caller(&account.key).ask(&Ask::whole("Say hi")).await.expect("an answer");
        assert!(reply.is_whole(), "{reply:?}");
    }
    let books = books::closed(&world, &account).await;
    assert!(books.free > 0, "no kill came while a call was running");
    books.paid_what_was_produced(&world.upstream().wait_until_idle().await);
    let shared = shared.lock().expect("no panic");
    let unpaid = shared.requests.iter().filter(|(id, _)| !books.paid.contains_key(*id));
    let unpaid: Vec<_> = unpaid.map(|(_, answered)| *answered).collect();
    let (answered, cut) = (shared.requests.len(), books.free);
    println!("{answered} answered, {} of them unpaid, {cut} cut off", unpaid.len());
    for answered in unpaid {
        let near = |kill: &Instant| kill.saturating_duration_since(answered) < WRITTEN_WITHIN;
        let after = shared.kills.iter().find(|kill| **kill + WRITTEN_WITHIN > answered);
        assert!(after.is_some_and(near), "a charge was lost long before a kill");
    }
}

#[tokio::test]
async fn the_hour_survives_a_killed_runtime_to_the_request() {
    let mut world = World::start().await;
    let account = account(&world).await;
    let caller = world.caller(&account.key);
    for _ in 0..7 {
        assert!(caller.ask(&Ask::whole("Say hi")).await.expect("an answer").is_whole());
    }
    books::paid(&world, &account, 7).await;
    world.kill9();
    world.restart().await;
    let reply = world.caller(&account.key).ask(&Ask::whole("Say hi")).await.expect("an answer");
    assert_eq!(reply.header("x-ratelimit-used"), "8");
    assert_eq!(books::paid(&world, &account, 8).await.free, 0);
}

#[tokio::test]
async fn a_call_that_runs_when_the_runtime_is_killed_gives_its_money_and_place_back() {
    let mut world = World::start().await;
    let wish = CreateUser {
        plan: Some("enterprise".to_owned()),
        credit_usd: Some("0.01".to_owned()),
        concurrent_requests: Some(1),
        ..CreateUser::default()
    };
    let account = world.open_account(&wish).await;
    let mut stream = {
        let ask = Ask::stream("rehearse: text 3; wait door");
        world.caller(&account.key).open(&ask).await.expect("a stream")
    };
    stream.event().await.expect("the first event");
    books::held(&world, &account).await;
    world.kill9();
    world.restart().await;
    let books = books::read(&world, &account).await;
    assert_eq!((books.balance, books.held, books.free), (10_000, 0, 1));
    world.upstream().release("door");
    let reply = world.caller(&account.key).ask(&Ask::whole("Say hi")).await.expect("an answer");
    assert!(reply.is_whole(), "{reply:?}");
}

#[tokio::test]
async fn a_hold_of_a_killed_runtime_ends_by_itself_though_nobody_asks() {
    let mut world = World::plan().var("OUTBOX_MS", "1500").start().await;
    let account = account(&world).await;
    let caller = world.caller(&account.key);
    assert!(caller.ask(&Ask::whole("Say hi")).await.expect("an answer").is_whole());
    let ask = Ask::stream("rehearse: text 3; wait door");
    let mut stream = caller.open(&ask).await.expect("a stream");
    stream.frame().await.expect("no fault").expect("a frame");
    books::held(&world, &account).await;
    world.kill9();
    world.restart().await;
    // The account's alarm rings in the new process and reports what the old one had charged.
    let deadline = Instant::now() + PATIENCE;
    while world.sql("SELECT requests FROM usage_hourly", vec![]).await.is_empty() {
        assert!(Instant::now() < deadline, "no alarm");
        sleep(POLL).await;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let now = Timestamp::from_millis(i64::try_from(now).expect("a date"));
    let books = books::read(&world, &account).await;
    let end = books.rows.iter().find(|row| row.kind == "expire").expect("the hold's end");
    assert!(end.at < now.to_string(), "it ended only when it was asked for: {end:?}, {now}");
    assert_eq!((books.held, books.paid.len()), (0, 1));
}
