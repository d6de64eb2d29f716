//! The wallet watches itself: when it runs low its customer is told, and when it may fill itself
//! up, it does. What is decided is written in the turn that wrote what it follows from; Stripe is
//! asked afterwards, under the attempt's own id, by this process or, after a crash, by the next.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::futures::spawn_local;
use schema::{Code, Error, MicroUsd, PaymentId, Result, Timestamp};

use super::{Inner, notices::WALLET};
use crate::{
    config::{Config, Stripe},
    cx,
    domain::{
        auto_top_up::{
            self, Approval, Attempt, AutoTopUp, Command, News, Payer, Stage, View, approval,
        },
        customer::Customer,
        notice::Notice,
        offer::{Money, USD},
        payment::{self, Bargain, Hint, Page, Payment, Purpose, State},
        threshold::{self, LowBalance},
    },
    remote::stripe::{self, Charged, NewIntent},
    store,
};

/// Between two looks at whether somebody is still at an attempt: another process takes it up where
/// the one that was at it has ended.
const GUARANTEE_MS: i64 = 10_000;
/// When the sweeper looks at the payment of an attempt, should nobody else.
const SWEEP_MS: i64 = 600_000;

/// What memory has of it.
#[derive(Default)]
pub(super) struct Watch {
    machine: RefCell<AutoTopUp>,
    low: RefCell<LowBalance>,
    /// Whether Stripe is being asked.
    busy: Cell<bool>,
}

/// Stripe is being asked; not any more once this is dropped.
struct Busy<'a>(&'a Cell<bool>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// What an account's object does about its auto top-up when it is told to.
pub fn run(inner: &Rc<Inner>, command: Command, now: Timestamp) -> Result<View> {
    match command {
        Command::Read => {}
        Command::Set { terms, levels } => {
            if let Some(levels) = levels {
                let mut low = inner.watch.low.borrow().clone();
                low.choose(levels);
                inner.put_low(low)?;
            }
            inner.turn(|machine| match terms {
                Some(terms) => machine.agree(terms),
                None => machine.turn_off(now),
            })?;
        }
        Command::Pause { paused } => inner.turn(|machine| machine.pause(paused))?,
    }
    Ok(View {
        machine: inner.watch.machine.borrow().clone(),
        has_card: inner.customer()?.is_some_and(|customer| customer.card.is_some()),
        levels: inner.watch.low.borrow().levels(&cx::config(&inner.env)?.low_balance).to_vec(),
    })
}

impl Inner {
    /// Reads what is stored; an attempt that an earlier process began goes on at once.
    pub(super) fn load_watch(&self, config: &Config, now: Timestamp) -> Result<()> {
        let machine = self.rows.fact(auto_top_up::FACT).map_err(Error::unavailable)?;
        let low = self.rows.fact(threshold::FACT).map_err(Error::unavailable)?;
        self.watch.machine.replace(machine.unwrap_or_default());
        self.watch.low.replace(low.unwrap_or_default());
        self.ring_for_watch(config, now);
        Ok(())
    }

    /// Looks at the wallet after its rows were written. Almost always, that is a few comparisons.
    pub(super) fn watch_wallet(self: &Rc<Self>) {
        if let Err(error) = self.look_at_wallet() {
            let cause = error.cause.as_deref().unwrap_or_default();
            worker::console_error!("the wallet's watch: {error} {cause}");
        }
    }

    fn look_at_wallet(self: &Rc<Self>) -> Result<()> {
        let (config, now) = self.wake()?;
        let balance = {
            let live = self.live.borrow();
            if live.profile.as_ref().is_none_or(|profile| !profile.active) {
                return Ok(());
            }
            live.ledger.balance()
        };
        if !self.watch.low.borrow().is_settled(&config.low_balance, balance) {
            self.tell_of_fall(balance, &config, now)?;
        }
        let line = self.watch.machine.borrow().line(now);
        if line.is_some_and(|line| balance < line) {
            self.begin_top_up(balance, &config, now)?;
        }
        Ok(())
    }

