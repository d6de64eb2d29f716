//! The tunnel is cut again and again while turns with commands and approvals run: nothing is lost,
//! nothing comes twice, and everything ends.
//!
//! The short form has 30 cuts; `GANTRY_CUTS=200` is the long one, with links that stay down for up
//! to 40 s.

mod turns;
mod viewer;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tests::account::Account;
use tests::cable::Cable;
use tests::island::Island;
use tests::packages::Codex;
use tests::runner::{Machine, Plan};
use tests::world::World;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::turns::{Desk, Outcome};
use self::viewer::Seen;
use crate::dice::Dice;

const CUTS: usize = 30;
const THREADS: usize = 8;
/// In the short form a link is down for at most this long.
const DOWN_MS: usize = 4_000;
/// In the long form.
const DOWN_LONG_MS: usize = 40_000;

/// What happens to the way between an agent and its hub.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// Every connection ends.
    Socket,
    /// Both ends keep a connection on which nothing arrives any more.
    HalfOpen,
    /// The link goes down for a while.
    Link,
    /// The agent is killed and started again.
    Agent,
    /// The agent is killed and started again from another file.
    Update,
    /// The runtime is killed and started again, and the hub with it.
    Hub,
}

const CUTS_KINDS: [Cut; 6] =
    [Cut::Socket, Cut::HalfOpen, Cut::Link, Cut::Agent, Cut::Update, Cut::Hub];

/// Everything between the world's edge and its machine.
struct Stage {
    world: World,
    cable: Cable,
    island: Option<Island>,
    machine: Machine,
}

impl Stage {
    async fn set(codex: Codex) -> Self {
        let world = World::start().await;
        let port = world.url().rsplit(':').next().and_then(|port| port.parse().ok());
        let cable = Cable::to(port.expect("a port")).await.expect("a cable");
        let island = match Island::with_a_way_to(cable.port()).await {
            Ok(island) => Some(island),
            Err(error) => {
                println!("no network of its own here, the cable stands for the link: {error:#}");
                None
            }
        };
        let plan = Plan::with(codex).dialling(cable.url());
        let machine = match &island {
            Some(island) => world.machine_on(island, plan).await,
            None => world.machine_of(plan).await,
        };
        Self { world, cable, island, machine }
    }

    async fn cut(&mut self, cut: Cut, dice: &mut Dice, longest: usize) {
        let down = Duration::from_millis(1_000 + dice.below(longest - 1_000) as u64);
        match (cut, &self.island) {
            (Cut::Socket, _) => self.cable.cut(),
            (Cut::HalfOpen, Some(island)) => island.move_away().expect("another address"),
            (Cut::HalfOpen, None) => self.cable.lose(),
            (Cut::Link, Some(island)) => {
                island.unplug().expect("the link goes down");
                sleep(down).await;
                island.plug().expect("the link comes up");
            }
            (Cut::Link, None) => self.cable.unplug_for(down).await,
            (Cut::Agent, _) => {
                self.machine.kill();
                sleep(Duration::from_millis(dice.below(1_000) as u64)).await;
                self.machine.start().expect("the agent starts again");
            }
            (Cut::Update, _) => self.machine.update().expect("the next agent starts"),
            (Cut::Hub, _) => self.world.restart().await,
        }
    }
}

/// Cuts so many times, and then lets everything come to its end.
async fn survive(codex: Codex, cuts: usize, longest: usize) {
    let mut dice = Dice::new();
    let mut stage = Stage::set(codex).await;
    let account = stage.world.account("100.00").await;
    let desk = Desk::new(&stage.world, &account);
    let over = Arc::new(AtomicBool::new(false));
    let watching = viewer::watch(desk.clone(), dice.split(), over.clone());
    let watching = tokio::spawn(watching);
    let answering = tokio::spawn(desk.clone().keep_accepting(over.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = JoinSet::new();
    for number in 0..THREADS {
        threads.spawn(desk.clone().keep_working(number, stop.clone()));
    }
    for number in 1..=cuts {
        sleep(Duration::from_millis(300 + dice.below(1_700) as u64)).await;
        let cut = CUTS_KINDS[dice.below(CUTS_KINDS.len())];
        println!("cut {number}: {cut:?}");
        stage.cut(cut, &mut dice, longest).await;
    }
    stage.machine.online().await;
    stop.store(true, Ordering::Relaxed);
    let outcomes: Vec<Outcome> = threads.join_all().await.into_iter().flatten().collect();
    over.store(true, Ordering::Relaxed);
    let accepted = answering.await.expect("no panic");
    watching.await.expect("no panic");
    judge(&outcomes, &desk.seen(), accepted);
    balanced(&account).await;
}

/// What must hold, however often and wherever it was cut.
fn judge(outcomes: &[Outcome], seen: &Seen, accepted: usize) {
    let completed = outcomes.iter().filter(|outcome| outcome.status == "completed").count();
    println!(
        "{} turns, {completed} completed, {accepted} approvals, {} events",
        outcomes.len(),
        seen.events.len()
    );
    assert!(completed > 0, "nothing was shown: {outcomes:#?}");
    for outcome in outcomes {
        seen.tells_of(outcome);
    }
    assert_eq!(seen.open_questions(), Vec::<String>::new(), "questions without an end");
}

/// No hold is left behind, whatever became of the connections.
async fn balanced(account: &Account) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let wallet = account.token_usage().await.wallet;
        if wallet.held_micro_usd == schema::MicroUsd::ZERO {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "still held: {wallet:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn cut_with(codex: Codex) {
    let wanted = env::var("GANTRY_CUTS").ok().and_then(|cuts| cuts.parse().ok());
    let longest = if wanted.is_some() { DOWN_LONG_MS } else { DOWN_MS };
    survive(codex, wanted.unwrap_or(CUTS), longest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_lose_no_event_and_no_approval_and_every_turn_ends() {
    cut_with(Codex::Pinned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_do_so_with_the_newest_codex_too() {
    cut_with(Codex::Newest).await;
}
