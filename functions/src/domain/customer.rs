//! What an account is at Stripe: one customer for ever, and the card that they left for payments
//! that come by themselves.

use serde::{Deserialize, Serialize};

/// Under which name an account's facts hold its customer.
pub const FACT: &str = "stripe_customer";

/// An account as Stripe knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// The payment method that may be charged while its owner is elsewhere: `pm_…`.
    #[serde(default)]
    pub card: Option<String>,
}

/// What an account's object is asked about its customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Read,
    /// The customer was made. The first one stays, whoever else makes one.
    Know {
        id: String,
    },
    /// The customer left a card for later, instead of the one before.
    Keep {
        customer: String,
        card: String,
    },
}

/// A customer left a card. One of another customer's is not theirs.
pub fn keep(known: Option<Customer>, customer: String, card: String) -> Option<Customer> {
    let known = known.unwrap_or(Customer { id: customer.clone(), card: None });
    (known.id == customer).then_some(Customer { card: Some(card), ..known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_card_is_kept_and_never_a_strangers() {
        let kept = |known: Option<Customer>, customer: &str, card: &str| {
            keep(known, customer.to_owned(), card.to_owned())
        };
        let first = kept(None, "cus_1", "pm_1");
        let wanted = |card: &str| Some(Customer { id: "cus_1".into(), card: Some(card.into()) });
        assert_eq!(first, wanted("pm_1"));
        assert_eq!(kept(first.clone(), "cus_1", "pm_2"), wanted("pm_2"));
        assert_eq!(kept(first, "cus_2", "pm_3"), None);
    }
}
