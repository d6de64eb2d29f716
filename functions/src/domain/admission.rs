//! Being let in: one synchronous yes or no over what an account's object holds in memory.
//!
//! Two steps. [`Live::admit`] says who is asking and counts the request: credential, account,
//! scope, address, rolling hour. [`Live::begin`] lets a call to a model start: a free place, and
//! money on hold. The second may be asked again, for a call that waits its turn.

mod budget;

pub use budget::RAISE;

use std::{collections::HashMap, rc::Rc};

use schema::{AccountId, CallId, Code, Error, KeyId, MicroUsd, Timestamp};
use serde::{Deserialize, Serialize};

use self::budget::Capped;
use super::{
    access::{Caller, Credential, Holder, Key, Scope},
    account::{Knock, Profile},
    cap::Purpose,
    delegation::{self, Narrow},
    fair_use::Span,
    ledger::{HOLD_LIFETIME_MS, Hold, Ledger},
    limit::{Full, Leases, Rate},
    person::Standing,
    plan::PUBLISHABLE_PER_DAY,
    price::Quote,
    session::Sessions,
    token::{Hash, KeyType},
    unlimited::Unlimited,
    window::{Counter, Windows},
};

/// Keys that an account may have at once (seed 001).
pub const KEYS_MAX: usize = 25;

/// What an account's object holds in memory.
#[derive(Debug, Default)]
pub struct Live {
    pub profile: Option<Profile>,
    pub ledger: Ledger,
    pub leases: Leases,
    pub windows: Windows,
    pub sessions: Sessions,
    pub unlimited: Unlimited,
    /// Where the account's sign-up stands.
    pub standing: Standing,
    /// Whether the username is no bearer any more.
    pub username_void: bool,
    keys: HashMap<Hash, Key>,
}

/// Let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub caller: Caller,
    pub rate: Rate,
    /// Whether the credential is an operator's too.
    #[serde(default)]
    pub operator: bool,
    /// Whether the credential stands in a page that anybody reads.
    #[serde(default)]
    pub publishable: bool,
}

/// Not let in. A caller who was known learns where the window stands all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub error: Error,
    pub rate: Option<Rate>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, rate: None }
    }
}

/// A call to a model that wants to start.
#[derive(Debug, Clone)]
pub struct Wish {
    pub call: CallId,
    pub quote: Quote,
    /// To what it counts, if it is a project's.
    pub purpose: Option<Rc<Purpose>>,
}

/// Whether a call to a model may start.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// With this much on hold.
    Go(Hold),
    /// Not now: a place or money may come free.
    Wait(Error),
    /// Not as things are.
    Refuse(Error),
}

impl Live {
    /// Says who is asking, and counts the request.
    pub fn admit(&mut self, knock: &Knock, now: Timestamp) -> Result<Pass, Refusal> {
        let profile = self.profile.as_ref().ok_or_else(unknown)?;
        let (account, plan, active) = (profile.id, profile.plan, profile.active);
        let Known { holder, kind, operator } = self.identify(knock)?;
        // Whose token is the deployment's runs it, also where the deployment's own account rests.
        let by_token = matches!(knock.credential, Credential::Operator { key: None, .. });
        if !active && !by_token {
            return Err(denied(why_inactive(self.standing)).into());
        }
        let windows = &mut self.windows;
        let day = daily(holder, kind, knock.scope);
        if let Some(day) = day {
            windows.room(day, 1, PUBLISHABLE_PER_DAY, now).map_err(|full| {
                let rate = windows.rate(day, PUBLISHABLE_PER_DAY, now);
                Refusal { error: out_of_quota(full), rate: Some(rate) }
            })?;
        }
        let (hour, weight, limit) = (Counter::Hour(holder), knock.weight, plan.per_hour());
        windows.room(hour, weight, limit, now).map_err(|full| {
            let rate = windows.rate(hour, limit, now);
            Refusal { error: too_fast(limit, full), rate: Some(rate) }
        })?;
        windows.count(hour, weight, now);
        if let Some(day) = day {
            windows.count(day, 1, now);
        }
        let rate = windows.rate(hour, limit, now);
        let publishable = kind == KeyType::Publishable;
        Ok(Pass { caller: Caller { account, holder }, rate, operator, publishable })
    }

