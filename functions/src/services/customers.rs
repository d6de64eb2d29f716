//! Who an account is at Stripe: made once, when it is first needed; and the card that they left.

use schema::{
    AccountId, Error, Result,
    stripe::{CheckoutSession, Metadata, Mode},
};

use super::accounts::unexpected;
use crate::{
    config::Stripe,
    cx::Cx,
    domain::{
        account::{Command, Outcome},
        customer::{self, Customer},
    },
    objects::stub,
    remote::stripe::{self, NewCustomer},
    store::customers,
};

/// An account's customer at Stripe. Made under a key that follows from the account, and with a body
/// that never differs, so that two who ask at once, or one who crashed, come to the same.
pub async fn of(cx: &Cx, account: AccountId) -> Result<Customer> {
    if let Some(customer) = told(cx, account, customer::Command::Read).await? {
        return Ok(customer);
    }
    let metadata = Metadata::from([("account_id".to_owned(), account.to_string())]);
    let new = NewCustomer { metadata, ..NewCustomer::default() };
    let made = stripe::create_customer(stripe(cx)?, &new, &format!("customer:{account}")).await?;
    customers::add(&cx.env, &made.id, account).await?;
    let known = told(cx, account, customer::Command::Know { id: made.id }).await?;
    known.ok_or_else(|| Error::internal("a customer was forgotten"))
}

/// Keeps the card that was left in a checkout for nothing else. What Stripe says now counts, and
/// only of a customer of ours.
pub async fn left_card(cx: &Cx, session: &CheckoutSession) -> Result<()> {
    let Some(setup) = session.setup_intent.as_ref().filter(|_| session.mode == Mode::Setup) else {
        return Ok(());
    };
    let setup = stripe::setup_intent(stripe(cx)?, setup).await?;
    let (Some(customer), Some(card), "succeeded") =
        (setup.customer, setup.payment_method, setup.status.as_str())
    else {
        return Ok(());
    };
    let Some(account) = customers::account(&cx.env, &customer).await? else { return Ok(()) };
    told(cx, account, customer::Command::Keep { customer, card }).await.map(drop)
}

async fn told(cx: &Cx, account: AccountId, command: customer::Command) -> Result<Option<Customer>> {
    match stub::ask(&cx.env, account, Command::Customer(command)).await? {
        Outcome::Customer(customer) => Ok(customer),
        other => Err(unexpected(&other)),
    }
}

fn stripe(cx: &Cx) -> Result<&Stripe> {
    cx.config.stripe.as_ref().ok_or_else(|| Error::unavailable("STRIPE_SECRET_KEY is not set"))
}
