//! What differs between the books, and what does not.

use proptest::prelude::*;
use serde_json::json;

use super::{super::payment::Purpose, *};
use crate::domain::{offer::Money, payment::State};

const DAY: Timestamp = Timestamp::from_millis(20_000 * DAY_MS);

fn account() -> AccountId {
    AccountId::from_bits(7)
}

fn wish(cents: i64, credit: MicroUsd) -> Payment {
    Payment {
        id: PaymentId::from_bits(1),
        account: account(),
        purpose: Purpose::WalletTopup,
        offer: None,
        price: Money { amount: cents, currency: "usd".to_owned() },
        price_usd: MicroUsd::from_cents(cents),
        credit,
        page: None,
        session: None,
        url: None,
        intent: None,
        state: State::Paid,
        refunded: 0,
        disputed: 0,
        failure: None,
        problem: None,
        created_at: DAY,
        read_at: None,
    }
}

fn intent(status: &str, cents: i64, refunded: i64) -> PaymentIntent {
    serde_json::from_value(json!({
        "id": "pi_1", "status": status, "amount": cents, "amount_received": cents,
        "currency": "usd", "created": 1,
        "latest_charge": {
            "id": "ch_1", "amount": cents, "amount_refunded": refunded, "disputed": false,
            "paid": true, "currency": "usd", "created": 1,
        },
    }))
    .unwrap()
}

fn disputed(mut intent: PaymentIntent, status: &str, cents: i64) -> PaymentIntent {
    let dispute = json!({
        "id": "du_1", "amount": cents, "currency": "usd", "status": status, "created": 1,
    });
    intent.disputes = vec![serde_json::from_value(dispute).unwrap()];
    intent
}

fn booked(rows: &[(&str, i64)]) -> Booked {
    let mut booked = Booked::default();
    for (source, micros) in rows {
        booked.add("pi_1", source, MicroUsd::new(*micros));
    }
    booked
}

#[track_caller]
fn check(
    wish: Option<&Payment>,
    rows: &[(&str, i64)],
    stripe: Option<&PaymentIntent>,
    wanted: &[(Reason, i64, i64)],
) {
    let booked = booked(rows);
    let books = Books { account: account(), intent: "pi_1", wish, booked: &booked, stripe };
    let found = books.differences();
    let found: Vec<_> =
        found.iter().map(|it| (it.reason, it.expected.micros(), it.found.micros())).collect();
    assert_eq!(found, wanted);
}

const CREDIT: (&str, i64) = ("stripe:pi_1", 50_000_000);

#[test]
fn books_that_agree_have_no_difference() {
    let wish = wish(5_000, MicroUsd::from_cents(5_000));
    check(Some(&wish), &[CREDIT], Some(&intent("succeeded", 5_000, 0)), &[]);
    let back = ("stripe:pi_1:refund:1", -15_000_000);
    check(Some(&wish), &[CREDIT, back], Some(&intent("succeeded", 5_000, 1_500)), &[]);
    let taken = ("stripe:pi_1:dispute:1", -35_000_000);
    let lost = disputed(intent("succeeded", 5_000, 1_500), "lost", 5_000);
    check(Some(&wish), &[CREDIT, back, taken], Some(&lost), &[]);
    let won = disputed(intent("succeeded", 5_000, 0), "won", 5_000);
    let given = ("stripe:pi_1:dispute:2", 35_000_000);
    check(Some(&wish), &[CREDIT, taken, given], Some(&won), &[]);
    check(None, &[], Some(&intent("canceled", 5_000, 0)), &[]);
    check(None, &[], None, &[]);
}

#[test]
fn each_difference_has_its_reason() {
    use Reason::*;
    let wish = wish(5_000, MicroUsd::from_cents(5_000));
    let paid = intent("succeeded", 5_000, 0);
    check(None, &[CREDIT], None, &[(CreditWithoutPayment, 0, 50_000_000)]);
    let waits = intent("processing", 5_000, 0);
    check(Some(&wish), &[CREDIT], Some(&waits), &[(CreditWithoutPayment, 0, 50_000_000)]);
    check(Some(&wish), &[], Some(&paid), &[(PaymentWithoutCredit, 50_000_000, 0)]);
    check(None, &[], Some(&paid), &[(PaymentWithoutCredit, 50_000_000, 0)]);
    let less = ("stripe:pi_1", 49_999_999);
    check(Some(&wish), &[less], Some(&paid), &[(CreditDiffers, 50_000_000, 49_999_999)]);
    let refunded = intent("succeeded", 5_000, 1);
    check(Some(&wish), &[CREDIT], Some(&refunded), &[(RefundDiffers, -10_000, 0)]);
    let disputed = disputed(paid, "needs_response", 5_000);
    check(Some(&wish), &[CREDIT], Some(&disputed), &[(DisputeDiffers, -50_000_000, 0)]);
}

