//! `/api/v1`: what a customer's own programs read and do (seed 000).

mod billing;
mod logout;
mod me;
pub mod refuse;
mod sso;

pub use billing::cursor;

use schema::agent::Failure;

use crate::{
    domain::access::{
        Access::{Api, Public},
        Scope,
    },
    http::{Family, get, post, signed},
};

/// The routes of this family.
pub fn family() -> Family {
    Family::new::<Failure>(
        "agent",
        refuse::refuse,
        vec![
            get(
                "/api/v1/auth/sso",
                Public,
                "auth",
                "Open the customer dashboard from a signed notification link",
                sso::open,
            )
            .fails(&[403]),
            signed(
                "/api/v1/auth/sso",
                Public,
                "auth",
                "Exchange a signed link for a session, once",
                sso::exchange,
            )
            .fails(&[400, 413, 415, 422]),
            post(
                "/api/v1/auth/logout",
                Public,
                "auth",
                "End the browser's session, or all sessions of its account",
                logout::logout,
            )
            .fails(&[403]),
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
