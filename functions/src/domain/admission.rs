//! Being let in: one synchronous yes or no over what an account's object holds in memory.
//!
//! Two steps. [`Live::admit`] says who is asking and counts the request: credential, account,
//! scope, address, rolling hour. [`Live::begin`] lets a call to a model start: a free place, and
//! money on hold. The second may be asked again, for a call that waits its turn.

use std::collections::HashMap;

use schema::{AccountId, CallId, Code, Error, KeyId, MicroUsd, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    access::{Caller, Credential, Holder, Key, Scope},
    account::{Knock, Profile},
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
        if !active {
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
        Ok(Pass { caller: Caller { account, holder }, rate, operator })
    }

    /// Lets a call start, if a place is free and the plan or the wallet covers it. With `last`,
    /// where less is left than is wanted, it gets what there is: nothing else will come back soon.
    pub fn begin(&mut self, call: CallId, quote: Quote, last: bool, now: Timestamp) -> Start {
        let Some(profile) = &self.profile else { return Start::Refuse(unknown()) };
        let at_once = profile.plan.at_once();
        if self.ledger.worth(now) < quote.floor {
            return Start::Refuse(self.broke(quote, now));
        }
        let room = self.ledger.room(now);
        let alone = last || !self.ledger.has_open_holds();
        let amount = if quote.wanted <= room || (alone && quote.floor <= room) {
            quote.wanted.min(room)
        } else if self.ledger.has_open_holds() {
            return Start::Wait(self.broke(quote, now));
        } else {
            return Start::Refuse(self.broke(quote, now));
        };
        if !self.leases.take(call, at_once, now.plus_millis(HOLD_LIFETIME_MS), now) {
            return Start::Wait(too_many(at_once));
        }
        match self.ledger.hold(call, amount, now) {
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
        };
        let key = self.keys.get(hash).ok_or_else(unknown)?;
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
mod tests {
    use schema::time::DAY_MS;

    use super::*;
    use crate::domain::{
        fair_use::{Limits, Terms},
        ledger::Kind,
        plan::Plan,
        session::Ticket,
    };

    const NOW: Timestamp = Timestamp::from_millis(5_000);

    fn live(plan: Plan, balance: i64) -> Live {
        let profile = Profile {
            id: AccountId::from_bits(1),
            username: "alice-x".into(),
            plan,
            active: true,
            note: String::new(),
            created_at: NOW,
        };
        let mut live = Live { profile: Some(profile), ..Live::default() };
        live.ledger.book(Kind::Credit, MicroUsd::new(balance), "t".into(), String::new(), NOW);
        let key = Key {
            id: KeyId::from_bits(1),
            name: String::new(),
            kind: KeyType::Secret,
            last4: String::new(),
            scopes: Scope::CUSTOMER.to_vec(),
            cidrs: vec!["10.0.0.0/8".parse().unwrap()],
            created_at: NOW,
            revoked_at: None,
            sealed: None,
        };
        live.restore_key([1; 32], key);
        live
    }

    fn knock(credential: Credential, scope: Scope, address: &str) -> Knock {
        Knock { credential, scope, address: address.parse().ok(), weight: 1 }
    }

    #[track_caller]
    fn check(live: &mut Live, knock: &Knock, code: Option<Code>) {
        let verdict = live.admit(knock, NOW);
        assert_eq!(verdict.as_ref().err().map(|refusal| refusal.error.code), code, "{verdict:?}");
    }

    #[test]
    fn a_key_opens_what_its_scopes_and_addresses_allow() {
        let live = &mut live(Plan::Starter, 0);
        let key = || Credential::Key([1; 32]);
        check(live, &knock(key(), Scope::Account, "10.1.1.1"), None);
        check(live, &knock(key(), Scope::Admin, "10.1.1.1"), Some(Code::PermissionDenied));
        check(live, &knock(key(), Scope::Account, "11.1.1.1"), Some(Code::PermissionDenied));
        check(live, &knock(key(), Scope::Account, "-"), Some(Code::PermissionDenied));
        let other = Credential::Key([2; 32]);
        check(live, &knock(other, Scope::Account, "10.1.1.1"), Some(Code::AuthenticationRequired));
        live.revoke_key(KeyId::from_bits(1), NOW);
        check(live, &knock(key(), Scope::Account, "10.1.1.1"), Some(Code::AuthenticationRequired));
    }

    #[test]
    fn codex_works_for_secret_keys_and_operators_only() {
        let live = &mut live(Plan::Starter, 0);
        let key = live.keys[&[1; 32]].clone();
        let of = |id, kind, scopes: &[Scope]| Key {
            id: KeyId::from_bits(id),
            kind,
            scopes: scopes.to_vec(),
            ..key.clone()
        };
        live.restore_key([2; 32], of(2, KeyType::Publishable, &Scope::CUSTOMER));
        live.restore_key([3; 32], of(3, KeyType::Secret, &[Scope::Admin]));
        live.restore_key([4; 32], of(4, KeyType::Secret, &[Scope::Responses]));
        let ask = |n: u8| knock(Credential::Key([n; 32]), Scope::Agent, "10.1.1.1");
        check(live, &ask(1), None);
        check(live, &ask(2), Some(Code::PermissionDenied));
        check(live, &ask(4), Some(Code::PermissionDenied));
        let operators = |live: &mut Live, n| live.admit(&ask(n), NOW).map(|pass| pass.operator);
        assert_eq!((operators(live, 1), operators(live, 3)), (Ok(false), Ok(true)));
    }

    #[test]
    fn a_username_opens_its_own_account_as_a_customer() {
        let live = &mut live(Plan::Starter, 0);
        let name = |n: &str| Credential::Username(n.into());
        check(live, &knock(name("alice-x"), Scope::Responses, "-"), None);
        check(live, &knock(name("alice-x"), Scope::Admin, "-"), Some(Code::PermissionDenied));
        check(
            live,
            &knock(name("alice"), Scope::Responses, "-"),
            Some(Code::AuthenticationRequired),
        );
    }

    #[test]
    fn a_session_acts_as_a_customer_until_it_ends() {
        let live = &mut live(Plan::Starter, 0);
        let session =
            |scope| knock(Credential::Session(Ticket { id: "s".into(), epoch: 0 }), scope, "-");
        check(live, &session(Scope::Account), None);
        check(live, &session(Scope::Admin), Some(Code::PermissionDenied));
        let pass = live.admit(&session(Scope::Agent), NOW).unwrap();
        assert_eq!((pass.caller.holder, pass.operator), (Holder::Session, false));
        live.sessions.end_all();
        check(live, &session(Scope::Account), Some(Code::AuthenticationRequired));
    }

    #[test]
    fn who_waits_for_approval_is_told_so_and_a_void_username_opens_nothing() {
        let live = &mut live(Plan::Starter, 0);
        let name = knock(Credential::Username("alice-x".into()), Scope::Responses, "-");
        live.profile.as_mut().unwrap().active = false;
        live.standing = Standing::Pending;
        let refusal = live.admit(&name, NOW).unwrap_err().error;
        assert_eq!(refusal.code, Code::PermissionDenied);
        assert!(refusal.message.contains("waits for approval"), "{refusal}");
        live.profile.as_mut().unwrap().active = true;
        check(live, &name, None);
        live.username_void = true;
        check(live, &name, Some(Code::AuthenticationRequired));
    }

    #[test]
    fn each_credential_has_a_window_of_its_own() {
        let live = &mut live(Plan::Enterprise { per_hour: 2, at_once: 1 }, 0);
        let key = knock(Credential::Key([1; 32]), Scope::Account, "10.1.1.1");
        let name = knock(Credential::Username("alice-x".into()), Scope::Account, "-");
        check(live, &key, None);
        check(live, &key, None);
        check(live, &key, Some(Code::RateLimitExceeded));
        check(live, &name, None);
        let session = Credential::Session(Ticket { id: "s".into(), epoch: 0 });
        check(live, &knock(session, Scope::Account, "-"), None);
        assert_eq!(live.windows.unstored().iter().map(|c| c.weight).sum::<u32>(), 4);
    }

    #[test]
    fn a_publishable_key_reads_on_when_it_has_generated_its_share_of_the_day() {
        let live = &mut live(Plan::Professional, 0);
        let key = live.keys[&[1; 32]].clone();
        let key = Key { id: KeyId::from_bits(2), kind: KeyType::Publishable, ..key };
        live.restore_key([2; 32], key);
        let ask = |scope| knock(Credential::Key([2; 32]), scope, "10.1.1.1");
        for _ in 0..PUBLISHABLE_PER_DAY {
            check(live, &ask(Scope::Responses), None);
        }
        let refusal = live.admit(&ask(Scope::Responses), NOW).unwrap_err();
        assert_eq!(refusal.error.code, Code::RateLimitExceeded);
        assert_eq!(refusal.error.retry_after, Some(86_400));
        assert_eq!(refusal.rate.map(|rate| rate.limit), Some(PUBLISHABLE_PER_DAY));
        check(live, &ask(Scope::Models), None);
        check(live, &knock(Credential::Key([1; 32]), Scope::Responses, "10.1.1.1"), None);
        assert!(live.admit(&ask(Scope::Responses), NOW.plus_millis(DAY_MS)).is_ok());
    }

    fn quote(floor: i64, wanted: i64) -> Quote {
        Quote { floor: MicroUsd::new(floor), wanted: MicroUsd::new(wanted) }
    }

    fn begin(live: &mut Live, call: u128, quote: Quote, last: bool) -> Start {
        live.begin(CallId::from_bits(call), quote, last, NOW)
    }

    #[test]
    fn a_call_gets_what_it_wants_or_waits_while_money_may_come_back() {
        let live = &mut live(Plan::Starter, 100);
        assert!(
            matches!(begin(live, 1, quote(10, 60), false), Start::Go(h) if h.amount.micros() == 60)
        );
        assert!(matches!(begin(live, 2, quote(10, 60), false), Start::Wait(_)));
        assert!(
            matches!(begin(live, 2, quote(10, 60), true), Start::Go(h) if h.amount.micros() == 40)
        );
        assert!(matches!(begin(live, 3, quote(10, 60), true), Start::Wait(_)));
        assert!(matches!(begin(live, 3, quote(101, 160), true), Start::Refuse(_)));
    }

    #[test]
    fn a_call_alone_may_spend_the_last_of_a_wallet_but_an_empty_one_is_refused() {
        let live = &mut live(Plan::Starter, 30);
        assert!(
            matches!(begin(live, 1, quote(10, 60), false), Start::Go(h) if h.amount.micros() == 30)
        );
        live.ledger.void(CallId::from_bits(1), "test", NOW);
        live.ledger.book(Kind::Correction, MicroUsd::new(-30), "z".into(), String::new(), NOW);
        assert!(matches!(begin(live, 2, quote(1, 60), false), Start::Refuse(_)));
    }

    #[test]
    fn five_at_once_means_five() {
        let live = &mut live(Plan::Starter, 1_000);
        for call in 0..5 {
            assert!(matches!(begin(live, call, quote(1, 10), false), Start::Go(_)));
        }
        let Start::Wait(error) = begin(live, 5, quote(1, 10), false) else { unreachable!() };
        assert_eq!(error.code, Code::ConcurrencyLimitExceeded);
        assert_eq!(live.ledger.held(), MicroUsd::new(50));
        live.leases.release(CallId::from_bits(0));
        assert!(matches!(begin(live, 5, quote(1, 10), false), Start::Go(_)));
    }

    /// A subscriber whose plan covers so much.
    fn subscriber(balance: i64, covered: i64, fallback: bool) -> Live {
        let mut live = live(Plan::Starter, balance);
        let limits = Limits { five_hours: MicroUsd::new(covered), three_days: MicroUsd::new(500) };
        let until = NOW.plus_millis(30 * DAY_MS);
        live.ledger.allowance.set_terms(Terms { until, limits, fallback });
        live
    }

    #[test]
    fn a_subscribers_call_takes_its_hold_of_the_plan_and_an_empty_wallet_does_not_matter() {
        let live = &mut subscriber(0, 100, false);
        assert!(
            matches!(begin(live, 1, quote(10, 60), false), Start::Go(h) if h.amount.micros() == 60)
        );
        assert_eq!(
            (live.ledger.held(), live.ledger.allowance.reserved().micros()),
            (MicroUsd::ZERO, 60)
        );
        let Start::Wait(error) = begin(live, 2, quote(10, 60), false) else { unreachable!() };
        assert_eq!((error.code, error.retry_after), (Code::FairUseExceeded, Some(2)));
        assert!(
            matches!(begin(live, 2, quote(10, 60), true), Start::Go(h) if h.amount.micros() == 40)
        );
    }

    #[test]
    fn a_plan_that_is_used_up_says_when_it_comes_back_or_lets_the_wallet_pay() {
        let spent = |live: &mut Live| {
            let hold = begin(live, 1, quote(10, 95), false);
            assert!(matches!(hold, Start::Go(_)));
            live.ledger.post(CallId::from_bits(1), crate::domain::ledger::tests::charge(95), NOW);
        };
        let live = &mut subscriber(1_000, 100, false);
        spent(live);
        let Start::Refuse(error) = begin(live, 2, quote(10, 60), true) else { unreachable!() };
        assert_eq!((error.code, error.retry_after), (Code::FairUseExceeded, Some(5 * 3_600)));
        assert!(error.message.ends_with("come back at 1970-01-01 05:00:05 UTC."), "{error}");
        let live = &mut subscriber(1_000, 100, true);
        spent(live);
        assert!(
            matches!(begin(live, 2, quote(10, 60), false), Start::Go(h) if h.amount.micros() == 60)
        );
        assert_eq!(
            (live.ledger.held().micros(), live.ledger.allowance.reserved().micros()),
            (55, 5)
        );
        let live = &mut subscriber(0, 100, true);
        spent(live);
        let Start::Refuse(error) = begin(live, 2, quote(10, 60), true) else { unreachable!() };
        assert_eq!(error.code, Code::InsufficientCredit);
    }
}
