//! Payments as the operator sees them.

use serde::{Deserialize, Serialize};

use crate::{AccountId, PaymentId, agent::Payment};

/// A payment, with what only the operator is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct UserPayment {
    /// The payment.
    #[serde(flatten)]
    pub payment: Payment,
    /// The checkout at Stripe.
    pub session: Option<String>,
    /// The payment at Stripe.
    pub intent: Option<String>,
    /// Why a person has to look at it: nothing was credited by a guess.
    pub problem: Option<String>,
    /// When Stripe was last read, ISO 8601.
    pub read_at: Option<String>,
}

/// A payment that waits for a person: nothing was credited by a guess.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Problem {
    /// The payment.
    pub id: PaymentId,
    /// The account that wished it.
    pub account: AccountId,
    /// The payment at Stripe.
    pub intent: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}
