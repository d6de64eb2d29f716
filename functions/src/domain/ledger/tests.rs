//! The ledger by examples, and under random acts against the laws of its rows.

use proptest::prelude::*;
use schema::time::HOUR_MS;

use super::*;
use crate::domain::fair_use::{Limits, Span, Terms};

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn usd(micros: i64) -> MicroUsd {
    MicroUsd::new(micros)
}

fn call(n: u128) -> CallId {
    CallId::from_bits(n)
}

pub fn charge(cost: i64) -> Charge {
    Charge {
        model: "m".into(),
        route: "r".into(),
        holder: "username".into(),
        conversation: None,
        response_id: None,
        turn: None,
        usage: Usage::default(),
        billed_input: 0,
        price: 1,
        basis: Basis::Reported,
        cost: usd(cost),
    }
}

fn with(balance: i64) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.book(Kind::Credit, usd(balance), "test".into(), String::new(), NOW);
    ledger
}

#[test]
fn a_hold_reserves_and_a_posting_pays_no_more_than_is_there() {
    let mut ledger = with(100);
    assert!(ledger.hold(call(1), usd(60), NOW).is_some());
    assert_eq!(ledger.hold(call(2), usd(41), NOW), None);
    assert_eq!(ledger.post(call(1), charge(250), NOW), Some(usd(100)));
    assert_eq!((ledger.balance(), ledger.held()), (usd(0), usd(0)));
}

#[test]
fn a_posting_beyond_its_hold_leaves_other_holds_alone() {
    let mut ledger = with(100);
    assert!(ledger.hold(call(1), usd(30), NOW).is_some());
    assert!(ledger.hold(call(2), usd(50), NOW).is_some());
    assert_eq!(ledger.post(call(1), charge(250), NOW), Some(usd(50)));
    assert_eq!(ledger.post(call(2), charge(50), NOW), Some(usd(50)));
    assert_eq!(ledger.balance(), usd(0));
}

#[test]
fn a_hold_resolves_once() {
    let mut ledger = with(100);
    assert!(ledger.hold(call(1), usd(60), NOW).is_some());
    assert_eq!(ledger.hold(call(1), usd(1), NOW), None);
    assert_eq!(ledger.post(call(1), charge(10), NOW), Some(usd(10)));
    assert_eq!(ledger.post(call(1), charge(10), NOW), None);
    assert!(!ledger.void(call(1), "again", NOW));
    assert_eq!(ledger.extend(call(1), usd(5), NOW), usd(0));
    assert_eq!(ledger.balance(), usd(90));
}

#[test]
fn a_charge_that_storage_knows_already_is_taken_back_with_all_that_follows_from_it() {
    let mut ledger = with(100);
    assert!(ledger.hold(call(1), usd(60), NOW).is_some());
    assert!(ledger.hold(call(2), usd(30), NOW).is_some());
    let again = Charge { response_id: Some("r".into()), ..charge(40) };
    assert_eq!(ledger.post(call(1), again, NOW), Some(usd(40)));
    assert_eq!(ledger.post(call(2), charge(30), NOW), Some(usd(30)));
    ledger.forgive("response:r");
    assert_eq!((ledger.balance(), ledger.held()), (usd(70), usd(0)));
    let balances: Vec<_> = ledger.unstored().iter().map(|row| row.balance.micros()).collect();
    assert_eq!(balances, [100, 100, 100, 100, 70]);
}

#[test]
fn holds_end_at_their_deadline() {
    let mut ledger = with(100);
    assert!(ledger.hold(call(1), usd(60), NOW).is_some());
    assert!(ledger.expire(NOW.plus_millis(HOLD_LIFETIME_MS - 1)).is_empty());
    assert_eq!(ledger.expire(NOW.plus_millis(HOLD_LIFETIME_MS)), [call(1)]);
    assert_eq!((ledger.available(), ledger.settled_through()), (usd(100), 3));
}

#[test]
fn a_hold_for_a_turn_on_a_machine_outlives_its_object_and_not_its_deadline() {
    let mut ledger = with(100);
    let hold = ledger.hold(call(1), usd(60), NOW).unwrap();
    ledger.entrust(hold);
    assert!(ledger.hold(call(2), usd(30), NOW).is_some());
    let mut ledger = reread(ledger.unstored());
    ledger.expire_orphans(NOW);
    assert_eq!((ledger.held_by(call(1)), ledger.held_by(call(2))), (Some(usd(60)), None));
    assert_eq!(ledger.expire(NOW.plus_millis(HOLD_LIFETIME_MS)), [call(1)]);
}

#[test]
fn a_turn_that_outlasted_its_hold_is_charged_from_what_is_available() {
    let mut ledger = with(100);
    assert!(ledger.hold(call(2), usd(70), NOW).is_some());
    assert_eq!(ledger.post_late(call(1), charge(50), NOW), usd(30));
    assert_eq!((ledger.balance(), ledger.held(), ledger.available()), (usd(70), usd(70), usd(0)));
    assert_eq!(ledger.post_late(call(3), charge(50), NOW), usd(0));
    assert_eq!(reread(ledger.unstored()).held(), usd(70));
}