    fn tell_of_fall(
        self: &Rc<Self>,
        balance: MicroUsd,
        config: &Config,
        now: Timestamp,
    ) -> Result<()> {
        let mut low = self.watch.low.borrow().clone();
        if let Some(fall) = low.look(&config.low_balance, balance) {
            let threshold = fall.level;
            let event = format!("low_balance:{threshold}:{}", fall.number);
            let link = WALLET.to_owned();
            self.tell(&event, Notice::LowBalance { balance, threshold, link }, now)?;
        }
        self.put_low(low)
    }

    fn begin_top_up(
        self: &Rc<Self>,
        balance: MicroUsd,
        config: &Config,
        now: Timestamp,
    ) -> Result<()> {
        let card = self.customer()?.and_then(|Customer { id, card }| Some((id, card?)));
        let Some((customer, card)) = card.filter(|_| config.stripe.is_some()) else {
            return Ok(());
        };
        let id = cx::new_id(now)?;
        let mut next = self.watch.machine.borrow().clone();
        let begun = next.begin(balance, Payer { customer, card }, id, now).cloned();
        if let Some(attempt) = &begun {
            let payment = self.payment_of(attempt, None, now)?;
            self.rows.add_payment(&payment, None).map_err(Error::unavailable)?;
        }
        self.put_machine(next)?;
        self.ring_for_watch(config, now);
        if begun.is_some() {
            let inner = self.clone();
            spawn_local(async move { inner.pursue().await });
        }
        Ok(())
    }

    /// Does what is due about the attempt in flight, if nobody is at it.
    pub(super) async fn pursue(self: &Rc<Self>) {
        let others = self.watch.busy.replace(true);
        if let Ok((config, now)) = self.wake() {
            self.ring_for_watch(&config, now);
        }
        if others {
            return;
        }
        let busy = Busy(&self.watch.busy);
        let pursued = self.pursue_alone().await;
        drop(busy);
        if let Err(error) = pursued {
            let cause = error.cause.as_deref().unwrap_or_default();
            worker::console_error!("auto top-up: {error} {cause}");
        }
        if let Ok((config, now)) = self.wake() {
            self.ring_for_watch(&config, now);
        }
        // What came of it may call for the next one.
        self.store_soon();
    }

    async fn pursue_alone(self: &Rc<Self>) -> Result<()> {
        let (config, now) = self.wake()?;
        let due = {
            let machine = self.watch.machine.borrow();
            let is_due = machine.next_at(now).is_some_and(|at| at <= now);
            machine.flight().filter(|_| is_due).cloned()
        };
        let Some(attempt) = due else { return Ok(()) };
        match &attempt.stage {
            Stage::Asking { .. } => self.ask(&attempt, &config).await,
            Stage::Processing { intent, .. } => self.look_up(&attempt, intent).await,
            Stage::NeedsAction { .. } => {
                let news = self.turn(|machine| machine.expire(now))?;
                self.tell_of_top_up(news, &config, now)
            }
        }
    }

    /// Asks Stripe for the money, for the first time or again.
    async fn ask(self: &Rc<Self>, attempt: &Attempt, config: &Config) -> Result<()> {
        let charged = match self.charge(attempt, config).await {
            Ok(charged) => charged,
            Err(error) => return self.failed_to_ask(attempt, error),
        };
        match charged {
            Charged::Paid(intent) => self.look_up(attempt, &intent.id).await,
            Charged::Pending(intent) => {
                let now = self.wake()?.1;
                self.turn(|machine| machine.processing(attempt.id, intent.id, now))
            }
            Charged::Declined { intent, message, .. } => {
                let (config, now) = self.wake()?;
                let news = self.turn(|machine| machine.failed(attempt.id, &message, now))?;
                self.tell_of_top_up(news, &config, now)?;
                self.settle(attempt.id, &hint(&intent.id)).await.map(drop)
            }
            Charged::NeedsAction { intent } => self.ask_customer(attempt, &intent.id, config).await,
        }
    }

