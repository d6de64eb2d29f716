//! Which project is told what a thread says. A project's object is fed by the runner's: see
//! `domain::project::feed`.

use std::collections::{BTreeMap, BTreeSet};

use schema::{AccountId, Code, Error, ProjectId, tunnel::Seq};

use super::{Hub, ThreadKey, Verdict, command::Answer, out::Out};

/// Threads of one runner that are followed, over its whole life.
const FOLLOWS_MAX: usize = 65_536;
/// Bytes of a thread's name.
const THREAD_MAX_BYTES: usize = 256;

/// Threads that projects follow.
pub type Follows = BTreeMap<ThreadKey, Follow>;

/// That a project follows a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    pub project: ProjectId,
    /// Where the log stood when it began. What was forgotten before is no loss of the project's.
    pub since: Seq,
}

/// What a project follows of an account's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    pub threads: Vec<String>,
    /// Where the log stood when the first of them began.
    pub since: Seq,
}

impl Hub {
    /// The threads that were followed when this was kept.
    pub fn restore_follows(&mut self, follows: Follows) {
        self.follows = follows;
    }

    /// A thread's project, if one follows it.
    pub fn follower(&self, account: AccountId, thread: &str) -> Option<ProjectId> {
        self.follows.get(&(account, thread.to_owned())).map(|follow| follow.project)
    }

    /// What a project follows; nothing if it follows nothing.
    pub fn followed(&self, account: AccountId, project: ProjectId) -> Option<Followed> {
        let ours = self.of(account).filter(|(_, follow)| follow.project == project);
        let mut followed: Option<Followed> = None;
        for ((_, thread), follow) in ours {
            let all =
                followed.get_or_insert_with(|| Followed { since: follow.since, threads: vec![] });
            all.since = all.since.min(follow.since);
            all.threads.push(thread.clone());
        }
        followed
    }

    /// Projects that wait for what their process says next: it runs a turn, or waits for them.
    pub fn waiting(&self) -> BTreeSet<(AccountId, ProjectId)> {
        let busy = self
            .places
            .iter()
            .filter(|(_, place)| place.process.as_ref().is_some_and(|process| process.turns > 0));
        let running = busy.flat_map(|(account, _)| self.of(*account));
        let running = running.map(|((account, _), follow)| (*account, follow.project));
        let asked = self.asks.values().filter(|question| question.is_pending());
        let asked = asked.filter_map(|question| {
            let thread = question.thread.as_ref()?;
            Some((question.account, self.follower(question.account, thread)?))
        });
        running.chain(asked).collect()
    }

    /// A project follows a thread from now on.
    pub(super) fn follow(
        &mut self,
        account: AccountId,
        project: ProjectId,
        thread: String,
        out: &mut Out,
    ) -> Verdict {
        let since = self.places.get(&account).map_or(Seq(0), |place| place.last);
        let (key, follow) = ((account, thread), Follow { project, since });
        match self.follows.get(&key) {
            Some(known) if known.project == project => return Verdict::Now(Answer::Done),
            Some(known) => {
                let message = format!("This thread belongs to {}.", known.project);
                return Verdict::refuse(Error::new(Code::Conflict, message));
            }
            None => {}
        }
        if self.follows.len() >= FOLLOWS_MAX || key.1.len() > THREAD_MAX_BYTES {
            let message = "No more threads of this account's runner can be followed.";
            return Verdict::refuse(Error::new(Code::Conflict, message));
        }
        self.follows.insert(key.clone(), follow);
        out.batch.follows.push((key, follow));
        Verdict::Now(Answer::Done)
    }

    /// The log of an account begins here, with an event that need not be the first of its process.
    pub(super) fn begun(&mut self, account: AccountId, first: Seq, out: &mut Out) {
        let before = Seq(first.0.saturating_sub(1));
        let ours = self.follows.iter_mut().filter(|((of, _), _)| *of == account);
        for (key, follow) in ours.filter(|(_, follow)| follow.since < before) {
            follow.since = before;
            out.batch.follows.push((key.clone(), *follow));
        }
    }

    fn of(&self, account: AccountId) -> impl Iterator<Item = (&ThreadKey, &Follow)> {
        let from = (account, String::new());
        self.follows.range(from..).take_while(move |((of, _), _)| *of == account)
    }
}
