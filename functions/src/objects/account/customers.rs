//! The account's customer at Stripe, and the card that they left.

use std::rc::Rc;

use schema::{Error, Result};

use super::Inner;
use crate::domain::customer::{self, Command, Customer};

/// What an account's object does about its customer when it is told to; answers with the customer
/// as it is then.
pub fn run(inner: &Rc<Inner>, command: Command) -> Result<Option<Customer>> {
    let known = inner.customer()?;
    match command {
        Command::Read => Ok(known),
        Command::Know { .. } if known.is_some() => Ok(known),
        Command::Know { id } => inner.put_customer(Customer { id, card: None }).map(Some),
        Command::Keep { customer, card } => inner.keep_card(customer, card),
    }
}

impl Inner {
    /// Who the account is at Stripe, if it is anybody.
    pub(super) fn customer(&self) -> Result<Option<Customer>> {
        self.rows.fact(customer::FACT).map_err(Error::unavailable)
    }

    /// The customer left a card for payments that come by themselves.
    pub(super) fn keep_card(&self, customer: String, card: String) -> Result<Option<Customer>> {
        let known = self.customer()?;
        match customer::keep(known.clone(), customer, card) {
            Some(kept) => self.put_customer(kept).map(Some),
            None => Ok(known),
        }
    }

    fn put_customer(&self, customer: Customer) -> Result<Customer> {
        self.rows.put_fact(customer::FACT, &customer).map_err(Error::unavailable)?;
        Ok(customer)
    }
}
