//! The live meter of a project's turn: what it has cost, and when to tell the agent to wrap up.

use schema::{MicroUsd, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Of a limit, in hundredths, after which a turn is told to wrap up.
const WRAP_UP_PERCENT: i64 = 80;

/// What a project has spent, as its account's object counts it. Each says all that there is to say,
/// so one that is lost is made good by the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// The project's own thread, in which the turn runs.
    pub thread: String,
    /// The turn as it was named when its cap was set; nothing while none runs.
    pub turn: Option<String>,
    pub spent_turn: MicroUsd,
    pub spent_project: MicroUsd,
    pub turn_limit: Option<MicroUsd>,
    pub project_limit: Option<MicroUsd>,
    /// What open holds of the project reserve.
    pub held: MicroUsd,
    /// What running calls of the turn are certain to cost, which is not in `spent` yet.
    pub running: MicroUsd,
    /// Whether a call of the turn was refused or ended, because nothing was left.
    pub exhausted: bool,
    pub at: Timestamp,
}

/// What a turn has been told already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    turn: Option<String>,
    steered: bool,
    interrupted: bool,
}

/// What is to be done about a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nudge {
    /// The agent is told this, in the middle of its work.
    Steer(String),
    /// The turn is ended.
    Interrupt,
}

/// What to do about a turn whose meter stands like this: each thing once. An interrupt comes
/// without a word before it, if a single call took all that was left.
pub fn step(watch: &mut Watch, meter: &Meter) -> Option<Nudge> {
    if watch.turn != meter.turn {
        *watch = Watch { turn: meter.turn.clone(), ..Watch::default() };
    }
    meter.turn.as_ref()?;
    if watch.interrupted {
        return None;
    }
    if meter.exhausted || meter.is_over() {
        watch.interrupted = true;
        return Some(Nudge::Interrupt);
    }
    let left = meter.nearly_over().filter(|_| !watch.steered)?;
    watch.steered = true;
    Some(Nudge::Steer(wrap_up(left)))
}

impl Meter {
    /// As it stands in the log.
    pub fn shown(&self, turn: Option<&str>) -> Value {
        json!({
            "threadId": self.thread, "turnId": turn,
            "turnCostMicroUsd": self.spent_turn, "projectCostMicroUsd": self.spent_project,
            "maxTurnCostMicroUsd": self.turn_limit, "maxProjectCostMicroUsd": self.project_limit,
            "runningMicroUsd": self.running, "heldMicroUsd": self.held,
            "exhausted": self.exhausted,
        })
    }

    /// The limit of which the least is left, what it is of, and what was spent of it.
    pub fn tightest(&self) -> Option<(&'static str, MicroUsd, MicroUsd)> {
        let turn = self.turn_limit.map(|limit| ("turn", self.spent_turn, limit));
        let project = self.project_limit.map(|limit| ("project", self.spent_project, limit));
        let limits = turn.into_iter().chain(project);
        limits.min_by_key(|(_, spent, limit)| limit.minus(*spent))
    }

    fn limits(&self) -> impl Iterator<Item = (MicroUsd, MicroUsd)> {
        let turn = self.turn_limit.map(|limit| (self.spent_turn, limit));
        let project = self.project_limit.map(|limit| (self.spent_project, limit));
        turn.into_iter().chain(project)
    }

    fn is_over(&self) -> bool {
        self.limits().any(|(spent, limit)| spent.plus(self.running) >= limit)
    }

    /// What is left, once little is.
    fn nearly_over(&self) -> Option<MicroUsd> {
        let used = |spent: MicroUsd| spent.plus(self.running);
        let share =
            |amount: MicroUsd, percent: i64| i128::from(amount.micros()) * i128::from(percent);
        let near = |spent, limit| share(used(spent), 100) >= share(limit, WRAP_UP_PERCENT);
        let limits = self.limits().filter(|(spent, limit)| near(*spent, *limit));
        limits.map(|(spent, limit)| limit.minus(used(spent))).min()
    }
}

fn wrap_up(left: MicroUsd) -> String {
    format!(
        "The budget of this turn is nearly used up: about ${left} is left. Wrap up now: finish \
         what you are doing in as few steps as possible, leave the files in a working state, \
         begin nothing new, and say in a few sentences what is done and what is not."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(micros: i64) -> MicroUsd {
        MicroUsd::new(micros)
    }

    fn meter(spent: i64, running: i64) -> Meter {
        Meter {
            thread: "T".into(),
            turn: Some("a".into()),
            spent_turn: usd(spent),
            spent_project: usd(spent),
            turn_limit: Some(usd(100)),
            project_limit: None,
            held: usd(0),
            running: usd(running),
            exhausted: false,
            at: Timestamp::from_millis(0),
        }
    }

    fn nudges(meters: &[Meter]) -> Vec<&'static str> {
        let mut watch = Watch::default();
        let mut nudge = |meter| match step(&mut watch, meter) {
            Some(Nudge::Steer(_)) => "steer",
            Some(Nudge::Interrupt) => "interrupt",
            None => "-",
        };
        meters.iter().map(&mut nudge).collect()
    }

    #[test]
    fn a_turn_is_told_once_to_wrap_up_and_once_to_stop() {
        let spent = [0, 79, 80, 90, 99, 100, 100].map(|spent| meter(spent, 0));
        assert_eq!(nudges(&spent), ["-", "-", "steer", "-", "-", "interrupt", "-"]);
    }

    #[test]
    fn what_a_running_call_is_certain_to_cost_counts() {
        let running = [meter(40, 39), meter(40, 40), meter(85, 0), meter(40, 60)];
        assert_eq!(nudges(&running), ["-", "steer", "-", "interrupt"]);
    }

    #[test]
    fn the_limit_of_the_project_counts_as_much_as_the_turn_s() {
        let of = |spent, limit| Meter { project_limit: Some(usd(limit)), ..meter(spent, 0) };
        assert_eq!(nudges(&[of(10, 12), of(12, 12)]), ["steer", "interrupt"]);
        let Some(Nudge::Steer(text)) = step(&mut Watch::default(), &of(10, 12)) else { panic!() };
        assert!(text.contains("about $0.000002 is left"), "{text}");
    }

    #[test]
    fn a_turn_that_was_refused_a_call_is_ended_at_once() {
        let refused = Meter { exhausted: true, ..meter(70, 0) };
        assert_eq!(nudges(&[refused.clone(), refused]), ["interrupt", "-"]);
    }

    #[test]
    fn each_turn_is_watched_anew_and_nothing_is_done_between_turns() {
        let next = Meter { turn: Some("b".into()), ..meter(85, 0) };
        let idle = Meter { turn: None, exhausted: true, ..meter(100, 0) };
        assert_eq!(nudges(&[meter(85, 0), next, idle]), ["steer", "steer", "-"]);
    }

    #[test]
    fn a_turn_without_a_limit_is_left_alone() {
        let free = Meter { turn_limit: None, ..meter(1_000_000, 9) };
        assert_eq!(nudges(&[free]), ["-"]);
    }
}