    /// Lets a call start, if a place is free and the plan or the wallet covers it, and its project
    /// may spend it. With `last`, where less is left than is wanted, it gets what there is: nothing
    /// else will come back soon.
    pub fn begin(&mut self, wish: &Wish, last: bool, now: Timestamp) -> Start {
        let Wish { call, quote, ref purpose } = *wish;
        let Some(profile) = &self.profile else { return Start::Refuse(unknown()) };
        let at_once = profile.plan.at_once();
        if self.ledger.worth(now) < quote.floor {
            return Start::Refuse(self.broke(quote, now));
        }
        let capped = purpose.as_deref().map_or(Capped::FREE, |purpose| self.capped(purpose));
        if capped.worth < quote.floor {
            return Start::Refuse(self.over_budget(wish, now));
        }
        let money = self.ledger.room(now);
        let short_of_money = money < quote.wanted && self.ledger.has_open_holds();
        let waits = short_of_money || (capped.room < quote.wanted && capped.may_come_back);
        let room = money.min(capped.room);
        if room < quote.wanted && (room < quote.floor || (waits && !last)) {
            let by_cap = !short_of_money && capped.room <= money;
            let error = if by_cap { self.reserved(wish, now) } else { self.broke(quote, now) };
            return if waits { Start::Wait(error) } else { Start::Refuse(error) };
        }
        if !self.leases.take(call, at_once, now.plus_millis(HOLD_LIFETIME_MS), now) {
            return Start::Wait(too_many(at_once));
        }
        let amount = quote.wanted.min(room);
        match self.ledger.hold_for(call, amount, purpose.as_ref(), now) {
            Some(hold) => Start::Go(hold),
            None => {
                self.leases.release(call);
                Start::Refuse(Error::internal("a hold that was available was not given"))
            }
        }
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<_> = self.keys.values().cloned().collect();
        keys.sort_by_key(|key| key.id);
        keys
    }

    /// Adds a key.
    pub fn add_key(&mut self, hash: Hash, key: Key) -> Result<(), Error> {
        let active = self.keys.values().filter(|key| key.revoked_at.is_none()).count();
        if active >= KEYS_MAX {
            let message =
                format!("An account has at most {KEYS_MAX} active keys. Revoke one first.");
            return Err(Error::new(Code::Conflict, message));
        }
        self.keys.insert(hash, key);
        Ok(())
    }

    /// A key by its hash.
    pub fn key(&self, hash: &Hash) -> Option<&Key> {
        self.keys.get(hash)
    }

    /// Puts back a key that storage knows.
    pub fn restore_key(&mut self, hash: Hash, key: Key) {
        self.keys.insert(hash, key);
    }

    /// Revokes a key, for good and at once; the first revocation stands.
    pub fn revoke_key(&mut self, id: KeyId, now: Timestamp) -> Option<Key> {
        let key = self.keys.values_mut().find(|key| key.id == id)?;
        key.revoked_at = key.revoked_at.or(Some(now));
        Some(key.clone())
    }

    /// Leaves a key with what is wanted of it, at once.
    pub fn restrict_key(&mut self, id: KeyId, wanted: Narrow) -> Result<Key, Error> {
        let found = self.keys.values_mut().find(|key| key.id == id);
        let key = found.ok_or_else(|| Error::not_found("key", id))?;
        *key = delegation::narrowed(key, wanted)?;
        Ok(key.clone())
    }

    /// The account's id, once it has been made.
    pub fn id(&self) -> Option<AccountId> {
        self.profile.as_ref().map(|profile| profile.id)
    }

