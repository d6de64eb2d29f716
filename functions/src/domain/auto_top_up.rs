//! Auto top-up: what a wallet does by itself when its balance falls below a threshold. What running
//! calls have reserved does not count: most of it comes back, and nobody is charged for a moment's
//! crowd.
//!
//! One value for each wallet says everything. At most one attempt is in flight, because there is
//! one place for it; what an attempt may take is counted against the month's cap from the moment it
//! begins until it is known to have failed. An outcome that nobody knows is asked for again under
//! the same id, which is the idempotency key: money is taken once, however often we ask.

use schema::{
    MicroUsd, PaymentId, Timestamp,
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

mod command;
#[cfg(test)]
mod tests;
mod wish;

pub use command::{Approval, Command, View, approval, approved};
pub use wish::Wish;

/// Under which name an account's facts hold this.
pub const FACT: &str = "auto_top_up";

/// Failures in a row after which nothing is tried until the customer says so.
pub const FAILURES_MAX: usize = 3;
/// How long after a failure the next attempt begins.
const WAITS_MS: [i64; FAILURES_MAX - 1] = [HOUR_MS, 12 * HOUR_MS];
/// Between two questions for the same outcome: doubled twice each time, up to the longest.
const AGAIN_MS: i64 = 2_000;
const AGAIN_MAX_MS: i64 = 600_000;
/// How long an outcome is asked for under the same key; Stripe forgets keys after 24 hours.
const ASK_MAX_MS: i64 = 20 * HOUR_MS;
/// How long a payment may be on its way after Stripe took it on.
const LOOK_MAX_MS: i64 = 7 * DAY_MS;
/// How long a customer has to approve a payment: a page of Stripe's lives for a day.
const ACTION_MAX_MS: i64 = 23 * HOUR_MS;
/// How long an attempt that was given up may still succeed, and counts against the cap: Stripe
/// tells of what happened for three days.
const DOUBT_MS: i64 = 4 * DAY_MS;
/// Attempts that were given up and are remembered, in case one succeeds after all.
const DOUBTFUL_MAX: usize = 32;

/// What is bought at once: so much credit for such a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// In whole cents.
    pub price: MicroUsd,
    pub credit: MicroUsd,
}

/// What a customer agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Below this, the balance is filled up …
    pub threshold: MicroUsd,
    /// … to this at least, in whole units.
    pub target: MicroUsd,
    /// What may be charged in a calendar month (UTC).
    pub monthly_cap: MicroUsd,
    /// As it was when they agreed.
    pub unit: Unit,
}

/// Who pays, as Stripe knows them. Kept with the attempt: what is asked again under one key has to
/// be the same, whatever card is left meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    pub customer: String,
    pub card: String,
}

/// One try to charge the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The payment; also its idempotency key.
    pub id: PaymentId,
    pub payer: Payer,
    pub price: MicroUsd,
    pub credit: MicroUsd,
    pub began_at: Timestamp,
    pub stage: Stage,
}

/// How far an attempt has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Stripe is asked to charge; until it answers, nobody knows.
    Asking { tries: u32, again_at: Timestamp },
    /// Stripe took it on and has not said what came of it.
    Processing { intent: String, tries: u32, again_at: Timestamp },
    /// The bank wants the customer's approval: they pay on a page, until then.
    NeedsAction { until: Timestamp },
}

/// An attempt that was given up and may succeed all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Doubtful {
    id: PaymentId,
    price: MicroUsd,
    /// Until when it counts though it has not succeeded.
    until: Timestamp,
}

/// Why nothing is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paused {
    /// Too many attempts in a row failed.
    Failures,
    /// An operator said so; only an operator ends it.
    Operator,
}

