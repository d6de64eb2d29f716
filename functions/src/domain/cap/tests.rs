//! Caps by examples, and under random acts of many calls against the law that a limit is one.

use proptest::prelude::*;
use schema::{AccountId, CallId, Code};

use super::*;
use crate::domain::{
    account::Profile,
    admission::{Live, Start, Wish},
    ledger::{Charge, Entry, HOLD_LIFETIME_MS, Kind, Ledger, Parts, tests::charge},
    plan::Plan,
    price::Quote,
};

const NOW: Timestamp = Timestamp::from_millis(5_000);

fn usd(micros: i64) -> MicroUsd {
    MicroUsd::new(micros)
}

fn project(n: u128) -> ProjectId {
    ProjectId::from_bits(n)
}

fn live(balance: i64) -> Live {
    let profile = Profile {
        id: AccountId::from_bits(1),
        username: "alice-x".into(),
        plan: Plan::Enterprise { per_hour: 1_000_000, at_once: 1_000 },
        active: true,
        note: String::new(),
        created_at: NOW,
    };
    let mut live = Live::default();
    live.profile = Some(profile);
    live.ledger.book(Kind::Credit, usd(balance), "t".into(), String::new(), NOW);
    live
}

fn cap(turn: Option<(&str, i64)>, limit: Option<i64>) -> Cap {
    let turn = turn.map(|(id, limit)| TurnCap { id: id.into(), limit: Some(usd(limit)) });
    Cap { thread: "T".into(), turn, limit: limit.map(usd) }
}

/// Puts a cap in force whose project has spent what the ledger's own rows say.
fn set(live: &mut Live, rows: &[Entry], n: u128, cap: Cap) {
    let mut budget = live.ledger.caps.budget(project(n)).cloned().unwrap_or_default();
    budget.set(cap);
    let all = || rows.iter().chain(live.ledger.unstored());
    let spent = spent(all(), n);
    live.ledger.caps.put(project(n), budget);
    live.ledger.caps.learn(project(n), spent);
}

/// What rows say, as SQL would.
fn spent<'a>(rows: impl Iterator<Item = &'a Entry>, n: u128) -> Spent {
    let mut spent = Spent::default();
    for row in rows.filter(|row| row.kind == Kind::Post) {
        let Some(purpose) = row.purpose.as_ref().filter(|it| it.project == project(n)) else {
            continue;
        };
        spent.add(purpose.turn.as_deref(), row.covered.minus(row.amount));
    }
    spent
}

fn wish(live: &mut Live, call: u128, thread: &str, floor: i64, wanted: i64) -> Wish {
    let origin = Origin { thread, ..Origin::default() };
    let purpose = live.ledger.caps.purpose(origin);
    let quote = Quote { floor: usd(floor), wanted: usd(wanted) };
    Wish { call: CallId::from_bits(call), quote, purpose }
}

fn begin(live: &mut Live, call: u128, floor: i64, wanted: i64) -> Start {
    let wish = wish(live, call, "T", floor, wanted);
    live.begin(&wish, false, NOW)
}

fn meter(live: &Live) -> Meter {
    live.ledger.meter(project(1), None, NOW).unwrap()
}

fn call(n: u128) -> CallId {
    CallId::from_bits(n)
}

#[test]
fn a_call_holds_no_more_than_its_turn_may_spend_and_waits_for_what_others_may_give_back() {
    let live = &mut live(1_000);
    set(live, &[], 1, cap(Some(("a", 100)), None));
    assert!(matches!(begin(live, 1, 10, 70), Start::Go(hold) if hold.amount == usd(70)));
    let Start::Wait(error) = begin(live, 2, 10, 70) else { unreachable!() };
    assert_eq!(error.code, Code::BudgetExceeded, "{error:?}");
    live.ledger.post(call(1), charge(60), NOW);
    assert!(matches!(begin(live, 2, 10, 70), Start::Go(hold) if hold.amount == usd(40)));
    assert_eq!((meter(live).spent_turn, meter(live).held), (usd(60), usd(40)));
}