    fn identify(&self, knock: &Knock) -> Result<Known, Error> {
        let profile = self.profile.as_ref().ok_or_else(unknown)?;
        let hash = match &knock.credential {
            Credential::Key(hash) => hash,
            Credential::Username(name) if *name == profile.username && !self.username_void => {
                return customer(Holder::Username, knock.scope);
            }
            Credential::Username(_) => return Err(unknown()),
            Credential::Static => {
                return customer(Holder::Static, knock.scope);
            }
            Credential::Session(ticket) if self.sessions.takes(ticket) => {
                return customer(Holder::Session, knock.scope);
            }
            Credential::Session(_) => return Err(ended()),
            Credential::Operator { ticket, .. } if !self.sessions.takes(ticket) => {
                return Err(ended());
            }
            Credential::Operator { key, .. } => return self.operator(*key, knock),
        };
        self.by_key(self.keys.get(hash).ok_or_else(unknown)?, knock)
    }

    /// Who signed in as an operator, by a key or by a static token.
    fn operator(&self, key: Option<KeyId>, knock: &Knock) -> Result<Known, Error> {
        if let Some(id) = key {
            let key = self.keys.values().find(|key| key.id == id).ok_or_else(ended)?;
            return self.by_key(key, knock);
        }
        if knock.scope != Scope::Admin {
            return Err(denied("An operator's session is for an operator's acts."));
        }
        Ok(Known { holder: Holder::Session, kind: KeyType::Secret, operator: true })
    }

    fn by_key(&self, key: &Key, knock: &Knock) -> Result<Known, Error> {
        if key.revoked_at.is_some() {
            return Err(refused("This API key has been revoked. Use another, or make a new one."));
        }
        let inside = |address| key.cidrs.iter().any(|range| range.contains(address));
        if !key.cidrs.is_empty() && !knock.address.is_some_and(inside) {
            return Err(denied("This API key may not be used from your address."));
        }
        let operator = key.scopes.contains(&Scope::Admin);
        let scoped = key.scopes.contains(&knock.scope) || (operator && knock.scope == Scope::Agent);
        if !scoped || !kind_allows(key.kind, knock.scope) {
            let scope = knock.scope.as_str();
            return Err(denied(format!("This API key lacks the scope `{scope}`.")));
        }
        Ok(Known { holder: Holder::Key(key.id), kind: key.kind, operator })
    }

    /// Why nothing covers a call, in words that end in what to do.
    fn broke(&mut self, quote: Quote, now: Timestamp) -> Error {
        if self.ledger.allowance.covers(now) {
            return self.used_up(quote, now);
        }
        let (balance, held) = (self.ledger.balance(), self.ledger.held());
        let message = if balance < MicroUsd::ZERO {
            let owes = balance.negated();
            format!(
                "Your wallet owes ${owes}: money that had filled it went back. Top it up first."
            )
        } else if balance < quote.floor {
            let (has, needs) = (balance.dollars_and_cents(), quote.floor);
            format!("Your wallet is empty: it holds ${has} and this call needs at least ${needs}.")
        } else {
            let (has, held) = (balance.dollars_and_cents(), held.dollars_and_cents());
            format!("Your wallet holds ${has}, of which running calls have reserved ${held}.")
        };
        Error::new(Code::InsufficientCredit, message)
    }

