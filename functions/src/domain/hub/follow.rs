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

#[cfg(test)]
mod tests {
    use schema::{
        AskId, RunnerId, Timestamp,
        rpc::RequestId,
        tunnel::{Process, ProcessState},
    };

    use super::*;
    use crate::domain::hub::{
        Output, Place, Question, State,
        command::{Act, Labels, Profile},
    };

    const ALICE: AccountId = AccountId::from_bits(0xa11ce);
    const BOB: AccountId = AccountId::from_bits(0xb0b);
    const ONE: ProjectId = ProjectId::from_bits(1);
    const OTHER: ProjectId = ProjectId::from_bits(2);
    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn hub() -> Hub {
        let (id, name, labels) = (RunnerId::from_bits(1), String::new(), Labels::new());
        let profile = Profile { id, name, labels, capacity: 1, ephemeral: false };
        let mut hub = Hub::default();
        hub.obey(Act::Enrol { profile }, b"", NOW);
        hub
    }

    /// What is written when a project wants to follow a thread; nothing if it may not.
    fn follow(
        hub: &mut Hub,
        account: AccountId,
        project: ProjectId,
        thread: &str,
    ) -> Option<usize> {
        let act = Act::Follow { account, project, thread: thread.to_owned() };
        let (verdict, outputs) = hub.obey(act, b"", NOW);
        let rows = outputs.iter().map(|output| match output {
            Output::Store(batch) => batch.follows.len(),
            _ => 0,
        });
        matches!(verdict, Verdict::Now(Answer::Done)).then(|| rows.sum())
    }

    #[test]
    fn a_thread_belongs_to_one_project_and_again_is_the_same() {
        let mut hub = hub();
        assert_eq!(follow(&mut hub, ALICE, ONE, "T"), Some(1));
        assert_eq!(follow(&mut hub, ALICE, ONE, "T"), Some(0));
        assert_eq!(follow(&mut hub, ALICE, OTHER, "T"), None);
        assert_eq!(follow(&mut hub, BOB, OTHER, "T"), Some(1), "another account's thread");
        assert_eq!(follow(&mut hub, ALICE, ONE, &"T".repeat(257)), None);
        assert_eq!(hub.follower(ALICE, "T"), Some(ONE));
        assert_eq!(hub.follower(BOB, "T"), Some(OTHER));
        assert_eq!(hub.follower(ALICE, "U"), None);
    }

    #[test]
    fn a_project_follows_all_its_threads_from_where_the_first_began() {
        let mut hub = hub();
        assert_eq!(hub.followed(ALICE, ONE), None);
        for (last, thread) in [(7, "T"), (9, "U")] {
            hub.place_mut(ALICE).last = Seq(last);
            follow(&mut hub, ALICE, ONE, thread);
        }
        follow(&mut hub, ALICE, OTHER, "V");
        let threads = vec!["T".to_owned(), "U".to_owned()];
        assert_eq!(hub.followed(ALICE, ONE), Some(Followed { threads, since: Seq(7) }));
    }

    #[test]
    fn what_lies_before_the_beginning_of_a_log_is_not_missed() {
        let mut hub = hub();
        follow(&mut hub, ALICE, ONE, "T");
        follow(&mut hub, BOB, OTHER, "T");
        let mut out = Out::default();
        hub.begun(ALICE, Seq(41), &mut out);
        let since = |account, project| hub.followed(account, project).map(|it| it.since);
        assert_eq!((since(ALICE, ONE), since(BOB, OTHER)), (Some(Seq(40)), Some(Seq(0))));
        assert_eq!(out.batch.follows.len(), 1);
    }

    #[test]
    fn a_turn_or_a_question_is_waited_for() {
        let mut hub = hub();
        follow(&mut hub, ALICE, ONE, "T");
        follow(&mut hub, BOB, OTHER, "T");
        assert!(hub.waiting().is_empty());
        let process = Process {
            process: ALICE,
            state: ProcessState::Running,
            reason: String::new(),
            codex: String::new(),
            provisioned: true,
            turns: 1,
        };
        hub.places.insert(ALICE, Place { process: Some(process), ..Place::default() });
        assert_eq!(hub.waiting(), BTreeSet::from([(ALICE, ONE)]));
        let (request, thread) = (RequestId::Number(0), Some("T".to_owned()));
        let question =
            Question { account: BOB, seq: Seq(1), request, thread, state: State::Pending };
        hub.asks.insert(AskId::from_bits(1), question);
        assert_eq!(hub.waiting(), BTreeSet::from([(ALICE, ONE), (BOB, OTHER)]));
    }
}
