//! Rounds: in each, every target gets its turn of a cell's load, so that what else the machine does
//! hits all of them alike.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use tests::process::{Tree, machine_busy};
use tokio::time::sleep;

use super::kind::Kind;
use super::load::{self, Order, Yield};
use super::options::Options;
use super::targets::Target;
use super::upstream::Upstream;

/// Before a cell is measured: runtimes compile what is used often, and only then are they at speed.
const WARM_UP: Duration = Duration::from_millis(500);
/// What a target does after its last answer, such as writing, is its cost too.
const AFTERMATH: Duration = Duration::from_millis(50);

/// What one target did in one round of a cell. Times are in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Round {
    pub completed: usize,
    pub failed: usize,
    pub per_second: f64,
    pub first_byte_p50: f64,
    pub first_byte_p99: f64,
    pub total_p50: f64,
    /// Only of paced answers.
    pub delay_p50: f64,
    pub delay_p99: f64,
    /// Seconds of processor time for 1,000 requests.
    pub cpu: f64,
    pub peak_mb: f64,
}

/// A kind of answer and a number of connections.
#[derive(Debug, Serialize)]
pub struct Cell {
    #[serde(serialize_with = "name")]
    pub kind: Kind,
    pub connections: usize,
    /// By target, a value for each round.
    pub rounds: BTreeMap<&'static str, Vec<Round>>,
    pub failures: Vec<String>,
    /// The share of the machine's processors that programs other than these took meanwhile.
    pub others: f64,
}

fn name<S: serde::Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&kind.name())
}

/// Who is measured, with what they have used so far.
pub struct Bench<'a> {
    pub options: &'a Options,
    pub upstream: &'a Upstream,
    pub begun: Instant,
    pub targets: Vec<(Target, Option<Tree>)>,
    /// This process with everything it started.
    pub all: Tree,
    /// Answers to each target so far, warm-up included.
    pub completed: BTreeMap<&'static str, u64>,
}

impl Bench<'_> {
    pub async fn cell(&mut self, kind: Kind, connections: usize) -> Cell {
        self.upstream.play(kind);
        let mut cell =
            Cell { kind, connections, rounds: BTreeMap::new(), failures: Vec::new(), others: 0.0 };
        for index in 0..self.targets.len() {
            self.load(&mut cell, index, WARM_UP).await;
        }
        let (begun, busy, ours) = (Instant::now(), machine_busy(), self.all.cpu());
        for round in 0..self.options.rounds as usize {
            for turn in 0..self.targets.len() {
                // Nobody always comes first, or always after the same neighbour's remains.
                let index = (turn + round) % self.targets.len();
                let (name, measured) = self.round(&mut cell, index).await;
                cell.rounds.entry(name).or_default().push(measured);
            }
        }
        let ours = self.all.cpu().saturating_sub(ours);
        let others = machine_busy().saturating_sub(busy).saturating_sub(ours);
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        cell.others = others.as_secs_f64() / begun.elapsed().as_secs_f64() / count(processors);
        cell
    }

    async fn round(&mut self, cell: &mut Cell, index: usize) -> (&'static str, Round) {
        let before = self.targets[index].1.as_mut().map(|tree| {
            tree.forget_peak();
            tree.cpu()
        });
        let yielded = self.load(cell, index, self.options.round).await;
        sleep(AFTERMATH).await;
        let (target, tree) = &mut self.targets[index];
        let mut round = summary(yielded);
        if let (Some(tree), Some(before)) = (tree, before) {
            let spent = tree.cpu().saturating_sub(before);
            round.cpu = spent.as_secs_f64() * 1_000.0 / count(round.completed.max(1));
            round.peak_mb = count(usize::try_from(tree.peak_bytes()).unwrap_or_default()) / 1e6;
        }
        (target.name, round)
    }

    async fn load(&mut self, cell: &mut Cell, index: usize, time: Duration) -> Yield {
        let target = &self.targets[index].0;
        let order = Order {
            port: target.port,
            request: self.options.body.request(target, cell.kind),
            kind: cell.kind,
            connections: cell.connections,
            time,
            begun: self.begun,
        };
        let yielded = load::run(&order).await;
        for why in &yielded.failures {
            let why = format!("{}: {why}", target.name);
            if !cell.failures.contains(&why) {
                cell.failures.push(why);
            }
        }
        let completed = self.completed.entry(target.name).or_default();
        *completed += u64::try_from(yielded.completed()).unwrap_or_default();
        yielded
    }
}

fn summary(mut yielded: Yield) -> Round {
    Round {
        completed: yielded.completed(),
        failed: yielded.failed,
        per_second: count(yielded.completed()) / yielded.elapsed.as_secs_f64(),
        first_byte_p50: quantile(&mut yielded.first_byte, 0.5),
        first_byte_p99: quantile(&mut yielded.first_byte, 0.99),
        total_p50: quantile(&mut yielded.total, 0.5),
        delay_p50: quantile(&mut yielded.delays, 0.5),
        delay_p99: quantile(&mut yielded.delays, 0.99),
        ..Round::default()
    }
}

/// Milliseconds from nanoseconds; 0 of nothing.
fn quantile(nanos: &mut [u64], share: f64) -> f64 {
    if nanos.is_empty() {
        return 0.0;
    }
    nanos.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (count(nanos.len() - 1) * share).round() as usize;
    #[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ns")]
    let nanos = nanos[index] as f64;
    nanos / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn count(of: usize) -> f64 {
    of as f64
}
