//! `/api/v1/auth/sso`: a signed link opens a page signed in.
//!
//! Programs open links before people do: mail filters, previews, prefetchers. So the `GET` uses
//! nothing up and shows nothing; its page sends the token back by `POST`, by itself or by a button.
//! Whoever is signed in already has to press it, so that no link moves them to another account
//! unnoticed.

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use schema::{Code, Error, Result};
use serde::Deserialize;

use crate::{
    cx::Cx,
    domain::token,
    http::{Html, Redirect, WithCookies, WithHeaders, body},
    js,
    services::sessions,
};

/// What sends the form where scripts run.
const SCRIPT: &str = "document.forms[0].submit()";

/// What a link carries.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Carried {
    /// The signed token.
    pub token: String,
}

#[derive(Template)]
#[template(path = "auth/sso.html")]
struct Page<'a> {
    brand: &'a str,
    token: &'a str,
    script: &'a str,
    signed_in: bool,
}

pub async fn open(cx: Cx, at: Carried) -> Result<WithHeaders<Html>> {
    sessions::looks_good(&cx, &at.token)?;
    let signed_in = sessions::presented(&cx).is_some();
    let (brand, token) = (cx.config.brand.as_str(), at.token.as_str());
    let page = Page { brand, token, script: SCRIPT, signed_in };
    let page = page.render().map_err(Error::internal)?;
    Ok(WithHeaders(Html(page), headers()))
}

pub async fn exchange(cx: Cx, request: web_sys::Request) -> Result<WithCookies<Redirect>> {
    sessions::own_page(&cx)?;
    let kind = js::request_header(&request, "content-type").to_ascii_lowercase();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        let message = "Send the token as a form: `application/x-www-form-urlencoded`.";
        return Err(Error::new(Code::UnsupportedMediaType, message));
    }
    let form = body::bytes(&request).await?;
    let form = body::query(&String::from_utf8_lossy(&form));
    let token = form.into_iter().find(|(name, _)| name == "token").map(|(_, value)| value);
    let token = token.ok_or_else(|| Error::field("token", "send the token of the link"))?;
    let (cookie, next) = sessions::redeem(&cx, &token).await?;
    Ok(WithCookies(Redirect(next), vec![cookie]))
}

/// The page runs one script, sends one form, and tells nobody where it was. Its address holds the
/// token, so nothing of another site may be loaded by it.
fn headers() -> Vec<(&'static str, String)> {
    let script = STANDARD.encode(token::hash(SCRIPT));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    vec![("content-security-policy", policy)]
}
