//! `/api/v1/auth/google`: to Google and back.

use schema::Result;
use serde::Deserialize;

use crate::{
    cx::Cx,
    domain::oidc::Brought,
    http::{Redirect, WithCookies},
    services::google::{self, Onward},
};

/// Where to begin.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Start {
    /// The page of ours on which one lands, signed in.
    pub next: Option<String>,
}

/// What Google sends a browser back with.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Callback {
    /// What was sent along.
    pub state: Option<String>,
    /// What an id token is given for.
    pub code: Option<String>,
    /// Who sends it.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

pub async fn start(cx: Cx, at: Start) -> Result<WithCookies<Redirect>> {
    let Onward { location, cookie } = google::start(&cx, at.next.as_deref()).await?;
    Ok(WithCookies(Redirect(location), vec![cookie]))
}

pub async fn callback(cx: Cx, at: Callback) -> Result<WithCookies<Redirect>> {
    let brought = Brought {
        state: at.state.as_deref(),
        code: at.code.as_deref(),
        iss: at.iss.as_deref(),
        error: at.error.as_deref(),
    };
    let Onward { location, cookie } = google::finish(&cx, &brought).await?;
    Ok(WithCookies(Redirect(location), vec![cookie]))
}
