//! Fair use of the Unlimited plan: what it covers in any five hours and in any three days.
//!
//! Usage is measured in micro-dollars at list price, not in requests or tokens: what a call costs
//! us grows with its model and its context, so a heavy one counts for more, and a new model needs
//! no table of weights besides its price. A call reserves its part before it begins, exactly as it
//! would of a wallet; so calls at once cannot use more together than one after the other.

use std::collections::VecDeque;

use schema::{
    MicroUsd, Timestamp,
    time::{DAY_MS, HOUR_MS},
};
use serde::{Deserialize, Serialize};

/// The windows: both must have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    FiveHours,
    ThreeDays,
}

impl Span {
    pub const ALL: [Self; 2] = [Self::FiveHours, Self::ThreeDays];

    /// How long what was used counts.
    pub const fn ms(self) -> i64 {
        match self {
            Self::FiveHours => 5 * HOUR_MS,
            Self::ThreeDays => 3 * DAY_MS,
        }
    }

    /// The same in minutes, as headers carry it.
    pub const fn minutes(self) -> i64 {
        self.ms() / 60_000
    }

    /// As people say it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::FiveHours => "5 hours",
            Self::ThreeDays => "3 days",
        }
    }
}

/// What may be used in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub five_hours: MicroUsd,
    pub three_days: MicroUsd,
}

impl Limits {
    /// Until an operator says otherwise.
    pub const DEFAULT: Self =
        Self { five_hours: MicroUsd::from_cents(6_000), three_days: MicroUsd::from_cents(25_000) };

    /// The limit of one window.
    pub const fn of(self, span: Span) -> MicroUsd {
        match span {
            Span::FiveHours => self.five_hours,
            Span::ThreeDays => self.three_days,
        }
    }

    /// These limits where the account has none of its own.
    pub fn with(self, own: OwnLimits) -> Self {
        Self {
            five_hours: own.five_hours.unwrap_or(self.five_hours),
            three_days: own.three_days.unwrap_or(self.three_days),
        }
    }
}

/// What an operator gave one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnLimits {
    pub five_hours: Option<MicroUsd>,
    pub three_days: Option<MicroUsd>,
}

/// What the plan gives an account now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The moment from which it gives nothing; long ago for who never subscribed.
    pub until: Timestamp,
    pub limits: Limits,
    /// Whether the wallet pays what the plan does not.
    pub fallback: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self { until: Timestamp::from_millis(0), limits: Limits::DEFAULT, fallback: false }
    }
}

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    pub span: Span,
    pub used: MicroUsd,
    pub limit: MicroUsd,
    /// When the oldest usage leaves, in Unix seconds; now, if there is none.
    pub resets_at: i64,
}

impl Meter {
    /// Hundredths of a percent of the limit that are used: at most all of it.
    pub fn basis_points(self) -> i64 {
        let (used, limit) = (i128::from(self.used.micros()), i128::from(self.limit.micros()));
        let share = if limit > 0 { used * 10_000 / limit } else { 10_000 };
        i64::try_from(share.clamp(0, 10_000)).unwrap_or(10_000)
    }
}

/// What is left of the plan, and who has reserved it.
#[derive(Debug)]
pub struct Allowance {
    terms: Terms,
    five_hours: Window,
    three_days: Window,
    reserved: MicroUsd,
}

impl Default for Allowance {
    fn default() -> Self {
        let [five_hours, three_days] = Span::ALL.map(Window::of);
        let (terms, reserved) = (Terms::default(), MicroUsd::ZERO);
        Self { terms, five_hours, three_days, reserved }
    }
}

