//! Accounts: made, listed, suspended, described.

use schema::{AccountId, Error, Result, admin::User};

use crate::{
    cx::{self, Cx},
    domain::{
        account::{Command, Description, Outcome, Profile},
        plan::Plan,
        token,
    },
    objects::stub,
    store::directory,
};

/// What a new account shall be.
pub struct NewAccount {
    /// The readable part of its username.
    pub name: Option<String>,
    pub plan: Plan,
    pub note: String,
}

/// Makes an account. The directory comes first: its unique name is what may refuse.
pub async fn create(cx: &Cx, new: NewAccount) -> Result<Profile> {
    let profile = Profile {
        id: cx::new_id(cx.now)?,
        username: username("username", new.name.as_deref().unwrap_or("customer"))?,
        plan: new.plan,
        active: true,
        note: new.note,
        created_at: cx.now,
    };
    open(cx, &profile).await?;
    Ok(profile)
}

/// Makes an account that has been drawn; where it is there already, nothing changes.
pub async fn open(cx: &Cx, profile: &Profile) -> Result<()> {
    directory::add(&cx.env, profile).await?;
    let command = Command::Open { profile: profile.clone() };
    stub::ask(&cx.env, profile.id, command).await.map(drop)
}

/// A new username that begins so.
pub fn username(field: &str, name: &str) -> Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fine) || token::looks_like_key(name)
    {
        let message = "1 to 40 letters, digits, `-` or `_`, and not like a key";
        return Err(Error::field(field, message));
    }
    let tail = token::unguessable_tail(cx::random()?);
    Ok(format!("{name}-{tail}"))
}

/// An account with its wallet.
pub async fn describe(cx: &Cx, id: AccountId) -> Result<Description> {
    match stub::ask(&cx.env, id, Command::Describe).await? {
        Outcome::Description(description) => Ok(*description),
        other => Err(unexpected(&other)),
    }
}

/// Lets an account be used, or not.
pub async fn set_active(cx: &Cx, id: AccountId, active: bool) -> Result<Profile> {
    stub::ask(&cx.env, id, Command::SetActive { active }).await?;
    directory::set_active(&cx.env, id, active).await?;
    Ok(describe(cx, id).await?.profile)
}

/// Accounts, newest first, one more than `size`.
pub async fn list(cx: &Cx, after: Option<AccountId>, size: u32) -> Result<Vec<User>> {
    directory::list(&cx.env, after, size).await
}

/// An object answered something else than it was asked: old and new code have met.
pub(super) fn unexpected(outcome: &Outcome) -> Error {
    Error::internal(format!("an account answered with {outcome:?}"))
}
