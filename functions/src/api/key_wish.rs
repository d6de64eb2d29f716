//! What somebody says of a key that shall be, or be left, in words that both dialects share.

use schema::{Error, Result, agent::RestrictApiKey};

use crate::domain::{
    access::{Cidr, Scope},
    delegation::Narrow,
    token::KeyType,
};

/// Ranges of addresses that a key may name.
const CIDRS_MAX: usize = 100;

/// The kind; secret, unless told.
pub fn kind(word: Option<&str>) -> Result<KeyType> {
    let kind = word.map_or(Some(KeyType::Secret), KeyType::parse);
    kind.ok_or_else(|| Error::field("kind", "secret or publishable"))
}

/// What it may do; all that its kind may for a customer, unless told.
pub fn scopes(names: Option<Vec<String>>, kind: KeyType) -> Result<Vec<Scope>> {
    match names {
        Some(names) => named(names),
        None if kind == KeyType::Publishable => Ok(Scope::PUBLISHABLE.to_vec()),
        None => Ok(Scope::CUSTOMER.to_vec()),
    }
}

fn named(names: Vec<String>) -> Result<Vec<Scope>> {
    let scope = |name: String| {
        let unknown = || Error::field("scopes", format!("there is no scope `{name}`"));
        Scope::parse(&name).ok_or_else(unknown)
    };
    names.into_iter().map(scope).collect()
}

/// What is left of a key; what is not named stays.
pub fn left(body: RestrictApiKey) -> Result<Narrow> {
    let RestrictApiKey { scopes, cidrs } = body;
    Ok(Narrow { scopes: scopes.map(named).transpose()?, cidrs: cidrs.map(ranges).transpose()? })
}

/// Where it may be used; anywhere, if none is named.
pub fn ranges(texts: Vec<String>) -> Result<Vec<Cidr>> {
    if texts.len() > CIDRS_MAX {
        return Err(Error::field("cidrs", format!("at most {CIDRS_MAX} ranges")));
    }
    let range = |text: String| {
        let odd = || Error::field("cidrs", format!("`{text}` is not a range such as 10.0.0.0/8"));
        text.parse().map_err(|_| odd())
    };
    texts.into_iter().map(range).collect()
}
