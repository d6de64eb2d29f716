//! What an account's object does when it is told to: reads its memory and rows, changes them in one
//! turn.

use std::rc::Rc;

use schema::{
    CallId, Code, Error, KeyId, MicroUsd, Result, Timestamp,
    agent::{TokenUsage, Wallet},
};

use super::{
    Inner, auto_top_up, caps, customers, notices, payments, people, reconciliation, rows::Rows,
    sessions, unlimited,
};
use crate::domain::{
    access::Key,
    account::{Command, Description, NewKey, Outcome, Profile},
    admission::{Live, Start, Wish},
    auto_top_up::Command as AutoTopUp,
    booking::{Booked, Booking, Change},
    cap::Origin,
    delegation::Narrow,
    ledger::Entry,
    own_usage::Ended,
};

/// Does what the command says.
pub fn run(
    inner: &Rc<Inner>,
    live: &mut Live,
    command: Command,
    now: Timestamp,
) -> Result<Outcome> {
    let rows = &inner.rows;
    if let Command::Open { profile } = command {
        return open(live, rows, profile);
    }
    let Some(profile) = live.profile.clone() else {
        return Err(Error::new(Code::ResourceNotFound, "There is no such account."));
    };
    match command {
        Command::Open { .. } | Command::Admit => Ok(Outcome::Done),
        Command::Describe => {
            let auto_top_up = auto_top_up::run(inner, AutoTopUp::Read, now)?;
            let (wallet, running) = (wallet(live), live.leases.running());
            let person = people::person(rows)?;
            let told = Description { profile, wallet, running, auto_top_up, person };
            Ok(Outcome::Description(Box::new(told)))
        }
        Command::SetActive { active } => set_active(live, rows, Profile { active, ..profile }),
        Command::AddKey { key } => add_key(live, rows, key, now),
        Command::RevokeKey { id } => revoke_key(live, rows, id, now),
        Command::RestrictKey { id, narrow } => restrict_key(live, rows, id, narrow),
        Command::ListKeys => Ok(Outcome::Keys(live.keys())),
        Command::Session(command) => sessions::run(live, rows, command, now),
        Command::Credit { source, amount, note } => {
            book(live, rows, Booking { source, change: Change::By(amount), note }, now)
        }
        Command::SetBalance { source, balance, note } => {
            book(live, rows, Booking { source, change: Change::To(balance), note }, now)
        }
        Command::HoldTurn { call, quote, thread, fair_use } => {
            fair_use.map_or(Ok(()), |limits| unlimited::learn(live, rows, limits))?;
            let thread = thread.as_deref().unwrap_or_default();
            let purpose = caps::purpose(live, rows, Origin { thread, ..Origin::default() })?;
            hold_turn(live, &Wish { call, quote, purpose }, now)
        }
        Command::PostTurn { call, ended } => post_turn(live, rows, call, *ended, now),
        Command::VoidTurn { call } => {
            void_turn(live, call, "the turn cost nothing", now);
            Ok(Outcome::Done)
        }
        Command::Transactions { before, limit } => transactions(live, rows, before, limit),
        Command::TokenUsage { before, limit } => token_usage(live, rows, before, limit, now),
        Command::Unlimited(command) => {
            unlimited::run(inner, live, command, now).map(Outcome::Unlimited)
        }
        Command::Payment(command) => payments::run(inner, live, command, now).map(Outcome::Payment),
        Command::Person(command) => people::run(inner, live, command, now),
        Command::Notice(command) => notices::run(inner, command, now).map(Outcome::Notice),
        Command::Reconciliation(command) => {
            reconciliation::run(live, rows, command).map(Outcome::Reconciliation)
        }
        Command::Customer(command) => customers::run(inner, command).map(Outcome::Customer),
        Command::AutoTopUp(command) => {
            auto_top_up::run(inner, command, now).map(Box::new).map(Outcome::AutoTopUp)
        }
        Command::Cap(command) => caps::run(live, rows, command, now),
    }
}

fn transactions(live: &mut Live, rows: &Rows, before: Option<i64>, limit: u32) -> Result<Outcome> {
    rows.store(live).map_err(Error::unavailable)?;
    let rows = rows.transactions(before.unwrap_or(i64::MAX >> 11), limit);
    Ok(Outcome::Transactions(rows.map_err(Error::unavailable)?))
}

/// What the wallet holds.
pub fn wallet(live: &Live) -> Wallet {
    let balance = live.ledger.balance();
    Wallet {
        balance_micro_usd: balance,
        held_micro_usd: live.ledger.held(),
        available_micro_usd: live.ledger.available(),
        balance_usd: balance.to_string(),
    }
}

fn open(live: &mut Live, rows: &Rows, profile: Profile) -> Result<Outcome> {
    if live.profile.is_none() {
        rows.open(&profile).map_err(Error::unavailable)?;
        live.profile = Some(profile);
    }
    Ok(Outcome::Done)
}

/// Adds a key.
pub fn add_key(live: &mut Live, rows: &Rows, new: NewKey, now: Timestamp) -> Result<Outcome> {
    let NewKey { id, hash, name, kind, last4, scopes, cidrs, sealed } = new;
    let (created_at, revoked_at) = (now, None);
    let key = Key { id, name, kind, last4, scopes, cidrs, created_at, revoked_at, sealed };
    if let Some(known) = live.key(&hash) {
        return Ok(Outcome::Key(known.clone()));
    }
    if let Some(known) = live.keys().into_iter().find(|known| known.id == key.id) {
        return Ok(Outcome::Key(known));
    }
    live.add_key(hash, key.clone())?;
    rows.put_key(&hash, &key).map_err(Error::unavailable)?;
    Ok(Outcome::Key(key))
}