/// A plan that covers so much in five hours.
fn plan(ledger: &mut Ledger, five_hours: i64, fallback: bool) {
    let terms = of_plan(Some(fallback));
    let limits = Limits { five_hours: usd(five_hours), ..terms.limits };
    ledger.allowance.set_terms(Terms { limits, ..terms });
}

/// With its wallet behind it or not, if there is a plan.
fn of_plan(fallback: Option<bool>) -> Terms {
    let limits = Limits { five_hours: usd(FIVE_HOURS), three_days: usd(THREE_DAYS) };
    let until = Timestamp::from_millis(if fallback.is_some() { i64::MAX } else { 0 });
    Terms { until, limits, fallback: fallback.unwrap_or_default() }
}

const FIVE_HOURS: i64 = 400;
const THREE_DAYS: i64 = 900;

#[test]
fn the_plan_pays_and_its_row_costs_the_wallet_nothing() {
    let mut ledger = with(100);
    plan(&mut ledger, FIVE_HOURS, true);
    assert!(ledger.hold(call(1), usd(60), NOW).is_some());
    assert_eq!(ledger.post(call(1), charge(80), NOW), Some(usd(0)));
    let row = ledger.unstored().last().unwrap();
    assert_eq!(
        (row.amount, row.covered, row.reserved, row.held),
        (usd(0), usd(80), usd(-80), usd(0))
    );
    assert_eq!((ledger.balance(), ledger.room(NOW)), (usd(100), usd(100 + FIVE_HOURS - 80)));
}

#[test]
fn a_call_that_outgrows_the_plan_is_paid_by_the_wallet_only_where_its_owner_wants_that() {
    for (fallback, paid) in [(true, 50), (false, 0)] {
        let mut ledger = with(100);
        plan(&mut ledger, 60, fallback);
        assert!(ledger.hold(call(1), usd(30), NOW).is_some());
        assert_eq!(ledger.extend(call(1), usd(50), NOW), usd(if fallback { 50 } else { 30 }));
        assert_eq!(ledger.post(call(1), charge(110), NOW), Some(usd(paid)));
        assert_eq!(ledger.balance(), usd(100 - paid));
        assert_eq!(ledger.allowance.unspent(NOW), usd(0));
    }
}

#[test]
fn the_wallet_pays_nothing_that_the_plan_has_room_for_when_the_call_ends() {
    let mut ledger = with(100);
    plan(&mut ledger, 60, true);
    assert!(ledger.hold(call(1), usd(50), NOW).is_some());
    assert!(ledger.hold(call(2), usd(40), NOW).is_some());
    assert_eq!((ledger.held(), ledger.allowance.reserved()), (usd(30), usd(60)));
    assert!(ledger.void(call(1), "test", NOW));
    assert_eq!(ledger.post(call(2), charge(40), NOW), Some(usd(0)));
    assert_eq!((ledger.balance(), ledger.held()), (usd(100), usd(0)));
}

#[test]
fn a_charge_that_storage_knows_is_taken_back_from_the_plan_too() {
    let mut ledger = with(0);
    plan(&mut ledger, FIVE_HOURS, false);
    assert!(ledger.hold(call(1), usd(60), NOW).is_some());
    let again = Charge { response_id: Some("r".into()), ..charge(40) };
    ledger.post(call(1), again, NOW);
    assert_eq!(ledger.allowance.unspent(NOW), usd(FIVE_HOURS - 40));
    ledger.forgive("response:r");
    assert_eq!(ledger.allowance.unspent(NOW), usd(FIVE_HOURS));
    assert_eq!(ledger.unstored().iter().map(|row| row.covered).sum::<MicroUsd>(), usd(0));
}

#[derive(Debug, Clone)]
enum Act {
    Hold(u8, i64),
    Extend(u8, i64),
    Post(u8, i64),
    PostLate(u8, i64),
    Void(u8),
    Credit(i64),
    Store(usize),
    Forgive,
    Restart,
    Pass(i64),
    Plan(Option<bool>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0u8..6, -5i64..200).prop_map(|(c, a)| Act::Hold(c, a)),
        (0u8..6, -5i64..100).prop_map(|(c, a)| Act::Extend(c, a)),
        (0u8..6, -5i64..300).prop_map(|(c, a)| Act::Post(c, a)),
        (0u8..6, -5i64..300).prop_map(|(c, a)| Act::PostLate(c, a)),
        (0u8..6).prop_map(Act::Void),
        (0i64..300).prop_map(Act::Credit),
        (0usize..9).prop_map(Act::Store),
        Just(Act::Forgive),
        Just(Act::Restart),
        (0i64..4 * HOUR_MS).prop_map(Act::Pass),
        prop::option::of(any::<bool>()).prop_map(Act::Plan),
    ]
}

