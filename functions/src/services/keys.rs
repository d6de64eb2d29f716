//! Keys: minted, listed, restricted, revoked.

use schema::{AccountId, Code, Error, KeyId, Result};

use super::{accounts::unexpected, audit};
use crate::{
    cx::{self, Cx},
    domain::{
        access::{Cidr, Key, Scope},
        account::{Command, NewKey, Outcome},
        delegation::{self, Narrow, Power},
        operation, person,
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

/// The keys of the account that asks. A key that stands in a page is told of none.
pub async fn owned(cx: &Cx) -> Result<Vec<Key>> {
    if cx.publishable {
        let message = "A publishable key is told of no keys.";
        return Err(Error::new(Code::PermissionDenied, message));
    }
    list(cx, cx.account()?).await
}

/// Makes a key for the account that asks, with what who asks may do or less. Under the same
/// `Idempotency-Key` it is the same key, and its text is read from the sealed copy.
pub async fn hand_on(cx: &Cx, wanted: Wanted) -> Result<(String, Key)> {
    let (account, keys) = (cx.account()?, owned(cx).await?);
    let Wanted { kind, scopes, cidrs, .. } = &wanted;
    delegation::check(own(cx, &keys), Power { kind: *kind, scopes, cidrs })?;
    let named = cx.idempotency_key.as_deref().map(|name| operation::named(account, "key", name));
    let id = named.map_or_else(|| cx::new_id(cx.now), |op| Ok(KeyId::from_bits(op.bits())))?;
    let text = token::mint(wanted.kind, account, cx::random()?);
    let new = drawn(cx, id, &text, wanted)?;
    let made = key_of(cx, account, Command::AddKey { key: new.clone() }).await?;
    if (&made.last4, &made.sealed) == (&new.last4, &new.sealed) {
        directory::add_key(&cx.env, account, made.id).await?;
        audit::note_of(cx, account, "key.created", &made.id.to_string()).await?;
        return Ok((text, made));
    }
    again(cx, &new, made)
}

/// A key that was made before under the same name, if it is what is wanted now.
fn again(cx: &Cx, new: &NewKey, made: Key) -> Result<(String, Key)> {
    let same = (&made.name, made.kind, &made.scopes, &made.cidrs)
        == (&new.name, new.kind, &new.scopes, &new.cidrs);
    if !same {
        let message = "This Idempotency-Key has been used for another key. Send a new one.";
        return Err(Error::new(Code::IdempotencyKeyReused, message));
    }
    let text = made.sealed.as_deref();
    let text = text.and_then(|sealed| cx.config.sealing.open(&Key::place(made.id), sealed));
    let message = "This key was made already, and its text was shown then. Revoke it and make \
                   another under a new Idempotency-Key.";
    Ok((text.ok_or_else(|| Error::new(Code::Conflict, message))?, made))
}

/// Leaves a key of the account that asks with less: its own, or one that it might have made.
pub async fn narrow(cx: &Cx, id: KeyId, narrow: Narrow) -> Result<Key> {
    let account = changeable(cx, id).await?;
    let left = key_of(cx, account, Command::RestrictKey { id, narrow }).await?;
    audit::note_of(cx, account, "key.restricted", &left_with(&left)).await?;
    Ok(left)
}

/// The same of any account's, for an operator.
pub async fn restrict(cx: &Cx, id: KeyId, narrow: Narrow) -> Result<(AccountId, Key)> {
    let account = directory::account_of_key(&cx.env, id).await?;
    let account = account.ok_or_else(|| Error::not_found("key", id))?;
    let left = key_of(cx, account, Command::RestrictKey { id, narrow }).await?;
    audit::note(cx, "key.restricted", &left_with(&left)).await?;
    Ok((account, left))
}

/// A key with what it may still do, as it is noted.
fn left_with(key: &Key) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let ranges = match key.cidrs.len() {
        0 => "anywhere".to_owned(),
        1 => "1 range".to_owned(),
        many => format!("{many} ranges"),
    };
    format!("{} to {} from {ranges}", key.id, scopes.join(", "))
}

/// The account of a key that who asks may change.
async fn changeable(cx: &Cx, id: KeyId) -> Result<AccountId> {
    let (account, keys) = (cx.account()?, owned(cx).await?);
    let key = keys.iter().find(|key| key.id == id).ok_or_else(|| Error::not_found("key", id))?;
    delegation::check_change(own(cx, &keys), key)?;
    Ok(account)
}

/// Revokes a key of the account that asks: its own, or one that it might have made.
pub async fn take_back(cx: &Cx, id: KeyId) -> Result<Key> {
    let account = changeable(cx, id).await?;
    let revoked = key_of(cx, account, Command::RevokeKey { id }).await?;
    audit::note_of(cx, account, "key.revoked", &id.to_string()).await?;
    Ok(revoked)
}

/// The key that asks; none where a person does.
fn own<'a>(cx: &Cx, keys: &'a [Key]) -> Option<&'a Key> {
    let id = cx.caller.as_ref().and_then(|caller| caller.holder.key())?;
    keys.iter().find(|key| key.id == id)
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
