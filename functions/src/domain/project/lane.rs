//! The way from one account's log to one project: what to send next, by what the project said of
//! itself.
//!
//! Memory of a lane may be lost at any time, and a push with it: whether it was stored is only
//! known to the project, which is asked again then.

use schema::tunnel::Seq;

use crate::domain::hub::command::Standing;

/// Between the tries of a push, milliseconds. After the last it is given up until there is
/// something new, or the project asks.
const WAITS_MS: [u64; 4] = [250, 1_000, 4_000, 10_000];

/// What is known of one project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lane {
    /// Where the project stands, as it said last; nothing if it has to be asked.
    at: Option<Seq>,
    /// As far as this the log was looked through, and has nothing for the project after `at`.
    seen: Seq,
    /// What it was told of the runner last.
    told: Option<Standing>,
    /// Pushes that failed, one after the other.
    failed: usize,
}

/// The log, as far as it concerns a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The oldest event that is still there.
    pub first: Seq,
    /// The newest.
    pub last: Seq,
    /// Where it stood when the project began to follow. What was forgotten before is no loss.
    pub since: Seq,
}

/// What is to be read and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is asked where it stands.
    Ask,
    /// What follows its watermark, read from `from` on.
    Read { after: Seq, from: Seq, lost: bool },
    /// There is nothing for it but how the runner stands.
    Tell { after: Seq },
    /// It has everything.
    Rest,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub after: Seq,
    pub through: Seq,
    pub standing: Option<Standing>,
}

impl Lane {
    /// The project is asked where it stands before anything else is sent.
    pub fn ask(&mut self) {
        *self = Self::default();
    }

    /// What is to be done for a project while the runner stands so.
    pub fn next(&self, log: Log, standing: Standing) -> Next {
        let Some(after) = self.at else { return Next::Ask };
        let from = after.max(self.seen);
        let lost = from.max(log.since).next() < log.first;
        if from < log.last {
            return Next::Read { after, from, lost };
        }
        if self.told == Some(standing) { Next::Rest } else { Next::Tell { after } }
    }

    /// Whether the project has to be told how the runner stands.
    pub fn news(&self, standing: Standing) -> bool {
        self.told != Some(standing)
    }

    /// The log has nothing for the project up to here.
    pub fn skip(&mut self, through: Seq) {
        self.seen = self.seen.max(through);
    }

    /// The project has answered where it stands. False if it took nothing of what it should have.
    pub fn heard(&mut self, sent: Sent, through: Seq) -> bool {
        let stuck = self.at == Some(through) && sent.through > sent.after;
        if stuck {
            return false;
        }
        if self.at != Some(sent.after) || through != sent.through {
            self.seen = Seq(0);
        }
        self.at = Some(through);
        self.told = sent.standing.or(self.told);
        self.failed = 0;
        true
    }