    async fn charge(self: &Rc<Self>, attempt: &Attempt, config: &Config) -> Result<Charged> {
        let stripe = config.payments()?;
        let now = self.wake()?.1;
        let known = self.rows.payment(attempt.id).map_err(Error::unavailable)?;
        let known = known.ok_or_else(|| Error::internal("an attempt without a payment"))?;
        store::payments::add(&self.env, &known, now.plus_millis(SWEEP_MS)).await?;
        let metadata = payment::metadata(known.account, known.id, known.purpose);
        let new = NewIntent {
            customer: attempt.payer.customer.clone(),
            payment_method: attempt.payer.card.clone(),
            cents: known.price.amount,
            description: format!("{} auto top-up", config.brand),
            metadata: metadata.into_iter().collect(),
        };
        stripe::create_intent(stripe, &new, &attempt.id.to_string()).await
    }

    /// Nobody knows what came of the question, or Stripe would not hear it.
    fn failed_to_ask(self: &Rc<Self>, attempt: &Attempt, error: Error) -> Result<()> {
        let (config, now) = self.wake()?;
        let news = if error.code == Code::Unavailable {
            self.turn(|machine| machine.unanswered(attempt.id, now))?
        } else {
            let reason = "The payment provider refused. Leave your card anew.";
            self.turn(|machine| machine.refused(attempt.id, reason, now))?
        };
        self.tell_of_top_up(news, &config, now)?;
        Err(error)
    }

    /// Reads at Stripe what became of the attempt. Money that came is booked there, whoever hears
    /// of it first, and the attempt is over.
    async fn look_up(self: &Rc<Self>, attempt: &Attempt, intent: &str) -> Result<()> {
        let settled = self.settle(attempt.id, &hint(intent)).await;
        let (config, now) = self.wake()?;
        let news = match &settled {
            Ok(settled) if settled.payment.state.was_paid() => None,
            Ok(settled) if matches!(settled.payment.state, State::Failed | State::Expired) => {
                let reason = settled.payment.failure.as_deref();
                let reason = reason.unwrap_or("The payment was called off.");
                self.turn(|machine| machine.failed(attempt.id, reason, now))?
            }
            Ok(_) | Err(_) => self.turn(|machine| machine.unanswered(attempt.id, now))?,
        };
        self.tell_of_top_up(news, &config, now)?;
        settled.map(drop)
    }

    /// The bank wants its customer: what was asked is called off, so that nothing is paid twice,
    /// and the customer gets a link to a page for exactly that amount.
    async fn ask_customer(
        self: &Rc<Self>,
        attempt: &Attempt,
        intent: &str,
        config: &Config,
    ) -> Result<()> {
        let stripe: &Stripe = config.payments()?;
        let key = format!("cancel:{}", attempt.id);
        if let Err(error) = stripe::cancel_intent(stripe, intent, &key).await {
            if error.code == Code::Unavailable {
                return self.failed_to_ask(attempt, error);
            }
            // It is over already, one way or the other.
            let state = self.settle(attempt.id, &hint(intent)).await?.payment.state;
            if state.was_paid() {
                return Ok(());
            }
            if !matches!(state, State::Failed | State::Expired) {
                return self.failed_to_ask(attempt, Error::unavailable(error));
            }
        }
        let now = self.wake()?.1;
        let mut next = self.watch.machine.borrow().clone();
        let news = next.needs_action(attempt.id, cx::new_id(now)?, now);
        if let Some(News::NeedsAction { attempt, .. }) = &news {
            let page = Page {
                name: format!("{} auto top-up", config.brand),
                customer: attempt.payer.customer.clone(),
                keep_card: true,
                origin: origin(config),
            };
            let payment = self.payment_of(attempt, Some(page), now)?;
            self.rows.add_payment(&payment, None).map_err(Error::unavailable)?;
        }
        self.put_machine(next)?;
        self.tell_of_top_up(news, config, now)?;
        self.settle(attempt.id, &hint(intent)).await.map(drop)
    }

