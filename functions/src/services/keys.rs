//! Keys: minted, listed, revoked.

use schema::{AccountId, Error, KeyId, Result};

use super::accounts::unexpected;
use crate::{
    cx::{self, Cx},
    domain::{
        access::{Cidr, Key, Scope},
        account::{Command, NewKey, Outcome},
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
}

impl Default for Wanted {
    fn default() -> Self {
        let scopes = Scope::CUSTOMER.to_vec();
        Self { name: "default".to_owned(), kind: KeyType::Secret, scopes, cidrs: Vec::new() }
    }
}

/// Makes a key. Its text is returned this once.
pub async fn create(cx: &Cx, account: AccountId, wanted: Wanted) -> Result<(String, Key)> {
    let Wanted { name, kind, scopes, cidrs } = wanted;
    let text = token::mint(kind, account, cx::random()?);
    let (hash, last4) = (token::hash(&text), token::last4(&text));
    let key = NewKey { id: cx::new_id(cx.now)?, hash, name, kind, last4, scopes, cidrs };
    let key = key_of(cx, account, Command::AddKey { key }).await?;
    directory::add_key(&cx.env, account, &key).await?;
    Ok((text, key))
}

/// Gives an account a wallet's key that has been drawn; where it is there already, nothing changes.
pub async fn restore(cx: &Cx, account: AccountId, id: KeyId, text: &str) -> Result<()> {
    let Wanted { name, kind, scopes, cidrs } = Wanted::default();
    let (hash, last4) = (token::hash(text), token::last4(text));
    let key = NewKey { id, hash, name, kind, last4, scopes, cidrs };
    let key = key_of(cx, account, Command::AddKey { key }).await?;
    directory::add_key(&cx.env, account, &key).await
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
