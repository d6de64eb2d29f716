//! What a project may spend and has spent: decided where money is decided, in its account's object.

use schema::{AccountId, Error, MicroUsd, ProjectId, Result};

use super::accounts::unexpected;
use crate::{
    cx::Cx,
    domain::{
        account::{self, Outcome},
        cap::{Cap, Command},
        project::meter::Meter,
    },
    objects::stub,
};

/// A limit that somebody wishes, in the field of that name.
pub fn limit(field: &str, wished: Option<MicroUsd>) -> Result<Option<MicroUsd>> {
    match wished {
        Some(amount) if amount <= MicroUsd::ZERO => {
            Err(Error::field(field, "micro-dollars, at least 1; leave it out for no limit"))
        }
        limit => Ok(limit),
    }
}

/// From now on a project may spend this, and this is a thread of it. A turn's cap is set before the
/// turn is begun. The same again changes nothing.
pub async fn set(cx: &Cx, account: AccountId, project: ProjectId, cap: Cap) -> Result<Meter> {
    let meter = tell(cx, account, Command::Set { project, cap }).await?;
    meter.ok_or_else(|| Error::internal("a cap that was set is not there"))
}

/// What a project has spent, and what the turn has that runs in its latest thread; nothing is known
/// of one that never had a cap.
pub async fn look(cx: &Cx, account: AccountId, project: ProjectId) -> Result<Option<Meter>> {
    tell(cx, account, Command::Look { project, thread: None }).await
}

async fn tell(cx: &Cx, account: AccountId, command: Command) -> Result<Option<Meter>> {
    match stub::ask(&cx.env, account, account::Command::Cap(command)).await? {
        Outcome::Meter(meter) => Ok(meter.map(|meter| *meter)),
        other => Err(unexpected(&other)),
    }
}