/// The machine of one wallet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoTopUp {
    /// Nothing while it is off.
    terms: Option<Terms>,
    flight: Option<Attempt>,
    /// Failures in a row.
    failures: usize,
    /// Why the last attempt failed, in words for the customer.
    last_failure: Option<String>,
    paused: Option<Paused>,
    /// Nothing is begun before: a failure was a moment ago, or the month's cap is reached.
    wait_until: Option<Timestamp>,
    /// Whether that is because of the cap.
    capped: bool,
    /// The month that `taken` is of, by its first moment.
    month: Option<Timestamp>,
    taken: MicroUsd,
    /// Oldest first.
    doubtful: Vec<Doubtful>,
}

/// What a customer is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An attempt failed; the next one comes by itself.
    Failed { attempt: Attempt, reason: String },
    /// An attempt failed, and it was the last one.
    Paused { attempt: Attempt, reason: String },
    /// An attempt waits for the customer's approval.
    NeedsAction { attempt: Attempt, until: Timestamp },
}

/// In one word, where a wallet stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Off,
    Idle,
    Charging,
    NeedsAction,
    /// After a failure, until the next attempt.
    Waiting,
    /// The month's cap is reached.
    Capped,
    Paused,
}

impl State {
    /// As it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Idle => "idle",
            Self::Charging => "charging",
            Self::NeedsAction => "needs_action",
            Self::Waiting => "waiting",
            Self::Capped => "capped",
            Self::Paused => "paused",
        }
    }
}

impl AutoTopUp {
    /// What the customer agreed to, while it is on.
    pub const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// The attempt in flight.
    pub const fn flight(&self) -> Option<&Attempt> {
        self.flight.as_ref()
    }

    /// Why the last attempt failed, until one succeeds.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// Why nothing is tried.
    pub const fn paused(&self) -> Option<Paused> {
        self.paused
    }

    /// Where the wallet stands.
    pub fn state(&self, now: Timestamp) -> State {
        match self.flight.as_ref().map(|attempt| &attempt.stage) {
            Some(Stage::NeedsAction { .. }) => return State::NeedsAction,
            Some(Stage::Asking { .. } | Stage::Processing { .. }) => return State::Charging,
            None => {}
        }
        match (&self.terms, self.paused, self.wait_until) {
            (None, ..) => State::Off,
            (Some(_), Some(_), _) => State::Paused,
            (Some(_), None, Some(until)) if now < until && self.capped => State::Capped,
            (Some(_), None, Some(until)) if now < until => State::Waiting,
            (Some(_), None, _) => State::Idle,
        }
    }

    /// Below this much, an attempt is to begin. Nothing while none would.
    pub fn line(&self, now: Timestamp) -> Option<MicroUsd> {
        let idle = self.state(now) == State::Idle;
        self.terms.as_ref().filter(|_| idle).map(|terms| terms.threshold)
    }

