//! Payments: wished before Stripe hears of them, read there one reading at a time, and booked in
//! the turn in which the reading is decided on. This is the one place where a payment becomes
//! credit.

use std::rc::Rc;

use futures::{future::OptionFuture, lock::Mutex};
use schema::{Error, MicroUsd, PaymentId, Result, Timestamp, agent::Wallet, stripe::PaymentIntent};

use super::{Inner, commands};
use crate::{
    config::Config,
    cx::fault,
    domain::{
        admission::Live,
        ledger::Kind,
        notice::Notice,
        payment::{
            self, Booked, Command, Decision, Hint, Outcome, Page, Payment, Purpose, Reading, Row,
            Settled, State, Wish,
        },
    },
    remote::stripe,
};

/// Where a customer comes back to.
const RETURN_PATH: &str = "/wallet?session_id={CHECKOUT_SESSION_ID}";
const CANCEL_PATH: &str = "/wallet?checkout=cancel";

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
        // They wait for Stripe: see `ask_stripe`.
        Command::Open { .. } | Command::Settle { .. } => {
            Err(Error::internal("what takes several turns was asked of one"))
        }
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

/// The page of a payment, in the same words each time.
fn session(payment: &Payment, page: &Page) -> stripe::NewSession {
    let Payment { id, account, purpose, price, .. } = payment;
    let Page { name, customer, keep_card, origin } = page;
    stripe::NewSession {
        buys: stripe::Buys::Credit {
            name: name.clone(),
            price: price.clone(),
            keep_card: *keep_card,
        },
        account: account.to_string(),
        customer: customer.clone(),
        success_url: format!("{origin}{RETURN_PATH}"),
        cancel_url: format!("{origin}{CANCEL_PATH}"),
        metadata: payment::metadata(*account, *id, *purpose).into_iter().collect(),
        expires_at: None,
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
            fault::at("wish:writing");
        }
        Ok(Outcome::Payment(Some(Box::new(known.unwrap_or(wish.payment)))))
    }

    /// Does what takes several turns, because Stripe is asked in between; nothing for what does
    /// not.
    pub(super) async fn ask_stripe(self: &Rc<Self>, command: &Command) -> Option<Result<Outcome>> {
        match command {
            Command::Settle { payment, hint } => {
                let settled = self.settle(*payment, hint).await;
                Some(settled.map(|settled| Outcome::Settled(Box::new(settled))))
            }
            Command::Open { payment } => {
                let opened = self.open_page(*payment).await;
                Some(opened.map(|payment| Outcome::Payment(Some(Box::new(payment)))))
            }
            _ => None,
        }
    }

    /// Has Stripe make the page of a payment that has none. The payment names the wish, so asking
    /// again after whatever happened comes to the same page; and one asks at a time.
    async fn open_page(self: &Rc<Self>, id: PaymentId) -> Result<Payment> {
        let readings = self.readings_of(id);
        let opened = self.open_in_turn(&readings, id).await;
        self.forget_readings(id, &readings);
        opened
    }

    async fn open_in_turn(
        self: &Rc<Self>,
        readings: &Mutex<Readings>,
        id: PaymentId,
    ) -> Result<Payment> {
        let _turn = readings.lock().await;
        let known = self.known(id)?;
        let Some(page) = known.page.as_ref().filter(|_| known.session.is_none()) else {
            return Ok(known);
        };
        let (config, _) = self.wake()?;
        let wanted = session(&known, page);
        fault::at("page:asking");
        let made = stripe::create_session(config.payments()?, &wanted, &id.to_string()).await?;
        fault::at("page:made");
        let mut opened = self.known(id)?;
        (opened.session, opened.url, opened.state) = (Some(made.id), made.url, State::Open);
        self.rows.update_payment(&opened).map_err(Error::unavailable)?;
        fault::at("page:storing");
        Ok(opened)
    }

    fn readings_of(&self, id: PaymentId) -> Rc<Mutex<Readings>> {
        self.readings.borrow_mut().entry(id).or_default().clone()
    }

    fn forget_readings(&self, id: PaymentId, readings: &Rc<Mutex<Readings>>) {
        // Ours, and the map's: nobody waits for it any more.
        if Rc::strong_count(readings) <= 2 {
            self.readings.borrow_mut().remove(&id);
        }
    }

    /// Reads a payment at Stripe and books what its state says and the ledger lacks. One reading of
    /// a payment is under way at a time, so what was read later is booked later; whoever asks while
    /// one runs waits for the next, which serves everybody who asked before it began.
    pub(super) async fn settle(self: &Rc<Self>, id: PaymentId, hint: &Hint) -> Result<Settled> {
        let asked = self.asked.get() + 1;
        self.asked.set(asked);
        let readings = self.readings_of(id);
        let settled = self.settle_in_turn(&readings, asked, id, hint).await;
        self.forget_readings(id, &readings);
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
        if newest.began > asked
            && hint.says_nothing_new(&known)
            && let Some(outcome) = &newest.outcome
        {
            return outcome.clone();
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

    async fn read(self: &Rc<Self>, known: &Payment, hint: &Hint) -> Result<Reading> {
        fault::at("payment:reading");
        let (config, _) = self.wake()?;
        let stripe = config.payments()?;
        // Of what was paid only the payment itself can change.
        let session = known.session.as_ref().or(hint.session.as_ref());
        let session = session.filter(|_| known.intent.is_none() || !known.state.was_paid());
        let hinted = known.intent.as_ref().or(hint.intent.as_ref());
        let session = OptionFuture::from(session.map(|id| stripe::session(stripe, id)));
        let intent = OptionFuture::from(hinted.map(|id| stripe::intent(stripe, id)));
        let (session, intent) = futures::join!(session, intent);
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
        fault::at("payment:read");
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
        fault::at("payment:entered");
        let wallet = commands::wallet(&live);
        drop(live);
        self.tell_of(&payment, &rows, &wallet, &config, now)?;
        fault::at("payment:told");
        let kept = reading.intent.as_ref().and_then(PaymentIntent::kept_card);
        let is_new = rows.iter().any(|row| row.kind == Kind::Credit);
        if let Some((customer, card)) = kept.filter(|_| is_new) {
            self.keep_card(customer.to_owned(), card.to_owned())?;
            fault::at("payment:card-kept");
        }
        self.rows.update_payment(&payment).map_err(Error::unavailable)?;
        fault::at("payment:booked");
        if payment.purpose == Purpose::AutoTopup && payment.state.was_paid() {
            self.top_up_paid(payment.id, now)?;
        }
        self.store_soon();
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