#[test]
fn a_currency_that_nobody_promised_anything_for_is_never_converted() {
    let mut euros = intent("succeeded", 5_000, 0);
    euros.currency = "eur".to_owned();
    check(None, &[], Some(&euros), &[(Reason::PaymentWithoutCredit, 0, 0)]);
    check(None, &[CREDIT], Some(&euros), &[(Reason::CreditDiffers, 0, 50_000_000)]);
}

proptest! {
    /// The rule that books and the rule that checks were written apart; they agree on every
    /// payment, and a micro-dollar more or less is seen.
    #[test]
    fn what_is_booked_by_the_rule_is_never_a_difference(
        cents in 50_i64..1_000_000,
        credit in 1_i64..10_000_000_000,
        refunded in 0_i64..1_000_000,
        contested in 0_i64..1_000_000,
        lost in any::<bool>(),
        slip in prop_oneof![Just(-1_i64), Just(1)],
    ) {
        let refunded = refunded.min(cents);
        let status = if lost { "lost" } else { "under_review" };
        let contested = contested.min(cents - refunded);
        let mut stripe = intent("succeeded", cents, refunded);
        if contested > 0 {
            stripe = disputed(stripe, status, contested);
        }
        let mut wish = wish(cents, MicroUsd::new(credit));
        stripe.metadata = super::super::payment::metadata(wish.account, wish.id, wish.purpose)
            .into_iter()
            .collect();
        wish.intent = Some("pi_1".to_owned());
        let intent = Some(stripe.clone());
        let reading = super::super::payment::Reading { session: None, intent };
        let decision = wish.decide(&Booked::default(), &reading, DAY);
        let mut booked = Booked::default();
        for row in &decision.rows {
            booked.add("pi_1", &row.source, row.amount);
        }
        let differences = |booked: &Booked| {
            let (account, wish, stripe) = (account(), Some(&wish), Some(&stripe));
            Books { account, intent: "pi_1", wish, booked, stripe }.differences()
        };
        prop_assert_eq!(differences(&booked), vec![]);
        booked.refunds.0 = booked.refunds.0.plus(MicroUsd::new(slip));
        prop_assert_eq!(differences(&booked).len(), 1);
    }
}

fn sum(hour: i64, charged: i64) -> UsageSum {
    let (model, route) = ("gpt-5.5".to_owned(), "one".to_owned());
    UsageSum { hour, model, route, requests: 1, input: 2, output: 3, charged }
}

#[test]
fn sums_that_differ_lack_or_have_no_rows_are_seen() {
    let ours = [sum(480_000, 10), sum(480_001, 10), sum(480_002, 10)];
    assert_eq!(usage(account(), &ours, &ours), []);
    let told = [sum(480_000, 10), sum(480_001, 11), sum(480_003, 5)];
    let found = usage(account(), &ours, &told);
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.subject.as_str(), it.expected.micros(), it.found.micros()))
        .collect();
    let wanted = [
        ("2024-10-04T01 gpt-5.5 one", 10, 11),
        ("2024-10-04T02 gpt-5.5 one", 10, 0),
        ("2024-10-04T03 gpt-5.5 one", 0, 5),
    ];
    assert_eq!(found, wanted);
    let mut tokens = ours.clone();
    tokens[0].output += 1;
    assert_eq!(usage(account(), &ours, &tokens).len(), 1, "tokens count too");
}

#[test]
fn a_day_is_looked_at_once_and_none_is_left_out() {
    let day = 20_000;
    let at = |hour: i64| DAY.plus_millis(hour * HOUR_MS);
    assert_eq!(Run::due(None, at(1)).map(|run| run.day), Some(day - 1));
    assert_eq!(Run::due(None, at(0)).map(|run| run.day), Some(day - 2), "not before it is late");
    assert_eq!(Run::due(Some(day - 1), at(24)), None);
    assert_eq!(Run::due(Some(day - 1), at(25)).map(|run| run.day), Some(day));
    assert_eq!(Run::due(Some(day - 9), at(25)).map(|run| run.day), Some(day - 8), "caught up");
}

#[test]
fn a_run_goes_through_its_phases_a_page_at_a_time() {
    let mut run = Run::due(None, DAY.plus_millis(HOUR_MS)).unwrap();
    let mut seen = Vec::new();
    for next in [Some("pi_9".to_owned()), None, None, None, None] {
        seen.push((run.phase, run.cursor.clone()));
        run = run.after(3, next);
    }
    let phases =
        [Phase::Payments, Phase::Payments, Phase::Refunds, Phase::Disputes, Phase::Accounts];
    assert_eq!(seen.iter().map(|(phase, _)| *phase).collect::<Vec<_>>(), phases);
    assert_eq!(seen.iter().filter_map(|(_, at)| at.as_deref()).collect::<Vec<_>>(), ["pi_9"]);
    assert_eq!((run.phase, run.looked), (Phase::Done, 15));
    for (phase, _) in seen {
        assert_eq!(Phase::parse(phase.as_str()), Some(phase));
    }
    assert_eq!(Phase::parse("else"), None);
}
