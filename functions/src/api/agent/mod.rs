//! `/api/v1`: what a customer's own programs read and do (seed 000).

mod billing;
mod cli;
mod google;
mod logout;
mod me;
pub mod notices;
pub mod payments;
pub mod refuse;
mod sso;

pub use billing::cursor;

use schema::agent::Failure;

use crate::{
    domain::{
        access::{
            Access::{Api, Public},
            Scope,
        },
        cookie,
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
                "/api/v1/auth/google/start",
                Public,
                "auth",
                "Start Google sign-up or sign-in for a wallet account",
                google::start,
            )
            .fails(&[404, 502]),
            get(
                "/api/v1/auth/google/callback",
                Public,
                "auth",
                "Complete Google sign-up or sign-in for a wallet account",
                google::callback,
            )
            .fails(&[400, 403, 404, 409, 429, 502])
            .spends(cookie::GOOGLE),
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
                "/api/v1/cli/public-codex",
                Public,
                "system",
                "Read stock public Codex CLI connection settings",
                cli::public_codex,
            ),
            get(
                "/api/v1/cli/version",
                Public,
                "system",
                "Read the current Codex CLI release metadata",
                cli::version,
            ),
            get(
                "/api/v1/me/cli",
                Api(Scope::Account),
                "auth",
                "Read Codex CLI connection settings with the caller's own credential in them",
                cli::mine,
            ),
            get(
                "/api/v1/billing/token-usage",
                Api(Scope::Account),
                "billing",
                "Read token usage transactions and daily spend for the current wallet",
                billing::token_usage,
            ),
            get(
                "/api/v1/plans",
                Public,
                "billing",
                "List wallet credit packs, and to a customer what is for them alone",
                payments::plans,
            ),
            post(
                "/api/v1/wallet/stripe/checkout",
                Api(Scope::Account),
                "billing",
                "Create a Stripe Checkout Session for a wallet credit pack",
                payments::checkout,
            )
            .keyed()
            .fails(&[409]),
            post(
                "/api/v1/wallet/stripe/confirm",
                Api(Scope::Account),
                "billing",
                "Confirm a paid Stripe Checkout Session and reconcile wallet credit",
                payments::confirm,
            )
            .fails(&[404]),
            post(
                "/api/v1/wallet/top-up",
                Api(Scope::Account),
                "billing",
                "Load credit onto the current wallet after a plan payment",
                payments::top_up,
            )
            .fails(&[404]),
            get(
                "/api/v1/wallet/payments",
                Api(Scope::Account),
                "billing",
                "List the payments of the current wallet",
                payments::list,
            ),
            signed(
                "/api/v1/stripe/webhook",
                Public,
                "billing",
                "Receive Stripe wallet payment events",
                payments::webhook,
            ),
            get(
                "/api/v1/share-credit",
                Api(Scope::Account),
                "billing",
                "Read the one-time share-credit offer for the current wallet",
                payments::share,
            ),
            post(
                "/api/v1/share-credit/claim",
                Api(Scope::Account),
                "billing",
                "Claim the one-time share credit after sharing the public site",
                payments::claim_share,
            )
            .fails(&[404]),
            get(
                "/api/v1/notices",
                Api(Scope::Account),
                "notices",
                "List the messages that the customer was sent, and what became of each",
                notices::list,
            ),
            get(
                "/api/v1/notices/unsubscribe",
                Public,
                "notices",
                "Ask whether messages of a kind shall stop",
                notices::ask_to_stop,
            )
            .fails(&[404]),
            signed(
                "/api/v1/notices/unsubscribe",
                Public,
                "notices",
                "Stop messages of a kind, by the signed link that they carry",
                notices::stop,
            )
            .fails(&[404]),
        ],
    )
}
