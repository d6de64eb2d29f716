//! Commands that point the stock CLI here.

use schema::{
    Result,
    agent::{CliSettings, CliVersion, PublicCodex},
};

use super::releases;
use crate::{cx::Cx, domain::setup};

/// The commands, with a placeholder where the key belongs.
pub fn public(cx: &Cx) -> Result<PublicCodex> {
    with_key(cx, &cx.config.cli.placeholder())
}

/// The commands with this key.
pub fn with_key(cx: &Cx, key: &str) -> Result<PublicCodex> {
    Ok(setup::public_codex(&cx.config.cli, &cx.origin()?, key))
}

/// The settings alone, where the deployment knows its own address.
pub fn summary(cx: &Cx) -> Option<CliSettings> {
    cx.origin().ok().map(|origin| setup::summary(&cx.config.cli, &origin))
}

/// Which version is proved to work here, and which is newest.
pub async fn versions(cx: &Cx) -> Result<CliVersion> {
    Ok(cx.config.cli.versions(releases::recent(cx).await?))
}
