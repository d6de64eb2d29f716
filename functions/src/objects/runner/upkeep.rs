//! What has to be done now and then: time that passes while somebody waits, and rows that are old.

use std::{rc::Rc, time::Duration};

use js_sys::futures::spawn_local;
use schema::{AccountId, Error, Result, Timestamp, tunnel::Seq};

use super::Inner;
use crate::{
    config::Config,
    cx,
    domain::hub::{Batch, Input, Place},
};

/// Between two looks at who has waited too long, and at whether the runner lives.
const TICK_MS: u64 = 250;
/// The same, when only viewers wait.
const SLOW_TICK_MS: u64 = 1_000;
/// Between two calls to every viewer, so that each can keep its stream alive.
const RING_MS: i64 = 5_000;
/// Events that are stored between two looks at what may be forgotten.
const TRIM_EVERY: i64 = 256;
/// Between two looks at what is too old, for who says nothing more.
const ALARM_MS: i64 = 6 * 3_600_000;

impl Inner {
    /// Lets time pass for as long as somebody waits.
    pub(super) fn keep_time(self: &Rc<Self>) {
        if self.ticking.replace(true) {
            return;
        }
        let inner = self.clone();
        spawn_local(async move {
            let mut rung_at = cx::clock();
            loop {
                let busy = inner.with(|hub| hub.is_busy()).unwrap_or(false);
                if !busy && inner.viewers.get() == 0 {
                    break;
                }
                let tick = if busy { TICK_MS } else { SLOW_TICK_MS };
                worker::Delay::from(Duration::from_millis(tick)).await;
                inner.step(Input::Tick { alive_at: inner.alive_at() });
                if cx::clock().since(rung_at) >= RING_MS {
                    rung_at = cx::clock();
                    inner.signals.ring_all();
                }
            }
            inner.ticking.set(false);
        });
    }

    /// Forgets what is too old, too many or too large, now and then.
    pub(super) fn trim(self: &Rc<Self>, batch: &Batch) -> Result<()> {
        let (config, now) = self.wake()?;
        let many = i64::try_from(batch.events.len()).unwrap_or(0);
        let untrimmed = self.untrimmed.get() + many;
        self.untrimmed.set(untrimmed);
        self.set_alarm();
        if untrimmed < TRIM_EVERY.min(config.retention.events / 8 + 1) {
            return Ok(());
        }
        self.untrimmed.set(0);
        let mut accounts: Vec<_> = batch.events.iter().map(|event| event.account).collect();
        accounts.dedup();
        accounts.into_iter().try_for_each(|account| self.trim_log(account, &config, now))
    }

    fn trim_log(&self, account: AccountId, config: &Config, now: Timestamp) -> Result<()> {
        let Some(place) = self.place(account, Place::clone) else { return Ok(()) };
        let trimmed = self.rows.trim(&place, &config.retention, now).map_err(Error::unavailable)?;
        if let Some(first) = trimmed {
            self.with(|hub| hub.trimmed(account, first))?;
        }
        Ok(())
    }

    pub(super) fn trim_all(self: &Rc<Self>) -> Result<()> {
        let (config, now) = self.wake()?;
        let accounts: Vec<_> = self.with(|hub| hub.places().map(|(it, _)| it).collect())?;
        for account in &accounts {
            self.trim_log(*account, &config, now)?;
        }
        self.rows.trim_asks(&config.retention, now).map_err(Error::unavailable)?;
        self.rows.trim_threads(&config.retention, now).map_err(Error::unavailable)?;
        let left = |place: &Place| place.first <= place.last && place.last > Seq(0);
        if accounts.iter().any(|account| self.place(*account, left).unwrap_or(false)) {
            self.set_alarm();
        }
        Ok(())
    }

    fn set_alarm(self: &Rc<Self>) {
        if self.alarmed.replace(true) {
            return;
        }
        let storage = self.state.storage();
        spawn_local(async move {
            let set = match storage.get_alarm().await {
                Ok(None) => storage.set_alarm(ALARM_MS).await,
                other => other.map(drop),
            };
            if let Err(error) = set {
                worker::console_error!("alarm: {error}");
            }
        });
    }
}
