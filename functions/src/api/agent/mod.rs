//! `/api/v1`: what a customer's own programs read and do (seed 000).

pub mod auto_top_up;
mod billing;
mod cli;
mod google;
mod keys;
mod logout;
mod me;
pub mod notices;
pub mod payments;
mod people;
pub mod refuse;
mod sso;
mod subscription;

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
                "Read the current customer, wallet and limits",
                me::read,
            ),
            post(
                "/api/v1/customer/register",
                Public,
                "auth",
                "Create a customer account and issue its wallet's key",
                people::register,
            )
            .fails(&[429]),
            post(
                "/api/v1/auth/login",
                Public,
                "auth",
                "Sign in with a password, for the account's active wallet key",
                people::login,
            )
            .fails(&[401, 403, 429]),
            post(
                "/api/v1/auth/verify-email",
                Public,
                "auth",
                "Show by a link that a mail address is the account's",
                people::verify_email,
            )
            .fails(&[401, 403, 409, 429]),
            post(
                "/api/v1/auth/password/forgot",
                Public,
                "auth",
                "Have a link to another password sent, if there is an account",
                people::forgot,
            )
            .fails(&[429]),
            post(
                "/api/v1/auth/password/reset",
                Public,
                "auth",
                "Set another password by a link",
                people::reset,
            )
            .fails(&[409, 429]),
            post(
                "/api/v1/me",
                Api(Scope::Account),
                "auth",
                "Tell a name, a country or a phone; what is left out stays",
                people::describe,
            ),
            post(
                "/api/v1/me/email",
                Api(Scope::Account),
                "auth",
                "Save the customer's mail address, and have a link sent to it",
                people::set_email,
            ),
            post(
                "/api/v1/me/password",
                Api(Scope::Account),
                "auth",
                "Change the password",
                people::change_password,
            )
            .fails(&[409]),
            get(
                "/api/v1/keys",
                Api(Scope::Account),
                "keys",
                "List the account's keys, without their tokens",
                keys::list,
            ),
            post(
                "/api/v1/keys",
                Api(Scope::Account),
                "keys",
                "Make a key, with what the caller's own may do or less; its token is shown once",
                keys::create,
            )
            .keyed()
            .fails(&[409]),
            post(
                "/api/v1/keys/{key_id}/restrict",
                Api(Scope::Account),
                "keys",
                "Leave a key with less, at once; what is left out stays, and nothing is given back",
                keys::restrict,
            )
            .fails(&[404, 409]),
            post(
                "/api/v1/keys/{key_id}/revoke",
                Api(Scope::Account),
                "keys",
                "Revoke a key of the account, at once and for good",
                keys::revoke,
            )
            .fails(&[404]),
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
                "/api/v1/wallet/auto-topup",
                Api(Scope::Account),
                "billing",
                "Read how the current wallet fills itself up",
                auto_top_up::read,
            ),
            post(
                "/api/v1/wallet/auto-topup",
                Api(Scope::Account),
                "billing",
                "Configure automatic wallet top-up for the current wallet",
                auto_top_up::set,
            )
            .fails(&[502]),
            get(
                "/api/v1/wallet/auto-topup/approve",
                Public,
                "billing",
                "Go to the page on which a payment is approved, by a signed link",
                auto_top_up::approve,
            )
            .fails(&[403, 409, 502]),
            get(
                "/api/v1/plans",
                Public,
                "billing",
                "List wallet credit packs, and to a customer what is for them alone",
                payments::plans,
            )
            .fails(&[401, 403, 429]),
            post(
                "/api/v1/wallet/stripe/checkout",
                Api(Scope::Account),
                "billing",
                "Create a Stripe Checkout Session for a wallet credit pack",
                payments::checkout,
            )
            .keyed()
            .fails(&[409, 502]),
            post(
                "/api/v1/wallet/stripe/confirm",
                Api(Scope::Account),
                "billing",
                "Confirm a paid Stripe Checkout Session and reconcile wallet credit",
                payments::confirm,
            )
            .fails(&[404, 502]),
            post(
                "/api/v1/wallet/top-up",
                Api(Scope::Account),
                "billing",
                "Load credit onto the current wallet after a plan payment",
                payments::top_up,
            )
            .fails(&[404, 502]),
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
            )
            .fails(&[400]),
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
                "/api/v1/notices/wanted",
                Api(Scope::Account),
                "notices",
                "Read which messages the customer wants of those they can do without",
                notices::wanted,
            ),
            post(
                "/api/v1/notices/wanted",
                Api(Scope::Account),
                "notices",
                "Choose which of them come; what is left out stays",
                notices::choose,
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
            get(
                "/api/v1/wallet/subscription",
                Api(Scope::Account),
                "billing",
                "Read how the current customer stands with the Unlimited plan and its fair use",
                subscription::read,
            ),
            post(
                "/api/v1/wallet/subscription",
                Api(Scope::Account),
                "billing",
                "Let the wallet pay what the plan does not, or the plan end with its period",
                subscription::change,
            )
            .fails(&[404, 409, 502]),
        ],
    )
}
