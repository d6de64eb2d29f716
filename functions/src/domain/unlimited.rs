//! What an account has of the Unlimited plan: its subscription as it was last read at Stripe, until
//! when that gives anything, and what the account and its operator wish.

use schema::{
    Code, Error, MicroUsd, Result, Timestamp,
    stripe::{Subscription, SubscriptionStatus as Status},
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

use super::fair_use::{Limits, Meter, OwnLimits, Span, Terms};

/// The name of the plan, as we note it at Stripe.
pub const PLAN: &str = "unlimited";
/// Where it is kept in the account's object.
pub const FACT: &str = "unlimited";
/// $199 a month, until an operator says otherwise.
pub const PRICE_CENTS: i64 = 19_900;

/// A card that fails is tried again for days, and mostly succeeds; nobody's work stops meanwhile.
/// What that can cost us is one window of three days. The same grace bridges a renewal of which we
/// have not heard.
const GRACE_MS: i64 = 3 * DAY_MS;
/// A checkout is offered again for as long: Stripe closes it after a day.
const CHECKOUT_MS: i64 = 23 * HOUR_MS;
/// Subscriptions of an account that are remembered; the oldest that is over goes first.
const READINGS_MAX: usize = 4;

/// A subscription as it was read at Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// `sub_…`
    pub id: String,
    pub status: Status,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    pub ends_with_period: bool,
    /// What a period costs, in cents.
    pub price_cents: Option<i64>,
    /// When the reading began: of two, the one that began later says more.
    pub began_at: Timestamp,
    /// Since when it has been past due: from the beginning of the first period that is not paid,
    /// however many follow it.
    #[serde(default)]
    pub unpaid_since: Option<Timestamp>,
}

impl Reading {
    /// What a subscription at Stripe says, if it says all that we need.
    pub fn of(read: &Subscription, began_at: Timestamp) -> Option<Self> {
        let at = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1_000));
        let price = read.items.data.first().and_then(|item| item.price.as_ref());
        Some(Self {
            id: read.id.clone(),
            status: read.status,
            period_start: at(read.period_start()?),
            period_end: at(read.period_end()?),
            ends_with_period: read.cancel_at_period_end,
            price_cents: price.filter(|it| it.currency == "usd").and_then(|it| it.unit_amount),
            began_at,
            unpaid_since: None,
        })
    }

    /// The moment from which it gives nothing. It gives what was paid for: to the end of the period
    /// and, where a renewal may only be late, for a grace after it; where a renewal has failed, for
    /// the same grace from the beginning of the first period that is not paid. Whatever Stripe
    /// calls unpaid, paused, cancelled or incomplete gives nothing, nor does a word that we do not
    /// know.
    pub fn gives_until(&self) -> Option<Timestamp> {
        match self.status {
            Status::Active | Status::Trialing if self.ends_with_period => Some(self.period_end),
            Status::Active | Status::Trialing => Some(self.period_end.plus_millis(GRACE_MS)),
            Status::PastDue => {
                Some(self.unpaid_since.unwrap_or(self.period_start).plus_millis(GRACE_MS))
            }
            Status::Incomplete
            | Status::IncompleteExpired
            | Status::Unpaid
            | Status::Paused
            | Status::Canceled
            | Status::Unknown => None,
        }
    }

    /// Whether nothing will come of it any more.
    pub const fn is_over(&self) -> bool {
        matches!(self.status, Status::Canceled | Status::IncompleteExpired)
    }

    /// When it is to be read again though nobody has told of a change.
    pub fn check_at(&self) -> Option<Timestamp> {
        let daily = self.began_at.plus_millis(DAY_MS);
        match self.status {
            Status::Canceled | Status::IncompleteExpired => None,
            Status::Active | Status::Trialing if self.began_at < self.period_end => {
                Some(daily.min(self.period_end.plus_millis(60_000)))
            }
            Status::Active
            | Status::Trialing
            | Status::PastDue
            | Status::Incomplete
            | Status::Unpaid
            | Status::Paused
            | Status::Unknown => Some(self.began_at.plus_millis(HOUR_MS)),
        }
    }
}

