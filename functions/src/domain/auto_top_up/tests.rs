//! What the machine of a wallet does, case by case and under random weather.

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const UNIT: Unit = Unit { price: MicroUsd::from_cents(100), credit: MicroUsd::from_cents(100) };

fn usd(dollars: i64) -> MicroUsd {
    MicroUsd::from_cents(dollars * 100)
}

fn terms() -> Terms {
    Terms { threshold: usd(5), target: usd(20), monthly_cap: usd(50), unit: UNIT }
}

fn on() -> AutoTopUp {
    let mut machine = AutoTopUp::default();
    machine.agree(terms());
    machine
}

fn payer() -> Payer {
    Payer { customer: "cus_1".to_owned(), card: "pm_1".to_owned() }
}

fn id(bits: u128) -> PaymentId {
    PaymentId::from_bits(bits)
}

#[track_caller]
fn check(balance: MicroUsd, unit: Unit, expected: Option<(MicroUsd, MicroUsd)>) {
    let mut machine = AutoTopUp::default();
    machine.agree(Terms { unit, ..terms() });
    let begun = machine.begin(balance, payer(), id(1), NOW).map(|it| (it.price, it.credit));
    assert_eq!(begun, expected, "{balance}");
}

#[test]
fn the_gap_is_filled_with_whole_units() {
    check(usd(5), UNIT, None);
    check(MicroUsd::new(4_999_999), UNIT, Some((usd(16), usd(16))));
    check(usd(4), UNIT, Some((usd(16), usd(16))));
    check(MicroUsd::new(3_999_999), UNIT, Some((usd(17), usd(17))));
    check(usd(-3), UNIT, Some((usd(23), usd(23))));
    let pack = Unit { price: usd(10), credit: usd(15) };
    check(usd(4), pack, Some((usd(20), usd(30))));
    // Of what the gap would take, the cap allows five.
    check(usd(-1_000), pack, Some((usd(50), usd(75))));
}

#[test]
fn one_is_in_flight_and_the_next_one_begins_when_it_has_landed() {
    let mut machine = on();
    assert!(machine.begin(usd(1), payer(), id(1), NOW).is_some());
    assert_eq!((machine.state(NOW), machine.line(NOW)), (State::Charging, None));
    assert_eq!(machine.begin(usd(1), payer(), id(2), NOW), None);
    machine.paid(id(2), NOW);
    assert_eq!(machine.begin(usd(1), payer(), id(2), NOW), None);
    machine.paid(id(1), NOW);
    assert_eq!((machine.state(NOW), machine.line(NOW)), (State::Idle, Some(usd(5))));
    assert!(machine.begin(usd(1), payer(), id(2), NOW).is_some());
}

#[test]
fn the_cap_holds_until_the_month_ends() {
    let mut machine = on();
    for (n, price) in [(1, 19), (2, 19), (3, 12)] {
        assert_eq!(machine.begin(usd(1), payer(), id(n), NOW).map(|it| it.price), Some(usd(price)));
        machine.paid(id(n), NOW);
    }
    assert_eq!(machine.begin(usd(1), payer(), id(4), NOW), None);
    let next = NOW.next_month_start();
    assert_eq!((machine.state(NOW), machine.next_at(NOW)), (State::Capped, Some(next)));
    assert_eq!(machine.begin(usd(1), payer(), id(4), next.plus_millis(-1)), None);
    assert_eq!(machine.begin(usd(1), payer(), id(4), next).map(|it| it.price), Some(usd(19)));
}

#[test]
fn three_failures_in_a_row_pause_and_a_success_between_them_does_not_count() {
    let mut machine = on();
    let mut now = NOW;
    let fail = |machine: &mut AutoTopUp, n, now| {
        assert!(machine.begin(usd(1), payer(), id(n), now).is_some(), "{machine:?}");
        machine.failed(id(n), "Your card was declined.", now).unwrap()
    };
    assert!(matches!(fail(&mut machine, 1, now), News::Failed { .. }));
    assert_eq!(
        (machine.state(now), machine.begin(usd(1), payer(), id(9), now)),
        (State::Waiting, None)
    );
    now = machine.next_at(now).unwrap();
    assert!(matches!(fail(&mut machine, 2, now), News::Failed { .. }));
    now = machine.next_at(now).unwrap();
    assert!(machine.begin(usd(1), payer(), id(3), now).is_some());
    machine.paid(id(3), now);
    for n in 4..6 {
        assert!(matches!(fail(&mut machine, n, now), News::Failed { .. }));
        now = machine.next_at(now).unwrap();
    }
    assert!(matches!(fail(&mut machine, 6, now), News::Paused { .. }));
    assert_eq!((machine.state(now), machine.next_at(now)), (State::Paused, None));
    assert_eq!(machine.last_failure(), Some("Your card was declined."));
    assert_eq!(machine.begin(usd(1), payer(), id(7), now.plus_millis(100 * DAY_MS)), None);
    machine.agree(terms());
    assert!(machine.begin(usd(1), payer(), id(7), now).is_some());
}