#[test]
fn a_call_that_needs_more_than_is_left_is_refused_in_words_that_name_the_limit() {
    let live = &mut live(1_000_000);
    set(live, &[], 1, cap(Some(("a", 100)), Some(1_000)));
    begin(live, 1, 10, 70);
    live.ledger.post(call(1), charge(95), NOW);
    assert!(!meter(live).exhausted);
    let Start::Refuse(error) = begin(live, 2, 10, 70) else { unreachable!() };
    assert_eq!(error.code, Code::BudgetExceeded);
    assert!(error.message.contains("turn is used up: $0.000095 of $0.000100"), "{error:?}");
    assert!(meter(live).exhausted);
    // A new turn, or a higher limit, and it goes on.
    set(live, &[], 1, cap(Some(("a", 200)), Some(1_000)));
    assert!(!meter(live).exhausted);
    assert!(matches!(begin(live, 2, 10, 70), Start::Go(_)));
}

#[test]
fn growth_and_posting_stop_at_the_limit_and_the_rest_is_ours() {
    let live = &mut live(1_000_000);
    set(live, &[], 1, cap(Some(("a", 100)), None));
    begin(live, 1, 10, 70);
    assert_eq!(live.ledger.extend(call(1), usd(50), NOW), usd(30));
    assert_eq!(live.ledger.extend(call(1), usd(50), NOW), usd(0));
    assert_eq!(live.ledger.post(call(1), charge(5_000), NOW), Some(usd(100)));
    let row = live.ledger.unstored().last().unwrap();
    assert_eq!(row.charge.as_ref().map(|charge| charge.cost), Some(usd(5_000)));
    assert!(row.note.contains("not charged: $0.004900"), "{}", row.note);
    assert_eq!(live.ledger.balance(), usd(1_000_000 - 100));
}

#[test]
fn the_project_s_own_limit_holds_for_all_its_turns_together() {
    let live = &mut live(1_000_000);
    for (turn, call_id) in [("a", 1), ("b", 2), ("c", 3)] {
        set(live, &[], 1, cap(Some((turn, 100)), Some(250)));
        begin(live, call_id, 10, 90);
        live.ledger.post(call(call_id), charge(100), NOW);
    }
    assert_eq!((meter(live).spent_turn, meter(live).spent_project), (usd(50), usd(250)));
    set(live, &[], 1, cap(None, Some(250)));
    assert!(matches!(begin(live, 4, 1, 1), Start::Refuse(_)));
}

#[test]
fn a_call_that_outlives_its_turn_still_counts_to_it() {
    let live = &mut live(1_000_000);
    set(live, &[], 1, cap(Some(("a", 100)), None));
    begin(live, 1, 10, 70);
    set(live, &[], 1, cap(Some(("b", 100)), None));
    begin(live, 2, 10, 70);
    live.ledger.post(call(1), charge(500), NOW);
    assert_eq!((meter(live).spent_turn, meter(live).spent_project), (usd(0), usd(100)));
    live.ledger.post(call(2), charge(90), NOW);
    assert_eq!(meter(live).spent_turn, usd(90));
}

#[test]
fn a_helper_counts_to_the_thread_that_had_it_made() {
    let live = &mut live(1_000);
    set(live, &[], 1, cap(Some(("a", 100)), None));
    let caps = &mut live.ledger.caps;
    let of = |caps: &mut Caps, thread, parent, session| {
        let purpose = caps.purpose(Origin { thread, parent, session });
        purpose.map(|it| it.thread.clone())
    };
    assert_eq!(of(caps, "other", "", "other"), None);
    assert_eq!(of(caps, "child", "T", ""), Some("T".into()));
    assert_eq!(of(caps, "grandchild", "child", ""), Some("T".into()));
    assert_eq!(of(caps, "cousin", "", "T"), Some("T".into()));
    // And is known by itself from then on.
    assert_eq!(of(caps, "grandchild", "", ""), Some("T".into()));
}

