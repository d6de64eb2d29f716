//! A failure as a page: what happened, and what to do next.

use askama::Template;
use schema::Error;

use crate::http::route::{Asker, Refusal};

#[derive(Template)]
#[template(path = "error.html")]
struct Failed<'a> {
    brand: &'a str,
    title: &'static str,
    detail: &'a str,
    request_id: Option<String>,
}

/// Words a failure.
pub fn refuse(error: &Error, asker: &Asker) -> Refusal {
    let status = error.code.status();
    let title = match status {
        404 => "There is no such page",
        401 | 403 => "This is not open to you",
        429 => "A moment, please",
        500.. => "Something went wrong on our side",
        _ => "This did not work",
    };
    let request_id = error.code.is_ours().then(|| asker.request_id.to_string());
    let page = Failed { brand: &asker.brand, title, detail: &error.message, request_id };
    // The template has nothing in it that could fail.
    let body = page.render().unwrap_or_else(|_| error.message.clone());
    Refusal { status, content_type: "text/html; charset=utf-8", body }
}
