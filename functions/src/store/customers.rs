//! Which customer at Stripe is which account.

use schema::{AccountId, Result};
use serde::Deserialize;
use worker::Env;

use super::{rows, run, text};

/// Enters an account's customer; again changes nothing.
pub async fn add(env: &Env, customer: &str, account: AccountId) -> Result<()> {
    let sql = "INSERT INTO stripe_customers (customer, account) VALUES (?1, ?2)
               ON CONFLICT (customer) DO NOTHING";
    run(env, sql, &[text(customer), text(account)]).await
}

/// The account of a customer.
pub async fn account(env: &Env, customer: &str) -> Result<Option<AccountId>> {
    #[derive(Deserialize)]
    struct Row {
        account: AccountId,
    }
    let sql = "SELECT account FROM stripe_customers WHERE customer = ?1";
    Ok(rows::<Row>(env, sql, &[text(customer)]).await?.pop().map(|row| row.account))
}
