//! Who is let in, how often and with what money.

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
    check(live, &knock(name("alice"), Scope::Responses, "-"), Some(Code::AuthenticationRequired));
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
fn an_operators_session_is_as_good_as_its_key_and_ends_with_it() {
    let live = &mut live(Plan::Starter, 0);
    let key = live.keys[&[1; 32]].clone();
    let id = KeyId::from_bits(9);
    live.restore_key([9; 32], Key { id, scopes: vec![Scope::Admin], ..key });
    let ticket = || Ticket { id: "s".into(), epoch: 0 };
    let by = |key, from| knock(Credential::Operator { ticket: ticket(), key }, Scope::Admin, from);
    let customers = by(Some(KeyId::from_bits(1)), "10.1.1.1");
    check(live, &customers, Some(Code::PermissionDenied));
    check(live, &by(Some(KeyId::from_bits(5)), "10.1.1.1"), Some(Code::AuthenticationRequired));
    check(live, &by(Some(id), "11.1.1.1"), Some(Code::PermissionDenied));
    let pass = live.admit(&by(Some(id), "10.1.1.1"), NOW).unwrap();
    assert_eq!((pass.caller.holder, pass.operator), (Holder::Key(id), true));
    live.revoke_key(id, NOW);
    check(live, &by(Some(id), "10.1.1.1"), Some(Code::AuthenticationRequired));
    check(live, &by(None, "-"), None);
    live.profile.as_mut().unwrap().active = false;
    check(live, &by(None, "-"), None);
    live.sessions.end_all();
    check(live, &by(None, "-"), Some(Code::AuthenticationRequired));
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
    live.begin(&Wish { call: CallId::from_bits(call), quote, purpose: None }, last, NOW)
}

#[test]
fn a_call_gets_what_it_wants_or_waits_while_money_may_come_back() {
    let live = &mut live(Plan::Starter, 100);
    assert!(
        matches!(begin(live, 1, quote(10, 60), false), Start::Go(h) if h.amount.micros() == 60)
    );
    assert!(matches!(begin(live, 2, quote(10, 60), false), Start::Wait(_)));
    assert!(matches!(begin(live, 2, quote(10, 60), true), Start::Go(h) if h.amount.micros() == 40));
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
    assert!(matches!(begin(live, 2, quote(10, 60), true), Start::Go(h) if h.amount.micros() == 40));
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
    assert_eq!((live.ledger.held().micros(), live.ledger.allowance.reserved().micros()), (55, 5));
    let live = &mut subscriber(0, 100, true);
    spent(live);
    let Start::Refuse(error) = begin(live, 2, quote(10, 60), true) else { unreachable!() };
    assert_eq!(error.code, Code::InsufficientCredit);
}
