//! How often something may be tried that is limited, so that guessing and flooding take too long.
//!
//! A gate counts for one address, or for one account. What an account's gate counts is shared by
//! all strangers, so that many addresses guess no faster than one; an address from which the owner
//! came in before has a budget of its own, so that nobody locks the owner out.

use std::net::{IpAddr, Ipv6Addr};

use schema::{
    Timestamp,
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;
/// Addresses of its owner that an account's gate remembers; the one unseen for longest goes.
const KNOWN_MAX: usize = 20;
/// How long an address is remembered as the owner's.
const KNOWN_MS: i64 = 90 * DAY_MS;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A name with a password.
    Login,
    /// A new account.
    Register,
    /// A mail with a link to a new password.
    Forgot,
    /// A link to a new password.
    Reset,
    /// A link that shows whose a mail address is, and a mail with one.
    Verify,
    /// A sign-in elsewhere that comes back here.
    SignIn,
    /// A link that signs in.
    Link,
}

/// For what a gate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// One address.
    Address,
    /// One account, or a name that is tried as one.
    Account,
}

/// What a gate is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// May this be tried? It counts if so.
    Take,
    /// What was taken was no guess.
    GiveBack,
    /// The same, and it was the owner who came in.
    Welcome,
    /// A failure for which no leave was asked.
    Miss,
}

/// What a gate is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub place: Place,
    pub kind: Kind,
    /// The address, as [`name`] writes it.
    pub from: String,
    pub act: Act,
}

/// What a gate says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Milliseconds to wait, where it may not be tried now.
    pub wait_ms: Option<i64>,
    /// Whether the address is one of the owner's.
    pub known: bool,
}

/// So many in so long.
struct Budget {
    most: usize,
    window_ms: i64,
}

const fn budget(place: Place, kind: Kind) -> Budget {
    let (most, window_ms) = match (place, kind) {
        (Place::Address, Kind::Login) => (20, 5 * MINUTE_MS),
        (Place::Address, Kind::Register | Kind::Reset) => (20, HOUR_MS),
        (Place::Address, Kind::Forgot) => (10, HOUR_MS),
        (Place::Address, Kind::Verify) => (30, HOUR_MS),
        (Place::Address, Kind::SignIn | Kind::Link) => (30, 5 * MINUTE_MS),
        (Place::Account, Kind::Login | Kind::SignIn | Kind::Link) => (10, 15 * MINUTE_MS),
        (Place::Account, Kind::Register | Kind::Reset) => (10, HOUR_MS),
        (Place::Account, Kind::Forgot) => (3, HOUR_MS),
        (Place::Account, Kind::Verify) => (5, HOUR_MS),
    };
    Budget { most, window_ms }
}

/// What was tried lately, and who is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    tries: Vec<Try>,
    known: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Try {
    place: Place,
    kind: Kind,
    from: String,
    at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    from: String,
    at: Timestamp,
}

impl Gate {
    /// Does as it is told. What was refused is not counted, so what is kept stays small.
    pub fn step(&mut self, ask: Ask, now: Timestamp) -> Verdict {
        self.forget(now);
        let known = self.knows(&ask.from);
        let wait_ms = match ask.act {
            Act::Take => self.wait_ms(&ask, now),
            Act::Miss => None,
            Act::GiveBack | Act::Welcome => {
                self.give_back(&ask);
                if ask.act == Act::Welcome && ask.place == Place::Account {
                    self.welcome(ask.from, now);
                }
                return Verdict { wait_ms: None, known };
            }
        };
        if wait_ms.is_none() && self.lane(&ask).count() < budget(ask.place, ask.kind).most {
            let Ask { place, kind, from, .. } = ask;
            self.tries.push(Try { place, kind, from, at: now });
        }
        Verdict { wait_ms, known }
    }

    /// Drops what no longer matters; true if nothing is left.
    pub fn forget(&mut self, now: Timestamp) -> bool {
        self.tries.retain(|it| now.since(it.at) < budget(it.place, it.kind).window_ms);
        self.known.retain(|it| now.since(it.at) < KNOWN_MS);
        self.tries.is_empty() && self.known.is_empty()
    }

    fn wait_ms(&self, ask: &Ask, now: Timestamp) -> Option<i64> {
        let Budget { most, window_ms } = budget(ask.place, ask.kind);
        if self.lane(ask).count() < most {
            return None;
        }
        // Tries are in the order in which they came: the oldest leaves first.
        let oldest = self.lane(ask).next()?;
        Some((window_ms - now.since(oldest.at)).max(1))
    }

    /// The tries that count together with this one.
    fn lane<'a>(&'a self, ask: &'a Ask) -> impl Iterator<Item = &'a Try> {
        let owners = self.knows(&ask.from);
        let together = move |it: &&Try| {
            let same = (it.place, it.kind) == (ask.place, ask.kind);
            let lane = match ask.place {
                Place::Address => true,
                Place::Account if owners => it.from == ask.from,
                Place::Account => !self.knows(&it.from),
            };
            same && lane
        };
        self.tries.iter().filter(together)
    }

    fn knows(&self, from: &str) -> bool {
        self.known.iter().any(|it| it.from == from)
    }

