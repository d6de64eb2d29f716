//! Payments: wished before Stripe hears of them, read there one reading at a time, and booked in the
//! turn in which the reading is decided on. This is the one place where a payment becomes credit.

use std::rc::Rc;

use futures::{future::OptionFuture, lock::Mutex};
use schema::{
    Error, MicroUsd, PaymentId, Result, Timestamp,
    agent::Wallet,
    stripe::{CheckoutSession, PaymentIntent},
};

use super::{Inner, commands};
use crate::{
    config::Config,
    domain::{
        admission::Live,
        ledger::Kind,
        notice::Notice,
        payment::{
            Booked, Command, Decision, Hint, Outcome, Payment, Purpose, Reading, Row, Settled,
            State, Wish,
        },
    },
    remote::stripe,
};

/// Readings of one payment: the newest that is done, or is being done by whoever has the lock.
#[derive(Default)]
pub struct Readings {
    /// Which question it began after.
    began: u64,
    outcome: Option<Result<Settled>>,
}

/// What an account's object does with payments when it is told to, but for readings.
pub fn run(inner: &Inner, live: &mut Live, command: Command, now: Timestamp) -> Result<Outcome> {
    let rows = &inner.rows;
    let found = |payment: Option<Payment>| Outcome::Payment(payment.map(Box::new));
    match command {
        Command::Wish(wish) => inner.wish(*wish),
        Command::Opened { payment, session, url } => {
            let known = rows.payment(payment).map_err(Error::unavailable)?;
            let mut known = known.ok_or_else(|| Error::not_found("payment", payment))?;
            if known.session.is_none() {
                (known.session, known.url) = (Some(session), url);
                known.state = State::Open;
                rows.update_payment(&known).map_err(Error::unavailable)?;
            }
            Ok(found(Some(known)))
        }
        // Readings wait for Stripe, so they are no part of this turn.
        Command::Settle { .. } => Err(Error::internal("a reading was asked of one turn")),
        Command::Read { payment } => rows.payment(payment).map(found).map_err(Error::unavailable),
        Command::OfSession { session } => {
            rows.payment_of_session(&session).map(found).map_err(Error::unavailable)
        }
        Command::List { before, limit } => {
            rows.payments(before, limit).map(Outcome::Payments).map_err(Error::unavailable)
        }
        Command::Taken => {
            let all = rows.payments_of_offers().map_err(Error::unavailable)?;
            let taken = all.into_iter().filter(|payment| payment.state.was_paid());
            Ok(Outcome::Taken(taken.filter_map(|payment| payment.offer).collect()))
        }
        Command::Share => share(inner, live, None, now),
        Command::ClaimShare { amount } => share(inner, live, Some(amount), now),
    }
}

/// The credit for sharing, once for each account.
fn share(
    inner: &Inner,
    live: &mut Live,
    amount: Option<MicroUsd>,
    now: Timestamp,
) -> Result<Outcome> {
    let account = live.id().ok_or_else(|| Error::internal("an account without an id"))?;
    let source = format!("share:{account}");
    let same = |entry: &&crate::domain::ledger::Entry| entry.source.as_ref() == Some(&source);
    let unstored = live.ledger.unstored().iter().find(same).map(|entry| entry.at);
    let earlier = match unstored {
        Some(at) => Some(at),
        None => inner.rows.booked_at(&source).map_err(Error::unavailable)?,
    };
    let mut claimed_at = earlier;
    if let (None, Some(amount)) = (earlier, amount) {
        live.ledger.book(Kind::Credit, amount, source, "the site was shared".to_owned(), now);
        claimed_at = Some(now);
    }
    let replayed = earlier.is_some() && amount.is_some();
    Ok(Outcome::Share { claimed_at, wallet: commands::wallet(live), replayed })
}

impl Inner {
    fn wish(&self, wish: Wish) -> Result<Outcome> {
        let rows = &self.rows;
        let keyed = match &wish.key {
            Some(key) => rows.payment_of_key(key).map_err(Error::unavailable)?,
            None => None,
        };
        let of_offer = match &wish.payment.offer {
            Some(offer) if wish.once => {
                rows.payments_of_offer(offer).map_err(Error::unavailable)?
            }
            _ => Vec::new(),
        };
        let known = wish.meet(keyed.as_ref(), &of_offer)?;
        if known.is_none() {
            let added = rows.add_payment(&wish.payment, wish.key.as_deref());
            added.map_err(Error::unavailable)?;
        }
        Ok(Outcome::Payment(Some(Box::new(known.unwrap_or(wish.payment)))))
    }

    /// Reads a payment at Stripe and books what its state says and the ledger lacks. One reading of
    /// a payment is under way at a time, so what was read later is booked later; whoever asks while
    /// one runs waits for the next, which serves everybody who asked before it began.
    pub(super) async fn settle(self: &Rc<Self>, id: PaymentId, hint: &Hint) -> Result<Settled> {
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        let readings = self.readings.borrow_mut().entry(id).or_default().clone();
        let settled = self.settle_in_turn(&readings, asked, id, hint).await;
        // Ours, and the map's: nobody waits for it any more.
        if Rc::strong_count(&readings) <= 2 {
            self.readings.borrow_mut().remove(&id);
        }
        settled
    }

