//! `/admin/api/api-keys`.

use schema::{
    AccountId, Error, KeyId, Result,
    admin::{CreateKey, CreatedKey, Key, RevealedKey},
    agent::RestrictApiKey,
};
use serde::Deserialize;

use super::users::short;
use crate::{
    api::{key_wish, system::Nothing},
    cx::Cx,
    domain::{
        access::{self, Scope},
        token::KeyType,
    },
    http::{Created, Json},
    services::{audit, keys, people, setup},
};

/// Names an account whose keys are meant.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct KeysOf {
    /// The account that pays.
    pub user_id: AccountId,
}

/// Names a key.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct KeyPath {
    /// The key.
    pub key_id: KeyId,
}

pub async fn list(cx: Cx, at: KeysOf) -> Result<Json<Vec<Key>>> {
    let keys = keys::list(&cx, at.user_id).await?;
    Ok(Json(keys.into_iter().map(|made| key(at.user_id, made)).collect()))
}

pub async fn create(cx: Cx, _: Nothing, body: CreateKey) -> Result<Created<CreatedKey>> {
    let kind = key_wish::kind(body.kind.as_deref())?;
    let scopes = key_wish::scopes(body.scopes, kind)?;
    if scopes.is_empty() {
        return Err(Error::field("scopes", "name at least one, or leave them out"));
    }
    if kind == KeyType::Publishable {
        if scopes.contains(&Scope::Admin) {
            return Err(Error::field("scopes", "a publishable key is never an operator's"));
        }
        if scopes.contains(&Scope::Agent) {
            return Err(Error::field("scopes", "a publishable key never runs commands"));
        }
    }
    let cidrs = key_wish::ranges(body.cidrs)?;
    let name = short("name", body.name)?;
    let wanted = keys::Wanted { name, kind, scopes, cidrs, copied: true };
    let (token, made) = keys::create(&cx, body.user_id, wanted).await?;
    audit::note(&cx, "key.created", &made.id.to_string()).await?;
    Ok(Created(created(&cx, body.user_id, (token, made))))
}

pub async fn revoke(cx: Cx, at: KeyPath) -> Result<Json<Key>> {
    let (account, revoked) = keys::revoke(&cx, at.key_id).await?;
    audit::note(&cx, "key.revoked", &at.key_id.to_string()).await?;
    Ok(Json(key(account, revoked)))
}

pub async fn restrict(cx: Cx, at: KeyPath, body: RestrictApiKey) -> Result<Json<Key>> {
    let (account, restricted) = keys::restrict(&cx, at.key_id, key_wish::left(body)?).await?;
    Ok(Json(key(account, restricted)))
}

/// A key that was just made, and how it is used.
pub fn created(cx: &Cx, user_id: AccountId, (token, made): (String, access::Key)) -> CreatedKey {
    let calls = made.scopes.contains(&Scope::Responses);
    let cli = calls.then(|| setup::with_key(cx, &token).ok().map(Box::new)).flatten();
    CreatedKey { token, cli, key: key(user_id, made) }
}

/// Shows a key's token again. Who looked is noted.
pub async fn reveal(cx: Cx, at: KeyPath) -> Result<Json<RevealedKey>> {
    let (account, revealed, token) = people::reveal(&cx, at.key_id).await?;
    Ok(Json(RevealedKey { token, key: key(account, revealed) }))
}

/// A key as an operator sees it.
pub fn key(user_id: AccountId, key: access::Key) -> Key {
    Key {
        id: key.id,
        user_id,
        name: key.name,
        kind: key.kind.as_str().to_owned(),
        last4: key.last4,
        scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        cidrs: key.cidrs.into_iter().map(String::from).collect(),
        created_at: key.created_at.to_string(),
        revoked_at: key.revoked_at.map(|at| at.to_string()),
        retrievable: key.sealed.is_some(),
    }
}