    fn give_back(&mut self, ask: &Ask) {
        let same = |it: &Try| (it.place, it.kind, &it.from) == (ask.place, ask.kind, &ask.from);
        if let Some(last) = self.tries.iter().rposition(same) {
            self.tries.remove(last);
        }
    }

    fn welcome(&mut self, from: String, now: Timestamp) {
        self.known.retain(|it| it.from != from);
        if self.known.len() >= KNOWN_MAX {
            self.known.remove(0);
        }
        self.known.push(Known { from, at: now });
    }
}

/// The name under which an address counts: of IPv6 the /64 that one household has.
pub fn name(address: &str) -> String {
    match address.parse::<IpAddr>().map(|it| it.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let network = u128::from(address) >> 64 << 64;
            format!("{}/64", Ipv6Addr::from(network))
        }
        // Only outside production does a request come from nowhere.
        Err(_) => "nowhere".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
    const OWNER: &str = "192.0.2.1";

    fn ask(place: Place, act: Act, from: &str) -> Ask {
        Ask { place, kind: Kind::Login, from: from.to_owned(), act }
    }

    fn take(gate: &mut Gate, from: &str, now: Timestamp) -> bool {
        gate.step(ask(Place::Account, Act::Take, from), now).wait_ms.is_none()
    }

    #[test]
    fn strangers_share_what_an_account_allows_however_many_they_are() {
        let mut gate = Gate::default();
        let allowed = (0..50).filter(|n| take(&mut gate, &format!("198.51.100.{n}"), NOW)).count();
        assert_eq!(allowed, 10);
    }

    #[test]
    fn an_owner_comes_in_where_they_came_in_before_whatever_strangers_do() {
        let mut gate = Gate::default();
        assert!(take(&mut gate, OWNER, NOW));
        gate.step(ask(Place::Account, Act::Welcome, OWNER), NOW);
        while take(&mut gate, "198.51.100.1", NOW) {}
        assert!(!take(&mut gate, "203.0.113.9", NOW));
        for _ in 0..100 {
            assert!(take(&mut gate, OWNER, NOW));
            gate.step(ask(Place::Account, Act::Welcome, OWNER), NOW);
        }
        // Nor is an owner's address a way to guess for ever.
        let allowed = (0..50).filter(|_| take(&mut gate, OWNER, NOW)).count();
        assert_eq!(allowed, 10);
        assert!(gate.step(ask(Place::Account, Act::Take, OWNER), NOW).known);
    }

    #[test]
    fn what_was_no_guess_is_taken_back() {
        let mut gate = Gate::default();
        for _ in 0..100 {
            assert!(take(&mut gate, OWNER, NOW));
            gate.step(ask(Place::Account, Act::GiveBack, OWNER), NOW);
        }
        assert!(gate.forget(NOW));
    }

    #[test]
    fn who_waits_as_told_may_try_again_and_not_a_moment_before() {
        let mut gate = Gate::default();
        for n in 0..10 {
            assert!(take(&mut gate, OWNER, NOW.plus_millis(n * 1_000)));
        }
        let last = NOW.plus_millis(9_000);
        let wait = gate.step(ask(Place::Account, Act::Take, OWNER), last).wait_ms.unwrap();
        assert_eq!(wait, 15 * MINUTE_MS - 9_000);
        assert!(!take(&mut gate, OWNER, last.plus_millis(wait - 1)));
        assert!(take(&mut gate, OWNER, last.plus_millis(wait)));
    }

    #[test]
    fn a_failure_that_nobody_asked_about_counts_too() {
        let mut gate = Gate::default();
        for _ in 0..100 {
            gate.step(ask(Place::Address, Act::Miss, OWNER), NOW);
        }
        assert!(gate.step(ask(Place::Address, Act::Take, OWNER), NOW).wait_ms.is_some());
        assert_eq!(gate.tries.len(), 20);
    }

    #[test]
    fn an_owner_unseen_for_a_quarter_is_a_stranger_again() {
        let mut gate = Gate::default();
        gate.step(ask(Place::Account, Act::Welcome, OWNER), NOW);
        assert!(!gate.forget(NOW.plus_millis(KNOWN_MS - 1)));
        assert!(gate.forget(NOW.plus_millis(KNOWN_MS)));
    }

    #[test]
    fn a_household_has_one_name() {
        assert_eq!(name("203.0.113.7"), "203.0.113.7");
        assert_eq!(name("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(name("2001:db8:1:2:aaaa::1"), name("2001:db8:1:2::9"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
        assert_eq!(name(""), "nowhere");
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_its_budget_of_one_kind_from_one_address(
            steps in proptest::collection::vec((0i64..120_000, 0usize..3), 1..200)
        ) {
            let (mut gate, mut now, mut allowed) = (Gate::default(), NOW, Vec::new());
            for (pause, who) in steps {
                now = now.plus_millis(pause);
                let from = ["192.0.2.1", "192.0.2.2", "192.0.2.3"][who];
                if take(&mut gate, from, now) {
                    allowed.push(now);
                }
                let recent = allowed.iter().filter(|at| now.since(**at) < 15 * MINUTE_MS).count();
                prop_assert!(recent <= 10);
            }
        }
    }
}
