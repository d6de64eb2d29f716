//! People: they sign up, show who they are, and get their account's key again.

pub mod attempts;

use schema::{AccountId, Error, KeyId, Result};

use crate::{cx::Cx, domain::person::Person};

/// Who signs up, or for whom an account is made.
#[derive(Debug, Clone, Default)]
pub struct NewPerson {
    /// The readable part of the username; `customer` unless told.
    pub label: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// Their mail address, as they wrote it.
    pub email: Option<String>,
    /// Whether somebody who can know says that the address is theirs.
    pub email_verified: bool,
    /// Who they are at Google.
    pub google: Option<String>,
    pub password: Option<String>,
    /// Two letters (ISO 3166-1).
    pub country: Option<String>,
    /// `+` and digits (E.164).
    pub phone: Option<String>,
    /// A remark for the operator.
    pub note: String,
    /// Whether an operator vouches for them: no approval is asked for.
    pub vouched: bool,
}

/// An account that was made for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub account: AccountId,
    pub username: String,
    pub key_id: KeyId,
    /// The text of the wallet's key.
    pub key: String,
    /// Whether an operator has yet to approve it: until then nothing can be spent.
    pub pending: bool,
}

/// Makes an account, its person, and its wallet's key with a sealed copy.
pub async fn register(_cx: &Cx, _new: NewPerson) -> Result<Registered> {
    Err(Error::internal("sign-up is on its way"))
}

/// The person of an account; an empty one where it has nobody.
pub async fn of(_cx: &Cx, _account: AccountId) -> Result<Person> {
    Err(Error::internal("people are on their way"))
}

/// The account whose person showed that the address is theirs.
pub async fn by_verified_email(_cx: &Cx, _email: &str) -> Result<Option<AccountId>> {
    Err(Error::internal("people are on their way"))
}

/// The account of somebody at Google.
pub async fn by_google(_cx: &Cx, _sub: &str) -> Result<Option<AccountId>> {
    Err(Error::internal("people are on their way"))
}

/// Notes who an account's person is at Google, which has verified their address.
pub async fn link_google(_cx: &Cx, _account: AccountId, _sub: &str, _email: &str) -> Result<()> {
    Err(Error::internal("people are on their way"))
}

/// The text of the account's active wallet key, from its sealed copy; a new key only where there is
/// none. That it was read, by whom and why, is noted for the operator.
pub async fn wallet_key(_cx: &Cx, _account: AccountId, _why: &str) -> Result<String> {
    Err(Error::internal("people are on their way"))
}
