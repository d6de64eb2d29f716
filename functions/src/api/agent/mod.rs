//! `/api/v1`: what a customer's own programs read and do (seed 000).

mod billing;
mod me;
pub mod refuse;

pub use billing::cursor;

use schema::agent::Failure;

use crate::{
    domain::access::{Access::Api, Scope},
    http::{Family, get},
};

/// The routes of this family.
pub fn family() -> Family {
    Family::new::<Failure>(
        "agent",
        refuse::refuse,
        vec![
            get(
                "/api/v1/me",
                Api(Scope::Account),
                "auth",
                "Read the current customer wallet and limits",
                me::read,
            ),
            get(
                "/api/v1/billing/token-usage",
                Api(Scope::Account),
                "billing",
                "Read token usage transactions and daily spend for the current wallet",
                billing::token_usage,
            ),
        ],
    )
}
