//! Which payments there are, whose, and when each is looked at next.

use schema::{AccountId, PaymentId, Result, Timestamp, admin::Problem};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use worker::Env;

use super::{number, rows, run, text};
use crate::domain::payment::Payment;

/// A payment that is due.
#[derive(Debug, Deserialize)]
pub struct Due {
    pub id: PaymentId,
    pub account: AccountId,
    pub state: String,
    pub looks: u32,
    /// How often in a row it could not be looked at.
    pub faults: u32,
}

#[derive(Deserialize)]
struct Found {
    id: PaymentId,
    account: AccountId,
}

/// Enters a payment before Stripe hears of it; again changes nothing.
pub async fn add(env: &Env, payment: &Payment, due_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO payments (id, account, state, created_at, due_at)
               VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING";
    let bindings = [
        text(payment.id),
        text(payment.account),
        text(payment.state.as_str()),
        number(payment.created_at.millis()),
        number(due_at.millis()),
    ];
    run(env, sql, &bindings).await
}

/// Notes what became of a payment, and when it is looked at again.
pub async fn note(
    env: &Env,
    payment: &Payment,
    looks: u32,
    due_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "UPDATE payments SET session = coalesce(?2, session), intent = coalesce(?3, intent),
                 state = ?4, problem = ?5, looks = ?6, due_at = ?7, faults = 0 WHERE id = ?1";
    let bindings = [
        text(payment.id),
        optional(payment.session.as_deref()),
        optional(payment.intent.as_deref()),
        text(payment.state.as_str()),
        optional(payment.problem.as_deref()),
        number(looks.into()),
        due_at.map_or(JsValue::NULL, |at| number(at.millis())),
    ];
    run(env, sql, &bindings).await
}

/// Puts off a payment that could not be looked at.
pub async fn put_off(env: &Env, id: PaymentId, faults: u32, due_at: Timestamp) -> Result<()> {
    let sql = "UPDATE payments SET faults = ?2, due_at = ?3 WHERE id = ?1";
    run(env, sql, &[text(id), number(faults.into()), number(due_at.millis())]).await
}

/// Payments that are due, the longest due first.
pub async fn due(env: &Env, now: Timestamp, most: u32) -> Result<Vec<Due>> {
    let sql = "SELECT id, account, state, looks, faults FROM payments WHERE due_at <= ?1
               ORDER BY due_at LIMIT ?2";
    rows(env, sql, &[number(now.millis()), number(most.into())]).await
}

/// Whose payment this is.
pub async fn account_of(env: &Env, id: PaymentId) -> Result<Option<AccountId>> {
    let sql = "SELECT id, account FROM payments WHERE id = ?1";
    Ok(rows::<Found>(env, sql, &[text(id)]).await?.pop().map(|found| found.account))
}

/// The payment that has this payment at Stripe.
pub async fn of_intent(env: &Env, intent: &str) -> Result<Option<(AccountId, PaymentId)>> {
    let sql = "SELECT id, account FROM payments WHERE intent = ?1";
    Ok(rows::<Found>(env, sql, &[text(intent)]).await?.pop().map(|it| (it.account, it.id)))
}

/// Payments that wait for a person, older than one, newest first; one more than `size`.
pub async fn problems(env: &Env, before: Option<PaymentId>, size: u32) -> Result<Vec<Problem>> {
    let sql = "SELECT id, account, intent, problem FROM payments
               WHERE problem IS NOT NULL AND id < ?1 ORDER BY id DESC LIMIT ?2";
    // Above every id, of which the digits are hexadecimal.
    let before = before.map_or_else(|| "pay_g".to_owned(), |id| id.to_string());
    rows(env, sql, &[text(before), number(i64::from(size) + 1)]).await
}

fn optional(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}

/// How many payments wait for a person, counted so far at most.
pub async fn count_problems(env: &Env, most: u32) -> Result<u32> {
    let sql = "SELECT 1 AS one FROM payments WHERE problem IS NOT NULL AND id > '' LIMIT ?1";
    super::count(env, sql, &[number(most.into())]).await
}
