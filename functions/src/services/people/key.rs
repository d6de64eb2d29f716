//! The wallet's key, read again from its sealed copy. Whoever reads one leaves a row.

use schema::{AccountId, Code, Error, KeyId, Result};

use super::{
    super::{
        audit, impersonation,
        keys::{self, Wanted},
    },
    add_wallet_key,
};
use crate::{
    cx::Cx,
    domain::{access::Key, person},
    store::directory,
};

/// What stands in a key's place for an operator who looks at an account: a key is its owner's, and
/// none is made for who only looks.
pub const HIDDEN: &str = "THE-KEY-IS-THE-CUSTOMERS";

/// The text of the account's active wallet key, from its sealed copy; a new key only where there is
/// none. That it was read, by whom and why, is noted for the operator.
pub async fn wallet_key(cx: &Cx, account: AccountId, why: &str) -> Result<String> {
    if impersonation::looking_at(cx).is_some() {
        return Ok(HIDDEN.to_owned());
    }
    wallet(cx, account, why).await.map(|(_, text)| text)
}

/// The same, with the key's id.
pub(super) async fn wallet(cx: &Cx, account: AccountId, why: &str) -> Result<(KeyId, String)> {
    let keys = keys::list(cx, account).await?;
    let mut unreadable = Vec::new();
    for key in person::wallet_keys(&keys) {
        if let Some(text) = open(cx, key) {
            note(cx, account, key.id, why).await?;
            return Ok((key.id, text));
        }
        unreadable.push(key.id);
    }
    let (text, minted) = keys::mint(cx, account, Wanted::default())?;
    if minted.sealed.is_none() {
        // A key that could not be read again would be followed by another at the next sign-in.
        return Err(Error::unavailable("SEALING_KEYS is not set"));
    }
    let id = minted.id;
    let command = person::Command::AddWalletKey { key: Box::new(minted), unreadable };
    let key = add_wallet_key(cx, account, command).await?;
    // Somebody else may have been first.
    let text = if key.id == id { Some(text) } else { open(cx, &key) };
    let text = text.ok_or_else(|| Error::unavailable("a key's copy does not open"))?;
    directory::add_key(&cx.env, account, key.id).await?;
    note(cx, account, key.id, why).await?;
    Ok((key.id, text))
}

/// The text of a key, for an operator.
pub async fn reveal(cx: &Cx, id: KeyId) -> Result<(AccountId, Key, String)> {
    let account = directory::account_of_key(&cx.env, id).await?;
    let account = account.ok_or_else(|| Error::not_found("key", id))?;
    let key = keys::list(cx, account).await?.into_iter().find(|key| key.id == id);
    let key = key.ok_or_else(|| Error::not_found("key", id))?;
    let text = open(cx, &key).ok_or_else(|| {
        let message = "Only the hash of this key is kept, so nobody can read it again. Make \
                       another.";
        Error::new(Code::Conflict, message)
    })?;
    impersonation::refuse(cx)?;
    note(cx, account, id, "asked by an operator").await?;
    Ok((account, key, text))
}

fn open(cx: &Cx, key: &Key) -> Option<String> {
    cx.config.sealing.open(&Key::place(key.id), key.sealed.as_deref()?)
}

async fn note(cx: &Cx, account: AccountId, key: KeyId, why: &str) -> Result<()> {
    audit::note_of(cx, account, "key.revealed", &format!("{key} {why}")).await
}
