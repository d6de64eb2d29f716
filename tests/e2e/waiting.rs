//! More calls than places: they wait for their turn in order, within an open stream, and not for
//! ever.

use std::time::Duration;

use schema::admin::CreateUser;
use tests::account::Account;
use tests::client::{Ask, Caller, Frames};
use tests::world::{Plan, World};
use tokio::time::{Instant, sleep};

use crate::books;

/// Places of the smallest plan.
const PLACES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// A world where every place is taken by a stream behind a door of its own, `0` to `4`.
struct Full {
    world: World,
    account: Account,
    caller: Caller,
    running: Vec<Frames>,
    /// Questions about the account, which count as requests themselves.
    asked: usize,
}

impl Full {
    async fn start(plan: Plan) -> Self {
        let world = plan.start().await;
        let credit_usd = Some("10.00".to_owned());
        let wish = CreateUser { credit_usd, ..CreateUser::default() };
        let account = world.open_account(&wish).await;
        let caller = world.caller(&account.key);
        let mut running = Vec::new();
        for door in 0..PLACES {
            let ask = Ask::stream(&format!("rehearse: text 3; wait {door}"));
            let mut stream = caller.open(&ask).await.expect("a stream");
            assert_eq!(stream.event().await.expect("no fault")["type"], "response.created");
            running.push(stream);
        }
        assert_eq!(account.me().await.limits.running, 5);
        Self { world, account, caller, running, asked: 1 }
    }

    /// Waits until so many calls have been let in, waiting or not.
    async fn let_in(&mut self, calls: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let limits = self.account.me().await.limits;
            self.asked += 1;
            let used = (limits.requests_per_hour - limits.requests_remaining) as usize;
            if used >= calls + self.asked {
                return;
            }
            assert!(Instant::now() < deadline, "{used} requests, {} of them ours", self.asked);
            sleep(POLL).await;
        }
    }

    /// Lets one of the running streams end.
    async fn free(&mut self, door: usize) {
        self.world.upstream().release(&door.to_string());
        let stream = self.running.remove(0);
        assert!(stream.rest().await.expect("the rest").is_whole());
    }

    /// Lets all that runs end; never more than five ran at once, and nothing is left.
    async fn end(mut self, calls: usize) {
        for door in PLACES - self.running.len()..PLACES {
            self.free(door).await;
        }
        let records = self.world.upstream().wait_until_idle().await;
        assert_eq!((records.len(), self.world.upstream().max_running()), (calls, PLACES));
        let books = books::paid(&self.world, &self.account, calls).await;
        assert_eq!(books.spent(), books::produced(&records));
        assert_eq!(self.account.me().await.limits.running, 0);
    }
}

/// A stream that has been opened while its call waits.
async fn waiting(caller: &Caller, prompt: &str) -> Frames {
    let mut stream = caller.open(&Ask::stream(prompt)).await.expect("a stream");
    let frame = stream.frame().await.expect("no fault").expect("a frame");
    assert_eq!(frame, "data: {\"type\":\"keepalive\"}\n\n");
    stream
}

#[tokio::test]
async fn a_sixth_stream_waits_in_the_open_and_is_answered_when_a_place_is_free() {
    let mut full = Full::start(World::plan()).await;
    let sixth = waiting(&full.caller, "rehearse: text 3").await;
    assert_eq!(full.world.upstream().counts().arrived, PLACES);
    full.free(0).await;
    let reply = sixth.rest().await.expect("the rest");
    assert!(reply.is_whole(), "{reply:?}");
    let events = reply.events();
    let answer = events.iter().find(|event| event["type"] != "keepalive");
    assert_eq!(answer.expect("an event")["type"], "response.created");
    full.end(PLACES + 1).await;
}

#[tokio::test]
async fn a_call_whose_turn_comes_soon_is_answered_as_if_it_had_not_waited() {
    let mut full = Full::start(World::plan()).await;
    for (door, ask) in [Ask::stream("Say hi"), Ask::whole("Say hi")].into_iter().enumerate() {
        let caller = full.caller.clone();
        let asking = tokio::spawn(async move { caller.ask(&ask).await.expect("an answer") });
        full.let_in(PLACES + 1 + door).await;
        full.free(door).await;
        let reply = asking.await.expect("no panic");
        assert!(reply.is_whole() && !reply.body.contains("keepalive"), "{reply:?}");
    }
    full.end(PLACES + 2).await;
}

#[tokio::test]
async fn calls_that_wait_have_their_turns_in_order() {
    let mut full = Full::start(World::plan()).await;
    let first = waiting(&full.caller, "rehearse: text 3; wait 4").await;
    let second = waiting(&full.caller, "rehearse: text 4; wait 4").await;
    full.free(0).await;
    let records = full.world.upstream().wait_for(PLACES + 1).await;
    assert_eq!(records[PLACES].body["input"], "rehearse: text 3; wait 4");
    full.free(1).await;
    let records = full.world.upstream().wait_for(PLACES + 2).await;
    assert_eq!(records[PLACES + 1].body["input"], "rehearse: text 4; wait 4");
    full.world.upstream().release("4");
    assert!(first.rest().await.expect("the rest").is_whole());
    assert!(second.rest().await.expect("the rest").is_whole());
    full.end(PLACES + 2).await;
}

#[tokio::test]
async fn a_wait_that_is_too_long_ends_with_when_to_try_again() {
    let full = Full::start(World::plan().var("TURN_WAIT_MS", "1500")).await;
    let stream = waiting(&full.caller, "rehearse: text 3").await;
    let (code, message) = stream.rest().await.expect("the rest").failure();
    assert_eq!(code, "rate_limit_exceeded");
    assert!(message.contains("runs 5 requests at once") && message.contains("try again in 2s"));
    let reply = full.caller.ask(&Ask::whole("rehearse: text 3")).await.expect("an answer");
    assert_eq!((reply.status, reply.failure().0.as_str()), (429, "concurrency_limit_exceeded"));
    assert_eq!(reply.header("retry-after"), "2");
    full.end(PLACES).await;
}

#[tokio::test]
async fn whoever_leaves_while_waiting_loses_the_place_in_the_queue() {
    let mut full = Full::start(World::plan()).await;
    let leaves = waiting(&full.caller, "rehearse: say left").await;
    let stays = waiting(&full.caller, "rehearse: say stayed").await;
    drop(leaves);
    let deadline = Instant::now() + PATIENCE;
    while !full.world.log().contains("the caller left while waiting") {
        assert!(Instant::now() < deadline, "nobody noticed: {}", full.world.log());
        sleep(POLL).await;
    }
    full.free(0).await;
    let reply = stays.rest().await.expect("the rest");
    assert!(reply.is_whole() && reply.body.contains("stayed"), "{reply:?}");
    full.end(PLACES + 1).await;
}