#[test]
fn what_an_operator_paused_only_an_operator_lets_go_on() {
    let mut machine = on();
    machine.pause(true);
    machine.agree(terms());
    assert_eq!(
        (machine.state(NOW), machine.begin(usd(1), payer(), id(1), NOW)),
        (State::Paused, None)
    );
    machine.pause(false);
    assert!(machine.begin(usd(1), payer(), id(1), NOW).is_some());
}

#[test]
fn an_outcome_that_nobody_knows_is_asked_for_under_the_same_key_and_then_given_up() {
    let mut machine = on();
    assert!(machine.begin(usd(1), payer(), id(1), NOW).is_some());
    let (mut now, mut tries) = (NOW, 0);
    let news = loop {
        now = machine.next_at(now).unwrap();
        tries += 1;
        if let Some(news) = machine.unanswered(id(1), now) {
            break news;
        }
        assert_eq!(machine.flight().map(|it| it.id), Some(id(1)));
    };
    assert!(matches!(news, News::Failed { .. }));
    assert!(tries < 150 && now.since(NOW) < 21 * HOUR_MS, "{tries} {now}");
    // It may have been taken all the same: it counts, until that can be no more.
    assert_eq!(machine.spent(now), usd(19));
    machine.paid(id(1), now);
    assert_eq!(machine.spent(now), usd(19));
    assert_eq!(machine.state(now), State::Idle);
}

#[test]
fn an_approval_that_does_not_come_is_given_up_and_counts_when_it_comes_late() {
    let mut machine = on();
    assert!(machine.begin(usd(1), payer(), id(1), NOW).is_some());
    let news = machine.needs_action(id(1), id(2), NOW);
    assert!(matches!(news, Some(News::NeedsAction { .. })));
    assert_eq!(machine.needs_action(id(2), id(3), NOW), None);
    assert_eq!((machine.state(NOW), machine.unanswered(id(2), NOW)), (State::NeedsAction, None));
    let until = machine.next_at(NOW).unwrap();
    assert_eq!(machine.expire(until.plus_millis(-1)), None);
    assert!(matches!(machine.expire(until), Some(News::Failed { .. })));
    assert_eq!(machine.spent(until), usd(19));
    let mut never = machine.clone();
    assert_eq!(never.spent(until.plus_millis(DOUBT_MS)), usd(0));
    never.paid(id(2), until.plus_millis(DOUBT_MS));
    machine.paid(id(2), until);
    assert_eq!((machine.spent(until), machine.state(until)), (usd(19), State::Idle));
}

#[test]
fn turned_off_it_begins_nothing_and_awaits_what_was_asked() {
    let mut machine = on();
    assert!(machine.begin(usd(1), payer(), id(1), NOW).is_some());
    machine.turn_off(NOW);
    assert_eq!(machine.state(NOW), State::Charging);
    machine.paid(id(1), NOW);
    assert_eq!(
        (machine.state(NOW), machine.begin(usd(1), payer(), id(2), NOW)),
        (State::Off, None)
    );
    assert_eq!((machine.line(NOW), machine.next_at(NOW)), (None, None));
}

/// What is heard of an attempt.
#[derive(Debug, Clone, Copy)]
enum Said {
    Paid,
    Failed,
    Nothing,
    Processing,
    NeedsAction,
    Refused,
}

#[derive(Debug, Clone)]
enum Act {
    Begin(i64),
    Hear(usize, Said),
    Expire,
    Agree(i64, i64),
    TurnOff,
    Pause(bool),
    Pass(i64),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    use Said::{Failed, NeedsAction, Nothing, Paid, Processing, Refused};
    let said = vec![Paid, Paid, Failed, Nothing, Processing, NeedsAction, Refused];
    let said = prop::sample::select(said);
    let spans = vec![AGAIN_MS, HOUR_MS, 13 * HOUR_MS, 3 * DAY_MS, 11 * DAY_MS];
    prop_oneof![
        4 => (-30i64..10).prop_map(Act::Begin),
        6 => (0usize..4, said).prop_map(|(back, said)| Act::Hear(back, said)),
        1 => Just(Act::Expire),
        1 => (1i64..80, 1i64..7).prop_map(|(cap, unit)| Act::Agree(cap, unit)),
        1 => Just(Act::TurnOff),
        1 => any::<bool>().prop_map(Act::Pause),
        3 => prop::sample::select(spans).prop_map(Act::Pass),
        1 => Just(Act::Restart),
    ]
}

