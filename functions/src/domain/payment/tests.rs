//! What follows from readings of a payment, in whatever order and however often.

use proptest::prelude::*;
use schema::stripe::{Charge, Dispute, DisputeStatus, Latest, Mode, PaymentError};

use super::*;
use crate::domain::ledger::Kind;

const NOW: Timestamp = Timestamp::from_millis(1_000);
const CENTS: i64 = 5_000;
const CREDIT: MicroUsd = MicroUsd::from_cents(58_500);

fn usd(micros: i64) -> MicroUsd {
    MicroUsd::new(micros)
}

fn payment() -> Payment {
    Payment {
        id: PaymentId::from_bits(7),
        account: AccountId::from_bits(1),
        purpose: Purpose::WalletTopup,
        offer: Some("exit_50".to_owned()),
        price: Money { amount: CENTS, currency: "usd".to_owned() },
        price_usd: MicroUsd::from_cents(CENTS),
        credit: CREDIT,
        page: None,
        session: Some("cs_1".to_owned()),
        url: None,
        intent: None,
        state: State::Open,
        refunded: 0,
        disputed: 0,
        failure: None,
        problem: None,
        created_at: NOW,
        read_at: None,
    }
}

fn notes() -> HashMap<String, String> {
    metadata(payment().account, payment().id, Purpose::WalletTopup).into_iter().collect()
}

fn intent(status: IntentStatus) -> PaymentIntent {
    let amount_received = if status == IntentStatus::Succeeded { CENTS } else { 0 };
    PaymentIntent {
        id: "pi_1".to_owned(),
        status,
        amount: CENTS,
        amount_received,
        currency: "usd".to_owned(),
        customer: None,
        payment_method: None,
        setup_future_usage: None,
        latest_charge: None,
        last_payment_error: None,
        metadata: notes(),
        created: 0,
        livemode: false,
        disputes: Vec::new(),
    }
}

/// Paid, with so much given back and so disputed.
fn paid_intent(refunded: i64, disputes: &[(i64, DisputeStatus)]) -> PaymentIntent {
    let charge = Charge {
        id: "ch_1".to_owned(),
        amount: CENTS,
        amount_refunded: refunded,
        disputed: !disputes.is_empty(),
        paid: true,
        currency: "usd".to_owned(),
        payment_intent: Some("pi_1".to_owned()),
        customer: None,
        receipt_url: None,
        created: 0,
    };
    let dispute = |(amount, status): &(i64, DisputeStatus)| Dispute {
        id: "du_1".to_owned(),
        amount: *amount,
        currency: "usd".to_owned(),
        status: *status,
        reason: String::new(),
        payment_intent: Some("pi_1".to_owned()),
        created: 0,
    };
    PaymentIntent {
        latest_charge: Some(Latest::Charge(Box::new(charge))),
        disputes: disputes.iter().map(dispute).collect(),
        ..intent(IntentStatus::Succeeded)
    }
}

fn session(status: SessionStatus, payment_status: PaymentStatus) -> CheckoutSession {
    CheckoutSession {
        id: "cs_1".to_owned(),
        mode: Mode::Payment,
        status: Some(status),
        payment_status,
        url: None,
        client_reference_id: None,
        customer: None,
        amount_total: Some(CENTS),
        currency: Some("usd".to_owned()),
        payment_intent: None,
        setup_intent: None,
        subscription: None,
        invoice: None,
        metadata: notes(),
        created: 0,
        expires_at: None,
        livemode: false,
    }
}

fn read(intent: PaymentIntent) -> Reading {
    Reading { session: None, intent: Some(intent) }
}

/// A payment with its rows, as its account's object keeps them.
struct Books {
    payment: Payment,
    rows: Vec<Row>,
}

impl Books {
    fn open() -> Self {
        Self { payment: payment(), rows: Vec::new() }
    }

    fn hear(&mut self, reading: &Reading) {
        let mut booked = Booked::default();
        self.rows.iter().for_each(|row| booked.add("pi_1", &row.source, row.amount));
        let decision = self.payment.decide(&booked, reading, NOW);
        for row in decision.rows {
            assert!(self.rows.iter().all(|known| known.source != row.source), "{row:?} twice");
            self.rows.push(row);
        }
        self.payment = decision.payment;
    }

    fn sum(&self) -> MicroUsd {
        self.rows.iter().map(|row| row.amount).sum()
    }
}

#[track_caller]
fn check(readings: &[PaymentIntent], state: State, sums: &[i64]) {
    let mut books = Books::open();
    readings.iter().cloned().for_each(|intent| books.hear(&read(intent)));
    assert_eq!(books.payment.state, state);
    let amounts: Vec<_> = books.rows.iter().map(|row| row.amount.micros()).collect();
    assert_eq!(amounts, sums, "{:?}", books.rows);
}

const NEEDS: DisputeStatus = DisputeStatus::NeedsResponse;

