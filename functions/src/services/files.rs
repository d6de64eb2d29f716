//! Files of workspaces, by way of the host on the account's runner.

use schema::{
    AccountId, Result,
    workspace::{self, Prepare, Prepared, Template},
};

use super::runners;
use crate::cx::Cx;

/// How long a project may take to be made: as long as a repository may take to come, and a little.
const PREPARE_MS: u32 = 110_000;

/// Makes the root of a project, if it is not there.
pub async fn prepare(
    cx: &Cx,
    account: AccountId,
    root: &str,
    template: Template,
) -> Result<Prepared> {
    let params = Prepare { root: root.to_owned(), template };
    runners::hosts(cx, account, workspace::PREPARE, &params, PREPARE_MS).await
}
