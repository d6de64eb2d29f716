//! Turns of a codex that pays by itself are settled with their accounts: told again until the
//! account has said that it is done, whatever is restarted in between.

use std::{rc::Rc, time::Duration};

use js_sys::futures::spawn_local;
use schema::{Code, Error, Result};

use super::Inner;
use crate::{
    domain::{
        account::Command,
        codex,
        hub::{Due, Input, Stage},
        own_usage::{Ended, Terms},
    },
    objects::stub,
    store::settings,
};

/// Between two tries while the object is awake anyway.
const AGAIN_MS: u64 = 1_000;
/// Tries before it is left to the alarm.
const TRIES_MAX: u32 = 5;
/// When the alarm rings if it is not done by then.
const ALARM_MS: i64 = 15_000;

impl Inner {
    /// Settles what is due, soon; the alarm makes sure of it.
    pub(super) fn settle_soon(self: &Rc<Self>) {
        let inner = self.clone();
        spawn_local(async move {
            inner.ring_in(ALARM_MS).await;
            inner.settle().await;
        });
    }

    /// Settles what is due.
    pub(super) async fn settle(self: &Rc<Self>) {
        if self.settling.replace(true) {
            return;
        }
        for attempt in 1..=TRIES_MAX {
            while self.settle_all().await {}
            if self.dues().is_empty() {
                break;
            }
            if attempt == TRIES_MAX {
                self.ring_in(ALARM_MS).await;
                break;
            }
            worker::Delay::from(Duration::from_millis(AGAIN_MS)).await;
        }
        self.settling.set(false);
    }

    /// Whether something was settled, so that more may have become due meanwhile.
    async fn settle_all(self: &Rc<Self>) -> bool {
        let mut settled = false;
        for due in self.dues() {
            let call = due.call;
            match self.tell_account(due).await {
                Ok(()) => {
                    self.step(Input::Settled { call });
                    settled = true;
                }
                Err(error) => {
                    let why = error.cause.unwrap_or(error.message);
                    worker::console_error!("turn {call}: {why}");
                }
            }
        }
        settled
    }

    fn dues(&self) -> Vec<Due> {
        self.wake().and_then(|_| self.with(|hub| hub.due())).unwrap_or_default()
    }

    async fn tell_account(&self, due: Due) -> Result<()> {
        let Due { call, turn } = due;
        let command = match (turn.stage, turn.turn) {
            (Stage::Due { used, whole }, Some(id)) => {
                let terms = match turn.terms {
                    Some(terms) => terms,
                    None => self.usual_terms().await?,
                };
                let ended = Ended { thread: turn.thread, turn: id, terms, used, whole };
                Command::PostTurn { call, ended: Box::new(ended) }
            }
            _ => Command::VoidTurn { call },
        };
        match stub::ask(&self.env, turn.account, command).await {
            // There is nobody to charge, and there will not be.
            Err(error) if error.code == Code::ResourceNotFound => Ok(()),
            told => told.map(drop),
        }
    }

    /// For a turn that began where nobody saw it.
    async fn usual_terms(&self) -> Result<Terms> {
        let (config, _) = self.wake()?;
        let settings = settings::current(&self.env, &config).await?;
        let model = codex::MODEL.to_owned();
        let price = settings.prices.get(&model).cloned();
        let price = price.ok_or_else(|| Error::unavailable(format!("`{model}` has no price")))?;
        Ok(Terms { model, price, holder: "static".to_owned() })
    }

    async fn ring_in(&self, ms: i64) {
        self.alarmed.set(true);
        if let Err(error) = self.state.storage().set_alarm(ms).await {
            worker::console_error!("alarm: {error}");
        }
    }
}
