//! What a customer buys, and what becomes of it.

use serde::{Deserialize, Serialize};

use super::Wallet;
#[cfg(not(target_arch = "wasm32"))]
use crate::words::{Audience, PaymentState};
use crate::{MicroUsd, PaymentId};

/// `GET /api/v1/plans`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Plans {
    /// What the wallet can be filled with.
    pub packs: Vec<Pack>,
    /// The currencies in which it can be paid.
    pub currencies: Vec<String>,
    /// What pays for every call, within its fair use, for as long as it is paid each month.
    pub unlimited: MonthlyPlan,
}

/// A plan that is paid each month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MonthlyPlan {
    /// What a checkout names as its `plan`.
    pub id: String,
    /// What a month costs in cents of a dollar.
    pub price_cents: i64,
    /// What a month costs in dollars, for people.
    pub price_usd: String,
}

/// So much paid, so much credited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pack {
    /// What a checkout names as its `plan`.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// The price in cents of a dollar.
    pub price_cents: i64,
    /// The price in dollars, for people.
    pub price_usd: String,
    /// What the wallet is credited with.
    pub credit_micro_usd: MicroUsd,
    /// The credit in dollars, for people.
    pub credit_usd: String,
    /// `everyone`; or `private` or `exit`, which each customer may take once.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Audience"))]
    pub audience: String,
}

/// `POST /api/v1/wallet/stripe/checkout`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkout {
    /// A pack's id, or `unlimited`.
    pub plan: String,
    /// The currency in which it is paid: `usd` unless told.
    #[serde(default)]
    pub currency: Option<String>,
    /// Whether the card may be kept, so that the wallet can fill itself up later.
    #[serde(default)]
    pub save_card: bool,
}

/// A checkout, and where it is paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckoutOpened {
    /// The page on which the customer pays; none once that is over.
    pub url: Option<String>,
    /// The checkout at Stripe.
    pub session_id: Option<String>,
    /// The payment, where credit is bought.
    pub payment: Option<Payment>,
}

/// `POST /api/v1/wallet/stripe/confirm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confirm {
    /// The checkout that the customer comes back from.
    pub session_id: String,
}

/// `POST /api/v1/wallet/top-up`: one of both names what was paid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TopUp {
    /// The checkout.
    pub session_id: Option<String>,
    /// The payment.
    pub payment_id: Option<PaymentId>,
}

/// A payment as Stripe says that it is now, and the wallet with all that follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// Whether the money came and the wallet has its credit.
    pub credited: bool,
    /// The payment.
    pub payment: Payment,
    /// The wallet.
    pub wallet: Wallet,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The payment.
    pub id: PaymentId,
    /// `wished`, `open`, `processing`, `paid`, `failed`, `expired`, `partly_refunded`, `refunded`,
    /// `disputed` or `lost`.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "PaymentState"))]
    pub state: String,
    /// The pack, where it was one.
    pub plan: Option<String>,
    /// Whether the wallet paid by itself.
    pub automatic: bool,
    /// The price, in the currency's smallest unit.
    pub amount: i64,
    /// The price's currency.
    pub currency: String,
    /// What the wallet gets for it.
    pub credit_micro_usd: MicroUsd,
    /// What went back, in the currency's smallest unit.
    pub refunded_amount: i64,
    /// What the customer's bank holds back or has taken, in the currency's smallest unit.
    pub disputed_amount: i64,
    /// Why the last try was refused.
    pub failure: Option<String>,
    /// Whether a person of ours has to look at it before anything is credited.
    pub in_review: bool,
    /// When it was wished, ISO 8601.
    pub created_at: String,
}

/// `GET /api/v1/share-credit` and `POST /api/v1/share-credit/claim`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShareCredit {
    /// What sharing is worth, once.
    pub amount_micro_usd: MicroUsd,
    /// The same in dollars, for people.
    pub amount_usd: String,
    /// Whether it can be claimed.
    pub available: bool,
    /// When it was claimed, ISO 8601.
    pub claimed_at: Option<String>,
    /// Whether it had been claimed before, so that nothing happened now.
    pub replayed: bool,
    /// The wallet.
    pub wallet: Wallet,
}

/// What a webhook is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Received {
    /// It is kept.
    pub received: bool,
}