/// What Stripe would know of an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// It may be paid yet.
    Open,
    Paid(Timestamp),
    Failed,
}

struct Known {
    price: MicroUsd,
    fate: Fate,
    /// When the machine let go of it without having heard.
    left_at: Option<Timestamp>,
}

impl Known {
    /// Whether it is or may be paid, in this month.
    fn counts(&self, now: Timestamp) -> bool {
        match self.fate {
            Fate::Open => self.left_at.is_none_or(|at| now.since(at) < DOUBT_MS),
            Fate::Paid(at) => at.month_start() == now.month_start(),
            Fate::Failed => false,
        }
    }
}

/// The machine beside what an omniscient watcher knows.
struct Weather {
    machine: AutoTopUp,
    now: Timestamp,
    cap: MicroUsd,
    known: Vec<Known>,
}

impl Weather {
    fn begin(&mut self, balance: i64) {
        let flying = self.machine.flight().is_some();
        let next = id(self.known.len() as u128);
        let Some(begun) = self.machine.begin(usd(balance), payer(), next, self.now).cloned() else {
            return;
        };
        assert!(!flying, "two at once");
        assert!(begun.price > MicroUsd::ZERO);
        let counted = self.known.iter().filter(|it| it.counts(self.now)).map(|it| it.price);
        let total = counted.sum::<MicroUsd>().plus(begun.price);
        assert!(total <= self.cap, "{total} of {}: {:?}", self.cap, self.machine);
        self.known.push(Known { price: begun.price, fate: Fate::Open, left_at: None });
    }

    /// What Stripe says of an attempt, counted from the newest back.
    fn hear(&mut self, back: usize, said: Said) {
        let Some(at) = self.known.len().checked_sub(back + 1) else { return };
        let (id, now) = (id(at as u128), self.now);
        let flying = self.machine.flight().map(|it| it.id) == Some(id);
        let known = &mut self.known[at];
        match said {
            Said::Paid => {
                if known.fate == Fate::Open {
                    known.fate = Fate::Paid(now);
                }
                if known.fate != Fate::Failed {
                    self.machine.paid(id, now);
                }
            }
            // A failure is heard as the answer of whoever asked.
            Said::Failed if known.fate == Fate::Open && flying => {
                known.fate = Fate::Failed;
                assert!(self.machine.failed(id, "no", now).is_some());
            }
            Said::Failed => {}
            Said::Nothing => drop(self.machine.unanswered(id, now)),
            Said::Processing => self.machine.processing(id, "pi".to_owned(), now),
            // The payment is called off, and another one takes its place.
            Said::NeedsAction if known.fate == Fate::Open && flying => {
                let (price, other) = (known.price, super::tests::id(self.known.len() as u128));
                self.machine.needs_action(id, other, now);
                if self.machine.flight().map(|it| it.id) == Some(other) {
                    self.known[at].fate = Fate::Failed;
                    self.known.push(Known { price, fate: Fate::Open, left_at: None });
                }
            }
            Said::NeedsAction => {}
            Said::Refused => drop(self.machine.refused(id, "no", now)),
        }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Begin(balance) => self.begin(balance),
            Act::Hear(back, said) => self.hear(back, said),
            Act::Expire => drop(self.machine.expire(self.now)),
            Act::Agree(dollars, unit) => {
                self.cap = usd(dollars);
                let unit = Unit { price: usd(unit), credit: usd(unit * 3) };
                self.machine.agree(Terms { monthly_cap: self.cap, unit, ..terms() });
            }
            Act::TurnOff => self.machine.turn_off(self.now),
            Act::Pause(paused) => self.machine.pause(paused),
            Act::Pass(ms) => self.now = self.now.plus_millis(ms),
            Act::Restart => {
                let stored = serde_json::to_string(&self.machine).unwrap();
                self.machine = serde_json::from_str(&stored).unwrap();
            }
        }
        let flying = self.machine.flight().map(|it| it.id);
        for (at, known) in self.known.iter_mut().enumerate() {
            let left = known.fate == Fate::Open && flying != Some(id(at as u128));
            if left && known.left_at.is_none() {
                known.left_at = Some(self.now);
            }
        }
    }
}

proptest! {
    /// Whatever happens, in whatever order, with restarts from what is stored: an attempt begins
    /// only when none is in flight, and never beyond the cap of the month.
    #[test]
    fn one_is_in_flight_and_the_cap_holds(acts in prop::collection::vec(act(), 1..160)) {
        let (machine, cap) = (on(), usd(50));
        let mut weather = Weather { machine, now: NOW, cap, known: Vec::new() };
        for act in &acts {
            weather.act(act);
            let machine = &weather.machine;
            let paused = machine.paused.is_some();
            prop_assert!(machine.failures < FAILURES_MAX || paused, "{machine:?}");
        }
    }
}