fn revoke_key(live: &mut Live, rows: &Rows, id: KeyId, now: Timestamp) -> Result<Outcome> {
    let key = live.revoke_key(id, now).ok_or_else(|| Error::not_found("key", id))?;
    rows.update_key(&key).map_err(Error::unavailable)?;
    Ok(Outcome::Key(key))
}

/// An account that is suspended has nobody signed in.
fn set_active(live: &mut Live, rows: &Rows, profile: Profile) -> Result<Outcome> {
    rows.put_profile(&profile).map_err(Error::unavailable)?;
    let active = profile.active;
    live.profile = Some(profile);
    if !active {
        sessions::end_all(live, rows)?;
    }
    Ok(Outcome::Done)
}

fn restrict_key(live: &mut Live, rows: &Rows, id: KeyId, narrow: Narrow) -> Result<Outcome> {
    let key = live.restrict_key(id, narrow)?;
    rows.update_key(&key).map_err(Error::unavailable)?;
    Ok(Outcome::Key(key))
}

/// Books money once for each source. The same change again does nothing; another under its source
/// is refused.
fn book(live: &mut Live, rows: &Rows, booking: Booking, now: Timestamp) -> Result<Outcome> {
    let source = Some(&booking.source);
    let unstored = live.ledger.unstored().iter().find(|entry| entry.source.as_ref() == source);
    let earlier = match unstored {
        Some(entry) => Some(Booked::from(entry)),
        None => rows.booked(&booking.source).map_err(Error::unavailable)?,
    };
    if earlier.as_ref().is_some_and(|earlier| !booking.is_again(earlier)) {
        let message = "This Idempotency-Key has been used for another change. Send a new one.";
        return Err(Error::new(Code::IdempotencyKeyReused, message));
    }
    if earlier.is_none() {
        let (kind, amount) = booking.row(live.ledger.balance());
        live.ledger.book(kind, amount, booking.source, booking.note, now);
    }
    Ok(Outcome::Receipt { wallet: wallet(live), replayed: earlier.is_some() })
}

/// Nothing else will come back soon for a turn, so a wallet that has less than it wants gives all.
fn hold_turn(live: &mut Live, wish: &Wish, now: Timestamp) -> Result<Outcome> {
    if live.profile.as_ref().is_some_and(|profile| !profile.active) {
        return Err(Error::new(Code::PermissionDenied, "This account is suspended."));
    }
    match live.begin(wish, true, now) {
        Start::Go(hold) => {
            let room = wish.purpose.as_ref().and_then(|purpose| live.ledger.cap_room(purpose));
            let most = room.map(|room| room.plus(hold.amount));
            live.ledger.entrust(hold);
            Ok(most.map_or(Outcome::Done, |most| Outcome::Granted { most }))
        }
        Start::Wait(error) | Start::Refuse(error) => Err(error),
    }
}

/// Charges a turn. It is told of until it is known to be charged, so it may have been before; and
/// its hold may be over, for it may take longer than any hold lasts.
fn post_turn(
    live: &mut Live,
    rows: &Rows,
    call: CallId,
    ended: Ended,
    now: Timestamp,
) -> Result<Outcome> {
    let held = live.ledger.held_by(call).unwrap_or(MicroUsd::ZERO);
    let purpose = caps::purpose_of_turn(live, rows, &ended.thread)?;
    let Some(charge) = ended.charge(held) else {
        void_turn(live, call, "the turn failed before any model answered", now);
        return Ok(Outcome::Done);
    };
    let source = charge.source().unwrap_or_default();
    let same = |entry: &Entry| entry.source.as_deref() == Some(source.as_str());
    let known = live.ledger.unstored().iter().any(same)
        || rows.has_source(&source).map_err(Error::unavailable)?;
    if known {
        void_turn(live, call, "the turn had been charged before", now);
    } else {
        live.ledger.post_late_for(call, charge, purpose, now);
        live.leases.release(call);
    }
    Ok(Outcome::Done)
}

fn void_turn(live: &mut Live, call: CallId, why: &str, now: Timestamp) {
    live.ledger.void(call, why, now);
    live.leases.release(call);
}

fn token_usage(
    live: &mut Live,
    rows: &Rows,
    before: Option<i64>,
    limit: u32,
    now: Timestamp,
) -> Result<Outcome> {
    rows.store(live).map_err(Error::unavailable)?;
    let before = before.unwrap_or(i64::MAX >> 11);
    let mut page = rows.usage(before, limit).map_err(Error::unavailable)?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = page.len() > size;
    page.truncate(size);
    let next_cursor = page.last().filter(|_| has_more).map(|(seq, _)| seq.to_string());
    Ok(Outcome::TokenUsage(Box::new(TokenUsage {
        wallet: wallet(live),
        transactions: page.into_iter().map(|(_, shown)| shown).collect(),
        daily: rows.daily(now).map_err(Error::unavailable)?,
        has_more,
        next_cursor,
    })))
}