    /// A push failed, and nobody knows whether the project has it. How long to wait before the
    /// next; nothing if it is given up.
    pub fn failed(&mut self) -> Option<u64> {
        let wait = WAITS_MS.get(self.failed).copied();
        let failed = if wait.is_some() { self.failed + 1 } else { 0 };
        *self = Self { failed, ..Self::default() };
        wait
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What may happen next.
    #[derive(Debug, Clone, Copy)]
    enum Weather {
        /// The process says something, in the project's thread or in another.
        Said { ours: bool },
        /// The oldest events are forgotten.
        Trimmed { many: u64 },
        /// A push goes out: and is lost before or after it is stored, or is heard.
        Pushed { arrives: bool, answered: bool },
        /// The feeder's memory is lost.
        Forgotten,
        /// The project asks.
        Asked,
    }

    fn weather() -> impl Strategy<Value = Weather> {
        prop_oneof![
            6 => any::<bool>().prop_map(|ours| Weather::Said { ours }),
            1 => (1..6u64).prop_map(|many| Weather::Trimmed { many }),
            6 => any::<(bool, bool)>()
                .prop_map(|(arrives, answered)| Weather::Pushed { arrives, answered }),
            1 => Just(Weather::Forgotten),
            1 => Just(Weather::Asked),
        ]
    }

    /// A log, a lane, and a project that stores what it is sent.
    struct World {
        lane: Lane,
        log: Log,
        /// Whose each event is, from the log's very beginning.
        said: Vec<bool>,
        watermark: Seq,
        stored: Vec<u64>,
        /// Events that the project was told were lost.
        lost: Vec<u64>,
    }

    impl World {
        fn new(since: u64) -> Self {
            let log = Log { first: Seq(since + 1), last: Seq(since), since: Seq(since) };
            let said = vec![false; usize::try_from(since).unwrap()];
            let (watermark, stored, lost) = (Seq(0), Vec::new(), Vec::new());
            Self { lane: Lane::default(), log, said, watermark, stored, lost }
        }

        fn happen(&mut self, weather: Weather) {
            match weather {
                Weather::Said { ours } => {
                    self.said.push(ours);
                    self.log.last = self.log.last.next();
                }
                Weather::Trimmed { many } => {
                    self.log.first = Seq((self.log.first.0 + many).min(self.log.last.0 + 1));
                }
                Weather::Pushed { arrives, answered } => {
                    self.push(arrives, answered);
                }
                Weather::Forgotten => self.lane = Lane::default(),
                Weather::Asked => self.lane.ask(),
            }
        }

        fn ours(&self, after: Seq, through: Seq) -> Vec<u64> {
            let all = after.0 + 1..=through.0;
            all.filter(|seq| self.said[usize::try_from(seq - 1).unwrap()]).collect()
        }

        /// One push. False if there was nothing to do.
        fn push(&mut self, arrives: bool, answered: bool) -> bool {
            let standing = Some(Standing::Online);
            let next = self.lane.next(self.log, Standing::Online);
            let (events, lost, sent) = match next {
                Next::Rest => return false,
                Next::Ask => (vec![], false, Sent { after: Seq(0), through: Seq(0), standing }),
                Next::Tell { after } => (vec![], false, Sent { after, through: after, standing }),
                Next::Read { after, from, lost } => {
                    let from = from.max(Seq(self.log.first.0 - 1));
                    let mut events = self.ours(from, self.log.last);
                    let more = events.len() > 2;
                    events.truncate(2);
                    let through = if more { Seq(events[1]) } else { self.log.last };
                    if events.is_empty() && !lost {
                        self.lane.skip(through);
                        return true;
                    }
                    (events, lost, Sent { after, through, standing: None })
                }
            };
            if arrives && sent.after == self.watermark && sent.through > self.watermark {
                if lost {
                    self.lost.extend(self.ours(self.watermark, Seq(self.log.first.0 - 1)));
                }
                self.stored.extend(events);
                self.watermark = sent.through;
            }
            if arrives && answered {
                assert!(self.lane.heard(sent, self.watermark), "{sent:?}");
            } else {
                self.lane.failed();
            }
            true
        }
    }

    proptest! {
        #[test]
        fn a_project_gets_each_event_once_in_order_and_is_told_of_what_is_lost(
            since in 0..5u64, weather in prop::collection::vec(weather(), 1..120),
        ) {
            let mut world = World::new(since);
            for weather in weather {
                world.happen(weather);
            }
            world.happen(Weather::Asked);
            let mut pushes = 0;
            while world.push(true, true) {
                pushes += 1;
                prop_assert!(pushes < 200, "it never rests");
            }
            prop_assert!(world.stored.is_sorted_by(|a, b| a < b), "{:?}", world.stored);
            let mut known = [world.stored.clone(), world.lost.clone()].concat();
            known.sort_unstable();
            prop_assert_eq!(known, world.ours(Seq(0), world.log.last));
        }
    }

    #[test]
    fn what_was_forgotten_before_it_was_followed_is_no_loss() {
        let lane = |at| Lane { at: Some(Seq(at)), ..Lane::default() };
        let log = Log { first: Seq(9), last: Seq(9), since: Seq(8) };
        let read = Next::Read { after: Seq(0), from: Seq(0), lost: false };
        assert_eq!(lane(0).next(log, Standing::Online), read);
        let log = Log { first: Seq(10), last: Seq(9), ..log };
        let read = Next::Read { after: Seq(0), from: Seq(0), lost: true };
        assert_eq!(lane(0).next(log, Standing::Online), read);
        assert_eq!(lane(9).next(log, Standing::Online), Next::Tell { after: Seq(9) });
    }

    #[test]
    fn a_project_out_of_reach_is_tried_some_times_and_then_left_alone() {
        let mut lane = Lane::default();
        for wait in WAITS_MS {
            assert_eq!(lane.failed(), Some(wait));
        }
        assert_eq!((lane.failed(), lane), (None, Lane::default()));
    }

    #[test]
    fn a_project_that_takes_nothing_is_not_fed_for_ever() {
        let mut lane = Lane { at: Some(Seq(3)), ..Lane::default() };
        let sent = Sent { after: Seq(3), through: Seq(5), standing: None };
        assert!(!lane.heard(sent, Seq(3)));
        assert!(lane.heard(sent, Seq(4)), "it stands elsewhere, and is fed from there");
    }
}
