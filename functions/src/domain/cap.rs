//! What a project may spend: of each turn, and in all. A cap is neither money nor a hold; it says
//! how much a project's holds may come to, so that its cost cannot pass the limit.
//!
//! The arithmetic is the wallet's: what is left is the limit less what was spent and what open
//! holds reserve. A call of the project holds no more than is left, its hold grows by no more than
//! is left, and what it cost beyond that is ours to bear. Who pays, the wallet or the Unlimited
//! plan, makes no difference.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use schema::{MicroUsd, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use super::project::meter::Meter;

#[cfg(test)]
mod tests;

/// Threads whose calls count to a project at most; the newest stay.
const THREADS_MAX: usize = 256;
/// Turns of a project that are remembered, so that a call which outlives its turn still counts to
/// it.
const TURNS_MAX: usize = 8;

/// What a project may spend, and which calls count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cap {
    /// Its threads, the newest last. The threads of their helpers count too.
    pub threads: Vec<String>,
    /// The turn to which calls count from now on.
    pub turn: Option<TurnCap>,
    /// Of all its turns together.
    pub limit: Option<MicroUsd>,
}

/// What a turn may spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnCap {
    /// What names it, for good: codex's id, or that of the operation that begins it. What was
    /// spent under a name counts whenever it is named again.
    pub id: String,
    #[serde(default)]
    pub limit: Option<MicroUsd>,
}

/// What an account's object is told of a project's spending. Both are answered with a [`Meter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// From now on this is what it may spend; the same again changes nothing.
    Set { project: ProjectId, cap: Cap },
    /// What it has spent.
    Look { project: ProjectId },
}

/// To what a call counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    pub project: ProjectId,
    pub turn: Option<String>,
    /// The project's own thread, which a helper's belongs to.
    pub thread: String,
}

/// Where a call comes from, as its head says; each the empty text where it does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    pub thread: &'a str,
    /// The thread that had this one made, for a helper.
    pub parent: &'a str,
    /// The session, which a helper shares with the thread that it helps.
    pub session: &'a str,
}

/// What one project may spend and has spent, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    pub threads: Vec<String>,
    pub limit: Option<MicroUsd>,
    /// Which of the turns runs.
    pub current: Option<String>,
    /// The oldest first.
    pub turns: VecDeque<TurnCap>,
}

/// What rows say that a project has spent: in all, and of each turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    pub project: MicroUsd,
    pub turns: HashMap<String, MicroUsd>,
}

/// What open holds reserve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    pub project: MicroUsd,
    pub turn: MicroUsd,
    /// What the turn's running calls are certain to cost.
    pub certain: MicroUsd,
}

/// The caps of an account.
#[derive(Debug, Default)]
pub struct Caps {
    projects: HashMap<ProjectId, Kept>,
    threads: HashMap<String, Member>,
    /// Projects of whose spending there is something new to tell.
    news: Vec<ProjectId>,
}

#[derive(Debug)]
struct Kept {
    budget: Rc<Budget>,
    /// Nothing until rows were asked.
    spent: Option<Spent>,
    /// The turn in which a call was refused or ended, because nothing was left.
    exhausted: Option<Option<String>>,
}

#[derive(Debug, Clone)]
struct Member {
    project: ProjectId,
    root: String,
}

impl Budget {
    /// The same with a new cap. Turns that were are remembered for their last calls.
    fn with(&self, cap: Cap) -> Self {
        let Cap { mut threads, turn, limit } = cap;
        let over = threads.len().saturating_sub(THREADS_MAX);
        threads.drain(..over);
        let current = turn.as_ref().map(|turn| turn.id.clone());
        let mut turns = self.turns.clone();
        if let Some(turn) = turn {
            turns.retain(|known| known.id != turn.id);
            turns.push_back(turn);
        }
        let over = turns.len().saturating_sub(TURNS_MAX);
        turns.drain(..over);
        Self { threads, limit, current, turns }
    }

