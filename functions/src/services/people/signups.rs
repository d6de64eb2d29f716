//! Who signed up, and whether an operator wants them.

use schema::{AccountId, Error, Result};

use super::{super::audit, tell};
use crate::{
    cx::Cx,
    domain::person::{self, Standing},
    store::{directory, people, settings},
};

pub use crate::store::people::Signup;

/// The setting under which it is kept whether sign-ups need approval.
const APPROVAL: &str = "signup_approval";
const REQUIRED: &str = "required";

/// Whether who signs up waits for an operator.
pub async fn need_approval(cx: &Cx) -> Result<bool> {
    Ok(settings::get(&cx.env, APPROVAL).await?.is_some_and(|value| value == REQUIRED))
}

/// Lets everybody who signs up from now on wait for an operator, or nobody.
pub async fn set_need_approval(cx: &Cx, required: bool) -> Result<()> {
    let value = if required { REQUIRED } else { "none" };
    settings::set(&cx.env, APPROVAL, value).await?;
    audit::note(cx, "signup_approval.set", value).await
}

/// Sign-ups, newest first, one more than `size`: those that stand somewhere, or all.
pub async fn list(
    cx: &Cx,
    standing: Option<Standing>,
    after: Option<AccountId>,
    size: u32,
) -> Result<Vec<Signup>> {
    people::signups(&cx.env, standing, after, size).await
}

/// Approves a sign-up, or rejects it. The account's object decides: the first word stands.
pub async fn judge(cx: &Cx, account: AccountId, approve: bool) -> Result<Signup> {
    let missing = || Error::not_found("application", account);
    people::signup(&cx.env, account).await?.ok_or_else(missing)?;
    let card = tell(cx, account, person::Command::Judge { approve }).await?;
    people::judged(&cx.env, account, card.standing, cx.now).await?;
    directory::set_active(&cx.env, account, card.active).await?;
    let act = if approve { "signup.approved" } else { "signup.rejected" };
    audit::note(cx, act, &account.to_string()).await?;
    people::signup(&cx.env, account).await?.ok_or_else(missing)
}