#[test]
fn a_helper_that_works_on_when_its_turn_is_over_counts_to_it_and_its_parent_does_not() {
    let live = &mut live(1_000);
    set(live, &[], 1, cap(Some(("a", 100)), None));
    let mut budget = live.ledger.caps.budget(project(1)).unwrap().clone();
    // Of another turn that was, nothing changes.
    budget.end("T", "before");
    budget.end("T", "a");
    live.ledger.caps.put(project(1), budget);
    let turn = |live: &mut Live, thread, parent| {
        let origin = Origin { thread, parent, ..Origin::default() };
        live.ledger.caps.purpose(origin).unwrap().turn.clone()
    };
    assert_eq!((turn(live, "T", ""), turn(live, "child", "T")), (None, Some("a".into())));
}

#[test]
fn threads_of_a_project_run_turns_of_their_own_within_its_one_limit() {
    let live = &mut live(1_000);
    set(live, &[], 1, cap(Some(("a", 100)), Some(150)));
    set(live, &[], 1, Cap { thread: "U".into(), ..cap(Some(("b", 100)), Some(150)) });
    for (call_id, thread) in [(1, "T"), (2, "U")] {
        let wish = wish(live, call_id, thread, 10, 90);
        assert!(matches!(live.begin(&wish, true, NOW), Start::Go(_)));
        live.ledger.post(call(call_id), charge(95), NOW);
    }
    let of = |thread| live.ledger.meter(project(1), Some(thread), NOW).unwrap();
    assert_eq!((of("T").spent_turn, of("U").spent_turn), (usd(95), usd(55)));
    assert_eq!(of("T").spent_project, usd(150));
}

#[test]
fn what_a_budget_remembers_is_bounded_and_never_forgets_what_runs() {
    let mut budget = Budget::default();
    let turn = |id: usize| Some(TurnCap { id: format!("{id}"), limit: None });
    budget.set(Cap { thread: "first".into(), turn: turn(0), limit: None });
    for id in 1..400 {
        budget.set(Cap { thread: "T".into(), turn: turn(id), limit: None });
    }
    assert_eq!(budget.turns.len(), TURNS_MAX + 2);
    assert_eq!((budget.turns[0].cap.id.as_str(), budget.threads.len()), ("0", 2));
    for id in 400..800 {
        budget.set(Cap { thread: format!("{id}"), turn: turn(id), limit: None });
    }
    assert_eq!((budget.threads.len(), budget.current.len()), (THREADS_MAX, THREADS_MAX));
    assert!(budget.turns.len() <= THREADS_MAX + TURNS_MAX);
}

#[test]
fn nothing_is_spent_of_a_cap_whose_rows_nobody_has_read() {
    let live = &mut live(1_000);
    let mut budget = Budget::default();
    budget.set(cap(Some(("a", 100)), None));
    live.ledger.caps.put(project(1), budget);
    assert!(live.ledger.caps.is_unread(project(1)));
    assert!(matches!(begin(live, 1, 10, 70), Start::Refuse(_)));
    live.ledger.caps.learn(project(1), Spent::default());
    assert!(matches!(begin(live, 1, 10, 70), Start::Go(_)));
}

#[test]
fn a_charge_that_is_taken_back_is_not_spent() {
    let live = &mut live(1_000);
    set(live, &[], 1, cap(Some(("a", 100)), None));
    begin(live, 1, 10, 70);
    let again = Charge { response_id: Some("r".into()), ..charge(40) };
    live.ledger.post(call(1), again, NOW);
    assert_eq!(meter(live).spent_turn, usd(40));
    live.ledger.forgive("response:r");
    assert_eq!((meter(live).spent_turn, meter(live).spent_project), (usd(0), usd(0)));
}

