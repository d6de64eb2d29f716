//! Pages: what people see. A page finds through services, fills a template, and changes nothing by
//! being read; what it changes goes through the same JSON as everybody else's.

mod admin;
mod pager;
mod people;
mod refuse;
mod shown;
mod wallet;

use askama::Template;
use schema::{Error, Result};
use serde::Deserialize;

use crate::{
    cx::Cx,
    domain::access::Access::Public,
    http::{
        Family, get,
        reply::{Answer, Html, Prose, Redirect, Reply},
        route::fetched,
    },
    services::{
        assets,
        impersonation::{self, Looking},
        sessions,
    },
};

/// The routes of this family.
pub fn family() -> Family {
    let mut routes = vec![
        get("/sign-up", Public, "pages", "Create an account", people::sign_up),
        get("/sign-in", Public, "pages", "Sign in", people::sign_in),
        get("/forgot", Public, "pages", "Ask for a new password", people::forgot),
        get("/reset", Public, "pages", "Choose a new password", people::reset),
        get("/verify", Public, "pages", "Confirm a mail address", people::verify),
        get("/wallet", Public, "pages", "The customer's wallet", wallet::read),
        fetched(
            "/assets/{file}",
            Public,
            "pages",
            "A file of the pages",
            |cx, request| async move { assets::file(&cx, &request).await },
        ),
    ];
    routes.extend(admin::routes());
    Family::new::<Prose>("pages", refuse::refuse, routes)
}

/// A page without parameters.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Nothing {}

/// What every page shows around its own.
pub struct Frame {
    brand: String,
    signed_in: bool,
    google: bool,
    /// Who looks at an account as its owner does, if it is so.
    looking: Option<Looking>,
}

impl Frame {
    fn of(cx: &Cx) -> Self {
        let looking = impersonation::looking_at(cx);
        let signed_in = looking.is_some() || sessions::presented(cx).is_some();
        let (brand, google) = (cx.config.brand.clone(), cx.config.google.is_some());
        Self { brand, signed_in, google, looking }
    }
}

/// A page, or the way to another.
pub enum PageOr<T> {
    Page(Page<T>),
    Go(String),
}

impl<T: Template> Answer for PageOr<T> {
    type Body = Prose;
    const STATUS: u16 = Html::STATUS;
    const CONTENT_TYPE: &'static str = Html::CONTENT_TYPE;
    fn reply(self) -> Result<Reply> {
        match self {
            Self::Page(page) => page.reply(),
            Self::Go(to) => Redirect(to).reply(),
        }
    }
}

/// 200 with a template.
pub struct Page<T>(pub T);

impl<T: Template> Answer for Page<T> {
    type Body = <Html as Answer>::Body;
    const STATUS: u16 = Html::STATUS;
    const CONTENT_TYPE: &'static str = Html::CONTENT_TYPE;
    fn reply(self) -> Result<Reply> {
        Html(self.0.render().map_err(Error::internal)?).reply()
    }
}
