//! Keys: minted, listed, revoked.

use schema::{AccountId, Error, KeyId, Result};

use super::accounts::unexpected;
use crate::{
    cx::{self, Cx},
    domain::{
        access::{Cidr, Key, Scope},
        account::{Command, NewKey, Outcome},
        person,
        token::{self, KeyType},
    },
    objects::stub,
    store::directory,
};

/// What a new key shall be.
pub struct Wanted {
    pub name: String,
    pub kind: KeyType,
    pub scopes: Vec<Scope>,
    pub cidrs: Vec<Cidr>,
    /// Whether its text can be read again, from a sealed copy.
    pub copied: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        let scopes = Scope::CUSTOMER.to_vec();
        let name = person::WALLET_KEY.to_owned();
        Self { name, kind: KeyType::Secret, scopes, cidrs: Vec::new(), copied: true }
    }
}

/// Makes a key.
pub async fn create(cx: &Cx, account: AccountId, wanted: Wanted) -> Result<(String, Key)> {
    let (text, key) = mint(cx, account, wanted)?;
    let key = key_of(cx, account, Command::AddKey { key }).await?;
    directory::add_key(&cx.env, account, key.id).await?;
    Ok((text, key))
}

/// A key that is not yet the account's, with its text.
pub(super) fn mint(cx: &Cx, account: AccountId, wanted: Wanted) -> Result<(String, NewKey)> {
    let text = token::mint(wanted.kind, account, cx::random()?);
    let key = drawn(cx, cx::new_id(cx.now)?, &text, wanted)?;
    Ok((text, key))
}

/// A key of a text that has been drawn. Of an operator's key no copy is kept.
fn drawn(cx: &Cx, id: KeyId, text: &str, wanted: Wanted) -> Result<NewKey> {
    let Wanted { name, kind, scopes, cidrs, copied } = wanted;
    let (hash, last4) = (token::hash(text), token::last4(text));
    let sealed = cx.config.sealing.seal(&Key::place(id), text, cx::random()?);
    let sealed = sealed.filter(|_| copied && !scopes.contains(&Scope::Admin));
    Ok(NewKey { id, hash, name, kind, last4, scopes, cidrs, sealed })
}

/// Gives an account a wallet's key that has been drawn; where it is there already, nothing changes.
pub async fn restore(cx: &Cx, account: AccountId, id: KeyId, text: &str) -> Result<()> {
    let key = drawn(cx, id, text, Wanted::default())?;
    let key = key_of(cx, account, Command::AddKey { key }).await?;
    directory::add_key(&cx.env, account, key.id).await
}

/// Revokes a key, at once and for good.
pub async fn revoke(cx: &Cx, id: KeyId) -> Result<(AccountId, Key)> {
    let account = directory::account_of_key(&cx.env, id).await?;
    let account = account.ok_or_else(|| Error::not_found("key", id))?;
    Ok((account, key_of(cx, account, Command::RevokeKey { id }).await?))
}

/// The keys of an account, oldest first.
pub async fn list(cx: &Cx, account: AccountId) -> Result<Vec<Key>> {
    match stub::ask(&cx.env, account, Command::ListKeys).await? {
        Outcome::Keys(keys) => Ok(keys),
        other => Err(unexpected(&other)),
    }
}

async fn key_of(cx: &Cx, account: AccountId, command: Command) -> Result<Key> {
    match stub::ask(&cx.env, account, command).await? {
        Outcome::Key(key) => Ok(key),
        other => Err(unexpected(&other)),
    }
}