impl Allowance {
    /// From now on the plan gives this.
    pub const fn set_terms(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// Whether the plan gives anything at that moment.
    pub fn covers(&self, now: Timestamp) -> bool {
        now < self.terms.until
    }

    /// Whether a call may use the wallet: always without the plan, else where its owner wants it.
    pub fn wallet_pays(&self, now: Timestamp) -> bool {
        self.terms.fallback || !self.covers(now)
    }

    /// What both windows have left, reserved or not.
    pub fn unspent(&mut self, now: Timestamp) -> MicroUsd {
        if !self.covers(now) {
            return MicroUsd::ZERO;
        }
        let Terms { limits, .. } = self.terms;
        let five_hours = limits.five_hours.minus(self.five_hours.spent(now));
        let three_days = limits.three_days.minus(self.three_days.spent(now));
        five_hours.min(three_days).or_zero()
    }

    /// What a new call may reserve.
    pub fn free(&mut self, now: Timestamp) -> MicroUsd {
        self.unspent(now).minus(self.reserved).or_zero()
    }

    /// What running calls have reserved.
    pub const fn reserved(&self) -> MicroUsd {
        self.reserved
    }

    /// Where a window stands.
    pub fn meter(&mut self, span: Span, now: Timestamp) -> Meter {
        let limit = self.terms.limits.of(span);
        let window = self.window(span);
        let used = window.spent(now);
        let first = window.spent.front();
        let resets_at = first.map_or(now.seconds(), |(second, _)| second + span.ms() / 1_000);
        Meter { span, used, limit, resets_at }
    }

    /// When so much is left again of both windows, if nothing more is used, and which window it is
    /// that has to be waited for. Nothing, if a limit is below it.
    pub fn comes_back(&mut self, amount: MicroUsd, now: Timestamp) -> Option<(Timestamp, Span)> {
        let limits = self.terms.limits;
        let times = Span::ALL.map(|span| {
            let at = self.window(span).falls_to(limits.of(span).minus(amount), now)?;
            Some((at, span))
        });
        let [five_hours, three_days] = times;
        let (five_hours, three_days) = (five_hours?, three_days?);
        Some(if five_hours.0 > three_days.0 { five_hours } else { three_days })
    }

    /// Puts back what storage knows as used.
    pub fn restore(&mut self, at: Timestamp, amount: MicroUsd) {
        self.spend(amount, at);
    }

    pub(super) fn reserve(&mut self, amount: MicroUsd) {
        self.reserved = self.reserved.plus(amount);
    }

    pub(super) fn release(&mut self, amount: MicroUsd) {
        self.reserved = self.reserved.minus(amount);
    }

    pub(super) fn spend(&mut self, amount: MicroUsd, at: Timestamp) {
        if amount > MicroUsd::ZERO {
            self.five_hours.add(amount, at);
            self.three_days.add(amount, at);
        }
    }

    /// Takes back what turned out to have been counted before.
    pub(super) fn unspend(&mut self, amount: MicroUsd, at: Timestamp) {
        self.five_hours.take_back(amount, at);
        self.three_days.take_back(amount, at);
    }

    const fn window(&mut self, span: Span) -> &mut Window {
        match span {
            Span::FiveHours => &mut self.five_hours,
            Span::ThreeDays => &mut self.three_days,
        }
    }
}

/// What was used in the time that ends now. Usage of one second shares an element, so the memory is
/// bounded by the span, whatever is asked; it counts from when it was used until the same moment
/// one span later, rounded up to the next whole second: the second that headers name.
#[derive(Debug)]
struct Window {
    span: Span,
    spent: VecDeque<(i64, MicroUsd)>,
    sum: MicroUsd,
}

/// The second that usage at this moment is counted in.
pub const fn second(at: Timestamp) -> i64 {
    at.plus_millis(999).seconds()
}

impl Window {
    const fn of(span: Span) -> Self {
        Self { span, spent: VecDeque::new(), sum: MicroUsd::ZERO }
    }

    fn spent(&mut self, now: Timestamp) -> MicroUsd {
        while let Some((second, amount)) = self.spent.front() {
            if now.millis() < self.leaves(*second).millis() {
                break;
            }
            self.sum = self.sum.minus(*amount);
            self.spent.pop_front();
        }
        self.sum
    }

    fn add(&mut self, amount: MicroUsd, at: Timestamp) {
        self.sum = self.sum.plus(amount);
        let second = second(at);
        match self.place(second) {
            Ok(place) => self.change(place, amount),
            // At the end, unless the clock was put back.
            Err(place) => self.spent.insert(place, (second, amount)),
        }
    }

    /// Takes back what was added at that moment, unless it has left by itself.
    fn take_back(&mut self, amount: MicroUsd, at: Timestamp) {
        if let Ok(place) = self.place(second(at)) {
            self.sum = self.sum.minus(amount);
            self.change(place, amount.negated());
        }
    }

    fn place(&self, second: i64) -> Result<usize, usize> {
        self.spent.binary_search_by_key(&second, |(second, _)| *second)
    }

    fn change(&mut self, place: usize, by: MicroUsd) {
        if let Some((_, sum)) = self.spent.get_mut(place) {
            *sum = sum.plus(by);
        }
    }

    /// When no more than so much is used.
    fn falls_to(&mut self, most: MicroUsd, now: Timestamp) -> Option<Timestamp> {
        let mut sum = self.spent(now);
        if sum <= most {
            return Some(now);
        }
        self.spent.iter().find_map(|(second, amount)| {
            sum = sum.minus(*amount);
            (sum <= most).then(|| self.leaves(*second))
        })
    }

