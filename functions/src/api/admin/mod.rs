//! `/admin/api`: what an operator does (seed 000), with an operator's bearer.

mod audit;
mod billing;
mod codex;
mod fair_use;
mod impersonation;
mod keys;
mod mail;
mod orders;
mod overview;
mod payments;
mod reconciliation;
mod runners;
mod sign_in;
mod signups;
mod users;
mod wallets;
mod webhooks;

use schema::agent::Failure;

use super::agent;
use crate::{
    domain::access::Access::{Admin, Public},
    http::{Family, delete, get, post},
};

/// The routes of this family.
pub fn family() -> Family {
    let more = [impersonation::routes(), overview::routes(), codex::machine(), codex::talk()];
    Family::new::<Failure>(
        "admin",
        agent::refuse::refuse,
        [
            post(
                "/admin/auth/login",
                Public,
                "admin",
                "Sign in as an operator with a token or a managed key, for a browser's session",
                sign_in::login,
            )
            .fails(&[401, 403, 429]),
            post(
                "/admin/logout",
                Public,
                "admin",
                "End an operator's session, with every copy of its cookie",
                sign_in::logout,
            )
            .fails(&[403]),
            get("/admin/api/me", Admin, "admin", "Read who the operator is", sign_in::me),
            get("/admin/api/users", Admin, "admin", "List accounts", users::list),
            post(
                "/admin/api/users",
                Admin,
                "admin",
                "Create an account with a first key",
                users::create,
            ),
            post(
                "/admin/api/users/g2g",
                Admin,
                "orders",
                "Make the account of a marketplace's order, once, with all that its buyer is sent",
                orders::place,
            )
            .fails(&[409]),
            get("/admin/api/orders", Admin, "orders", "List orders", orders::list),
            get(
                "/admin/api/orders/{order_number}",
                Admin,
                "orders",
                "Read an order again with all that its buyer is sent",
                orders::read,
            )
            .fails(&[404, 409]),
            get(
                "/admin/api/users/{user_id}",
                Admin,
                "admin",
                "Read an account and its wallet",
                users::read,
            ),
            delete(
                "/admin/api/users/{user_id}",
                Admin,
                "admin",
                "Suspend an account for good",
                users::delete,
            ),
            post(
                "/admin/api/users/{user_id}/active",
                Admin,
                "admin",
                "Suspend an account, or let it be used again",
                users::set_active,
            ),
            post(
                "/admin/api/users/{user_id}/wallet",
                Admin,
                "admin",
                "Set a wallet's balance",
                wallets::set,
            )
            .keyed(),
            post(
                "/admin/api/users/{user_id}/auto-topup",
                Admin,
                "admin",
                "Stop a wallet from filling itself up, or let it go on",
                wallets::pause_auto_top_up,
            ),
            post(
                "/admin/api/users/{user_id}/wallet/credit",
                Admin,
                "admin",
                "Add to a wallet, or take from it",
                wallets::credit,
            )
            .keyed(),
            get(
                "/admin/api/users/{user_id}/wallet/transactions",
                Admin,
                "admin",
                "List the rows of a wallet's ledger",
                wallets::transactions,
            ),
            get(
                "/admin/api/payments/problems",
                Admin,
                "admin",
                "List payments that wait for a person",
                payments::problems,
            ),
            get(
                "/admin/api/users/{user_id}/payments",
                Admin,
                "admin",
                "List the payments of an account",
                payments::list,
            ),
            get(
                "/admin/api/users/{user_id}/token-usage",
                Admin,
                "admin",
                "List the charges of an account",
                wallets::token_usage,
            ),
            get("/admin/api/api-keys", Admin, "admin", "List the keys of an account", keys::list),
            post("/admin/api/api-keys", Admin, "admin", "Create a key", keys::create),
            post(
                "/admin/api/api-keys/{key_id}/restrict",
                Admin,
                "admin",
                "Leave a key with less, at once; what is left out stays, and nothing is given back",
                keys::restrict,
            )
            .fails(&[409]),
            post(
                "/admin/api/api-keys/{key_id}/revoke",
                Admin,
                "admin",
                "Revoke a key",
                keys::revoke,
            ),
            get(
                "/admin/api/api-keys/{key_id}/token",
                Admin,
                "admin",
                "Read a key's token again, from its sealed copy",
                keys::reveal,
            )
            .fails(&[409]),
            get(
                "/admin/api/pending-signups",
                Admin,
                "admin",
                "List sign-ups that wait for approval",
                signups::pending,
            ),
            post(
                "/admin/api/pending-signups/{application_id}/approve",
                Admin,
                "admin",
                "Let who signed up use their account",
                signups::approve,
            )
            .fails(&[409]),
            post(
                "/admin/api/pending-signups/{application_id}/reject",
                Admin,
                "admin",
                "Refuse who signed up their account",
                signups::reject,
            )
            .fails(&[409]),
            get("/admin/api/registrations", Admin, "admin", "List sign-ups", signups::all),
            get(
                "/admin/api/signup-settings",
                Admin,
                "admin",
                "Read whether sign-ups need approval",
                signups::settings,
            ),
            post(
                "/admin/api/signup-settings",
                Admin,
                "admin",
                "Say whether sign-ups need approval",
                signups::set,
            ),
            get("/admin/api/billing", Admin, "admin", "Read the prices in force", billing::read),
            post(
                "/admin/api/billing/settings",
                Admin,
                "admin",
                "Put a new price of a model in force",
                billing::set_price,
            ),
            get(
                "/admin/api/billing/fup-settings",
                Admin,
                "admin",
                "Read the Unlimited plan's price and fair use, and how an account stands with it",
                fair_use::read,
            ),
            post(
                "/admin/api/billing/fup-settings",
                Admin,
                "admin",
                "Set the Unlimited plan's price and fair use, or an account's own",
                fair_use::set,
            ),
            get(
                "/admin/api/model-provider",
                Admin,
                "admin",
                "Read which route is tried first",
                billing::provider,
            ),
            post(
                "/admin/api/model-provider",
                Admin,
                "admin",
                "Choose which route is tried first",
                billing::choose_provider,
            ),
            get(
                "/admin/api/model-usage",
                Admin,
                "admin",
                "Read what each route and model came to",
                billing::model_usage,
            ),
            get(
                "/admin/api/smtp/settings",
                Admin,
                "mail",
                "Read how people are reached",
                mail::read,
            ),
            post(
                "/admin/api/smtp/settings",
                Admin,
                "mail",
                "Set how people are reached",
                mail::set,
            ),
            post(
                "/admin/api/smtp/test",
                Admin,
                "mail",
                "Send a mail at once, to see whether the settings work",
                mail::test,
            ),
            get(
                "/admin/api/email/templates",
                Admin,
                "mail",
                "Read every template with sample data",
                mail::templates,
            ),
            post(
                "/admin/api/email/templates/test",
                Admin,
                "mail",
                "Send a template with sample data at once",
                mail::test_template,
            ),
            get(
                "/admin/api/notices",
                Admin,
                "mail",
                "List what an account was told, and what became of it",
                mail::list,
            ),
            get(
                "/admin/api/reconciliation",
                Admin,
                "admin",
                "Read where the ledger, Stripe and the sums of usage differ",
                reconciliation::read,
            ),
            get("/admin/api/runners", Admin, "runners", "List runners", runners::list),
            post(
                "/admin/api/runners/registrations",
                Admin,
                "runners",
                "Make a one-time token with which a machine becomes a runner",
                runners::invite,
            ),
            get(
                "/admin/api/runners/{runner_id}",
                Admin,
                "runners",
                "Read a runner and what it hosts",
                runners::read,
            ),
            post(
                "/admin/api/runners/{runner_id}/drain",
                Admin,
                "runners",
                "Keep new work away from a runner, or no more",
                runners::drain,
            ),
            post(
                "/admin/api/runners/{runner_id}/revoke",
                Admin,
                "runners",
                "Void a runner at once and for good, with every key that it holds",
                runners::revoke,
            ),
            get(
                "/admin/api/runners/{runner_id}/file",
                Admin,
                "runners",
                "Read a file of a workspace on a runner",
                runners::file,
            )
            .fails(&[409]),
        ]
        .into_iter()
        .chain(more.into_iter().flatten())
        .collect(),
    )
}