    /// When something is to be done that nobody will ask for.
    pub fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        if let Some(attempt) = &self.flight {
            return Some(match attempt.stage {
                Stage::Asking { again_at, .. } | Stage::Processing { again_at, .. } => again_at,
                Stage::NeedsAction { until, .. } => until,
            });
        }
        let waits = matches!(self.state(now), State::Waiting | State::Capped);
        self.wait_until.filter(|_| waits)
    }

    /// What the month's cap has been used for: what was taken, and what may yet be.
    pub fn spent(&self, now: Timestamp) -> MicroUsd {
        let taken = if self.month == Some(now.month_start()) { self.taken } else { MicroUsd::ZERO };
        let doubtful = self.doubtful.iter().filter(|it| now < it.until).map(|it| it.price);
        let flight = self.flight.iter().map(|attempt| attempt.price);
        doubtful.chain(flight).fold(taken, MicroUsd::plus)
    }

    /// Turns it on, or changes what it does. Whoever says so again after failures means: try again.
    pub fn agree(&mut self, terms: Terms) {
        self.terms = Some(terms);
        self.failures = 0;
        self.wait_until = None;
        self.capped = false;
        if self.paused == Some(Paused::Failures) {
            self.paused = None;
        }
    }

    /// Turns it off. What has been asked of Stripe is awaited all the same; what waits for the
    /// customer is given up.
    pub fn turn_off(&mut self, now: Timestamp) {
        self.terms = None;
        if self.state(now) == State::NeedsAction {
            self.give_up(now);
        }
    }

    /// An operator stops it, whatever the customer wants, or lets it go on.
    pub const fn pause(&mut self, paused: bool) {
        if paused {
            self.paused = Some(Paused::Operator);
            return;
        }
        (self.paused, self.failures, self.wait_until) = (None, 0, None);
    }

    /// Begins an attempt, if the balance calls for one: as many whole units as fill the gap,
    /// or as the month's cap still allows.
    pub fn begin(
        &mut self,
        balance: MicroUsd,
        payer: Payer,
        id: PaymentId,
        now: Timestamp,
    ) -> Option<&Attempt> {
        if self.line(now).is_none_or(|line| balance >= line) {
            return None;
        }
        let spent = self.spent(now);
        let Terms { target, monthly_cap, unit, .. } = *self.terms.as_ref()?;
        let wanted = units_up(target.minus(balance), unit.credit);
        let units = wanted.min(units_down(monthly_cap.minus(spent), unit.price));
        if units <= 0 {
            self.capped = true;
            self.wait_until = Some(self.room_at(now));
            return None;
        }
        (self.capped, self.wait_until) = (false, None);
        let (price, credit) = (times(unit.price, units), times(unit.credit, units));
        let stage = Stage::Asking { tries: 0, again_at: now };
        Some(self.flight.insert(Attempt { id, payer, price, credit, began_at: now, stage }))
    }

    /// An attempt succeeded, in flight or given up. Whoever hears it twice changes nothing.
    pub fn paid(&mut self, id: PaymentId, now: Timestamp) {
        let flown = self.flight.take_if(|attempt| attempt.id == id).map(|attempt| attempt.price);
        let place = self.doubtful.iter().position(|it| it.id == id);
        let doubted = place.map(|at| self.doubtful.remove(at).price);
        let Some(price) = flown.or(doubted) else { return };
        let month = now.month_start();
        if self.month.replace(month) != Some(month) {
            self.taken = MicroUsd::ZERO;
        }
        self.taken = self.taken.plus(price);
        (self.failures, self.last_failure, self.wait_until) = (0, None, None);
        if self.paused == Some(Paused::Failures) {
            self.paused = None;
        }
    }

    /// The attempt in flight failed for good: no money was taken, and none will be.
    pub fn failed(&mut self, id: PaymentId, reason: &str, now: Timestamp) -> Option<News> {
        let attempt = self.flight.take_if(|attempt| attempt.id == id)?;
        Some(self.count_failure(attempt, reason, now))
    }

    /// Nobody knows what came of the attempt: the same is asked again, until it makes no sense.
    pub fn unanswered(&mut self, id: PaymentId, now: Timestamp) -> Option<News> {
        let attempt = self.flight.as_mut().filter(|attempt| attempt.id == id)?;
        let age = now.since(attempt.began_at);
        let (tries, again_at, max) = match &mut attempt.stage {
            Stage::Asking { tries, again_at } => (tries, again_at, ASK_MAX_MS),
            Stage::Processing { tries, again_at, .. } => (tries, again_at, LOOK_MAX_MS),
            Stage::NeedsAction { .. } => return None,
        };
        if age < max {
            *again_at = now.plus_millis(again_in(*tries));
            *tries = tries.saturating_add(1);
            return None;
        }
        self.refused(id, "The payment provider did not answer.", now)
    }

    /// Stripe would not hear of the attempt, and it makes no sense to ask again. Whether it took
    /// money is not certain, so the attempt goes on counting.
    pub fn refused(&mut self, id: PaymentId, reason: &str, now: Timestamp) -> Option<News> {
        self.flight.as_ref().filter(|attempt| attempt.id == id)?;
        let attempt = self.give_up(now)?;
        Some(self.count_failure(attempt, reason, now))
    }

    /// Stripe took the attempt on; what comes of it is to be looked up.
    pub fn processing(&mut self, id: PaymentId, intent: String, now: Timestamp) {
        let Some(attempt) = self.flight.as_mut().filter(|attempt| attempt.id == id) else { return };
        let tries = match &attempt.stage {
            Stage::Processing { tries, .. } => *tries,
            Stage::Asking { .. } | Stage::NeedsAction { .. } => 0,
        };
        let again_at = now.plus_millis(again_in(tries));
        attempt.stage = Stage::Processing { intent, tries: tries.saturating_add(1), again_at };
    }

    /// The bank wants the customer's approval: the payment has been called off, and another one for
    /// the same amount takes its place, which the customer pays on a page.
    pub fn needs_action(
        &mut self,
        id: PaymentId,
        other: PaymentId,
        now: Timestamp,
    ) -> Option<News> {
        let attempt = self.flight.as_mut().filter(|attempt| attempt.id == id)?;
        if let Stage::NeedsAction { .. } = attempt.stage {
            return None;
        }
        let until = now.plus_millis(ACTION_MAX_MS);
        (attempt.id, attempt.stage) = (other, Stage::NeedsAction { until });
        Some(News::NeedsAction { attempt: attempt.clone(), until })
    }

    /// Gives up an approval that did not come in time.
    pub fn expire(&mut self, now: Timestamp) -> Option<News> {
        let Stage::NeedsAction { until, .. } = self.flight.as_ref()?.stage else { return None };
        if now < until {
            return None;
        }
        let attempt = self.give_up(now)?;
        Some(self.count_failure(attempt, "The payment was not approved in time.", now))
    }

    /// Takes the attempt out of the air. It may succeed all the same, so it goes on counting.
    fn give_up(&mut self, now: Timestamp) -> Option<Attempt> {
        let attempt = self.flight.take()?;
        let oldest = self.doubtful.len().saturating_sub(DOUBTFUL_MAX - 1);
        self.doubtful.drain(..oldest);
        let until = now.plus_millis(DOUBT_MS);
        self.doubtful.push(Doubtful { id: attempt.id, price: attempt.price, until });
        Some(attempt)
    }

    fn count_failure(&mut self, attempt: Attempt, reason: &str, now: Timestamp) -> News {
        let wait = WAITS_MS.get(self.failures);
        self.failures += 1;
        let reason = reason.to_owned();
        self.last_failure = Some(reason.clone());
        match wait {
            Some(wait) => {
                self.wait_until = Some(now.plus_millis(*wait));
                News::Failed { attempt, reason }
            }
            None => {
                self.wait_until = None;
                self.paused = self.paused.or(Some(Paused::Failures));
                News::Paused { attempt, reason }
            }
        }
    }

    /// When the cap may have room again: in the next month, or where a doubt ends.
    fn room_at(&self, now: Timestamp) -> Timestamp {
        let ends = self.doubtful.iter().map(|it| it.until).filter(|until| now < *until);
        ends.fold(now.next_month_start(), Timestamp::min)
    }
}

/// How long after so many tries the next one comes.
fn again_in(tries: u32) -> i64 {
    let doubled = AGAIN_MS.checked_shl(tries.saturating_mul(2).min(20)).unwrap_or(AGAIN_MAX_MS);
    doubled.min(AGAIN_MAX_MS)
}

/// How many units it takes to reach an amount.
fn units_up(amount: MicroUsd, unit: MicroUsd) -> i64 {
    let (amount, unit) = (amount.or_zero().micros(), unit.micros().max(1));
    amount.div_euclid(unit) + i64::from(amount.rem_euclid(unit) > 0)
}

/// How many units fit into an amount.
fn units_down(amount: MicroUsd, unit: MicroUsd) -> i64 {
    amount.or_zero().micros().div_euclid(unit.micros().max(1))
}

const fn times(amount: MicroUsd, count: i64) -> MicroUsd {
    MicroUsd::new(amount.micros().saturating_mul(count))
}