#[derive(Debug, Clone)]
enum Act {
    Begin { thread: usize, floor: i64, wanted: i64, last: bool },
    Extend(usize, i64),
    Post(usize, i64),
    PostLate(usize, i64),
    Void(usize),
    Turn(u128, bool),
    Store(usize),
    Forgive,
    Restart,
    Pass(i64),
}

/// Two projects, a helper of the first, and a thread that is nobody's.
const THREADS: [(&str, &str); 4] = [("T1", ""), ("T2", ""), ("helper", "T1"), ("free", "")];
const PROJECT_LIMIT: i64 = 900;
const TURN_LIMIT: i64 = 250;

fn act() -> impl Strategy<Value = Act> {
    let begin = (0..THREADS.len(), 1i64..40, 0i64..150, any::<bool>());
    prop_oneof![
        4 => begin.prop_map(|(thread, floor, more, last)| {
            Act::Begin { thread, floor, wanted: floor + more, last }
        }),
        2 => (0usize..12, 0i64..200).prop_map(|(c, a)| Act::Extend(c, a)),
        3 => (0usize..12, 0i64..600).prop_map(|(c, a)| Act::Post(c, a)),
        1 => (0usize..12, 0i64..600).prop_map(|(c, a)| Act::PostLate(c, a)),
        1 => (0usize..12).prop_map(Act::Void),
        1 => (1u128..3, any::<bool>()).prop_map(|(p, runs)| Act::Turn(p, runs)),
        1 => (0usize..9).prop_map(Act::Store),
        1 => Just(Act::Forgive),
        1 => Just(Act::Restart),
        1 => (0i64..HOLD_LIFETIME_MS).prop_map(Act::Pass),
    ]
}

/// The rig: what storage has, and the calls that were begun, oldest first.
struct Rig {
    live: Live,
    rows: Vec<Entry>,
    calls: Vec<(CallId, usize)>,
    turns: u32,
    now: Timestamp,
}

impl Rig {
    fn new() -> Self {
        let mut rig =
            Self { live: live(2_500), rows: Vec::new(), calls: Vec::new(), turns: 0, now: NOW };
        rig.turn(1, true);
        rig.turn(2, true);
        rig
    }

    fn turn(&mut self, n: u128, runs: bool) {
        self.turns += 1;
        let turn = TurnCap { id: format!("turn {}", self.turns), limit: Some(usd(TURN_LIMIT)) };
        let (thread, limit) = (format!("T{n}"), Some(usd(PROJECT_LIMIT)));
        let cap = Cap { thread, turn: Some(turn).filter(|_| runs), limit };
        set(&mut self.live, &self.rows, n, cap);
    }