    async fn settle_in_turn(
        self: &Rc<Self>,
        readings: &Mutex<Readings>,
        asked: u64,
        id: PaymentId,
        hint: &Hint,
    ) -> Result<Settled> {
        let mut newest = readings.lock().await;
        let known = self.known(id)?;
        if newest.began > asked && hint.says_nothing_new(&known) {
            if let Some(outcome) = &newest.outcome {
                return outcome.clone();
            }
        }
        newest.began = self.asked.get() + 1;
        self.asked.set(newest.began);
        let outcome = match self.read(&known, hint).await {
            Ok(reading) => self.book(id, &reading),
            Err(error) => Err(error),
        };
        newest.outcome = Some(outcome.clone());
        outcome
    }

    async fn read(&self, known: &Payment, hint: &Hint) -> Result<Reading> {
        let (config, _) = self.wake()?;
        let stripe = config.payments()?;
        // Of what was paid only the payment itself can change.
        let session = known.session.as_ref().or(hint.session.as_ref());
        let session = session.filter(|_| known.intent.is_none() || !known.state.was_paid());
        let hinted = known.intent.as_ref().or(hint.intent.as_ref());
        let (session, intent): (Option<Result<CheckoutSession>>, Option<Result<PaymentIntent>>) = futures::join!(
            OptionFuture::from(session.map(|id| stripe::session(stripe, id))),
            OptionFuture::from(hinted.map(|id| stripe::intent(stripe, id))),
        );
        let (session, mut intent) = (session.transpose()?, intent.transpose()?);
        let named = session.as_ref().and_then(|session| session.payment_intent.as_ref());
        if let Some(id) = named.filter(|id| intent.as_ref().is_none_or(|it| it.id != **id)) {
            intent = Some(stripe::intent(stripe, id).await?);
        }
        Ok(Reading { session, intent })
    }

    /// Books what follows from a reading, in one turn: nothing comes between what the ledger had
    /// and what it has.
    fn book(self: &Rc<Self>, id: PaymentId, reading: &Reading) -> Result<Settled> {
        let (config, now) = self.wake()?;
        let known = self.known(id)?;
        let mut live = self.live.borrow_mut();
        let booked = self.booked(&live, reading).map_err(Error::unavailable)?;
        let Decision { payment, rows } = known.decide(&booked, reading, now);
        for row in &rows {
            let (source, note) = (row.source.clone(), row.note.clone());
            live.ledger.book(row.kind, row.amount, source, note, now);
        }
        // The rows of the ledger come first: what follows is told of them.
        if let Err(fault) = self.rows.store(&mut live) {
            self.faulty.set(true);
            drop(live);
            self.store_soon();
            return Err(Error::unavailable(fault));
        }
        let wallet = commands::wallet(&live);
        drop(live);
        self.tell_of(&payment, &rows, &wallet, &config, now)?;
        if rows.iter().any(|row| row.kind == Kind::Credit) {
            self.keep_card_of(&payment, reading)?;
        }
        self.rows.update_payment(&payment).map_err(Error::unavailable)?;
        self.wake_waiters(now);
        Ok(Settled { payment, wallet })
    }

    /// Tells the customer of money that came, went back, or did not come.
    fn tell_of(
        self: &Rc<Self>,
        payment: &Payment,
        rows: &[Row],
        wallet: &Wallet,
        config: &Config,
        now: Timestamp,
    ) -> Result<()> {
        let balance = wallet.balance_micro_usd;
        for row in rows {
            let amount = row.amount;
            if row.kind == Kind::Credit {
                let event = format!("topped_up:{}", payment.id);
                self.tell(&event, Notice::ToppedUp { amount, balance }, now)?;
            } else if amount < MicroUsd::ZERO {
                let amount = amount.negated();
                self.tell(&row.source, Notice::Refunded { amount, balance }, now)?;
            }
        }
        if payment.state == State::Failed && payment.purpose == Purpose::WalletTopup {
            let reason = payment.failure.clone().unwrap_or_default();
            let (amount, link) = (payment.price_usd, config.wallet_url());
            let event = format!("payment_failed:{}", payment.id);
            self.tell(&event, Notice::PaymentFailed { amount, reason, link }, now)?;
        }
        Ok(())
    }

    /// Keeps the card of a payment whose customer agreed to that.
    fn keep_card_of(&self, payment: &Payment, reading: &Reading) -> Result<()> {
        let agreed = payment.page.as_ref().is_some_and(|page| page.keep_card);
        let Some(intent) = reading.intent.as_ref().filter(|_| agreed) else { return Ok(()) };
        let (customer, card) = (intent.customer.clone(), intent.payment_method.clone());
        if let (Some(customer), Some(card)) = (customer, card) {
            self.keep_card(customer, card)?;
        }
        Ok(())
    }

    fn known(self: &Rc<Self>, id: PaymentId) -> Result<Payment> {
        self.wake()?;
        if self.live.borrow().profile.is_none() {
            return Err(Error::not_found("payment", id));
        }
        let known = self.rows.payment(id).map_err(Error::unavailable)?;
        known.ok_or_else(|| Error::not_found("payment", id))
    }

    fn booked(&self, live: &Live, reading: &Reading) -> Result<Booked, super::rows::Fault> {
        let mut booked = Booked::default();
        let Some(intent) = &reading.intent else { return Ok(booked) };
        for (source, amount) in self.rows.booked_for(&intent.id)? {
            booked.add(&intent.id, &source, amount);
        }
        for entry in live.ledger.unstored() {
            if let Some(source) = &entry.source {
                booked.add(&intent.id, source, entry.amount);
            }
        }
        Ok(booked)
    }
}
