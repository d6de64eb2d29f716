//! The operator's pages. Whoever is none signs in first and comes back: nothing of a page is made
//! before it is known who looks.

mod audit;
mod billing;
mod books;
mod codex;
mod customer;
mod customers;
mod entry;
mod keys;
mod mail;
mod models;
mod orders;
mod overview;
mod payments;
mod runners;
mod sections;
mod sign_ups;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schema::Result;

use self::sections::Group;
use super::{Frame, PageOr};
use crate::{
    cx::Cx,
    domain::{access::Access::Public, next},
    http::{Route, get},
    services::operators,
};

/// The operator's pages. They are open to everybody, and lead everybody else to the sign-in.
pub fn routes() -> Vec<Route> {
    vec![
        get("/admin", Public, "pages", "The operator's overview", overview::read),
        get("/admin/customers", Public, "pages", "The operator's customers", customers::read),
        get(
            "/admin/customers/{user_id}",
            Public,
            "pages",
            "A customer, as the operator sees them",
            customer::read,
        ),
        get("/admin/keys", Public, "pages", "Every key, newest first", keys::read),
        get("/admin/sign-ups", Public, "pages", "Who signed up", sign_ups::read),
        get("/admin/orders", Public, "pages", "Orders of a marketplace", orders::read),
        get("/admin/billing", Public, "pages", "Prices, fair use and packs", billing::read),
        get("/admin/books", Public, "pages", "Where the books differ", books::read),
        get("/admin/models", Public, "pages", "Providers and what models came to", models::read),
        get("/admin/mail", Public, "pages", "How people are reached", mail::read),
        get("/admin/mail/{template}", Public, "pages", "A letter as it is sent", mail::letter),
        get("/admin/payments", Public, "pages", "Payments that want a person", payments::read),
        get("/admin/codex", Public, "pages", "Codex itself", codex::read),
        get("/admin/runners", Public, "pages", "Machines that host codex", runners::read),
        get("/admin/audit", Public, "pages", "What was done, by whom", audit::read),
        get("/admin/sign-in", Public, "pages", "Sign in as operator", entry::read),
    ]
}

/// What every page of an operator shows around its own.
pub struct Desk {
    /// Who looks.
    operator: String,
    /// Whether nothing here is real.
    development: bool,
    groups: Vec<Group>,
}

impl Desk {
    /// The desk of who asks, if they are an operator.
    async fn of(cx: &Cx) -> Result<Option<(Frame, Self)>> {
        let Some(operator) = operators::visitor(cx).await? else { return Ok(None) };
        let desk = Self {
            operator: operator.actor(),
            development: cx.config.development,
            groups: sections::groups(&here(cx)),
        };
        Ok(Some((Frame::of(cx), desk)))
    }
}

/// The way to the sign-in, and from there back to the page that was asked for.
fn sign_in<T>(cx: &Cx) -> PageOr<T> {
    PageOr::Go(way_in(cx))
}

fn way_in(cx: &Cx) -> String {
    let named = next::desk(&here(cx));
    format!("/admin/sign-in?next={}", utf8_percent_encode(&named, NON_ALPHANUMERIC))
}

/// The address that was asked for, from its path on.
fn here(cx: &Cx) -> String {
    let url = cx.request.as_ref().map(web_sys::Request::url).unwrap_or_default();
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    path.unwrap_or(next::DESK).to_owned()
}
