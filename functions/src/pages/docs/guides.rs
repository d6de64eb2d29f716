//! Guides: prose that the build makes of Markdown, and the commands that the API itself gives.

use askama::Template;
use schema::{
    Result,
    agent::{CliVersion, PublicCodex},
};

use crate::{
    cx::Cx,
    domain::{
        access::Access::Public,
        setup::{self, Remote},
    },
    http::{Route, get},
    pages::{Frame, Lasting, Nothing},
    services,
};

/// A guide as the build has made it.
macro_rules! guide {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $name, ".html"))
    };
}

/// The routes of the guides.
pub fn routes() -> Vec<Route> {
    vec![
        get("/docs/start", Public, "docs", "First steps", |cx, _: Nothing| async move {
            Ok(prose(&cx, "/docs/start", "First steps", guide!("start")))
        }),
        get("/docs/agent", Public, "docs", "Projects and agents", |cx, _: Nothing| async move {
            Ok(prose(&cx, "/docs/agent", "Projects and agents", guide!("agent")))
        }),
        get("/docs/auth", Public, "docs", "Keys and limits", |cx, _: Nothing| async move {
            Ok(prose(&cx, "/docs/auth", "Keys and limits", guide!("auth")))
        }),
        get("/docs/runners", Public, "docs", "Runners", |cx, _: Nothing| async move {
            Ok(prose(&cx, "/docs/runners", "Runners", guide!("runners")))
        }),
        get("/docs/cli", Public, "docs", "Codex CLI", cli),
        get("/docs/changelog", Public, "docs", "Changelog", changelog),
    ]
}

#[derive(Template)]
#[template(path = "docs/guide.html")]
pub struct Guide {
    frame: Frame,
    here: &'static str,
    title: &'static str,
    html: String,
}

#[derive(Template)]
#[template(path = "docs/cli.html")]
pub struct Cli {
    frame: Frame,
    here: &'static str,
    codex: PublicCodex,
    remote: Remote,
    html: String,
}

#[derive(Template)]
#[template(path = "docs/changelog.html")]
pub struct Changelog {
    frame: Frame,
    here: &'static str,
    version: &'static str,
    cli: CliVersion,
    html: &'static str,
}

fn prose(cx: &Cx, here: &'static str, title: &'static str, html: &'static str) -> Lasting<Guide> {
    Lasting(Guide { frame: Frame::of(cx), here, title, html: filled(cx, html) })
}

/// What a guide says of this deployment.
fn filled(cx: &Cx, html: &str) -> String {
    let origin = cx.origin().unwrap_or_else(|_| "https://your.edge".to_owned());
    let cli = &cx.config.cli;
    let said = [
        ("@origin@", origin.as_str()),
        ("@brand@", &cli.brand),
        ("@key@", &cli.env_key),
        ("@model@", &cli.model),
    ];
    said.iter().fold(html.to_owned(), |html, (name, value)| html.replace(name, &escaped(value)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn cli(cx: Cx, _: Nothing) -> Result<Lasting<Cli>> {
    let codex = services::setup::public(&cx)?;
    let remote = setup::remote(&cx.config.cli, &cx.origin()?, "<TERMINAL_PASS>");
    let html = filled(&cx, guide!("cli"));
    Ok(Lasting(Cli { frame: Frame::of(&cx), here: "/docs/cli", codex, remote, html }))
}

async fn changelog(cx: Cx, _: Nothing) -> Result<Lasting<Changelog>> {
    let cli = services::setup::versions(&cx).await?;
    let version = env!("CARGO_PKG_VERSION");
    let (frame, here) = (Frame::of(&cx), "/docs/changelog");
    Ok(Lasting(Changelog { frame, here, version, cli, html: guide!("changelog") }))
}
