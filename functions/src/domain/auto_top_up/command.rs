//! What an account's object may be told about its auto top-up, and the links by which its customer
//! approves a payment.

use schema::{AccountId, MicroUsd, PaymentId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AutoTopUp, Terms};
use crate::domain::link::{Claims, SigningKeys};

/// What links for an approval are signed for.
const PURPOSE: &str = "auto-topup";

/// What an account's object may be told about its auto top-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Read,
    /// What the customer wants: nothing turns it off. Levels that are not named stay.
    Set {
        terms: Option<Terms>,
        levels: Option<Vec<MicroUsd>>,
    },
    /// An operator stops it, or lets it go on.
    Pause {
        paused: bool,
    },
}

/// A wallet's auto top-up, and what goes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub machine: AutoTopUp,
    /// Whether there is a card to charge.
    pub has_card: bool,
    /// Balances below which the customer is told, highest first.
    pub levels: Vec<MicroUsd>,
}

/// What a link for an approval says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub account: AccountId,
    pub payment: PaymentId,
}

/// The path of a link by which a customer pays what their bank wants them to approve. Nothing
/// without a secret to sign it with.
pub fn approval(keys: &SigningKeys, body: Approval, until: Timestamp) -> Option<String> {
    let (purpose, id) = (PURPOSE.to_owned(), body.payment.to_string());
    let signed = keys.sign(&Claims { purpose, id, expires_at: until, body })?;
    Some(format!("/api/v1/wallet/auto-topup/approve?token={signed}"))
}

/// What such a link is for, if it is ours and still good.
pub fn approved(keys: &SigningKeys, token: &str, now: Timestamp) -> Option<Approval> {
    keys.verify(PURPOSE, token, now).map(|claims| claims.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_for_one_payment_and_until_a_moment() {
        let keys = SigningKeys::parse("a-secret-of-more-than-thirty-two-characters").unwrap();
        let body =
            || Approval { account: AccountId::from_bits(1), payment: PaymentId::from_bits(2) };
        let until = Timestamp::from_millis(1_000);
        let link = approval(&keys, body(), until).unwrap();
        let (_, token) = link.split_once("token=").unwrap();
        assert_eq!(approved(&keys, token, until.plus_millis(-1)), Some(body()));
        assert_eq!(approved(&keys, token, until), None);
        assert_eq!(approved(&keys, &format!("{token}A"), Timestamp::from_millis(0)), None);
        assert_eq!(approval(&SigningKeys::default(), body(), until), None);
    }
}
