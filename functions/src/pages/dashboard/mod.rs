//! A customer's own pages: what they have, what it cost, and what codex does for them.

mod account;
mod keys;
mod offers;
mod overview;
mod project;
mod projects;
mod usage;
mod wallet;

use askama::Template;
use schema::{AccountId, MicroUsd, Result};

use super::{Page, PageOr, shown::Usd};
use crate::{
    cx::Cx,
    domain::access::Access::Public,
    http::{get, route::Route},
    services::admission,
};

const TAG: &str = "pages";

/// The routes of these pages. Each lets everybody in and sends who is not signed in to sign in.
pub fn routes() -> Vec<Route> {
    vec![
        get("/dashboard", Public, TAG, "The customer's overview", overview::read),
        get("/wallet", Public, TAG, "The customer's wallet", wallet::read),
        get("/projects", Public, TAG, "The customer's projects", projects::list),
        get("/projects/{project_id}", Public, TAG, "A project as it happens", project::read),
        get("/account", Public, TAG, "The customer and how they are reached", account::read),
        get("/keys", Public, TAG, "The customer's keys", keys::read),
        get("/usage", Public, TAG, "What the customer used", usage::read),
    ]
}

/// A page for who is signed in, read as they may read; anybody else signs in first and comes back.
async fn seen<T: Template>(
    cx: Cx,
    page: impl AsyncFnOnce(&Cx, AccountId) -> Result<T>,
) -> Result<PageOr<T>> {
    let Some(pass) = admission::signed_in(&cx).await? else {
        return Ok(PageOr::Go(format!("/sign-in?next={}", cx.path())));
    };
    let account = pass.caller.account;
    let cx = Cx { caller: Some(pass.caller), rate: Some(pass.rate), ..cx };
    Ok(PageOr::Page(Page(page(&cx, account).await?)))
}

/// A balance, to the cent and rounded towards zero: what is not there is not shown.
const fn cents(amount: MicroUsd) -> Usd {
    Usd(MicroUsd::from_cents(amount.micros() / 10_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_never_rounded_up() {
        assert_eq!(cents(MicroUsd::new(1_299_999)).to_string(), "$1.29");
        assert_eq!(cents(MicroUsd::new(-1_299_999)).to_string(), "-$1.29");
    }
}