/// The word for how a subscription stands, or for there being none.
pub const fn status(reading: Option<&Reading>) -> &'static str {
    let Some(reading) = reading else { return "none" };
    match reading.status {
        Status::Active => "active",
        Status::Trialing => "trialing",
        Status::Incomplete => "incomplete",
        Status::IncompleteExpired => "incomplete_expired",
        Status::PastDue => "past_due",
        Status::Unpaid => "unpaid",
        Status::Paused => "paused",
        Status::Canceled => "canceled",
        Status::Unknown => "unknown",
    }
}

/// A checkout in which the account may subscribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Our name for it, from which its key at Stripe is made.
    pub attempt: String,
    pub price_cents: i64,
    pub began_at: Timestamp,
}

/// What an account has of the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unlimited {
    readings: Vec<Reading>,
    checkout: Option<Checkout>,
    pub fallback: bool,
    pub own: OwnLimits,
    /// The operator's limits for everybody, as last heard.
    defaults: Option<Limits>,
    five_hours: Told,
    three_days: Told,
}

/// What was last told of a window, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    percent: u32,
    at: Option<Timestamp>,
}

/// What a new reading changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Nothing,
    Started,
    /// A renewal has failed.
    Unpaid,
    Ended,
}

impl Unlimited {
    /// What it gives now.
    pub fn terms(&self) -> Terms {
        let until = self.readings.iter().filter_map(Reading::gives_until).max();
        Terms {
            until: until.unwrap_or(Timestamp::from_millis(0)),
            limits: self.defaults.unwrap_or(Limits::DEFAULT).with(self.own),
            fallback: self.fallback,
        }
    }

    /// The subscription that counts: the one that gives most, else the newest.
    pub fn current(&self) -> Option<&Reading> {
        self.readings.iter().max_by_key(|it| (it.gives_until(), !it.is_over(), it.period_start))
    }

    /// Whether there ever was a subscription. Without one there is nothing to know.
    pub const fn is_known(&self) -> bool {
        !self.readings.is_empty()
    }

    /// Takes the limits for everybody as they are now; says whether that changes anything.
    pub fn learn(&mut self, defaults: Limits) -> bool {
        self.defaults.replace(defaults) != Some(defaults)
    }

    /// Takes a reading, unless one that began later is there.
    pub fn hear(&mut self, mut reading: Reading) -> News {
        let known = self.readings.iter_mut().find(|known| known.id == reading.id);
        if known.is_none() || !reading.is_over() {
            // This is what came of it.
            self.checkout = None;
        }
        reading.unpaid_since = (reading.status == Status::PastDue).then(|| {
            let earlier = known.as_ref().and_then(|known| known.unpaid_since);
            earlier.unwrap_or(reading.period_start)
        });
        let (before, after) = (known.as_ref().map(|it| it.status), reading.status);
        match known {
            Some(known) if reading.began_at < known.began_at => return News::Nothing,
            Some(known) => *known = reading,
            None => self.readings.push(reading),
        }
        if self.readings.len() > READINGS_MAX {
            let oldest = self.readings.iter().position(Reading::is_over).unwrap_or(0);
            self.readings.remove(oldest);
        }
        let gave = |status| matches!(status, Status::Active | Status::Trialing | Status::PastDue);
        match (before.is_some_and(gave), after) {
            (_, status) if before == Some(status) => News::Nothing,
            (false, Status::Active | Status::Trialing) => News::Started,
            (true, Status::PastDue) => News::Unpaid,
            (true, status) if !gave(status) => News::Ended,
            _ => News::Nothing,
        }
    }