    /// Why the plan does not cover a call, and when it will again. Where the wallet would pay what
    /// the plan does not, it is the wallet that wants filling.
    fn used_up(&mut self, quote: Quote, now: Timestamp) -> Error {
        let has = self.ledger.balance().dollars_and_cents();
        let allowance = &mut self.ledger.allowance;
        let back = allowance.comes_back(quote.floor, now).filter(|(at, _)| now < *at);
        let (used, then, wait_ms) = match back {
            Some((at, span)) => {
                let (span, shown) = (span.words(), at.to_second());
                let used = format!("Your Unlimited plan's fair use of {span} is used up.");
                (used, format!("or come back at {shown}."), at.since(now))
            }
            None if allowance.reserved() > MicroUsd::ZERO => {
                let used = "Running calls have reserved what your Unlimited plan's fair use has.";
                (used.to_owned(), "or try again when they have ended.".to_owned(), 2_000)
            }
            // Only an operator can change that.
            None => {
                let used = "Your Unlimited plan's fair use does not cover this call.";
                (used.to_owned(), "or ask the operator.".to_owned(), Span::FiveHours.ms())
            }
        };
        if allowance.wallet_pays(now) {
            let message = format!("{used} Your wallet, which pays meanwhile, holds ${has}.");
            return Error::new(Code::InsufficientCredit, message);
        }
        let message = format!("{used} Let your wallet pay meanwhile, {then}");
        let seconds = u32::try_from((wait_ms + 999) / 1_000).unwrap_or(u32::MAX);
        Error::new(Code::FairUseExceeded, message).retry_after(seconds)
    }
}

/// A credential that was recognised.
struct Known {
    holder: Holder,
    kind: KeyType,
    operator: bool,
}

/// A username and a static token do what a customer's key does, and nothing of an operator's.
fn customer(holder: Holder, scope: Scope) -> Result<Known, Error> {
    if Scope::CUSTOMER.contains(&scope) {
        Ok(Known { holder, kind: KeyType::Secret, operator: false })
    } else {
        Err(denied("An operator's key is needed."))
    }
}

const fn kind_allows(kind: KeyType, scope: Scope) -> bool {
    match kind {
        KeyType::Secret => true,
        // Seed 001: it reads, and generates; never anything of an operator's. A page that anybody
        // reads is no place for a key that runs commands.
        KeyType::Publishable => !matches!(scope, Scope::Admin | Scope::Agent),
    }
}

/// Why an account may not be used.
pub const fn why_inactive(standing: Standing) -> &'static str {
    match standing {
        Standing::Pending => "This account waits for approval. You will be told by mail.",
        Standing::Approved => "This account is suspended. Ask the operator.",
        Standing::Rejected => "The sign-up for this account was not approved. Ask the operator.",
    }
}

fn unknown() -> Error {
    refused("This API key is not known here. Check it for missing characters.")
}

/// What somebody is told who was signed in.
pub fn ended() -> Error {
    refused("Your session has ended. Sign in again.")
}

fn refused(message: &str) -> Error {
    Error::new(Code::AuthenticationRequired, message)
}

fn denied(message: impl Into<String>) -> Error {
    Error::new(Code::PermissionDenied, message)
}

/// The daily quota that a request counts in, if it has one.
const fn daily(holder: Holder, kind: KeyType, scope: Scope) -> Option<Counter> {
    match (holder, kind, scope) {
        (Holder::Key(id), KeyType::Publishable, Scope::Responses) => Some(Counter::Day(id)),
        _ => None,
    }
}

fn out_of_quota(full: Full) -> Error {
    let seconds = full.seconds();
    let message = format!(
        "This publishable key has generated the {PUBLISHABLE_PER_DAY} times that it may in any \
         day. Please try again in {seconds}s, or use a secret key on a server."
    );
    Error::new(Code::RateLimitExceeded, message).retry_after(seconds)
}

fn too_fast(limit: u32, full: Full) -> Error {
    let seconds = full.seconds();
    let message = format!(
        "You have made the {limit} requests that your plan allows in any hour. \
         Please try again in {seconds}s."
    );
    Error::new(Code::RateLimitExceeded, message).retry_after(seconds)
}

fn too_many(at_once: u32) -> Error {
    let message = format!(
        "Your plan runs {at_once} requests at once, and that many are running. \
         Please try again in 2s."
    );
    Error::new(Code::ConcurrencyLimitExceeded, message).retry_after(2)
}

#[cfg(test)]
mod tests;
