//! What a project may spend: of each turn, and in all. A cap is neither money nor a hold; it says
//! how much a project's holds may come to, so that its cost cannot pass the limit.
//!
//! The arithmetic is the wallet's: what is left is the limit less what was spent and what open
//! holds reserve. A call of the project holds no more than is left, its hold grows by no more than
//! is left, and what it cost beyond that is ours to bear. Who pays, the wallet or the Unlimited
//! plan, makes no difference.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    rc::Rc,
};

use schema::{MicroUsd, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use super::project::meter::Meter;

#[cfg(test)]
mod tests;

/// Threads whose calls count to a project at most, and helpers' threads; the newest stay.
const THREADS_MAX: usize = 256;
/// Turns of a project that are remembered, so that a call which outlives its turn still counts to
/// it. Those that run are remembered beside them.
const TURNS_MAX: usize = 16;

/// What a project may spend from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cap {
    /// A thread of the project, whose calls count from now on. Those of its helpers count too.
    pub thread: String,
    /// The turn that the thread is about to run; nothing if none.
    pub turn: Option<TurnCap>,
    /// Of all turns of the project together.
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

/// What an account's object is told of a project's spending. It answers with a [`Meter`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// From now on this is what it may spend; the same again changes nothing.
    Set { project: ProjectId, cap: Cap },
    /// A turn is over. Another that runs in its thread meanwhile runs on.
    End { project: ProjectId, thread: String, turn: String },
    /// What it has spent, and what the turn has that runs in this thread, or in the latest.
    Look { project: ProjectId, thread: Option<String> },
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

/// What one project may spend, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// The latest last.
    pub threads: VecDeque<String>,
    pub limit: Option<MicroUsd>,
    /// Which turn runs in a thread.
    pub current: BTreeMap<String, String>,
    /// The oldest first.
    pub turns: VecDeque<Turn>,
}

/// A turn that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub thread: String,
    #[serde(flatten)]
    pub cap: TurnCap,
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
    /// Threads of projects of whose spending there is something new to tell.
    news: Vec<(ProjectId, String)>,
}

#[derive(Debug)]
struct Kept {
    budget: Budget,
    /// Nothing until rows were asked.
    spent: Option<Spent>,
    /// Turns in which a call was refused or ended, because nothing was left.
    exhausted: HashSet<Option<String>>,
}

#[derive(Debug, Clone)]
struct Member {
    project: ProjectId,
    root: String,
}

impl Budget {
    /// Takes a new cap.
    pub fn set(&mut self, cap: Cap) {
        let Cap { thread, turn, limit } = cap;
        self.limit = limit;
        self.threads.retain(|known| *known != thread);
        self.threads.push_back(thread.clone());
        while self.threads.len() > THREADS_MAX {
            if let Some(oldest) = self.threads.pop_front() {
                self.current.remove(&oldest);
            }
        }
        match turn {
            Some(cap) => {
                self.turns.retain(|known| known.cap.id != cap.id);
                self.current.insert(thread.clone(), cap.id.clone());
                self.turns.push_back(Turn { thread, cap });
            }
            None => drop(self.current.remove(&thread)),
        }
        let runs = |turn: &Turn| self.current.get(&turn.thread) == Some(&turn.cap.id);
        let mut over = self.turns.iter().filter(|turn| !runs(turn)).count();
        over = over.saturating_sub(TURNS_MAX);
        let oldest: Vec<_> = self.turns.iter().filter(|turn| !runs(turn)).take(over).collect();
        let oldest: Vec<_> = oldest.into_iter().map(|turn| turn.cap.id.clone()).collect();
        self.turns.retain(|turn| !oldest.contains(&turn.cap.id));
    }

    /// A turn is over.
    pub fn end(&mut self, thread: &str, turn: &str) {
        if self.current.get(thread).is_some_and(|current| current == turn) {
            self.current.remove(thread);
        }
    }

    /// The turn that runs in a thread; or else, for what is late, the last that ran.
    fn turn_of(&self, thread: &str, late: bool) -> Option<&str> {
        let its = |turn: &&Turn| turn.thread == thread;
        let last = || self.turns.iter().rev().find(its).map(|turn| &*turn.cap.id);
        let current = self.current.get(thread).map(String::as_str);
        current.or_else(|| if late { last() } else { None })
    }

