//! Small files with a place of their own, for machines: robots, maps, manifests.

use std::{fmt::Write, rc::Rc};

use schema::{Error, Result, time::DAY_MS};
use serde_json::json;

use super::super::{Nothing, docs};
use crate::{
    cx::Cx,
    domain::access::Access::Public,
    http::{
        Route, get,
        reply::{Answer, Body, Prose, Reply},
    },
};

/// How long what is said of a contact is good: RFC 9116 wants less than a year.
const CONTACT_GOOD_DAYS: i64 = 180;
/// Where robots find nothing that is for them. A customer's own pages are not among them: they show
/// strangers the way to sign in.
const PRIVATE: [&str; 4] = ["/admin", "/api/", "/v1/", "/runner/"];

/// The routes of these files; the map lists the pages of these calls.
pub fn routes(calls: Vec<String>) -> Vec<Route> {
    let calls: Rc<[String]> = calls.into();
    vec![
        get("/robots.txt", Public, "home", "What robots may read", robots),
        get("/sitemap.xml", Public, "home", "The site's map", move |cx, _: Nothing| {
            let calls = calls.clone();
            async move { sitemap(&cx, &calls) }
        }),
        get("/manifest.webmanifest", Public, "home", "The site as an application", manifest),
        get("/.well-known/security.txt", Public, "home", "Whom to tell of a weakness", security),
    ]
}

/// A text of some type, which anybody may keep for an hour.
pub struct Written {
    content_type: &'static str,
    text: String,
}

impl Answer for Written {
    type Body = Prose;
    const STATUS: u16 = 200;
    const CONTENT_TYPE: &'static str = PLAIN;
    fn reply(self) -> Result<Reply> {
        let headers = vec![("cache-control", "public, max-age=3600".to_owned())];
        let (content_type, body) = (self.content_type, Body::Text(self.text));
        Ok(Reply { status: Self::STATUS, content_type, body, headers })
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

async fn robots(cx: Cx, _: Nothing) -> Result<Written> {
    let mut text = "User-agent: *\n".to_owned();
    for place in PRIVATE {
        let _ = writeln!(text, "Disallow: {place}");
    }
    if let Ok(origin) = cx.origin() {
        let _ = writeln!(text, "\nSitemap: {origin}/sitemap.xml");
    }
    Ok(Written { content_type: PLAIN, text })
}

fn sitemap(cx: &Cx, calls: &[String]) -> Result<Written> {
    let origin = cx.origin()?;
    let pages = ["/", "/sign-up", "/sign-in"].into_iter().chain(docs::paths());
    let pages = pages.map(str::to_owned);
    let calls = calls.iter().map(|call| format!("/docs/calls/{call}"));
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                    <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n"
        .to_owned();
    let origin = origin.replace('&', "&amp;").replace('<', "&lt;");
    for path in pages.chain(calls) {
        let _ = writeln!(text, "<url><loc>{origin}{path}</loc></url>");
    }
    text.push_str("</urlset>\n");
    Ok(Written { content_type: "application/xml; charset=utf-8", text })
}

async fn manifest(cx: Cx, _: Nothing) -> Result<Written> {
    let icon = |size: u16| {
        let (src, sizes) = (format!("/assets/icon-{size}.png"), format!("{size}x{size}"));
        json!({ "src": src, "sizes": sizes, "type": "image/png" })
    };
    let vector = json!({ "src": "/assets/favicon.svg", "sizes": "any", "type": "image/svg+xml" });
    let manifest = json!({
        "name": cx.config.brand, "short_name": cx.config.brand, "start_url": "/", "scope": "/",
        "display": "browser", "background_color": "#ffffff", "theme_color": "#1d4ed8",
        "icons": [vector, icon(192), icon(512)],
    });
    Ok(Written { content_type: "application/manifest+json", text: manifest.to_string() })
}

async fn security(cx: Cx, _: Nothing) -> Result<Written> {
    let contact = &cx.config.security_contact;
    if contact.is_empty() {
        return Err(Error::not_found("file", "security.txt"));
    }
    let until = cx.now.plus_millis(CONTACT_GOOD_DAYS * DAY_MS);
    let text = format!("Contact: {contact}\nExpires: {until}\nPreferred-Languages: en\n");
    Ok(Written { content_type: PLAIN, text })
}
