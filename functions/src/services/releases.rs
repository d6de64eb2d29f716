//! The newest stable release of codex: looked up on request, kept in the settings.

use schema::{Code, Error, Result, app_server::Release};

use super::audit;
use crate::{cx::Cx, remote::releases, store::settings};

/// The setting under which it is kept.
const SETTING: &str = "codex_release";

/// What was looked up last.
pub async fn current(cx: &Cx) -> Result<Release> {
    let Some(kept) = settings::get(&cx.env, SETTING).await? else {
        let message = "There is no release yet: an operator has to look it up once, with \
                       `POST /api/core/releases/sync`.";
        return Err(Error::new(Code::ResourceNotFound, message));
    };
    serde_json::from_str(&kept).map_err(Error::internal)
}

/// What was looked up last, a few seconds ago at most; for whoever may ask often.
pub async fn recent(cx: &Cx) -> Result<Option<Release>> {
    let kept = settings::recent(&cx.env, &cx.config, SETTING).await?;
    kept.map(|kept| serde_json::from_str(&kept).map_err(Error::internal)).transpose()
}

/// Looks it up. A failure leaves what was there.
pub async fn sync(cx: &Cx) -> Result<Release> {
    if cx.config.releases_url.is_empty() {
        let message = "This deployment names no package registry: set RELEASES_URL.";
        return Err(Error::new(Code::Unavailable, message));
    }
    let release = releases::newest(&cx.config.releases_url, cx.now).await?;
    let text = serde_json::to_string(&release).map_err(Error::internal)?;
    settings::set(&cx.env, SETTING, &text).await?;
    audit::note(cx, "release.synced", &release.version).await?;
    Ok(release)
}