    fn turn(&self, id: &str) -> Option<&TurnCap> {
        self.turns.iter().map(|turn| &turn.cap).find(|cap| cap.id == id)
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

    /// What a project may spend; nothing yet for one that is new.
    pub fn budget(&self, project: ProjectId) -> Option<&Budget> {
        self.projects.get(&project).map(|kept| &kept.budget)
    }

    /// Puts a budget in force that is kept.
    pub fn put(&mut self, project: ProjectId, budget: Budget) {
        self.threads
            .retain(|_, member| member.project != project || budget.threads.contains(&member.root));
        for root in &budget.threads {
            self.threads.insert(root.clone(), Member { project, root: root.clone() });
        }
        let Some(kept) = self.projects.get_mut(&project) else {
            let (spent, exhausted) = (None, HashSet::new());
            self.projects.insert(project, Kept { budget, spent, exhausted });
            return;
        };
        // With a higher limit, a turn may go on.
        let same = |id: &str| kept.budget.turn(id) == budget.turn(id);
        let same_limit = kept.budget.limit == budget.limit;
        kept.exhausted.retain(|id| same_limit && id.as_deref().is_none_or(same));
        kept.budget = budget;
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
    /// first call on; it may work on when the turn is over that it helps, and counts to it still.
    pub fn purpose(&mut self, origin: Origin<'_>) -> Option<Rc<Purpose>> {
        self.find(origin, false)
    }

    /// The same for what is told when a turn is over.
    pub fn late_purpose(&mut self, thread: &str) -> Option<Rc<Purpose>> {
        self.find(Origin { thread, ..Origin::default() }, true)
    }

    fn find(&mut self, origin: Origin<'_>, late: bool) -> Option<Rc<Purpose>> {
        if self.is_empty() {
            return None;
        }
        let kin = [origin.thread, origin.parent, origin.session];
        let member = kin.into_iter().find_map(|thread| self.threads.get(thread))?.clone();
        let Member { project, root } = &member;
        let late = late || origin.thread != root;
        let turn = self.budget(*project)?.turn_of(root, late).map(str::to_owned);
        let purpose = Purpose { project: *project, turn, thread: root.clone() };
        if !origin.thread.is_empty() && !self.threads.contains_key(origin.thread) {
            self.adopt(origin.thread, member);
        }
        Some(Rc::new(purpose))
    }

    /// A helper that is forgotten is found by its session.
    fn adopt(&mut self, thread: &str, member: Member) {
        let project = member.project;
        let helps = |id: &String, it: &Member| it.project == project && *id != it.root;
        let helpers = self.threads.iter().filter(|(id, it)| helps(id, it)).count();
        if helpers >= THREADS_MAX {
            self.threads.retain(|id, it| !helps(id, it));
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
        let of_turn = |id| match budget.turn(id) {
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
            kept.exhausted.insert(purpose.turn.clone());
        }
        self.tell(purpose);
    }

    /// There is something new to tell of a project's spending.
    pub fn tell(&mut self, purpose: &Purpose) {
        let known = |(project, thread): &(ProjectId, String)| {
            *project == purpose.project && *thread == purpose.thread
        };
        if !self.news.iter().any(known) {
            self.news.push((purpose.project, purpose.thread.clone()));
        }
    }

    /// Whether there is something new to tell.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// The threads of projects of whose spending there is something new to tell, once.
    pub fn take_news(&mut self) -> Vec<(ProjectId, String)> {
        std::mem::take(&mut self.news)
    }

    /// What counts now in a thread of a project, or in its latest.
    pub fn current(&self, project: ProjectId, thread: Option<&str>) -> Option<Purpose> {
        let budget = self.budget(project)?;
        let latest = || budget.threads.back().map(String::as_str);
        let thread = thread.or_else(latest).unwrap_or_default().to_owned();
        Some(Purpose { project, turn: budget.current.get(&thread).cloned(), thread })
    }

    /// Where a project and the turn of a thread stand.
    pub fn meter(&self, of: Purpose, held: Held, now: Timestamp) -> Option<Meter> {
        let Purpose { project, turn, thread } = of;
        let Kept { budget, spent, exhausted } = self.projects.get(&project)?;
        let nothing = Spent::default();
        let spent = spent.as_ref().unwrap_or(&nothing);
        Some(Meter {
            spent_turn: spent.of(turn.as_deref()),
            spent_project: spent.project,
            turn_limit: turn.as_deref().and_then(|id| budget.turn(id)?.limit),
            project_limit: budget.limit,
            held: held.project,
            running: held.certain,
            exhausted: exhausted.contains(&turn),
            thread,
            turn,
            at: now,
        })
    }
}
