//! The documentation: every call, from the route lists and the committed document, and guides.

mod call;
mod catalogue;
mod errors;
mod guides;
mod prose;

use std::rc::Rc;

use crate::{
    domain::access::Access::Public,
    http::{Family, Route, get, reply::Redirect},
    pages::Nothing,
};

use catalogue::Catalogue;

/// The routes of this subject.
pub fn routes(api: &[Family]) -> Vec<Route> {
    let catalogue = Rc::new(Catalogue::of(api));
    let of_call = catalogue.clone();
    let mut routes = vec![
        get("/docs", Public, "docs", "Every call", move |cx, find: catalogue::Find| {
            let catalogue = catalogue.clone();
            async move { Ok(catalogue::page(&cx, find, catalogue)) }
        }),
        get("/docs/calls/{call}", Public, "docs", "A call", move |cx, at: call::At| {
            let catalogue = of_call.clone();
            async move { call::page(&cx, &catalogue, &at) }
        }),
        get("/docs/errors", Public, "docs", "How calls fail", errors::read),
        get(
            "/api-docs",
            Public,
            "docs",
            "The documentation's old address",
            |_, _: Nothing| async { Ok(Redirect("/docs".to_owned())) },
        ),
    ];
    routes.extend(guides::routes());
    routes
}

/// A page of the documentation, as it stands in the list of all.
#[derive(Clone, Copy)]
struct Entry {
    path: &'static str,
    title: &'static str,
}

const ENTRIES: [Entry; 8] = [
    Entry { path: "/docs/start", title: "First steps" },
    Entry { path: "/docs/cli", title: "Codex CLI" },
    Entry { path: "/docs/agent", title: "Projects and agents" },
    Entry { path: "/docs", title: "Every call" },
    Entry { path: "/docs/auth", title: "Keys and limits" },
    Entry { path: "/docs/errors", title: "Errors" },
    Entry { path: "/docs/runners", title: "Runners" },
    Entry { path: "/docs/changelog", title: "Changelog" },
];

/// Where they are, but for the pages of calls.
pub fn paths() -> impl Iterator<Item = &'static str> {
    ENTRIES.into_iter().map(|entry| entry.path)
}

/// The list of all pages, and which of them is shown.
fn entries(here: &str) -> impl Iterator<Item = (Entry, bool)> {
    ENTRIES.into_iter().map(move |entry| (entry, entry.path == here))
}
