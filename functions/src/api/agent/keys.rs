//! `/api/v1/keys`: the account's keys, made, restricted and revoked by whoever owns it.

use schema::{
    Error, KeyId, Result,
    agent::{ApiKey, ApiKeys, MadeApiKey, NewApiKey, RestrictApiKey},
};
use serde::Deserialize;

use crate::{
    api::{key_wish, system::Nothing},
    cx::Cx,
    domain::access::{self, Scope},
    http::{Created, Json},
    services::{
        keys::{self, Wanted},
        setup,
    },
};

/// The longest name.
const NAME_MAX_CHARS: usize = 100;

/// Names a key.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct ApiKeyPath {
    /// The key.
    key_id: KeyId,
}

pub async fn list(cx: Cx, _: Nothing) -> Result<Json<ApiKeys>> {
    let keys = keys::owned(&cx).await?;
    Ok(Json(ApiKeys { data: keys.into_iter().map(view).collect() }))
}

pub async fn create(cx: Cx, _: Nothing, body: NewApiKey) -> Result<Created<MadeApiKey>> {
    let (token, made) = keys::hand_on(&cx, wanted(body)?).await?;
    let calls = made.scopes.contains(&Scope::Responses);
    let cli = calls.then(|| setup::with_key(&cx, &token).ok().map(Box::new)).flatten();
    Ok(Created(MadeApiKey { token, cli, key: view(made) }))
}

pub async fn revoke(cx: Cx, at: ApiKeyPath, _: Nothing) -> Result<Json<ApiKey>> {
    Ok(Json(view(keys::take_back(&cx, at.key_id).await?)))
}

pub async fn restrict(cx: Cx, at: ApiKeyPath, body: RestrictApiKey) -> Result<Json<ApiKey>> {
    Ok(Json(view(keys::narrow(&cx, at.key_id, key_wish::left(body)?).await?)))
}

fn wanted(body: NewApiKey) -> Result<Wanted> {
    let NewApiKey { name, kind, scopes, cidrs } = body;
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS {
        return Err(Error::field("name", format!("1 to {NAME_MAX_CHARS} characters")));
    }
    let kind = key_wish::kind(kind.as_deref())?;
    let (scopes, cidrs) = (key_wish::scopes(scopes, kind)?, key_wish::ranges(cidrs)?);
    Ok(Wanted { name, kind, scopes, cidrs, copied: true })
}

fn view(key: access::Key) -> ApiKey {
    ApiKey {
        id: key.id,
        name: key.name,
        kind: key.kind.as_str().to_owned(),
        last4: key.last4,
        scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        cidrs: key.cidrs.into_iter().map(String::from).collect(),
        created_at: key.created_at.to_string(),
        revoked_at: key.revoked_at.map(|at| at.to_string()),
    }
}
