//! An account's app-server as a whole: where it is, begun, ended.

use schema::Result;

use super::{acting::Acting, audit, runners};
use crate::{
    cx::Cx,
    domain::hub::command::{Hosted, Labels},
};

/// The process, if the account ever had one.
pub async fn status(cx: &Cx, whom: Acting) -> Result<Option<Hosted>> {
    runners::process(cx, whom.account).await
}

/// Makes the process ready, on a runner with these labels if it has none yet.
pub async fn start(cx: &Cx, whom: Acting, labels: &Labels) -> Result<Hosted> {
    let hosted = runners::start(cx, whom.account, labels).await?;
    audit::note(cx, "codex.started", &whom.account.to_string()).await?;
    Ok(hosted)
}

/// Ends the process; its threads stay, and the next call begins it again.
pub async fn stop(cx: &Cx, whom: Acting) -> Result<()> {
    runners::stop(cx, whom.account).await?;
    audit::note(cx, "codex.stopped", &whom.account.to_string()).await
}