    /// The checkout in which the account subscribes: the one that it was offered before, so that it
    /// cannot pay for two, or `new`.
    pub fn check_out(&mut self, new: Checkout) -> Result<Checkout> {
        if self.readings.iter().any(|reading| !reading.is_over()) {
            let message = "There is a subscription already. `GET /api/v1/wallet/subscription` \
                           shows how it stands.";
            return Err(Error::new(Code::Conflict, message));
        }
        let same = |it: &&Checkout| {
            let open = new.began_at.since(it.began_at) < CHECKOUT_MS;
            open && it.price_cents == new.price_cents
        };
        let checkout = self.checkout.as_ref().filter(same).cloned().unwrap_or(new);
        self.checkout = Some(checkout.clone());
        Ok(checkout)
    }

    /// What is to be told of a window: that it is nearly used up, and that it is, each once until
    /// it has been half empty again. Less than a thousandth is no room for a call.
    pub fn full(&mut self, meter: Meter, now: Timestamp) -> Option<u32> {
        let told = match meter.span {
            Span::FiveHours => &mut self.five_hours,
            Span::ThreeDays => &mut self.three_days,
        };
        let emptied = told.at.is_none_or(|at| now.since(at) >= meter.span.ms());
        if meter.basis_points() < 5_000 || emptied {
            *told = Told::default();
        }
        let percent = match meter.basis_points() {
            9_990.. => 100,
            8_000.. => 80,
            _ => 0,
        };
        if percent <= told.percent {
            return None;
        }
        *told = Told { percent, at: Some(now) };
        Some(percent)
    }
}

/// What an account's object may be told about the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// How it stands, by the limits for everybody as they are now.
    Read { defaults: Limits },
    /// What was read at Stripe.
    Hear { reading: Box<Reading>, defaults: Limits },
    /// Whether the wallet pays what the plan does not.
    SetFallback { on: bool },
    /// Limits for this account alone.
    SetLimits { own: OwnLimits, defaults: Limits },
    /// A checkout, if there is no subscription.
    CheckOut { new: Checkout },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    State(Box<State>),
    Checkout(Checkout),
}