    /// Money came for a payment: if it is an attempt's, in flight or given up, that one is over. In
    /// the turn in which the money is booked.
    pub(super) fn top_up_paid(&self, id: PaymentId, now: Timestamp) -> Result<()> {
        self.turn(|machine| machine.paid(id, now))
    }

    fn tell_of_top_up(
        self: &Rc<Self>,
        news: Option<News>,
        config: &Config,
        now: Timestamp,
    ) -> Result<()> {
        let link = config.wallet_url();
        match news {
            None => Ok(()),
            Some(News::Failed { attempt, reason }) => {
                let event = format!("payment_failed:{}", attempt.id);
                self.tell(
                    &event,
                    Notice::PaymentFailed { amount: attempt.price, reason, link },
                    now,
                )
            }
            Some(News::Paused { attempt, reason }) => {
                let event = format!("payment_failed:{}", attempt.id);
                let failed = Notice::PaymentFailed { amount: attempt.price, reason, link };
                self.tell(&event, failed, now)?;
                let event = format!("auto_top_up_paused:{}", attempt.id);
                self.tell(&event, Notice::AutoTopUpPaused, now)
            }
            Some(News::NeedsAction { attempt, until }) => {
                let account = self.account()?;
                let body = Approval { account, payment: attempt.id };
                let path = approval(&config.signing, body, until);
                let path = path.ok_or_else(|| Error::unavailable("SIGNING_SECRETS is not set"))?;
                let link = format!("{}{path}", origin(config));
                let event = format!("action_required:{}", attempt.id);
                self.tell(&event, Notice::ActionRequired { amount: attempt.price, link }, now)
            }
        }
    }

    /// The payment of an attempt, before Stripe hears of it.
    fn payment_of(&self, attempt: &Attempt, page: Option<Page>, now: Timestamp) -> Result<Payment> {
        let cents = attempt.price.micros() / MicroUsd::from_cents(1).micros();
        let bargain = Bargain {
            purpose: Purpose::AutoTopup,
            offer: None,
            price: Money { amount: cents, currency: USD.to_owned() },
            price_usd: attempt.price,
            credit: attempt.credit,
        };
        Ok(Payment::wished(attempt.id, self.account()?, bargain, page, now))
    }

    fn account(&self) -> Result<schema::AccountId> {
        let id = self.live.borrow().id();
        id.ok_or_else(|| Error::internal("an account without an id"))
    }

    /// Changes the machine: in its row first, so that memory never knows what storage does not.
    fn turn<T>(&self, change: impl FnOnce(&mut AutoTopUp) -> T) -> Result<T> {
        let mut next = self.watch.machine.borrow().clone();
        let came = change(&mut next);
        self.put_machine(next)?;
        Ok(came)
    }

    fn put_machine(&self, next: AutoTopUp) -> Result<()> {
        if *self.watch.machine.borrow() != next {
            self.rows.put_fact(auto_top_up::FACT, &next).map_err(Error::unavailable)?;
            self.watch.machine.replace(next);
        }
        Ok(())
    }

    fn put_low(&self, next: LowBalance) -> Result<()> {
        self.rows.put_fact(threshold::FACT, &next).map_err(Error::unavailable)?;
        self.watch.low.replace(next);
        Ok(())
    }

    /// Makes sure that the alarm rings when something is due, and now and then while Stripe is
    /// being asked.
    pub(super) fn ring_for_watch(&self, config: &Config, now: Timestamp) {
        let Some(at) = self.watch.machine.borrow().next_at(now) else { return };
        let busy = self.watch.busy.get();
        self.ring_by(if busy { at.max(now.plus_millis(GUARANTEE_MS)) } else { at }, config);
    }
}

fn hint(intent: &str) -> Hint {
    Hint { session: None, intent: Some(intent.to_owned()) }
}

/// Where links begin. Only in development is it nowhere.
fn origin(config: &Config) -> String {
    let origin = &config.public_url;
    if origin.is_empty() { "http://localhost".to_owned() } else { origin.clone() }
}
