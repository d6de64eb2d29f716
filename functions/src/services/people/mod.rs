//! People: they sign up, show who they are, and get their account's key again.

pub mod attempts;
pub mod email;
mod key;
mod login;
pub mod password;
mod register;
pub mod signups;

use schema::{AccountId, Code, Error, Result};

pub use self::{
    key::{HIDDEN, reveal, wallet_key},
    login::{SignedIn, login},
    register::{NewPerson, Registered, register},
};
use super::accounts::unexpected;
use crate::{
    cx::{self, Cx},
    domain::{
        access::Key,
        account::{Command, Outcome},
        link::Claims,
        password::{Kept, Salt},
        person::{self, Card, Person, Told, fields},
    },
    objects::stub,
    store::people,
};

/// The person of an account; an empty one where it has nobody.
pub async fn of(cx: &Cx, account: AccountId) -> Result<Person> {
    Ok(card(cx, account).await?.person)
}

/// A person tells more of themselves; what is not told stays.
pub async fn describe(cx: &Cx, account: AccountId, told: Told) -> Result<Person> {
    check_secret_key(cx)?;
    let person = tell(cx, account, person::Command::Describe(told)).await?.person;
    people::describe(&cx.env, account, &person).await?;
    Ok(person)
}

/// Whether the person has a password: who comes from Google may have none.
pub async fn has_password(cx: &Cx, account: AccountId) -> Result<bool> {
    Ok(card(cx, account).await?.password.is_some())
}

/// The account whose person showed that the address is theirs.
pub async fn by_verified_email(cx: &Cx, email: &str) -> Result<Option<AccountId>> {
    people::owner(&cx.env, &fields::email(email)?).await
}

/// The account of somebody at Google.
pub async fn by_google(cx: &Cx, sub: &str) -> Result<Option<AccountId>> {
    people::by_google(&cx.env, sub).await
}

/// Notes who an account's person is at Google, which has verified their address.
pub async fn link_google(cx: &Cx, account: AccountId, sub: &str, email: &str) -> Result<()> {
    let email = fields::email(email)?;
    let before = card(cx, account).await?;
    people::link_google(&cx.env, account, sub, cx.now).await?;
    // An account whose address nobody has shown to be theirs has it from Google.
    if before.person.email.is_none() {
        let salt = salt_of(&before, &people::claimants(&cx.env, &email).await?)?;
        people::claim(&cx.env, account, &email, &salt, cx.now).await?;
    }
    let theirs = before.person.email.as_ref().is_none_or(|its| *its == email);
    if theirs && !before.person.is_verified() {
        people::verify(&cx.env, account, &email, cx.now).await?;
    }
    let sub = sub.to_owned();
    tell(cx, account, person::Command::LinkGoogle { sub, email }).await.map(drop)
}

/// All that an account's object knows of its person.
async fn card(cx: &Cx, account: AccountId) -> Result<Card> {
    tell(cx, account, person::Command::Read).await
}

async fn tell(cx: &Cx, account: AccountId, command: person::Command) -> Result<Card> {
    match stub::ask(&cx.env, account, Command::Person(command)).await? {
        Outcome::Person(card) => Ok(*card),
        other => Err(unexpected(&other)),
    }
}

async fn add_wallet_key(cx: &Cx, account: AccountId, command: person::Command) -> Result<Key> {
    match stub::ask(&cx.env, account, Command::Person(command)).await? {
        Outcome::Key(key) => Ok(key),
        other => Err(unexpected(&other)),
    }
}

/// The salt for a password of somebody with an address: the one of all who claim it, else the one
/// of the password that they have, else a new one.
fn salt_of(card: &Card, claimants: &[people::Claimant]) -> Result<Salt> {
    let shared = claimants.first().map(|claimant| claimant.salt);
    let theirs = || card.password.as_ref().and_then(Kept::salt);
    shared.or_else(theirs).map_or_else(cx::random, Ok)
}

/// What changes who can open an account is not for a key that stands in a page.
fn check_secret_key(cx: &Cx) -> Result<()> {
    if cx.publishable {
        return Err(Error::new(Code::PermissionDenied, "A publishable key may not change this."));
    }
    Ok(())
}

/// A random text that names one link.
fn new_link_id() -> Result<String> {
    let bytes: [u8; 16] = cx::random()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A link that goes out by mail, good for a while.
fn link<T: serde::Serialize>(cx: &Cx, path: &str, claims: &Claims<T>) -> Result<String> {
    let token = cx.config.signing.sign(claims);
    let token = token.ok_or_else(|| Error::unavailable("SIGNING_SECRETS is not set"))?;
    Ok(format!("{}{path}?token={token}", cx.origin()?))
}

/// What a link that is none of ours, or is over, is told.
fn void_link() -> Error {
    let message = "This link is not good, or no longer. Ask for another.";
    Error::new(Code::InvalidRequest, message)
}