/// How an account stands with the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub subscription: Option<Reading>,
    /// Whether the plan gives anything now, and until when by what is known.
    pub covers: bool,
    pub until: Timestamp,
    pub fallback: bool,
    pub own: OwnLimits,
    pub meters: Vec<Meter>,
    pub reserved: MicroUsd,
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);
    const END: Timestamp = START.plus_millis(30 * DAY_MS);

    fn reading(status: Status, began_ms: i64) -> Reading {
        Reading {
            id: "sub_1".to_owned(),
            status,
            period_start: START,
            period_end: END,
            ends_with_period: false,
            price_cents: Some(19_900),
            began_at: START.plus_millis(began_ms),
            unpaid_since: None,
        }
    }

    #[test]
    fn who_does_not_pay_has_one_grace_and_not_one_in_each_period() {
        let mut unlimited = Unlimited::default();
        let mut until = |status, months: i64| {
            let period_start = START.plus_millis(months * 30 * DAY_MS);
            let period_end = period_start.plus_millis(30 * DAY_MS);
            let reading = reading(status, months * 30 * DAY_MS);
            unlimited.hear(Reading { period_start, period_end, ..reading });
            unlimited.terms().until.since(START) / DAY_MS
        };
        assert_eq!((until(Status::Active, 0), until(Status::PastDue, 1)), (33, 33));
        assert_eq!((until(Status::PastDue, 2), until(Status::PastDue, 3)), (33, 33));
        assert_eq!((until(Status::Active, 3), until(Status::PastDue, 4)), (123, 123));
    }

    #[test]
    fn a_subscription_gives_what_was_paid_for_and_a_grace_where_money_may_only_be_late() {
        let until = |status| reading(status, 0).gives_until();
        assert_eq!(until(Status::Active), Some(END.plus_millis(3 * DAY_MS)));
        assert_eq!(until(Status::PastDue), Some(START.plus_millis(3 * DAY_MS)));
        let ending = Reading { ends_with_period: true, ..reading(Status::Active, 0) };
        assert_eq!(ending.gives_until(), Some(END));
        for none in [
            Status::Incomplete,
            Status::IncompleteExpired,
            Status::Unpaid,
            Status::Paused,
            Status::Canceled,
            Status::Unknown,
        ] {
            assert_eq!(until(none), None, "{none:?}");
        }
    }

    #[test]
    fn of_two_readings_the_one_that_began_later_counts_in_whatever_order_they_come() {
        let (early, late) = (reading(Status::Active, 1), reading(Status::Canceled, 2));
        for order in [[early.clone(), late.clone()], [late, early]] {
            let mut unlimited = Unlimited::default();
            for reading in order {
                unlimited.hear(reading);
            }
            assert_eq!(unlimited.current().map(|it| it.status), Some(Status::Canceled));
            assert_eq!(unlimited.terms().until, Timestamp::from_millis(0));
        }
    }

    #[test]
    fn each_change_is_news_once() {
        let mut unlimited = Unlimited::default();
        let mut hear = |status, ms| unlimited.hear(reading(status, ms));
        assert_eq!(hear(Status::Incomplete, 0), News::Nothing);
        assert_eq!(hear(Status::Active, 1), News::Started);
        assert_eq!(hear(Status::Active, 2), News::Nothing);
        assert_eq!(hear(Status::PastDue, 3), News::Unpaid);
        assert_eq!(hear(Status::Active, 4), News::Nothing);
        assert_eq!(hear(Status::Unpaid, 5), News::Ended);
        assert_eq!(hear(Status::Canceled, 6), News::Nothing);
        assert_eq!(hear(Status::Active, 5), News::Nothing);
    }

    #[test]
    fn a_checkout_is_offered_again_until_it_closes_and_none_beside_a_subscription() {
        let new = |attempt: &str, price_cents, ms| {
            let began_at = START.plus_millis(ms);
            Checkout { attempt: attempt.to_owned(), price_cents, began_at }
        };
        let mut unlimited = Unlimited::default();
        let mut offered = |new| unlimited.check_out(new).unwrap().attempt;
        assert_eq!(offered(new("a", 1, 0)), "a");
        assert_eq!(offered(new("b", 1, CHECKOUT_MS - 1)), "a");
        assert_eq!(offered(new("c", 2, CHECKOUT_MS - 1)), "c");
        assert_eq!(offered(new("d", 2, 2 * CHECKOUT_MS)), "d");
        unlimited.hear(reading(Status::Incomplete, 0));
        assert_eq!(unlimited.check_out(new("e", 2, 0)).unwrap_err().code, Code::Conflict);
        unlimited.hear(reading(Status::Canceled, 1));
        assert_eq!(unlimited.check_out(new("e", 2, 0)).unwrap().attempt, "e");
        // The end of an old one, told again, is not what comes of a checkout.
        unlimited.hear(reading(Status::Canceled, 2));
        assert_eq!(unlimited.check_out(new("f", 2, 0)).unwrap().attempt, "e");
    }

    #[test]
    fn a_window_is_told_of_at_four_fifths_and_at_its_end_once_for_each_filling() {
        let mut unlimited = Unlimited::default();
        let mut full = |used, minutes: i64| {
            let (span, limit) = (Span::FiveHours, MicroUsd::new(1_000));
            let meter = Meter { span, used: MicroUsd::new(used), limit, resets_at: 0 };
            unlimited.full(meter, START.plus_millis(minutes * 60_000))
        };
        assert_eq!((full(799, 0), full(800, 1), full(998, 2)), (None, Some(80), None));
        assert_eq!((full(999, 3), full(790, 4), full(1_000, 5)), (Some(100), None, None));
        assert_eq!((full(499, 6), full(1_000, 7)), (None, Some(100)));
        // All of that has left by now, though nothing was asked in between.
        assert_eq!((full(900, 7 + 299), full(900, 7 + 300)), (None, Some(80)));
    }
}
