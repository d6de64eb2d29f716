//! The Unlimited plan of the account: what it is told of the subscription, and what the person is
//! told of it.

use std::rc::Rc;

use schema::{Error, MicroUsd, Result, Timestamp};

use super::{Inner, rows::Rows};
use crate::{
    cx,
    domain::{
        admission::Live,
        fair_use::{Limits, Meter, Span},
        notice::Notice,
        unlimited::{Command, FACT, News, Outcome, Reading, State},
    },
};

/// What an account's object does with its plan when it is told to.
pub fn run(
    inner: &Rc<Inner>,
    live: &mut Live,
    command: Command,
    now: Timestamp,
) -> Result<Outcome> {
    let rows = &inner.rows;
    match command {
        Command::Read { defaults } => learn(live, rows, defaults)?,
        Command::Hear { reading, defaults } => {
            // Told first: what fails here is heard again, and then it is still news.
            let mut unlimited = live.unlimited.clone();
            unlimited.learn(defaults);
            let news = unlimited.hear(Reading::clone(&reading));
            inner.tell_news(news, &reading, now)?;
            live.unlimited = unlimited;
            keep(live, rows)?;
        }
        Command::SetFallback { on } => {
            live.unlimited.fallback = on;
            keep(live, rows)?;
        }
        Command::SetLimits { own, defaults } => {
            live.unlimited.own = own;
            live.unlimited.learn(defaults);
            keep(live, rows)?;
        }
        Command::CheckOut { new } => {
            let checkout = live.unlimited.check_out(new)?;
            keep(live, rows)?;
            return Ok(Outcome::Checkout(checkout));
        }
    }
    Ok(Outcome::State(Box::new(state(live, now))))
}

/// Takes the limits for everybody as they are now. They are written down, so that a restart decides
/// by them; but only where there is something to decide.
pub fn learn(live: &mut Live, rows: &Rows, defaults: Limits) -> Result<()> {
    if !live.unlimited.learn(defaults) {
        return Ok(());
    }
    if live.unlimited.is_known() {
        return keep(live, rows);
    }
    live.ledger.allowance.set_terms(live.unlimited.terms());
    Ok(())
}

/// Writes the plan down, and gives by it from now on.
fn keep(live: &mut Live, rows: &Rows) -> Result<()> {
    rows.put_fact(FACT, &live.unlimited).map_err(Error::unavailable)?;
    live.ledger.allowance.set_terms(live.unlimited.terms());
    Ok(())
}

fn state(live: &mut Live, now: Timestamp) -> State {
    let terms = live.unlimited.terms();
    let allowance = &mut live.ledger.allowance;
    State {
        subscription: live.unlimited.current().cloned(),
        covers: allowance.covers(now),
        until: terms.until,
        fallback: terms.fallback,
        own: live.unlimited.own,
        meters: Span::ALL.map(|span| allowance.meter(span, now)).to_vec(),
        reserved: allowance.reserved(),
    }
}

impl Inner {
    /// Tells of windows that are nearly or wholly used up, with the charge that filled them.
    pub(super) fn tell_fair_use(self: &Rc<Self>, now: Timestamp) {
        if let Err(error) = self.try_tell_fair_use(now) {
            let cause = error.cause.as_deref().unwrap_or_default();
            worker::console_error!("fair use is not told of: {error} {cause}");
        }
    }

    fn try_tell_fair_use(self: &Rc<Self>, now: Timestamp) -> Result<()> {
        let mut live = self.live.borrow_mut();
        let Live { ledger, unlimited, .. } = &mut *live;
        if !ledger.allowance.covers(now) {
            return Ok(());
        }
        let meters = Span::ALL.map(|span| ledger.allowance.meter(span, now));
        let full: Vec<(Meter, u32)> = meters
            .into_iter()
            .filter_map(|meter| Some((meter, unlimited.full(meter, now)?)))
            .collect();
        if full.is_empty() {
            return Ok(());
        }
        // The charge, that it is told of, and the notice: all in this turn.
        self.rows.store(&mut live).map_err(Error::unavailable)?;
        keep(&mut live, &self.rows)?;
        drop(live);
        for (meter, used_percent) in full {
            let event =
                format!("fair_use:{}:{used_percent}:{}", meter.span.minutes(), now.millis());
            let window = meter.span.words().to_owned();
            let resets_at = Timestamp::from_millis(meter.resets_at * 1_000);
            self.tell(&event, Notice::FairUse { window, used_percent, resets_at }, now)?;
        }
        Ok(())
    }

    fn tell_news(self: &Rc<Self>, news: News, reading: &Reading, now: Timestamp) -> Result<()> {
        let id = &reading.id;
        match news {
            News::Nothing => Ok(()),
            News::Started => {
                self.tell(&format!("subscription_started:{id}"), Notice::SubscriptionStarted, now)
            }
            News::Ended => {
                self.tell(&format!("subscription_ended:{id}"), Notice::SubscriptionEnded, now)
            }
            News::Unpaid => {
                let amount = MicroUsd::from_cents(reading.price_cents.unwrap_or_default());
                let reason = "Your Unlimited plan could not be renewed.".to_owned();
                let link = format!("{}/wallet", cx::config(&self.env)?.public_url);
                let event = format!("subscription_unpaid:{id}:{}", reading.period_start.seconds());
                self.tell(&event, Notice::PaymentFailed { amount, reason, link }, now)
            }
        }
    }
}