/// What storage would hold, and a ledger read back from it.
fn reread(rows: &[Entry]) -> Ledger {
    let last = rows.last();
    let balance = last.map_or(MicroUsd::ZERO, |row| row.balance);
    let mut ledger = Ledger::resume(last.map_or(0, |row| row.seq), balance);
    let mut open: HashMap<CallId, (Parts, i64)> = HashMap::new();
    for row in rows {
        if let Some(call) = row.call {
            let (parts, _) = open.entry(call).or_insert((Parts::default(), row.seq));
            *parts = parts.plus(Parts { money: row.held, allowance: row.reserved });
        }
        ledger.allowance.restore(row.at, row.covered);
    }
    for (call, (parts, seq)) in open {
        if parts != Parts::default() {
            let mut notes = rows.iter().filter(|row| row.seq == seq).map(|row| &*row.note);
            ledger.reopen(call, parts, seq, NOW, notes.next());
        }
    }
    ledger
}

/// The laws of the rows, whatever has happened.
fn laws(rows: &[Entry], ledger: &mut Ledger, now: Timestamp) -> Result<(), TestCaseError> {
    let fresh = ledger.unstored().to_vec();
    let all = || rows.iter().chain(&fresh);
    let sum = |of: fn(&Entry) -> MicroUsd| all().map(of).sum::<MicroUsd>();
    prop_assert_eq!(sum(|row| row.amount), ledger.balance());
    prop_assert_eq!(sum(|row| row.held), ledger.held());
    prop_assert_eq!(sum(|row| row.reserved), ledger.allowance.reserved());
    prop_assert!(ledger.available() >= MicroUsd::ZERO, "{:?}", ledger);
    prop_assert!(ledger.held() >= MicroUsd::ZERO);
    prop_assert!(all().zip(1..).all(|(row, seq)| row.seq == seq));
    for (span, limit) in Span::ALL.into_iter().zip([FIVE_HOURS, THREE_DAYS]) {
        let meter = ledger.allowance.meter(span, now);
        let counts =
            |row: &&Entry| now.millis() < row.at.plus_millis(999).seconds() * 1_000 + span.ms();
        let covered = all().filter(counts).map(|row| row.covered).sum::<MicroUsd>();
        prop_assert_eq!(meter.used, covered);
        let reserved = ledger.allowance.reserved();
        prop_assert!(covered.plus(reserved) <= usd(limit), "{:?}: {:?}", span, ledger);
    }
    Ok(())
}

proptest! {
    /// Whatever happens, in whatever order, with restarts that forget what was not stored: the
    /// rows sum to the balance, nothing is overspent, of the wallet or of any window of the plan,
    /// and when every hold has ended nothing is held.
    #[test]
    fn rows_sum_to_the_balance(acts in prop::collection::vec(act(), 1..120)) {
        let (mut ledger, mut rows) = (Ledger::default(), Vec::<Entry>::new());
        let (mut round, mut credits, mut now, mut terms) = (0u128, 0, NOW, None);
        for act in acts {
            let id = |c: u8| call(u128::from(c) + round * 100);
            match act {
                Act::Hold(c, a) => drop(ledger.hold(id(c), usd(a), now)),
                Act::Extend(c, a) => drop(ledger.extend(id(c), usd(a), now)),
                Act::Post(c, a) => {
                    let response_id = Some("r".to_owned());
                    ledger.post(id(c), Charge { response_id, ..charge(a) }, now);
                    round += 1;
                }
                Act::PostLate(c, a) => {
                    let turn = Some("t".to_owned());
                    ledger.post_late(id(c), Charge { turn, ..charge(a) }, now);
                    round += 1;
                }
                Act::Void(c) => drop(ledger.void(id(c), "test", now)),
                Act::Credit(a) => {
                    credits += 1;
                    ledger.book(Kind::Credit, usd(a), format!("{credits}"), String::new(), now);
                }
                Act::Store(n) => {
                    let n = n.min(ledger.unstored().len());
                    rows.extend_from_slice(&ledger.unstored()[..n]);
                    ledger.stored(n);
                }
                Act::Forgive => ledger.forgive("response:r"),
                Act::Restart => {
                    ledger = reread(&rows);
                    ledger.allowance.set_terms(of_plan(terms));
                    ledger.expire_orphans(now);
                    prop_assert_eq!(ledger.held(), MicroUsd::ZERO);
                    prop_assert_eq!(ledger.allowance.reserved(), MicroUsd::ZERO);
                }
                Act::Pass(ms) => now = now.plus_millis(ms),
                Act::Plan(wish) => {
                    terms = wish;
                    ledger.allowance.set_terms(of_plan(wish));
                }
            }
            laws(&rows, &mut ledger, now)?;
        }
    }
}