#[test]
fn a_payment_is_credited_once_however_often_it_is_read() {
    check(&[paid_intent(0, &[])], State::Paid, &[585_000_000]);
    check(&[paid_intent(0, &[]), paid_intent(0, &[])], State::Paid, &[585_000_000]);
}

#[test]
fn nothing_is_credited_before_the_money_came() {
    for (status, state) in [
        (IntentStatus::RequiresPaymentMethod, State::Open),
        (IntentStatus::RequiresAction, State::Open),
        (IntentStatus::RequiresCapture, State::Open),
        (IntentStatus::Unknown, State::Open),
        (IntentStatus::Processing, State::Processing),
        (IntentStatus::Canceled, State::Failed),
    ] {
        check(&[intent(status)], state, &[]);
    }
    let refused = PaymentIntent {
        last_payment_error: Some(PaymentError::default()),
        ..intent(IntentStatus::RequiresPaymentMethod)
    };
    check(std::slice::from_ref(&refused), State::Failed, &[]);
    // A try that was refused is not the last word.
    check(&[refused, paid_intent(0, &[])], State::Paid, &[585_000_000]);
}

#[test]
fn a_refund_takes_its_part_of_the_credit_and_the_last_takes_the_rest() {
    let whole = paid_intent(CENTS, &[]);
    check(std::slice::from_ref(&whole), State::Refunded, &[585_000_000, -585_000_000]);
    let steps = [paid_intent(1, &[]), paid_intent(3_333, &[]), whole];
    let parts = [585_000_000, -117_000, -389_844_000, -195_039_000];
    check(&steps, State::Refunded, &parts);
    assert_eq!(parts.iter().sum::<i64>(), 0);
    // It came back to us: so does the credit.
    let steps = [paid_intent(2_500, &[]), paid_intent(0, &[])];
    check(&steps, State::Paid, &[585_000_000, -292_500_000, 292_500_000]);
}

#[test]
fn a_part_is_rounded_half_up_to_a_micro_dollar() {
    assert_eq!(share(usd(10), 1, 4), usd(3));
    assert_eq!(share(usd(10), 1, 3), usd(3));
    assert_eq!(share(usd(10), 2, 3), usd(7));
    assert_eq!(share(usd(10), 9, 3), usd(10));
    assert_eq!(share(usd(10), -9, 3), usd(0));
    assert_eq!(share(MicroUsd::MAX, i64::MAX, i64::MAX), MicroUsd::MAX);
}

#[test]
fn a_dispute_takes_the_credit_while_it_is_open_and_gives_it_back_when_it_is_won() {
    let (credit, all) = (585_000_000, -585_000_000);
    check(&[paid_intent(0, &[(CENTS, NEEDS)])], State::Disputed, &[credit, all]);
    let won = paid_intent(0, &[(CENTS, DisputeStatus::Won)]);
    check(&[paid_intent(0, &[(CENTS, NEEDS)]), won.clone()], State::Paid, &[credit, all, -all]);
    let lost = paid_intent(0, &[(CENTS, DisputeStatus::Lost)]);
    check(&[paid_intent(0, &[(CENTS, NEEDS)]), lost.clone()], State::Lost, &[credit, all]);
    check(&[lost, won], State::Paid, &[credit, all, -all]);
    let asked = paid_intent(0, &[(CENTS, DisputeStatus::WarningNeedsResponse)]);
    check(&[asked], State::Paid, &[credit]);
}

#[test]
fn the_same_money_is_not_taken_for_a_refund_and_a_dispute() {
    let both = paid_intent(2_000, &[(CENTS, DisputeStatus::Lost)]);
    check(&[both], State::Lost, &[585_000_000, -234_000_000, -351_000_000]);
    let rest = paid_intent(2_000, &[(1_000, NEEDS)]);
    check(&[rest], State::Disputed, &[585_000_000, -234_000_000, -117_000_000]);
}

#[test]
fn what_is_not_the_payment_that_was_wished_is_kept_for_a_person_and_never_credited() {
    let paid = || paid_intent(0, &[]);
    let euros = PaymentIntent { currency: "eur".to_owned(), ..paid() };
    let less = PaymentIntent { amount_received: CENTS - 1, ..paid() };
    let more = PaymentIntent { amount_received: CENTS + 1, ..paid() };
    let foreign = PaymentIntent { metadata: HashMap::new(), ..paid() };
    let mut other = notes();
    other.insert(note::ACCOUNT.to_owned(), AccountId::from_bits(2).to_string());
    let stolen = PaymentIntent { metadata: other, ..paid() };
    for wrong in [euros, less, more, foreign, stolen] {
        let mut books = Books::open();
        books.hear(&read(wrong));
        assert_eq!(books.rows, []);
        assert!(books.payment.problem.is_some());
    }
    let mut books = Books::open();
    books.hear(&read(paid()));
    books.hear(&read(PaymentIntent { id: "pi_2".to_owned(), ..paid() }));
    assert_eq!((books.sum(), books.payment.intent.as_deref()), (CREDIT, Some("pi_1")));
    let mut books = Books::open();
    let free = session(SessionStatus::Complete, PaymentStatus::NoPaymentRequired);
    books.hear(&Reading { session: Some(free), intent: None });
    assert_eq!((books.sum(), books.payment.problem.is_some()), (MicroUsd::ZERO, true));
}

