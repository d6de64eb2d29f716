//! On whose process a caller acts, and with what right: everybody on their own account's, and an
//! operator also on another's.

use schema::{AccountId, Code, Error, Result, tunnel::Grade};

use super::{accounts, admission, placement};
use crate::{cx::Cx, store::directory};

/// Whose process, and on whose behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acting {
    pub account: AccountId,
    pub grade: Grade,
}

/// Whom the caller acts for: themselves, or the account that an operator names by id or username.
pub async fn acting(cx: &Cx, named: Option<&str>) -> Result<Acting> {
    let grade = if cx.operator.is_some() { Grade::Operator } else { Grade::Customer };
    let account = match (named, &cx.caller) {
        (Some(name), _) if cx.operator.is_some() => find(cx, name).await?,
        (Some(_), _) => {
            let message = "Only an operator may name another account.";
            return Err(Error::new(Code::PermissionDenied, message));
        }
        (None, Some(caller)) => caller.account,
        (None, None) => {
            admission::operators_own(cx).await.map_err(|refusal| refusal.error)?.caller.account
        }
    };
    Ok(Acting { account, grade })
}

/// Whose process an operator looks at on a page: the deployment's own, unless they name another.
pub async fn looked_at(cx: &Cx, named: Option<&str>) -> Result<Acting> {
    let account = match named {
        Some(name) => find(cx, name).await?,
        None => cx.config.operator,
    };
    Ok(Acting { account, grade: Grade::Operator })
}

async fn find(cx: &Cx, name: &str) -> Result<AccountId> {
    match name.parse::<AccountId>() {
        // Who lives on a runner is there; to ask the account as well would cost every call a hop.
        Ok(id) if placement::known(cx, id).await?.is_some() => Ok(id),
        Ok(id) => accounts::describe(cx, id).await.map(|description| description.profile.id),
        Err(_) => {
            let found = directory::find(&cx.env, name).await?;
            found.ok_or_else(|| Error::not_found("account", name))
        }
    }
}
