//! Pages of those who are not signed in.

use askama::Template;
use schema::Result;
use serde::Deserialize;

use super::{Frame, Page};
use crate::{
    cx::Cx,
    domain::{access::Access::Public, country::COUNTRIES, next},
    http::{get, route::Route},
};

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        get("/sign-up", Public, "pages", "Create an account", sign_up),
        get("/sign-in", Public, "pages", "Sign in", sign_in),
        get("/forgot", Public, "pages", "Ask for a new password", forgot),
        get("/reset", Public, "pages", "Choose a new password", reset),
        get("/verify", Public, "pages", "Confirm a mail address", verify),
    ]
}

/// Where the way goes on.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Onward {
    /// The page that comes after.
    next: String,
}

/// A link from a mail.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FromMail {
    /// What the link carries.
    token: String,
}

#[derive(Template)]
#[template(path = "sign_up.html")]
pub struct SignUp {
    frame: Frame,
    countries: &'static [(&'static str, &'static str)],
}

#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    frame: Frame,
    next: String,
}

#[derive(Template)]
#[template(path = "forgot.html")]
pub struct Forgot {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "reset.html")]
pub struct Reset {
    frame: Frame,
    token: String,
}

#[derive(Template)]
#[template(path = "verify.html")]
pub struct Verify {
    frame: Frame,
    token: String,
}

pub async fn sign_up(cx: Cx, _: Onward) -> Result<Page<SignUp>> {
    Ok(Page(SignUp { frame: Frame::of(&cx), countries: &COUNTRIES }))
}

pub async fn sign_in(cx: Cx, at: Onward) -> Result<Page<SignIn>> {
    Ok(Page(SignIn {
        frame: Frame::of(&cx),
        next: next::page(Some(&at.next)).unwrap_or(next::HOME.to_owned()),
    }))
}

pub async fn forgot(cx: Cx, _: Onward) -> Result<Page<Forgot>> {
    Ok(Page(Forgot { frame: Frame::of(&cx) }))
}

pub async fn reset(cx: Cx, at: FromMail) -> Result<Page<Reset>> {
    Ok(Page(Reset { frame: Frame::of(&cx), token: at.token }))
}

pub async fn verify(cx: Cx, at: FromMail) -> Result<Page<Verify>> {
    Ok(Page(Verify { frame: Frame::of(&cx), token: at.token }))
}