#[test]
fn a_checkout_says_how_far_a_payment_is_that_has_not_begun() {
    for (status, state) in
        [(SessionStatus::Open, State::Open), (SessionStatus::Expired, State::Expired)]
    {
        for intent in [None, Some(intent(IntentStatus::RequiresPaymentMethod))] {
            let mut books = Books::open();
            let session = Some(session(status, PaymentStatus::Unpaid));
            books.hear(&Reading { session, intent });
            assert_eq!((books.payment.state, books.rows.len()), (state, 0));
        }
    }
}

#[test]
fn rows_are_told_apart_by_their_sources_and_other_payments_rows_are_none_of_ours() {
    let mut booked = Booked::default();
    for (source, amount) in [
        ("stripe:pi_1", 100),
        ("stripe:pi_1:refund:1", -10),
        ("stripe:pi_1:refund:2", -20),
        ("stripe:pi_1:dispute:1", -40),
        ("stripe:pi_10", 1_000),
        ("stripe:pi_10:refund:1", -1_000),
        ("share:acct_1", 5),
    ] {
        booked.add("pi_1", source, usd(amount));
    }
    let expected =
        Booked { credit: Some(usd(100)), refunds: (usd(-30), 2), disputes: (usd(-40), 1) };
    assert_eq!(booked, expected);
}

#[test]
fn a_payment_is_looked_at_ever_more_rarely_and_not_for_ever() {
    for (state, days) in [(State::Open, 3), (State::Paid, 120), (State::Disputed, 150)] {
        let waits: Vec<_> = (0..).map_while(|looks| state.look_again_ms(looks)).collect();
        assert!(waits.is_sorted() && waits.iter().sum::<i64>() > days * DAY_MS, "{waits:?}");
    }
}

fn status() -> impl Strategy<Value = DisputeStatus> {
    use DisputeStatus::{Lost, Unknown, WarningNeedsResponse, Won};
    prop::sample::select(vec![WarningNeedsResponse, NEEDS, Won, Lost, Unknown])
}

fn reading() -> impl Strategy<Value = PaymentIntent> {
    let part = prop_oneof![Just(0), Just(CENTS), 0..=CENTS];
    let disputes = prop::collection::vec((1..=CENTS, status()), 0..3);
    prop_oneof![
        1 => Just(intent(IntentStatus::Processing)),
        5 => (part, disputes).prop_map(|(back, disputes)| paid_intent(back, &disputes)),
    ]
}

proptest! {
    /// Whatever was read on the way, how often, and whatever of it was missed: once paid, the
    /// ledger says what the newest reading says, no source is booked twice, and it never takes more
    /// than was given.
    #[test]
    fn any_readings_end_in_the_ledger_of_the_last(
        seen in prop::collection::vec((reading(), 1usize..4), 0..12),
        last in reading(),
    ) {
        let mut books = Books::open();
        for (reading, times) in &seen {
            for _ in 0..*times {
                books.hear(&read(reading.clone()));
                prop_assert!(books.sum() >= MicroUsd::ZERO && books.sum() <= CREDIT);
            }
        }
        // Money that came does not become money that is on its way.
        prop_assume!(last.status == IntentStatus::Succeeded);
        books.hear(&read(last.clone()));
        let mut alone = Books::open();
        alone.hear(&read(last));
        prop_assert_eq!(books.sum(), alone.sum());
        prop_assert_eq!(books.payment.state, alone.payment.state);
        let credits = books.rows.iter().filter(|row| row.kind == Kind::Credit).count();
        prop_assert_eq!(credits, 1);
    }
}

#[test]
fn a_key_names_one_wish_and_an_offer_that_is_there_once_is_paid_once() {
    let wish = |once| Wish { payment: payment(), key: None, once };
    let known = |state| Payment { id: PaymentId::from_bits(1), state, ..payment() };
    let other = Payment { offer: None, ..known(State::Open) };
    let code = |met: schema::Result<Option<Payment>>| met.unwrap_err().code;
    let open = known(State::Open);
    assert_eq!(wish(false).meet(Some(&open), &[]), Ok(Some(open.clone())));
    let reused = wish(false).meet(Some(&other), &[]);
    assert_eq!(code(reused), schema::Code::IdempotencyKeyReused);
    assert_eq!(wish(false).meet(None, &[known(State::Paid)]), Ok(None));
    assert_eq!(wish(true).meet(None, &[known(State::Expired), known(State::Failed)]), Ok(None));
    assert_eq!(wish(true).meet(None, &[known(State::Expired), open.clone()]), Ok(Some(open)));
    for taken in [State::Paid, State::Processing, State::Refunded, State::Lost] {
        let met = wish(true).meet(None, &[known(taken), known(State::Expired)]);
        assert_eq!(code(met), schema::Code::Conflict);
    }
}