    fn origin(thread: usize) -> Origin<'static> {
        let (thread, parent) = THREADS[thread];
        Origin { thread, parent, session: "" }
    }

    fn act(&mut self, act: Act) {
        let now = self.now;
        let known = |at: usize, calls: &[(CallId, usize)]| {
            calls.iter().rev().nth(at).copied().unwrap_or((call(0), 3))
        };
        match act {
            Act::Begin { thread, floor, wanted, last } => {
                let id = call(self.calls.len() as u128 + 1);
                let purpose = self.live.ledger.caps.purpose(Self::origin(thread));
                let quote = Quote { floor: usd(floor), wanted: usd(wanted) };
                self.live.begin(&Wish { call: id, quote, purpose }, last, now);
                self.calls.push((id, thread));
            }
            Act::Extend(at, by) => {
                self.live.ledger.extend(known(at, &self.calls).0, usd(by), now);
            }
            Act::Post(at, cost) => {
                let charge = Charge { response_id: Some("r".into()), ..charge(cost) };
                self.live.ledger.post(known(at, &self.calls).0, charge, now);
            }
            Act::PostLate(at, cost) => {
                let (id, thread) = known(at, &self.calls);
                // A turn has a name, under which it is charged once.
                let unstored = self.live.ledger.unstored().iter();
                if self
                    .rows
                    .iter()
                    .chain(unstored)
                    .any(|it| it.call == Some(id) && it.kind == Kind::Post)
                {
                    return;
                }
                let purpose = self.live.ledger.caps.late_purpose(Self::origin(thread).thread);
                self.live.ledger.post_late_for(id, charge(cost), purpose, now);
            }
            Act::Void(at) => drop(self.live.ledger.void(known(at, &self.calls).0, "test", now)),
            Act::Turn(n, runs) => self.turn(n, runs),
            Act::Store(n) => self.store(n),
            Act::Forgive => self.live.ledger.forgive("response:r"),
            Act::Restart => self.restart(),
            Act::Pass(ms) => {
                self.now = now.plus_millis(ms);
                self.live.ledger.expire(self.now);
            }
        }
    }

    fn store(&mut self, n: usize) {
        let n = n.min(self.live.ledger.unstored().len());
        self.rows.extend_from_slice(&self.live.ledger.unstored()[..n]);
        self.live.ledger.stored(n);
    }

    /// What was not stored is forgotten, but for caps, which are stored when they are set. A hold
    /// of which anything is stored is open again, and goes on: as if each were a machine's.
    fn restart(&mut self) {
        let last = self.rows.last();
        let balance = last.map_or(MicroUsd::ZERO, |row| row.balance);
        let mut ledger = Ledger::resume(last.map_or(0, |row| row.seq), balance);
        let mut open: HashMap<CallId, (MicroUsd, &Entry)> = HashMap::new();
        for row in &self.rows {
            let Some(call) = row.call else { continue };
            let (held, _) = open.entry(call).or_insert((MicroUsd::ZERO, row));
            *held = held.plus(row.held);
        }
        for (call, (held, first)) in open {
            if held > MicroUsd::ZERO {
                let parts = Parts { money: held, allowance: MicroUsd::ZERO };
                ledger.reopen(call, parts, first.seq, first.at, None);
                if let Some(purpose) = &first.purpose {
                    ledger.recount(call, Purpose::clone(purpose));
                }
            }
        }
        for n in [1, 2] {
            let budget = self.live.ledger.caps.budget(project(n)).unwrap().clone();
            ledger.caps.put(project(n), budget);
            ledger.caps.learn(project(n), spent(self.rows.iter(), n));
        }
        self.live.ledger = ledger;
    }

    /// Whatever happened, no limit is passed, not even by what is held; and what memory counts is
    /// what the rows say.
    fn laws(&self) -> Result<(), TestCaseError> {
        let ledger = &self.live.ledger;
        for n in [1, 2] {
            let said = spent(self.rows.iter().chain(ledger.unstored()), n);
            let meter = ledger.meter(project(n), None, self.now).unwrap();
            prop_assert_eq!(meter.spent_project, said.project);
            prop_assert_eq!(meter.spent_turn, said.of(meter.turn.as_deref()));
            let committed = said.project.plus(meter.held);
            prop_assert!(committed <= usd(PROJECT_LIMIT), "{:?}", meter);
            for (turn, spent) in &said.turns {
                let purpose =
                    Purpose { project: project(n), turn: Some(turn.clone()), thread: "".into() };
                let committed = spent.plus(ledger.held_for(&purpose).turn);
                prop_assert!(committed <= usd(TURN_LIMIT), "{}: {:?}", turn, meter);
            }
        }
        prop_assert!(ledger.available() >= MicroUsd::ZERO);
        Ok(())
    }
}

proptest! {
    /// Many calls at once, with usage beyond all foresight, growth, turns that begin and end while
    /// calls run, answers that come twice, and restarts that forget what was not stored.
    #[test]
    fn no_limit_is_ever_passed(acts in prop::collection::vec(act(), 1..150)) {
        let mut rig = Rig::new();
        for act in acts {
            rig.act(act);
            rig.laws()?;
        }
    }
}
