//! Pages: what people see. A page finds through services, fills a template, and changes nothing by
//! being read; what it changes goes through the same JSON as everybody else's.

mod admin;
mod dashboard;
mod docs;
mod home;
mod pager;
mod people;
mod refuse;
mod shown;

pub use refuse::refuse;

use askama::Template;
use schema::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    cx::Cx,
    domain::{
        access::Access::Public,
        release_notes::{self, Notes},
    },
    http::{
        Family,
        reply::{Answer, Html, Prose, Redirect, Reply},
        route::{Route, fetched},
    },
    services::{
        assets,
        impersonation::{self, Looking},
        sessions,
    },
};

/// The routes of this family, which shows those of the others: each subject has its own.
pub fn family(api: &[Family]) -> Family {
    let of_all = [home::routes(api), docs::routes(api)];
    let subjects = [people::routes(), dashboard::routes(), admin::routes(), files()];
    let subjects = of_all.into_iter().chain(subjects);
    Family::new::<Prose>("pages", refuse, subjects.flatten().collect())
}

/// The files that pages load.
fn files() -> Vec<Route> {
    let file = |path, summary| {
        fetched(path, Public, "pages", summary, |cx, request| async move {
            assets::file(&cx, &request).await
        })
    };
    vec![
        file("/assets/{file}", "A file of the pages"),
        file("/assets/vendor/{file}", "A file of the pages that others wrote"),
    ]
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
    path: String,
}

impl Frame {
    fn of(cx: &Cx) -> Self {
        let looking = impersonation::looking_at(cx);
        let signed_in = looking.is_some() || sessions::presented(cx).is_some();
        let (brand, google) = (cx.config.brand.clone(), cx.config.google.is_some());
        Self { brand, signed_in, google, looking, path: cx.path() }
    }

    /// What is new, for who comes back.
    fn news(&self) -> Option<Notes> {
        release_notes::newest()
    }

    /// What `aria-current` says in a link to a page: whether it is this one, or leads to it.
    fn at(&self, page: &str) -> &'static str {
        match self.path.strip_prefix(page) {
            Some("") => "page",
            Some(below) if below.starts_with('/') => "true",
            _ => "false",
        }
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

/// A page that says the same to everybody, but for whether they are signed in: a browser keeps it
/// and asks whether it is still so.
pub struct Lasting<T>(pub T);

impl<T: Template> Answer for Lasting<T> {
    type Body = <Html as Answer>::Body;
    const STATUS: u16 = Html::STATUS;
    const CONTENT_TYPE: &'static str = Html::CONTENT_TYPE;
    fn reply(self) -> Result<Reply> {
        let html = self.0.render().map_err(Error::internal)?;
        let etag = etag(&html);
        let mut reply = Html(html).reply()?;
        reply.headers.extend([
            ("cache-control", "private, no-cache".to_owned()),
            ("vary", "cookie".to_owned()),
            ("etag", etag),
        ]);
        Ok(reply)
    }
}

/// A text's own mark. It is a weak one, for the platform may compress the text.
fn etag(text: &str) -> String {
    let digest = Sha256::digest(text);
    let mark: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{mark}\"")
}