    const fn leaves(&self, second: i64) -> Timestamp {
        Timestamp::from_millis(second.saturating_mul(1_000)).plus_millis(self.span.ms())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn usd(micros: i64) -> MicroUsd {
        MicroUsd::new(micros)
    }

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn allowance(five_hours: i64, three_days: i64) -> Allowance {
        let limits = Limits { five_hours: usd(five_hours), three_days: usd(three_days) };
        let mut allowance = Allowance::default();
        allowance.set_terms(Terms { until: at(i64::MAX), limits, fallback: false });
        allowance
    }

    #[test]
    fn usage_leaves_each_window_at_the_second_that_its_meter_names() {
        let mut it = allowance(100, 150);
        it.spend(usd(60), at(1_001));
        it.spend(usd(40), at(2_000));
        assert_eq!(it.unspent(at(2_000)), usd(0));
        let five_hours = it.meter(Span::FiveHours, at(2_000));
        assert_eq!((five_hours.used, five_hours.resets_at), (usd(100), 2 + 5 * 3_600));
        assert_eq!(it.unspent(at(5 * HOUR_MS + 1_999)), usd(0));
        // Both were counted in the second that begins at 2,000.
        assert_eq!(it.unspent(at(5 * HOUR_MS + 2_000)), usd(50));
        assert_eq!(it.meter(Span::ThreeDays, at(5 * HOUR_MS + 2_000)).used, usd(100));
        assert_eq!(it.unspent(at(3 * DAY_MS + 2_000)), usd(100));
        assert_eq!(it.meter(Span::ThreeDays, at(3 * DAY_MS + 2_000)).resets_at, 259_202);
    }

    #[test]
    fn a_full_plan_says_which_window_is_waited_for_and_until_when() {
        let mut it = allowance(100, 150);
        it.spend(usd(90), at(1_000));
        assert_eq!(it.comes_back(usd(10), at(1_000)).map(|it| it.0), Some(at(1_000)));
        let five_hours = Some((at(5 * HOUR_MS + 1_000), Span::FiveHours));
        assert_eq!(it.comes_back(usd(11), at(2_000)), five_hours);
        it.spend(usd(60), at(5 * HOUR_MS + 1_000));
        let three_days = Some((at(3 * DAY_MS + 1_000), Span::ThreeDays));
        assert_eq!(it.comes_back(usd(1), at(5 * HOUR_MS + 1_000)), three_days);
        assert_eq!(it.comes_back(usd(101), at(9 * DAY_MS)), None);
    }

    #[test]
    fn a_lowered_limit_leaves_nothing_and_shows_no_more_than_all() {
        let mut it = allowance(100, 150);
        it.spend(usd(90), at(1_000));
        let limits = Limits { five_hours: usd(50), three_days: MicroUsd::ZERO };
        it.set_terms(Terms { until: at(i64::MAX), limits, fallback: false });
        assert_eq!(it.unspent(at(1_000)), MicroUsd::ZERO);
        assert_eq!(it.meter(Span::FiveHours, at(1_000)).basis_points(), 10_000);
        assert_eq!(it.meter(Span::ThreeDays, at(1_000)).basis_points(), 10_000);
    }

    #[test]
    fn without_the_plan_the_wallet_pays_and_with_it_only_where_its_owner_wants_that() {
        let mut it = allowance(100, 150);
        let limits = it.terms.limits;
        it.set_terms(Terms { until: at(10), limits, fallback: false });
        assert_eq!((it.unspent(at(9)), it.wallet_pays(at(9))), (usd(100), false));
        assert_eq!((it.unspent(at(10)), it.wallet_pays(at(10))), (usd(0), true));
        it.set_terms(Terms { until: at(10), limits, fallback: true });
        assert!(it.wallet_pays(at(9)));
    }

    proptest! {
        /// Whenever it is asked, a window holds what was used within its span, to the micro-dollar;
        /// and when it says that there will be room, there is, and not a second earlier.
        #[test]
        fn a_window_is_what_a_list_of_all_usage_says(
            uses in prop::collection::vec((0i64..5_400_000, 0i64..500, any::<bool>()), 1..150),
            asked in 1i64..2_000,
        ) {
            let (mut it, mut all, mut now) = (allowance(2_000, 9_000), Vec::new(), 0);
            for (gap, amount, take_back) in uses {
                now += gap;
                match all.last().copied().filter(|_| take_back) {
                    Some((used_at, amount)) => {
                        all.pop();
                        it.unspend(usd(amount), at(used_at));
                    }
                    None => {
                        it.spend(usd(amount), at(now));
                        all.push((now, amount));
                    }
                }
                let naive = |span: Span, now: i64| -> i64 {
                    let counts = |(ms, _): &&(i64, i64)| {
                        now < (ms + 999).div_euclid(1_000) * 1_000 + span.ms()
                    };
                    all.iter().filter(counts).map(|(_, amount)| amount).sum()
                };
                for span in Span::ALL {
                    prop_assert_eq!(it.meter(span, at(now)).used.micros(), naive(span, now));
                }
                let left = |now: i64| {
                    let five_hours = 2_000 - naive(Span::FiveHours, now);
                    five_hours.min(9_000 - naive(Span::ThreeDays, now)).max(0)
                };
                prop_assert_eq!(it.unspent(at(now)).micros(), left(now));
                let (back, _) = it.comes_back(usd(asked), at(now)).unwrap();
                prop_assert!(left(back.millis()) >= asked);
                prop_assert!(back == at(now) || left(back.millis() - 1) < asked);
            }
        }
    }
}