    fn turn(&self, id: Option<&str>) -> Option<&TurnCap> {
        self.turns.iter().find(|turn| Some(&*turn.id) == id)
    }
}

impl Spent {
    fn of(&self, turn: Option<&str>) -> MicroUsd {
        turn.and_then(|turn| self.turns.get(turn)).copied().unwrap_or_default()
    }

    fn add(&mut self, turn: Option<&str>, amount: MicroUsd) {
        self.project = self.project.plus(amount);
        if let Some(turn) = turn {
            let spent = self.turns.entry(turn.to_owned()).or_default();
            *spent = spent.plus(amount);
        }
    }
}

impl Caps {
    /// Whether no project of the account is counted: then nothing need be asked of a call.
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty()
    }

    /// A project's budget with a new cap: to be kept first, and put in force by [`Caps::put`].
    pub fn with(&self, project: ProjectId, cap: Cap) -> Budget {
        let kept = self.projects.get(&project);
        kept.map_or_else(|| Budget::default().with(cap.clone()), |it| it.budget.with(cap.clone()))
    }

    /// Puts a budget in force that is kept.
    pub fn put(&mut self, project: ProjectId, budget: Budget) {
        self.threads
            .retain(|_, member| member.project != project || budget.threads.contains(&member.root));
        for root in &budget.threads {
            self.threads.insert(root.clone(), Member { project, root: root.clone() });
        }
        let before = self.projects.remove(&project);
        let same_turn = |kept: &Kept| kept.budget.current == budget.current;
        let raised = |kept: &Kept| *kept.budget != budget;
        let exhausted = before.as_ref().filter(|it| same_turn(it) && !raised(it));
        let exhausted = exhausted.and_then(|kept| kept.exhausted.clone());
        let spent = before.and_then(|kept| kept.spent);
        self.projects.insert(project, Kept { budget: Rc::new(budget), spent, exhausted });
    }

    /// The turns of a project whose sums are asked of its rows.
    pub fn budget(&self, project: ProjectId) -> Option<&Budget> {
        self.projects.get(&project).map(|kept| &*kept.budget)
    }

    /// Whether nothing is known of what a project has spent. It spends nothing until then.
    pub fn is_unread(&self, project: ProjectId) -> bool {
        self.projects.get(&project).is_some_and(|kept| kept.spent.is_none())
    }

    /// What rows say that a project has spent.
    pub fn learn(&mut self, project: ProjectId, spent: Spent) {
        if let Some(kept) = self.projects.get_mut(&project) {
            kept.spent = Some(spent);
        }
    }

    /// To what a call counts, if it is a project's. A helper's thread is its parent's from its
    /// first call on.
    pub fn purpose(&mut self, origin: Origin<'_>) -> Option<Rc<Purpose>> {
        if self.is_empty() {
            return None;
        }
        let kin = [origin.thread, origin.parent, origin.session];
        let member = kin.into_iter().find_map(|thread| self.threads.get(thread))?.clone();
        let Member { project, root } = &member;
        let budget = &self.projects.get(project)?.budget;
        let purpose =
            Purpose { project: *project, turn: budget.current.clone(), thread: root.clone() };
        if !origin.thread.is_empty() && !self.threads.contains_key(origin.thread) {
            self.adopt(origin.thread, member);
        }
        Some(Rc::new(purpose))
    }

    /// The same purpose; of the project's last turn, if none runs.
    pub fn with_last_turn(&self, purpose: Rc<Purpose>) -> Rc<Purpose> {
        let last = || Some(self.budget(purpose.project)?.turns.back()?.id.clone());
        match &purpose.turn {
            Some(_) => purpose,
            None => Rc::new(Purpose { turn: last(), ..Purpose::clone(&purpose) }),
        }
    }

    /// A helper that is forgotten is found by its session.
    fn adopt(&mut self, thread: &str, member: Member) {
        let project = member.project;
        let helpers = |threads: &HashMap<String, Member>| {
            let its = threads.iter().filter(|(id, it)| it.project == project && **id != it.root);
            its.count()
        };
        if helpers(&self.threads) >= THREADS_MAX {
            self.threads.retain(|id, it| it.project != project || *id == it.root);
        }
        self.threads.insert(thread.to_owned(), member);
    }

    /// What a purpose's limits leave of that much: nothing where no limit is set.
    fn least(&self, purpose: &Purpose, held: Held) -> Option<MicroUsd> {
        let Some(Kept { budget, spent: Some(spent), .. }) = self.projects.get(&purpose.project)
        else {
            return Some(MicroUsd::ZERO);
        };
        let project = budget.limit.map(|limit| limit.minus(spent.project).minus(held.project));
        let of_turn = |id| match budget.turn(Some(id)) {
            Some(turn) => turn.limit.map(|limit| limit.minus(spent.of(Some(id))).minus(held.turn)),
            // So long ago that nobody knows any more what it might have cost.
            None => Some(MicroUsd::ZERO),
        };
        let turn = purpose.turn.as_deref().and_then(of_turn);
        let least = match (project, turn) {
            (Some(project), Some(turn)) => Some(project.min(turn)),
            (one, other) => one.or(other),
        };
        least.map(MicroUsd::or_zero)
    }

    /// What a call may take, beside what open holds reserve; nothing is said where no limit is set.
    pub fn room(&self, purpose: &Purpose, held: Held) -> Option<MicroUsd> {
        self.least(purpose, held)
    }

    /// What a call could take if no hold of the project were open.
    pub fn worth(&self, purpose: &Purpose) -> Option<MicroUsd> {
        self.least(purpose, Held::default())
    }

    /// A call has cost so much; or less than was said before.
    pub fn spend(&mut self, purpose: &Purpose, amount: MicroUsd) {
        let kept = self.projects.get_mut(&purpose.project);
        if let Some(spent) = kept.and_then(|kept| kept.spent.as_mut()) {
            spent.add(purpose.turn.as_deref(), amount);
        }
        self.tell(purpose);
    }

    /// A call was refused or ended, because nothing was left.
    pub fn exhaust(&mut self, purpose: &Purpose) {
        if let Some(kept) = self.projects.get_mut(&purpose.project) {
            kept.exhausted = Some(purpose.turn.clone());
        }
        self.tell(purpose);
    }

    /// There is something new to tell of a project's spending.
    pub fn tell(&mut self, purpose: &Purpose) {
        if !self.news.contains(&purpose.project) {
            self.news.push(purpose.project);
        }
    }

    /// The projects of whose spending there is something new to tell, once.
    pub fn take_news(&mut self) -> Vec<ProjectId> {
        std::mem::take(&mut self.news)
    }

    /// The purpose of a project's running turn.
    pub fn current(&self, project: ProjectId) -> Option<Purpose> {
        let budget = self.budget(project)?;
        let thread = budget.threads.last().cloned().unwrap_or_default();
        Some(Purpose { project, turn: budget.current.clone(), thread })
    }

    /// Where a project stands.
    pub fn meter(&self, project: ProjectId, held: Held, now: Timestamp) -> Option<Meter> {
        let Kept { budget, spent, exhausted } = self.projects.get(&project)?;
        let spent = spent.clone().unwrap_or_default();
        let turn = budget.turn(budget.current.as_deref());
        Some(Meter {
            thread: budget.threads.last().cloned(),
            turn: budget.current.clone(),
            spent_turn: spent.of(budget.current.as_deref()),
            spent_project: spent.project,
            turn_limit: turn.and_then(|turn| turn.limit),
            project_limit: budget.limit,
            held: held.project,
            running: held.certain,
            exhausted: exhausted.as_ref() == Some(&budget.current),
            at: now,
        })
    }
}
